// The vectors that every binding is held to: the same input, the same bytes, the same codes.

#include <cstdlib>

#include "json.h"
#include "support.h"

using namespace support;
using json::Value;

static std::string vectors(const char* name) {
  const char* folder = std::getenv("LIBMC_VECTORS");
  return std::string(folder ? folder : "../../spec/vectors") + "/" + name;
}

static rust::Vec<std::uint8_t> unhex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(at, 2), nullptr, 16)));
  }
  return metachain::bytes(bytes);
}

static rust::Slice<const std::uint8_t> slice(const rust::Vec<std::uint8_t>& bytes) { return {bytes.data(), bytes.size()}; }

static std::vector<std::string> arguments(const Value& genesis) {
  std::vector<std::string> arguments = {
      "memory=1",
      "chain_id=" + genesis["chainId"].text,
      "network=" + genesis["network"].text,
      "transactions_max=" + genesis["transactionsMax"].text,
      "payload_bytes_max=" + genesis["payloadBytesMax"].text,
      "replay_window=" + genesis["replayWindow"].text,
      "genesis_time=" + genesis["time"].text,
  };
  if (!genesis["nativeStart"].is_null()) arguments.push_back("native_start=" + genesis["nativeStart"].text);
  for (const auto& [address, units] : genesis["balances"].fields) {
    arguments.push_back("balance=" + address + ":" + units.text);
  }
  return arguments;
}

static DmcTx transaction(const Value& given) {
  return {given["from"].text, given["to"].text, std::stoll(given["amount"].text),
          given["txid"].is_null() ? rust::Vec<std::uint8_t>() : unhex(given["txid"].text)};
}

static std::vector<DmcTx> transactions(const Value& given) {
  std::vector<DmcTx> txs;
  for (const Value& item : given.items) txs.push_back(transaction(item));
  return txs;
}

static metachain::MetaCarried carried(const Value& given) {
  metachain::MetaCarried carried{};
  // The word `unchecked`, or a list.
  if (given.kind == Value::Kind::Text || given.is_null()) carried.unchecked = true;
  else for (DmcTx& tx : transactions(given)) carried.txs.push_back(std::move(tx));
  return carried;
}

static std::string id(const rust::Vec<std::uint8_t>& txid) { return txid.empty() ? "null" : hex(txid); }
static std::string text_or_null(const Value& value) { return value.is_null() ? "null" : value.text; }

static void same_tip(const metachain::MetaTip& tip, const Value& answer) {
  CHECK_EQUAL(tip.height, answer["height"].number());
  CHECK_EQUAL(hex(tip.hash), answer["hash"].text);
  CHECK_EQUAL(tip.has_native_height ? std::to_string(tip.native_height) : "null", text_or_null(answer["nativeHeight"]));
  CHECK_EQUAL(id(tip.native_hash), text_or_null(answer["nativeHash"]));
  CHECK_EQUAL(hex(tip.state_root), answer["stateRoot"].text);
  CHECK_EQUAL(std::to_string(tip.supply), answer["supply"].text);
  CHECK_EQUAL(tip.time, answer["time"].number());
}

static void same_minted(const DmcBlock& minted, const Value& answer) {
  CHECK_EQUAL(hex(minted.payload), answer["payload"].text);
  CHECK_EQUAL(hex(minted.hash), answer["hash"].text);
  CHECK_EQUAL(minted.height, answer["height"].number());
  CHECK_EQUAL(hex(minted.state_root), answer["stateRoot"].text);
  CHECK_EQUAL(std::to_string(minted.supply), answer["supply"].text);
  CHECK_EQUAL(minted.accepted, answer["accepted"].number());
  const auto& rejected = answer["rejected"].items;
  CHECK_EQUAL(minted.rejected.size(), rejected.size());
  for (std::size_t at = 0; at < rejected.size(); ++at) {
    const auto& found = minted.rejected[at];
    CHECK_EQUAL(found.index, rejected[at]["index"].number());
    CHECK_EQUAL(std::string(found.code), rejected[at]["code"].text);
    CHECK_EQUAL(found.has_balance ? std::to_string(found.balance) : "null", text_or_null(rejected[at]["balance"]));
  }
}

static metachain::MetaContext context_of(const Value& given) {
  metachain::MetaContext context{};
  context.native_height = given["nativeHeight"].number();
  context.native_parent_hash = unhex(given["nativeParentHash"].text);
  context.time = given["time"].number();
  return context;
}

/// Makes the call of a step; compares what it answers.
static void call(const metachain::Chain& chain, const Value& step) {
  const std::string& name = step["call"].text;
  const Value none;
  const Value& answer = step.has("answer") ? step["answer"] : none;
  if (name == "mintBlock") {
    const DmcBlock minted = chain.mint_block(context_of(step["context"]), transactions(step["transactions"]));
    return same_minted(minted, answer);
  }
  if (name == "checkBlock") {
    const auto context = context_of(step["context"]);
    const auto block = chain.check_block({context.native_height, context.native_parent_hash, context.time,
                                          unhex(step["payload"].text), carried(step["transactions"])});
    CHECK_EQUAL(hex(block.hash), answer["hash"].text);
    CHECK_EQUAL(block.height, answer["height"].number());
    return;
  }
  if (name == "connectBlock") {
    const auto context = context_of(step["context"]);
    const auto connected =
        chain.connect_block({unhex(step["nativeHash"].text), context.native_height, context.native_parent_hash, context.time,
                             unhex(step["payload"].text), carried(step["transactions"])});
    CHECK_EQUAL(hex(connected.hash), answer["hash"].text);
    CHECK_EQUAL(connected.height, answer["height"].number());
    CHECK_EQUAL(std::string(connected.status == metachain::MetaConnectStatus::Known ? "known" : "connected"), answer["status"].text);
    return;
  }
  if (name == "disconnectBlock") return same_tip(chain.disconnect_block(slice(unhex(step["nativeHash"].text))), answer);
  if (name == "tip") return same_tip(chain.tip(), answer);
  if (name == "account") {
    const auto found = chain.account(step["address"].text);
    CHECK_EQUAL(found.has_account, !answer.is_null());
    if (!found.has_account) return;
    CHECK_EQUAL(std::to_string(found.account.balance), answer["balance"].text);
    CHECK_EQUAL(std::to_string(found.account.sequence), answer["sequence"].text);
    return;
  }
  if (name == "withdrawals") {
    const auto found = chain.withdrawals(metachain::by_height(step["height"].number()));
    CHECK_EQUAL(found.size(), answer.items.size());
    for (std::size_t at = 0; at < found.size(); ++at) {
      CHECK_EQUAL(found[at].index, answer.items[at]["index"].number());
      CHECK_EQUAL(std::string(found[at].from), answer.items[at]["from"].text);
      CHECK_EQUAL(std::string(found[at].to), answer.items[at]["to"].text);
      CHECK_EQUAL(std::to_string(found[at].amount), answer.items[at]["amount"].text);
      CHECK_EQUAL(id(found[at].txid), text_or_null(answer.items[at]["txid"]));
    }
    return;
  }
  throw std::runtime_error("the vectors have a call that this runner does not know: " + name);
}

TEST(chains_answer_as_the_vectors_say) {
  const Value file = json::read(vectors("chain.json"));
  std::size_t steps = 0;
  for (const Value& scenario : file["scenarios"].items) {
    auto args = arguments(scenario["genesis"]);
    args.push_back("undo_depth=" + scenario["undoDepth"].text);
    const auto chain = metachain::open(args);
    std::size_t number = 0;
    for (const Value& step : scenario["steps"].items) {
      const std::string where = scenario["name"].text + ", step " + std::to_string(number++);
      std::string failed;
      try {
        call(*chain, step);
      } catch (const check::Failed& failure) {
        throw check::Failed(where + ": " + failure.what());
      } catch (const std::exception& error) {
        failed = metachain::error_code(error);
        if (failed.empty() || !step.has("error")) throw check::Failed(where + ": " + error.what());
      }
      if (step.has("error")) {
        const Value& expected = step["error"];
        const auto info = metachain::last_error();
        if (failed != expected["code"].text || info.verdict != (expected["verdict"].text == "true") ||
            info.retryable != (expected["retryable"].text == "true")) {
          throw check::Failed(where + ": expected " + expected["code"].text + ", found " + (failed.empty() ? "no error" : failed));
        }
      }
      ++steps;
    }
  }
  CHECK(steps > 100);
}

TEST(genesis_hashes_are_the_vectors) {
  const Value file = json::read(vectors("encodings.json"));
  CHECK(!file["genesis"].items.empty());
  for (const Value& genesis : file["genesis"].items) {
    const auto chain = metachain::open(arguments(genesis));
    CHECK_EQUAL(hex(chain->version().genesis_hash), genesis["hash"].text);
    CHECK_EQUAL(hex(chain->tip().hash), genesis["hash"].text);
  }
}

TEST(addresses_are_the_vectors) {
  const Value file = json::read(vectors("encodings.json"));
  CHECK(!file["addresses"].items.empty());
  for (const Value& address : file["addresses"].items) {
    std::string found;
    std::string code = "null";
    try {
      found = std::string(metachain::canonical_address(address["text"].text, address["network"].text));
    } catch (const std::exception& error) {
      found = "null";
      code = metachain::error_code(error);
    }
    CHECK_EQUAL(found, text_or_null(address["canonical"]));
    CHECK_EQUAL(code, text_or_null(address["code"]));
  }
}

TEST(payloads_are_the_vectors) {
  const Value file = json::read(vectors("encodings.json"));
  CHECK(!file["blocks"].items.empty());
  for (const Value& block : file["blocks"].items) {
    const auto payload = unhex(block["payload"].text);
    CHECK_EQUAL(hex(metachain::decode_payload(slice(payload), block["network"].text).hash), block["hash"].text);
  }
}

int main(int count, char** words) { return check::run(count, words); }
