// The vectors that every binding is held to, in this process: the same input, the same bytes, the same codes.

#include "vectors.h"

using namespace vectors;

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

static rust::Slice<const std::uint8_t> slice(const rust::Vec<std::uint8_t>& bytes) { return {bytes.data(), bytes.size()}; }

/// A chain of this process, as the steps call it.
struct Local {
  const metachain::Chain& chain;

  DmcBlock mint_block(const metachain::MetaContext& context, const std::vector<DmcTx>& txs) const { return chain.mint_block(context, txs); }
  metachain::MetaBlock check_block(const metachain::MetaCandidateBlock& block) const { return chain.check_block(block); }
  metachain::MetaConnectResult connect_block(const metachain::MetaNativeBlock& block) const { return chain.connect_block(block); }
  metachain::MetaTip disconnect_block(const rust::Vec<std::uint8_t>& native) const { return chain.disconnect_block(slice(native)); }
  metachain::MetaTip finalize(const rust::Vec<std::uint8_t>& native) const {
    chain.finalize_block(slice(native));
    return chain.tip();
  }
  metachain::MetaTip tip() const { return chain.tip(); }
  metachain::MetaAccountResult account(const std::string& address) const { return chain.account(address); }
  rust::Vec<metachain::MetaWithdrawal> withdrawals(const metachain::MetaBlockRef& block) const { return chain.withdrawals(block); }
  metachain::MetaTransactionResult transaction(const rust::Vec<std::uint8_t>& txid) const { return chain.transaction(slice(txid)); }
  rust::Vec<std::uint8_t> payload(const metachain::MetaBlockRef& block) const { return chain.payload(block).payload; }
  metachain::MetaProof prove_account(const std::string& address) const { return chain.prove_account(address); }
  metachain::MetaProof prove_withdrawal(const metachain::MetaBlockRef& block, std::uint32_t index) const {
    return chain.prove_withdrawal(block, index);
  }
};

TEST(chains_answer_as_the_vectors_say) {
  const Value file = vectors::read("chain.json");
  std::size_t steps = 0;
  for (const Value& scenario : file["scenarios"].items) {
    auto args = arguments(scenario["genesis"]);
    args.push_back("undo_depth=" + scenario["undoDepth"].text);
    const auto chain = metachain::open(args);
    steps += follow(Local{*chain}, scenario);
  }
  CHECK(steps > 100);
}

TEST(genesis_hashes_are_the_vectors) {
  const Value file = vectors::read("encodings.json");
  CHECK(!file["genesis"].items.empty());
  for (const Value& genesis : file["genesis"].items) {
    const auto chain = metachain::open(arguments(genesis));
    CHECK_EQUAL(hex(chain->version().genesis_hash), genesis["hash"].text);
    CHECK_EQUAL(hex(chain->tip().hash), genesis["hash"].text);
  }
}

TEST(addresses_are_the_vectors) {
  const Value file = vectors::read("encodings.json");
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
  const Value file = vectors::read("encodings.json");
  CHECK(!file["blocks"].items.empty());
  for (const Value& block : file["blocks"].items) {
    const auto payload = unhex(block["payload"].text);
    CHECK_EQUAL(hex(metachain::decode_payload(slice(payload), block["network"].text).hash), block["hash"].text);
  }
}

int main(int count, char** words) { return check::run(count, words); }
