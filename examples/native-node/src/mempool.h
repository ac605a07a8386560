// Custom transactions that wait for a block.
#ifndef NATIVE_NODE_MEMPOOL_H
#define NATIVE_NODE_MEMPOOL_H

#include <algorithm>
#include <set>

#include "block.h"

namespace node {

/// Transactions in the order in which they came.
class Mempool {
 public:
  void add(const Transaction& transaction) {
    if (ids_.insert(transaction.id()).second) waiting_.push_back(transaction);
  }
  void remove(const std::vector<Transaction>& transactions) {
    for (const Transaction& transaction : transactions) ids_.erase(transaction.id());
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(),
                                  [&](const Transaction& waiting) { return ids_.count(waiting.id()) == 0; }),
                   waiting_.end());
  }
  const std::vector<Transaction>& waiting() const { return waiting_; }

 private:
  std::vector<Transaction> waiting_;
  std::set<Hash> ids_;
};

}  // namespace node

#endif
