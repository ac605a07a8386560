// A small bitcoin-like node with a metachain, in this process or over JSON-RPC.

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>

#include "node.h"

namespace {

constexpr const char* kUsage = R"(Usage: native-node -datadir=DIR -miner=ADDRESS (-meta ARGS | -meta_rpc URL) [OPTIONS]

Reads commands from standard input, one a line, and answers each with a line that begins with `ok` or
`error`; `help` names them. Exit codes: 0 stopped, 1 the node or its metachain failed, 2 a mistake in
the options.

  -datadir=DIR              where the native chain is kept
  -miner=ADDRESS            the native address that gets the rewards
  -meta ARGS                run the metachain in this process, started with these arguments
  -meta_rpc URL             use the metachain that a server runs
  -meta_rpc_token_file=FILE the token that the server asks for
  -network=NAME             whose addresses these are (defichain-regtest)
  -locked=BASE_UNITS        native funds locked at genesis: the metachain's supply there (0)
  -listen=PORT              answer other nodes on this port of 127.0.0.1; 0 takes a free one
  -mine_every_ms=N          mine a block every N milliseconds
)";

/// How often the node looks whether its metachain is still there.
constexpr int kWatchMs = 1000;

volatile std::sig_atomic_t interrupted = 0;
void on_signal(int) { interrupted = 1; }

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename Number>
Number number(const std::string& name, const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw UsageError("-" + name + " is no number that fits: " + text);
  return value;
}

std::string read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!std::getline(file, token) || token.empty()) throw UsageError("there is no token in " + path);
  return token;
}

node::Options parse(int count, char** words) {
  node::Options options;
  for (int at = 1; at < count; ++at) {
    std::string name = words[at];
    std::string value;
    if (name.empty() || name[0] != '-') throw UsageError("'" + name + "' is no option");
    name.erase(0, name.find_first_not_of('-'));
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.erase(equals);
    } else if (++at < count) {
      value = words[at];
    } else {
      throw UsageError("-" + name + " has no value");
    }
    if (name == "datadir") options.datadir = value;
    else if (name == "network") options.network = value;
    else if (name == "miner") options.miner = value;
    else if (name == "meta") options.meta = value, options.has_meta = true;
    else if (name == "meta_rpc") options.meta_rpc = value, options.has_meta_rpc = true;
    else if (name == "meta_rpc_token_file") options.meta_rpc_token = read_token(value);
    else if (name == "locked") options.locked = number<std::int64_t>(name, value);
    else if (name == "listen") options.port = number<std::uint16_t>(name, value), options.listens = true;
    else if (name == "mine_every_ms") options.mine_every_ms = number<int>(name, value);
    else throw UsageError("there is no option -" + name);
  }
  if (options.has_meta == options.has_meta_rpc) throw UsageError("one of -meta and -meta_rpc is needed, and only one");
  if (options.datadir.empty()) throw UsageError("-datadir is needed");
  if (options.miner.empty()) throw UsageError("-miner is needed");
  return options;
}

/// Waits for a line on standard input. Returns false when the time is up, or a signal came.
bool input_within(int milliseconds) {
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, milliseconds) > 0;
}

/// Runs commands, the timer and the watch until the input ends or the node is told to stop.
void run(node::Node& node, int mine_every_ms) {
  using Clock = std::chrono::steady_clock;
  const int wait = mine_every_ms > 0 ? std::min(mine_every_ms, kWatchMs) : kWatchMs;
  auto due = Clock::now() + std::chrono::milliseconds(mine_every_ms);
  std::string buffer;
  while (interrupted == 0) {
    if (input_within(wait)) {
      char chunk[1 << 16];
      const ssize_t size = ::read(STDIN_FILENO, chunk, sizeof chunk);
      if (size == 0) return;
      if (size < 0 && errno != EINTR) throw std::runtime_error("standard input cannot be read");
      if (size > 0) buffer.append(chunk, static_cast<std::size_t>(size));
    } else {
      node.watch();
    }
    for (auto end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
      const std::string line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      if (line == "stop") return;
      std::cout << node.command(line) << std::endl;
    }
    if (mine_every_ms > 0 && Clock::now() >= due) {
      node.mine();
      due = Clock::now() + std::chrono::milliseconds(mine_every_ms);
    }
  }
}

}  // namespace

int main(int count, char** words) {
  struct sigaction action = {};
  action.sa_handler = on_signal;  // no SA_RESTART: a signal ends the wait for input
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  try {
    const node::Options options = parse(count, words);
    node::Node node(options);
    std::cout << "ready port=" << node.port() << ' ' << node.status() << std::endl;
    run(node, options.mine_every_ms);
    node.stop();
    std::cout << "stopped" << std::endl;
    return 0;
  } catch (const UsageError& error) {
    std::cerr << error.what() << "\n\n" << kUsage;
    return 2;
  } catch (const std::exception& error) {
    // Native chain and metachain live or die together: going on with one of them would part them.
    std::cerr << "native-node: " << error.what() << std::endl;
    return 1;
  }
}
