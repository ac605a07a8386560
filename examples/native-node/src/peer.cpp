// The sockets under the questions and answers.

#include "peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace node {
namespace {

/// A block in hex, and then some: longer lines come from nobody honest.
constexpr std::size_t kLineMax = 80 << 20;
/// How long a peer may say nothing before it is given up.
constexpr int kPatienceSeconds = 30;

[[noreturn]] void fail(const std::string& what) { throw PeerFailed(what + ": " + std::strerror(errno)); }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int new_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("creating a socket");
  return fd;
}

void be_patient(int fd) {
  const timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

bool send_line(int fd, std::string line) {
  line += '\n';
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t count = ::send(fd, line.data() + done, line.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

/// Reads up to the next line's end; false at the end of the stream, after too long a line, and after
/// too long a silence.
bool receive_line(int fd, std::string& buffer, std::string& line) {
  for (;;) {
    if (const auto end = buffer.find('\n'); end != std::string::npos) {
      line = buffer.substr(0, end);
      buffer.erase(0, end + 1);
      return true;
    }
    char chunk[1 << 16];
    const ssize_t count = ::recv(fd, chunk, sizeof chunk, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || buffer.size() > kLineMax) return false;
    buffer.append(chunk, static_cast<std::size_t>(count));
  }
}

}  // namespace

PeerServer::PeerServer(std::uint16_t port, std::function<std::string(const std::string&)> answer)
    : answer_(std::move(answer)), listener_(new_socket()) {
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = loopback(port);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 16) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::pipe2(wake_, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(listener_);
    errno = error;
    fail("listening on port " + std::to_string(port));
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

PeerServer::~PeerServer() {
  ::close(wake_[1]);
  thread_.join();
  ::close(wake_[0]);
  ::close(listener_);
}

void PeerServer::serve() {
  for (;;) {
    pollfd ready[2] = {{listener_, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    if (ready[0].revents == 0) continue;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    be_patient(fd);
    talk(fd);
    ::close(fd);
  }
}

/// One peer at a time: it asks until it hangs up.
void PeerServer::talk(int fd) {
  std::string buffer;
  std::string question;
  for (;;) {
    pollfd ready[2] = {{fd, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (::poll(ready, 2, kPatienceSeconds * 1000) <= 0 || ready[1].revents != 0) return;
    if (!receive_line(fd, buffer, question) || !send_line(fd, answer_(question))) return;
  }
}

PeerClient::PeerClient(std::uint16_t port) : fd_(new_socket()) {
  be_patient(fd_);
  const sockaddr_in address = loopback(port);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail("connecting to port " + std::to_string(port));
  }
}

PeerClient::~PeerClient() { ::close(fd_); }

std::string PeerClient::ask(const std::string& question) {
  std::string answer;
  if (!send_line(fd_, question) || !receive_line(fd_, buffer_, answer)) {
    throw PeerFailed("the peer hung up");
  }
  return answer;
}

}  // namespace node
