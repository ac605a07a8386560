// A node: the chain, its mempool, its peers, and the commands of whoever runs it.
#ifndef NATIVE_NODE_NODE_H
#define NATIVE_NODE_NODE_H

#include <iosfwd>
#include <mutex>

#include "miner.h"
#include "peer.h"

namespace node {

/// What the command line says.
struct Options {
  std::string datadir;
  std::string network = "defichain-regtest";
  std::string miner;
  std::string meta;
  std::string meta_rpc;
  std::string meta_rpc_token;
  bool has_meta = false;
  bool has_meta_rpc = false;
  bool listens = false;
  std::uint16_t port = 0;
  std::int64_t locked = 0;
  /// Milliseconds between blocks; 0 mines on command only.
  int mine_every_ms = 0;
};

/// A command that cannot be carried out; the node goes on.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Node {
 public:
  /// Opens everything and brings the metachain in step. Throws what keeps the node from running.
  explicit Node(const Options& options);
  ~Node();

  /// Carries out one command and returns its answer: `ok …` or `error …`. Throws where the node
  /// cannot go on.
  std::string command(const std::string& line);

  /// Mines a block of what waits.
  void mine();

  /// Throws if the metachain has failed.
  void watch();

  /// Closes the metachain first, then the node's own files.
  void stop();

  std::uint16_t port() const { return server_ ? server_->port() : 0; }
  std::string status();

 private:
  std::string carry_out(const std::string& name, std::istream& arguments);
  std::string answer_peer(const std::string& question);
  std::string add_transaction(Transaction::Kind kind, std::istream& arguments);
  std::string submit(const std::string& hex);
  std::string pull(std::uint16_t port);
  std::string forge(const std::string& lie);
  void die_at(const std::string& moment);
  std::string balance(const std::string& address);
  std::string canonical(const std::string& address) const;

  Options options_;
  std::unique_ptr<Metachain> metachain_;
  /// Held by whoever reads or moves the chain: this thread, and that of the peers' questions.
  std::mutex mutex_;
  Chain chain_;
  Mempool mempool_;
  std::unique_ptr<PeerServer> server_;
};

}  // namespace node

#endif
