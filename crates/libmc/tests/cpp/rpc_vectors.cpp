// The vectors that every binding is held to, through the client: what a server answers is what a chain answers.
// Arguments: the address and the token of a server of a fresh chain for each scenario, in their order.

#include "vectors.h"

using namespace vectors;

static std::vector<std::pair<std::string, std::string>> servers;

/// A chain behind a server, as the steps call it.
struct Remote {
  const rust::Box<metachain::Client>& client;

  DmcBlock mint_block(const metachain::MetaContext& context, const std::vector<DmcTx>& txs) const {
    MetaBlockInput input{};
    for (const DmcTx& tx : txs) input.txs.push_back(tx);
    input.has_context = true;
    input.context = context;
    return CallMetaMintBlock(client, input);
  }
  metachain::MetaBlock check_block(const metachain::MetaCandidateBlock& block) const { return metachain::CallMetaCheckBlock(client, block); }
  metachain::MetaConnectResult connect_block(const metachain::MetaNativeBlock& block) const {
    return metachain::CallMetaConnectBlock(client, block);
  }
  metachain::MetaTip disconnect_block(const rust::Vec<std::uint8_t>& native) const { return metachain::CallMetaDisconnectBlock(client, {native}); }
  metachain::MetaTip finalize(const rust::Vec<std::uint8_t>& native) const { return metachain::CallMetaFinalize(client, {native}); }
  metachain::MetaTip tip() const { return metachain::CallMetaGetTip(client, {}); }
  metachain::MetaAccountResult account(const std::string& address) const { return metachain::CallMetaGetAccount(client, {address}); }
  rust::Vec<metachain::MetaWithdrawal> withdrawals(const metachain::MetaBlockRef& block) const {
    return metachain::CallMetaGetWithdrawals(client, block).withdrawals;
  }
  metachain::MetaTransactionResult transaction(const rust::Vec<std::uint8_t>& txid) const {
    return metachain::CallMetaGetTransaction(client, {txid});
  }
  rust::Vec<std::uint8_t> payload(const metachain::MetaBlockRef& block) const { return metachain::CallMetaGetPayload(client, block).payload; }
  metachain::MetaProof prove_account(const std::string& address) const { return metachain::CallMetaProveAccount(client, {address}); }
  metachain::MetaProof prove_withdrawal(const metachain::MetaBlockRef& block, std::uint32_t index) const {
    return metachain::CallMetaProveWithdrawal(client, {block, index});
  }
};

TEST(servers_answer_as_the_vectors_say) {
  const Value file = vectors::read("chain.json");
  const auto& scenarios = file["scenarios"].items;
  CHECK_EQUAL(scenarios.size(), servers.size());
  std::size_t steps = 0;
  for (std::size_t at = 0; at < scenarios.size(); ++at) {
    metachain::ClientSettings settings{};
    settings.token = servers[at].second;
    settings.chain_id = scenarios[at]["genesis"]["chainId"].text;
    const auto client = NewClient(servers[at].first, settings);
    steps += follow(Remote{client}, scenarios[at]);
  }
  CHECK(steps > 100);
}

int main(int count, char** words) {
  for (int at = 1; at + 1 < count; at += 2) servers.emplace_back(words[at], words[at + 1]);
  return check::run(1, words);
}
