// From waiting transactions to a sealed block.

#include "miner.h"

namespace node {
namespace {

metachain::MetaContext next_context(const Chain& chain, std::uint64_t time) {
  metachain::MetaContext context{};
  context.native_height = chain.height() + 1;
  context.native_parent_hash = metachain::bytes(chain.tip_hash());
  context.time = time;
  return context;
}

Block next_block(const Chain& chain, const std::string& miner, std::uint64_t time) {
  Block block;
  block.header.parent = chain.tip_hash();
  block.header.height = chain.height() + 1;
  block.header.time = time;
  block.header.miner = miner;
  return block;
}

DmcBlock mint(const Chain& chain, Metachain& metachain, std::uint64_t time, const std::vector<Transaction>& transactions) {
  std::vector<DmcTx> txs;
  txs.reserve(transactions.size());
  for (const Transaction& transaction : transactions) txs.push_back(to_dmc(transaction));
  return metachain.mint(next_context(chain, time), txs);
}

}  // namespace

Block build_block(const Chain& chain, Metachain& metachain, const Mempool& mempool, const std::string& miner,
                  std::uint64_t time, std::vector<Dropped>& dropped) {
  std::vector<Transaction> covered;
  Ledger funds = chain.ledger();
  for (const Transaction& transaction : mempool.waiting()) {
    if (funds.reserve(transaction)) {
      covered.push_back(transaction);
    } else {
      dropped.push_back({transaction, "the native funds do not cover it"});
    }
  }
  const DmcBlock minted = mint(chain, metachain, time, covered);
  Block block = next_block(chain, miner, time);
  block.payload.assign(minted.payload.begin(), minted.payload.end());
  auto rejection = minted.rejected.begin();
  for (std::size_t index = 0; index < covered.size(); ++index) {
    if (rejection != minted.rejected.end() && rejection->index == index) {
      dropped.push_back({covered[index], std::string(rejection->code) + ": " + std::string(rejection->message)});
      ++rejection;
    } else {
      block.transactions.push_back(covered[index]);
    }
  }
  block.seal();
  return block;
}

Block forge_block(const Chain& chain, Metachain& metachain, const std::string& miner, std::uint64_t time, Lie lie) {
  Block block = next_block(chain, miner, time);
  Transaction deposit;
  deposit.from = miner;
  deposit.to = "0x1111111111111111111111111111111111111111";
  deposit.amount = 1;
  const std::vector<Transaction> one = {deposit};
  const std::vector<Transaction> none;
  const DmcBlock minted = mint(chain, metachain, time, lie == Lie::InventedDeposit ? one : none);
  block.payload.assign(minted.payload.begin(), minted.payload.end());
  // A deposit in the payload that the native block does not carry would create money; one in the
  // native block that the payload lacks would lose it.
  if (lie == Lie::NoDeposit) block.transactions = one;
  if (lie == Lie::Payload) block.payload.at(block.payload.size() / 2) ^= 1;
  block.seal();
  return block;
}

}  // namespace node
