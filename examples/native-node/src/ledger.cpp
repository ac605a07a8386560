// How native funds move: rewards, deposits to the lock address, withdrawals from it.

#include "ledger.h"

#include <limits>

namespace node {

std::int64_t Ledger::balance(const std::string& address) const {
  const auto found = balances_.find(address);
  return found == balances_.end() ? 0 : found->second;
}

void Ledger::add(const std::string& address, std::int64_t amount) {
  std::int64_t& balance = balances_[address];
  balance += amount;
  if (balance == 0) balances_.erase(address);
}

bool Ledger::reserve(const Transaction& transaction) {
  if (transaction.kind != Transaction::Kind::DepositToMetachain) return true;
  if (transaction.amount <= 0 || balance(transaction.from) < transaction.amount ||
      locked_ > std::numeric_limits<std::int64_t>::max() - transaction.amount) {
    return false;
  }
  add(transaction.from, -transaction.amount);
  locked_ += transaction.amount;
  return true;
}

void Ledger::apply(const Block& block) {
  Ledger after = *this;
  for (const Transaction& transaction : block.transactions) {
    if (!after.reserve(transaction)) throw Invalid("deposit " + to_hex(transaction.id()) + " is not covered");
    if (transaction.kind == Transaction::Kind::WithdrawFromMetachain) {
      // The metachain has debited it, and never holds more than is locked.
      after.locked_ -= transaction.amount;
      after.add(transaction.to, transaction.amount);
    }
  }
  after.add(block.header.miner, kReward);
  *this = std::move(after);
}

void Ledger::undo(const Block& block) {
  add(block.header.miner, -kReward);
  for (auto at = block.transactions.rbegin(); at != block.transactions.rend(); ++at) {
    switch (at->kind) {
      case Transaction::Kind::DepositToMetachain:
        locked_ -= at->amount;
        add(at->from, at->amount);
        break;
      case Transaction::Kind::WithdrawFromMetachain:
        add(at->to, -at->amount);
        locked_ += at->amount;
        break;
      case Transaction::Kind::TransferOnMetachain:
        break;
    }
  }
}

}  // namespace node
