// What a node does when it is told, and what it tells its peers.

#include "node.h"

#include <charconv>
#include <chrono>
#include <iostream>
#include <random>
#include <sstream>

namespace node {
namespace {

std::unique_ptr<Metachain> open_metachain(const Options& options) {
  return options.has_meta ? in_process(options.meta) : over_rpc(options.meta_rpc, options.meta_rpc_token);
}

std::uint64_t now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
}

template <typename Value>
Value argument(std::istream& arguments, const char* name) {
  Value value{};
  if (!(arguments >> value)) throw Refused(std::string(name) + " is missing, or not what it should be");
  return value;
}

std::uint64_t height(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw PeerFailed("its height is no number");
  return value;
}

/// Every block of another node comes with its whole self, in hex.
Block read_block(const std::string& hex) {
  try {
    return Block::deserialize(from_hex(hex));
  } catch (const Malformed& malformed) {
    throw Invalid(std::string("it is no block: ") + malformed.what());
  }
}

}  // namespace

Node::Node(const Options& options)
    : options_(options),
      metachain_(open_metachain(options)),
      chain_(options.datadir, options.network, options.locked, *metachain_) {
  options_.miner = canonical(options.miner);
  chain_.on_connected = [this](const Hash& hash, const Block& block) {
    mempool_.remove(block.transactions);
    std::cout << "connected " << block.header.height << ' ' << to_hex(hash) << std::endl;
  };
  chain_.on_disconnected = [this](const Hash& hash, const Block& block) {
    for (const Transaction& transaction : block.transactions) mempool_.add(transaction);
    std::cout << "disconnected " << block.header.height << ' ' << to_hex(hash) << std::endl;
  };
  chain_.open();
  if (options.listens) {
    server_ = std::make_unique<PeerServer>(options.port, [this](const std::string& question) { return answer_peer(question); });
  }
}

Node::~Node() {
  // The peers' thread ends before what it reads does.
  server_.reset();
}

void Node::stop() {
  server_.reset();
  metachain_->stop();
}

void Node::watch() {
  const std::lock_guard<std::mutex> lock(mutex_);
  metachain_->tip();
}

void Node::mine() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Dropped> dropped;
  const std::uint64_t time = std::max(now(), chain_.tip().header.time);
  const Block block = build_block(chain_, *metachain_, mempool_, options_.miner, time, dropped);
  for (const Dropped& drop : dropped) {
    mempool_.remove({drop.transaction});
    std::cout << "dropped " << to_hex(drop.transaction.id()) << ' ' << drop.reason << std::endl;
  }
  chain_.accept(block);
}

std::string Node::command(const std::string& line) {
  std::istringstream arguments(line);
  std::string name;
  arguments >> name;
  try {
    return "ok " + carry_out(name, arguments);
  } catch (const Refused& refused) {
    return std::string("error ") + refused.what();
  } catch (const Invalid& invalid) {
    return std::string("error invalid block: ") + invalid.what();
  }
}

std::string Node::carry_out(const std::string& name, std::istream& arguments) {
  if (name == "mine") {
    int count = 1;
    arguments >> count;
    for (int mined = 0; mined < count; ++mined) mine();
    return status();
  }
  if (name == "deposit") return add_transaction(Transaction::Kind::DepositToMetachain, arguments);
  if (name == "withdraw") return add_transaction(Transaction::Kind::WithdrawFromMetachain, arguments);
  if (name == "transfer") return add_transaction(Transaction::Kind::TransferOnMetachain, arguments);
  if (name == "status") return status();
  if (name == "balance") return balance(argument<std::string>(arguments, "address"));
  if (name == "pull") return pull(argument<std::uint16_t>(arguments, "port"));
  if (name == "submit") return submit(argument<std::string>(arguments, "block"));
  if (name == "forge") return forge(argument<std::string>(arguments, "lie"));
  if (name == "die") {
    die_at(argument<std::string>(arguments, "moment"));
    return "next time";
  }
  throw Refused("commands: mine [COUNT], deposit|withdraw|transfer FROM TO BASE_UNITS, status, balance ADDRESS, "
                "pull PORT, submit BLOCK, forge payload|invented|missing, die stored|connected|disconnected, stop");
}

std::string Node::status() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const metachain::MetaTip meta = metachain_->tip();
  std::ostringstream text;
  text << "height=" << chain_.height() << " hash=" << to_hex(chain_.tip_hash()) << " meta_height=" << meta.height
       << " meta_hash=" << to_hex(meta.hash) << " state_root=" << to_hex(meta.state_root) << " supply=" << meta.supply
       << " locked=" << chain_.ledger().locked() << " waiting=" << mempool_.waiting().size();
  return text.str();
}

std::string Node::canonical(const std::string& address) const {
  try {
    return std::string(metachain::canonical_address(rust::String::lossy(address), options_.network));
  } catch (const std::exception& error) {
    throw Refused(error.what());
  }
}

std::string Node::add_transaction(Transaction::Kind kind, std::istream& arguments) {
  static std::random_device random;
  Transaction transaction;
  transaction.kind = kind;
  transaction.from = canonical(argument<std::string>(arguments, "from"));
  transaction.to = canonical(argument<std::string>(arguments, "to"));
  transaction.amount = argument<std::int64_t>(arguments, "amount");
  transaction.nonce = static_cast<std::uint64_t>(random()) << 32 | random();
  const bool from_meta = transaction.from.rfind("0x", 0) == 0;
  const bool to_meta = transaction.to.rfind("0x", 0) == 0;
  // A real node would check the signature of `from` here, for metachain addresses too.
  if (from_meta == (kind == Transaction::Kind::DepositToMetachain) ||
      to_meta == (kind == Transaction::Kind::WithdrawFromMetachain)) {
    throw Refused("a deposit goes from a native to a metachain address, a withdrawal the other way, a transfer "
                  "between two metachain addresses");
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  mempool_.add(transaction);
  return to_hex(transaction.id());
}

std::string Node::balance(const std::string& address) {
  const std::string name = canonical(address);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (name.rfind("0x", 0) == 0) return std::to_string(metachain_->balance(name));
  return std::to_string(chain_.ledger().balance(name));
}

std::string Node::submit(const std::string& hex) {
  const Block block = read_block(hex);
  const std::lock_guard<std::mutex> lock(mutex_);
  return chain_.accept(block) ? "new" : "known";
}

std::string Node::forge(const std::string& lie) {
  const Lie kind = lie == "payload"    ? Lie::Payload
                   : lie == "invented" ? Lie::InventedDeposit
                   : lie == "missing"  ? Lie::NoDeposit
                                       : throw Refused("lies: payload, invented, missing");
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::uint64_t time = std::max(now(), chain_.tip().header.time);
  return to_hex(forge_block(chain_, *metachain_, options_.miner, time, kind).serialize());
}

void Node::die_at(const std::string& moment) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (moment == "stored") return chain_.die_at(Moment::BlockStored);
  if (moment == "connected") return chain_.die_at(Moment::MetachainConnected);
  if (moment == "disconnected") return chain_.die_at(Moment::MetachainDisconnected);
  throw Refused("moments: stored, connected, disconnected");
}

/// What peers may ask: `tip`, `hash HEIGHT`, `block HEIGHT`.
std::string Node::answer_peer(const std::string& question) {
  std::istringstream words(question);
  std::string name;
  std::uint64_t height = 0;
  words >> name >> height;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (name == "tip") return std::to_string(chain_.height());
  if (!words || height > chain_.height()) return "none";
  if (name == "hash") return to_hex(chain_.hash_at(height));
  if (name == "block") return to_hex(chain_.at(height).serialize());
  return "none";
}

/// Fetches what a peer has and this node has not, from where the two chains part.
std::string Node::pull(std::uint16_t port) {
  try {
    PeerClient peer(port);
    const std::uint64_t theirs = height(peer.ask("tip"));
    std::uint64_t common = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      common = std::min(theirs, chain_.height());
      while (common > 0 && peer.ask("hash " + std::to_string(common)) != to_hex(chain_.hash_at(common))) --common;
    }
    std::uint64_t fetched = 0;
    for (std::uint64_t height = common + 1; height <= theirs; ++height) {
      const Block block = read_block(peer.ask("block " + std::to_string(height)));
      const std::lock_guard<std::mutex> lock(mutex_);
      fetched += chain_.accept(block) ? 1 : 0;
    }
    return std::to_string(fetched) + " blocks from native height " + std::to_string(common + 1) + " on";
  } catch (const PeerFailed& failed) {
    throw Refused(std::string("peer: ") + failed.what());
  }
}

}  // namespace node
