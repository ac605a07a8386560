// How the native chain and the metachain move together.
//
// A block is stored, then connected to the metachain, then made the tip. A crash between two of these
// leaves the metachain one block ahead or behind, which the handshake at the next start repairs.

#include "chain.h"

#include <csignal>

namespace node {
namespace {

/// Block 0. It carries no metachain block; its name tells native chains apart.
Block genesis(const std::string& network) {
  Block block;
  block.header.miner = network;
  return block;
}

}  // namespace

class Chain::Source final : public metachain::NativeSource {
 public:
  explicit Source(const Chain& chain) : chain_(chain) {}

  metachain::NativeTip tip() override {
    return {chain_.height(), metachain::bytes(chain_.tip_hash()), true,
            static_cast<std::uint64_t>(chain_.ledger().locked())};
  }
  rust::Vec<std::uint8_t> hash(std::uint64_t native_height) override {
    return metachain::bytes(chain_.hash_at(native_height));
  }
  bool block(std::uint64_t native_height, metachain::MetaNativeBlock& block) override {
    if (native_height == 0) return false;
    block = to_native_block(chain_.hash_at(native_height), chain_.at(native_height));
    return true;
  }

 private:
  const Chain& chain_;
};

Chain::Chain(const std::string& directory, const std::string& network, std::int64_t initially_locked,
             Metachain& metachain)
    : network_(network), metachain_(metachain), file_(directory), ledger_(initially_locked) {
  load();
}

void Chain::load() {
  const Block first = genesis(network_);
  active_ = {first.header.hash()};
  blocks_.emplace(active_.front(), first);
  for (Block& block : file_.take_blocks()) blocks_.emplace(block.header.hash(), std::move(block));
  if (!file_.tip()) return;
  std::vector<Hash> path;
  for (Hash at = *file_.tip(); at != active_.front(); at = blocks_.at(at).header.parent) {
    if (blocks_.count(at) == 0) throw std::runtime_error("the stored chain is of another network, or lacks blocks");
    path.push_back(at);
  }
  for (auto at = path.rbegin(); at != path.rend(); ++at) {
    ledger_.apply(blocks_.at(*at));
    active_.push_back(*at);
  }
}

void Chain::open() {
  Source source(*this);
  metachain_.sync(source);
  // A block that was stored and not connected before a crash is not forgotten.
  const Hash* best = nullptr;
  std::uint64_t best_height = height();
  for (const auto& [hash, block] : blocks_) {
    if (block.header.height > best_height) {
      best = &hash;
      best_height = block.header.height;
    }
  }
  if (best == nullptr) return;
  try {
    activate(*best);
  } catch (const Invalid&) {
    // It stays on its side branch; the tip is still the one from before.
  }
}

void Chain::judge(const Block& block) const {
  if (const std::string fault = block.fault(); !fault.empty()) throw Invalid(fault);
  const auto parent = blocks_.find(block.header.parent);
  if (parent == blocks_.end()) throw Invalid("its parent is not known");
  if (bad_.count(block.header.parent) != 0) throw Invalid("its parent is invalid");
  if (block.header.height != parent->second.header.height + 1) throw Invalid("its height does not follow its parent's");
  const auto canonical = [&](const std::string& address) {
    try {
      return std::string(metachain::canonical_address(rust::String::lossy(address), network_)) == address;
    } catch (const std::exception&) {
      return false;
    }
  };
  if (!canonical(block.header.miner)) throw Invalid("its miner is no address");
  for (const Transaction& transaction : block.transactions) {
    // One spelling only: native funds are kept by the text of their address.
    if (!canonical(transaction.from) || !canonical(transaction.to)) {
      throw Invalid("transaction " + to_hex(transaction.id()) + " names an address that is none, or not in its canonical form");
    }
  }
}

bool Chain::accept(const Block& block) {
  const Hash hash = block.header.hash();
  if (const auto known = bad_.find(hash); known != bad_.end()) throw Invalid(known->second);
  if (blocks_.count(hash) != 0) return false;
  judge(block);
  // On the tip the verdict costs no reorganisation; nothing bad reaches the disk.
  if (block.header.parent == tip_hash()) metachain_.check(block);
  file_.append(block);
  pass(Moment::BlockStored);
  blocks_.emplace(hash, block);
  if (block.header.height > height()) activate(hash);
  return true;
}

void Chain::activate(const Hash& target) {
  std::vector<Hash> branch;
  for (Hash at = target; blocks_.at(at).header.height > height() || hash_at(blocks_.at(at).header.height) != at;
       at = blocks_.at(at).header.parent) {
    if (const auto known = bad_.find(at); known != bad_.end()) throw Invalid(known->second);
    branch.push_back(at);
  }
  const std::uint64_t fork = blocks_.at(branch.back()).header.height - 1;
  const std::vector<Hash> before(active_.begin() + static_cast<std::ptrdiff_t>(fork) + 1, active_.end());
  while (height() > fork) disconnect();
  try {
    for (; !branch.empty(); branch.pop_back()) connect(branch.back());
  } catch (const Invalid& invalid) {
    for (const Hash& hash : branch) bad_[hash] = invalid.what();
    while (height() > fork) disconnect();
    for (const Hash& hash : before) connect(hash);
    throw;
  }
}

void Chain::connect(const Hash& hash) {
  const Block& block = blocks_.at(hash);
  Ledger after = ledger_;
  after.apply(block);
  metachain_.connect(hash, block);
  pass(Moment::MetachainConnected);
  ledger_ = std::move(after);
  active_.push_back(hash);
  same_funds(hash, block);
  file_.set_tip(hash);
  on_connected(hash, block);
}

void Chain::disconnect() {
  const Hash hash = tip_hash();
  metachain_.disconnect(hash);
  pass(Moment::MetachainDisconnected);
  const Block& block = blocks_.at(hash);
  ledger_.undo(block);
  active_.pop_back();
  file_.set_tip(tip_hash());
  on_disconnected(hash, block);
}

/// The lock address must have released exactly what the metachain withdrew, and hold its supply.
void Chain::same_funds(const Hash& hash, const Block& block) {
  const auto withdrawals = metachain_.withdrawals(hash);
  auto released = withdrawals.begin();
  for (const Transaction& transaction : block.transactions) {
    if (transaction.kind != Transaction::Kind::WithdrawFromMetachain) continue;
    if (released == withdrawals.end() || std::string(released->to) != transaction.to || released->amount != transaction.amount) {
      throw std::runtime_error("the metachain's withdrawals are not those of native block " + to_hex(hash));
    }
    ++released;
  }
  const std::uint64_t supply = metachain_.tip().supply;
  if (released != withdrawals.end() || supply != static_cast<std::uint64_t>(ledger_.locked())) {
    throw std::runtime_error("the lock address holds " + std::to_string(ledger_.locked()) +
                             " base units, the metachain's supply is " + std::to_string(supply));
  }
}

void Chain::pass(Moment moment) const {
  if (dying_ == moment) std::raise(SIGKILL);
}

}  // namespace node
