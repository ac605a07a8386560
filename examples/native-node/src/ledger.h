// Native funds: what each address has, and what the lock address holds for the metachain.
#ifndef NATIVE_NODE_LEDGER_H
#define NATIVE_NODE_LEDGER_H

#include <map>
#include <string>

#include "block.h"

namespace node {

/// Why a block or transaction breaks the native chain's rules.
struct Invalid : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The native chain's balances after its tip.
class Ledger {
 public:
  /// `initially_locked` is the metachain's supply at genesis: native funds locked before block 1.
  explicit Ledger(std::int64_t initially_locked) : locked_(initially_locked) {}

  /// Executes a block whose payload the metachain has accepted: deposits go to the lock address,
  /// withdrawals come from it. Throws Invalid and changes nothing if a deposit is not covered.
  void apply(const Block& block);
  /// Takes the block back that was applied last.
  void undo(const Block& block);
  /// Locks one deposit's funds if they are there, so that a miner can leave it out otherwise.
  bool reserve(const Transaction& transaction);

  std::int64_t balance(const std::string& address) const;
  /// What the lock address holds: the metachain's supply, after every block.
  std::int64_t locked() const { return locked_; }

 private:
  void add(const std::string& address, std::int64_t amount);

  std::map<std::string, std::int64_t> balances_;
  std::int64_t locked_;
};

}  // namespace node

#endif
