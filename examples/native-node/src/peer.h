// Blocks between nodes, over sockets of the loopback interface: one question and one answer a line.
#ifndef NATIVE_NODE_PEER_H
#define NATIVE_NODE_PEER_H

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace node {

/// Answers other nodes' questions on a thread of its own.
class PeerServer {
 public:
  /// Listens on a port of 127.0.0.1; 0 takes a free one. `answer` is called on the server's thread.
  PeerServer(std::uint16_t port, std::function<std::string(const std::string&)> answer);
  ~PeerServer();
  PeerServer(const PeerServer&) = delete;
  PeerServer& operator=(const PeerServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void serve();
  void talk(int fd);

  std::function<std::string(const std::string&)> answer_;
  int listener_ = -1;
  /// Becomes readable when the server is to end.
  int wake_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// A peer that is not there, hangs up, or says what cannot be understood.
struct PeerFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Asks another node.
class PeerClient {
 public:
  /// Connects to a port of 127.0.0.1. Throws PeerFailed where nobody listens.
  explicit PeerClient(std::uint16_t port);
  ~PeerClient();
  PeerClient(const PeerClient&) = delete;
  PeerClient& operator=(const PeerClient&) = delete;

  /// One question, without its line's end; returns the answer without its own. Throws PeerFailed.
  std::string ask(const std::string& question);

 private:
  int fd_;
  std::string buffer_;
};

}  // namespace node

#endif
