// The steps of the chain vectors, on whatever answers them: a chain of this process, or one behind a server.
#ifndef LIBMC_TESTS_VECTORS_H
#define LIBMC_TESTS_VECTORS_H

#include <cstdlib>

#include "json.h"
#include "support.h"

namespace vectors {

using namespace support;
using json::Value;

inline Value read(const char* name) {
  const char* folder = std::getenv("LIBMC_VECTORS");
  return json::read(std::string(folder ? folder : "../../spec/vectors") + "/" + name);
}

inline rust::Vec<std::uint8_t> unhex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(at, 2), nullptr, 16)));
  }
  return metachain::bytes(bytes);
}

inline DmcTx transaction(const Value& given) {
  return {given["from"].text, given["to"].text, std::stoll(given["amount"].text),
          given["txid"].is_null() ? rust::Vec<std::uint8_t>() : unhex(given["txid"].text)};
}

inline std::vector<DmcTx> transactions(const Value& given) {
  std::vector<DmcTx> txs;
  for (const Value& item : given.items) txs.push_back(transaction(item));
  return txs;
}

inline metachain::MetaCarried carried(const Value& given) {
  metachain::MetaCarried carried{};
  // The word `unchecked`, or a list.
  if (given.kind == Value::Kind::Text || given.is_null()) carried.unchecked = true;
  else for (DmcTx& tx : transactions(given)) carried.txs.push_back(std::move(tx));
  return carried;
}

inline std::string id(const rust::Vec<std::uint8_t>& txid) { return txid.empty() ? "null" : hex(txid); }
inline std::string text_or_null(const Value& value) { return value.is_null() ? "null" : value.text; }

inline void same_tip(const metachain::MetaTip& tip, const Value& answer) {
  CHECK_EQUAL(tip.height, answer["height"].number());
  CHECK_EQUAL(hex(tip.hash), answer["hash"].text);
  CHECK_EQUAL(tip.has_native_height ? std::to_string(tip.native_height) : "null", text_or_null(answer["nativeHeight"]));
  CHECK_EQUAL(id(tip.native_hash), text_or_null(answer["nativeHash"]));
  CHECK_EQUAL(hex(tip.state_root), answer["stateRoot"].text);
  CHECK_EQUAL(std::to_string(tip.supply), answer["supply"].text);
  CHECK_EQUAL(tip.time, answer["time"].number());
}

inline void same_minted(const DmcBlock& minted, const Value& answer) {
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

inline metachain::MetaContext context_of(const Value& given) {
  metachain::MetaContext context{};
  context.native_height = given["nativeHeight"].number();
  context.native_parent_hash = unhex(given["nativeParentHash"].text);
  context.time = given["time"].number();
  return context;
}

inline void same_proof(const metachain::MetaProof& proof, const Value& answer) {
  CHECK_EQUAL(proof.height, answer["height"].number());
  CHECK_EQUAL(hex(proof.root), answer["root"].text);
  CHECK_EQUAL(hex(proof.proof), answer["proof"].text);
}

inline void same_withdrawals(const rust::Vec<metachain::MetaWithdrawal>& found, const Value& answer) {
  CHECK_EQUAL(found.size(), answer.items.size());
  for (std::size_t at = 0; at < found.size(); ++at) {
    CHECK_EQUAL(found[at].index, answer.items[at]["index"].number());
    CHECK_EQUAL(std::string(found[at].from), answer.items[at]["from"].text);
    CHECK_EQUAL(std::string(found[at].to), answer.items[at]["to"].text);
    CHECK_EQUAL(std::to_string(found[at].amount), answer.items[at]["amount"].text);
    CHECK_EQUAL(id(found[at].txid), text_or_null(answer.items[at]["txid"]));
  }
}

inline void same_account(const metachain::MetaAccountResult& found, const Value& answer) {
  CHECK_EQUAL(found.has_account, !answer.is_null());
  if (!found.has_account) return;
  CHECK_EQUAL(std::to_string(found.account.balance), answer["balance"].text);
  CHECK_EQUAL(std::to_string(found.account.sequence), answer["sequence"].text);
}

inline void same_transaction(const metachain::MetaTransactionResult& result, const Value& answer) {
  CHECK_EQUAL(result.has_found, !answer.is_null());
  if (!result.has_found) return;
  const auto& found = result.found;
  const Value& tx = answer["transaction"];
  CHECK_EQUAL(found.height, answer["height"].number());
  CHECK_EQUAL(found.index, answer["index"].number());
  CHECK_EQUAL(std::string(found.transaction.from), tx["from"].text);
  CHECK_EQUAL(std::string(found.transaction.to), tx["to"].text);
  CHECK_EQUAL(std::to_string(found.transaction.amount), tx["amount"].text);
  CHECK_EQUAL(id(found.transaction.txid), text_or_null(tx["txid"]));
}

inline metachain::MetaCandidateBlock candidate(const Value& step) {
  const auto context = context_of(step["context"]);
  return {context.native_height, context.native_parent_hash, context.time, unhex(step["payload"].text), carried(step["transactions"])};
}

inline metachain::MetaNativeBlock native_block(const Value& step) {
  const auto context = context_of(step["context"]);
  return {unhex(step["nativeHash"].text), context.native_height,        context.native_parent_hash, context.time,
          unhex(step["payload"].text),    carried(step["transactions"])};
}

inline void same_connected(const metachain::MetaConnectResult& connected, const Value& answer) {
  CHECK_EQUAL(hex(connected.hash), answer["hash"].text);
  CHECK_EQUAL(connected.height, answer["height"].number());
  CHECK_EQUAL(std::string(connected.status == metachain::MetaConnectStatus::Known ? "known" : "connected"), answer["status"].text);
}

/// Makes the call of a step that asks; compares what it answers.
template <typename Metachain>
bool query(const Metachain& chain, const std::string& name, const Value& step, const Value& answer) {
  if (name == "tip") return same_tip(chain.tip(), answer), true;
  if (name == "account") return same_account(chain.account(step["address"].text), answer), true;
  if (name == "proveAccount") return same_proof(chain.prove_account(step["address"].text), answer), true;
  if (name == "transaction") return same_transaction(chain.transaction(unhex(step["txid"].text)), answer), true;
  if (!step.has("height")) return false;
  const auto block = metachain::by_height(step["height"].number());
  if (name == "withdrawals") return same_withdrawals(chain.withdrawals(block), answer), true;
  if (name == "payload") return check::equal(id(chain.payload(block)), text_or_null(answer), "payload", __FILE__, __LINE__), true;
  if (name != "proveWithdrawal") return false;
  same_proof(chain.prove_withdrawal(block, static_cast<std::uint32_t>(step["index"].number())), answer);
  return true;
}

/// Makes the call of a step; compares what it answers.
template <typename Metachain>
void call(const Metachain& chain, const Value& step) {
  const std::string& name = step["call"].text;
  const Value none;
  const Value& answer = step.has("answer") ? step["answer"] : none;
  if (name == "mintBlock") return same_minted(chain.mint_block(context_of(step["context"]), transactions(step["transactions"])), answer);
  if (name == "checkBlock") {
    const auto block = chain.check_block(candidate(step));
    CHECK_EQUAL(hex(block.hash), answer["hash"].text);
    CHECK_EQUAL(block.height, answer["height"].number());
    return;
  }
  if (name == "connectBlock") return same_connected(chain.connect_block(native_block(step)), answer);
  if (name == "disconnectBlock") return same_tip(chain.disconnect_block(unhex(step["nativeHash"].text)), answer);
  if (name == "finalize") return same_tip(chain.finalize(unhex(step["nativeHash"].text)), answer);
  if (!query(chain, name, step, answer)) throw std::runtime_error("the vectors have a call that this runner does not know: " + name);
}

/// Runs every step of a scenario; returns how many there are.
template <typename Metachain>
std::size_t follow(const Metachain& chain, const Value& scenario) {
  std::size_t number = 0;
  for (const Value& step : scenario["steps"].items) {
    const std::string where = scenario["name"].text + ", step " + std::to_string(number++);
    std::string failed;
    try {
      call(chain, step);
    } catch (const check::Failed& failure) {
      throw check::Failed(where + ": " + failure.what());
    } catch (const std::exception& error) {
      failed = metachain::error_code(error);
      if (failed.empty() || !step.has("error")) throw check::Failed(where + ": " + error.what());
    }
    if (!step.has("error")) continue;
    const Value& expected = step["error"];
    const auto info = metachain::last_error();
    if (failed != expected["code"].text || info.verdict != (expected["verdict"].text == "true") ||
        info.retryable != (expected["retryable"].text == "true")) {
      throw check::Failed(where + ": expected " + expected["code"].text + ", found " + (failed.empty() ? "no error" : failed));
    }
  }
  return number;
}

}  // namespace vectors

#endif
