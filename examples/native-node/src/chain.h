// The native chain: which blocks there are, which of them are active, and moving from one tip to another.
#ifndef NATIVE_NODE_CHAIN_H
#define NATIVE_NODE_CHAIN_H

#include <functional>
#include <map>

#include "block_file.h"
#include "metachain.h"

namespace node {

/// Moments at which a test can make the process die, as a power failure would.
enum class Moment { None, BlockStored, MetachainConnected, MetachainDisconnected };

/// The native chain with the metachain that follows it.
class Chain {
 public:
  Chain(const std::string& directory, const std::string& network, std::int64_t initially_locked,
        Metachain& metachain);

  /// Brings the metachain to this chain's tip, then this chain to its longest branch.
  void open();

  /// Judges a block, stores it, and goes over to it if its branch is the longest. Throws Invalid.
  /// Returns whether it is new.
  bool accept(const Block& block);

  std::uint64_t height() const { return active_.size() - 1; }
  const Hash& tip_hash() const { return active_.back(); }
  const Block& tip() const { return blocks_.at(tip_hash()); }
  /// The active block at a height; there must be one.
  const Block& at(std::uint64_t height) const { return blocks_.at(active_.at(height)); }
  const Hash& hash_at(std::uint64_t height) const { return active_.at(height); }
  const Ledger& ledger() const { return ledger_; }
  const std::string& network() const { return network_; }

  /// Dies at this moment, next time it comes.
  void die_at(Moment moment) { dying_ = moment; }

  /// Hear of every block that becomes or ceases to be the tip.
  std::function<void(const Hash&, const Block&)> on_connected = [](const Hash&, const Block&) {};
  std::function<void(const Hash&, const Block&)> on_disconnected = [](const Hash&, const Block&) {};

 private:
  /// What the metachain asks this chain in a handshake.
  class Source;

  void load();
  void judge(const Block& block) const;
  void activate(const Hash& target);
  void connect(const Hash& hash);
  void disconnect();
  void same_funds(const Hash& hash, const Block& block);
  void pass(Moment moment) const;

  std::string network_;
  Metachain& metachain_;
  BlockFile file_;
  std::map<Hash, Block> blocks_;
  /// Why blocks cannot be connected, so that no branch is tried twice.
  std::map<Hash, std::string> bad_;
  /// The hashes of the best chain by height.
  std::vector<Hash> active_;
  Ledger ledger_;
  Moment dying_ = Moment::None;
};

}  // namespace node

#endif
