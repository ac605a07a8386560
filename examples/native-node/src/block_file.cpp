// Blocks on disk: length, bytes, checksum, one after the other; the tip in a file that is replaced whole.

#include "block_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sha256.h"

namespace node {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

void write_all(int fd, const Bytes& bytes, const std::string& path) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno != EINTR) fail("writing " + path);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
}

Bytes read_all(int fd, const std::string& path) {
  Bytes bytes;
  std::uint8_t chunk[1 << 16];
  for (;;) {
    const ssize_t count = ::read(fd, chunk, sizeof chunk);
    if (count == 0) return bytes;
    if (count < 0 && errno != EINTR) fail("reading " + path);
    if (count > 0) bytes.insert(bytes.end(), chunk, chunk + count);
  }
}

/// A file descriptor that closes itself.
struct File {
  File(const std::string& path, int flags) : fd(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd >= 0) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd;
};

}  // namespace

BlockFile::BlockFile(const std::string& directory) : directory_(directory), blocks_fd_(-1) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail("creating " + directory);
  const std::string path = directory + "/blocks";
  blocks_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (blocks_fd_ < 0) fail("opening " + path);
  try {
    if (::flock(blocks_fd_, LOCK_EX | LOCK_NB) != 0) fail("another node uses " + directory);
    load();
  } catch (...) {
    ::close(blocks_fd_);
    throw;
  }
}

BlockFile::~BlockFile() { ::close(blocks_fd_); }

void BlockFile::load() {
  const Bytes all = read_all(blocks_fd_, directory_ + "/blocks");
  std::size_t good = 0;
  while (all.size() - good >= 8) {
    const std::uint8_t* record = all.data() + good;
    const auto size = static_cast<std::size_t>(Reader(record, 4).number(4));
    if (all.size() - good - 8 < size) break;
    const Bytes body(record + 4, record + 4 + size);
    const Hash sum = sha256d(body);
    if (!std::equal(sum.begin(), sum.begin() + 4, record + 4 + size)) break;
    blocks_.push_back(Block::deserialize(body));
    good += size + 8;
  }
  // A write that a crash cut short; what was acknowledged before it is whole.
  if (::ftruncate(blocks_fd_, static_cast<off_t>(good)) != 0) fail("cutting " + directory_ + "/blocks");
  if (::lseek(blocks_fd_, 0, SEEK_END) < 0) fail("seeking in " + directory_ + "/blocks");

  const File tip(directory_ + "/tip", O_RDONLY);
  if (tip.fd < 0 && errno != ENOENT) fail("opening " + directory_ + "/tip");
  if (tip.fd >= 0) tip_ = to_hash(read_all(tip.fd, directory_ + "/tip"));
}

void BlockFile::append(const Block& block) {
  const Bytes body = block.serialize();
  const Hash sum = sha256d(body);
  Writer writer;
  writer.list(body);
  Bytes record = writer.take();
  record.insert(record.end(), sum.begin(), sum.begin() + 4);
  write_all(blocks_fd_, record, directory_ + "/blocks");
  if (::fdatasync(blocks_fd_) != 0) fail("syncing " + directory_ + "/blocks");
}

void BlockFile::set_tip(const Hash& hash) {
  const std::string path = directory_ + "/tip";
  {
    const File next(path + ".new", O_WRONLY | O_CREAT | O_TRUNC);
    if (next.fd < 0) fail("creating " + path + ".new");
    write_all(next.fd, Bytes(hash.begin(), hash.end()), path + ".new");
    if (::fdatasync(next.fd) != 0) fail("syncing " + path + ".new");
  }
  if (std::rename((path + ".new").c_str(), path.c_str()) != 0) fail("replacing " + path);
  const File directory(directory_, O_RDONLY | O_DIRECTORY);
  if (directory.fd < 0 || ::fsync(directory.fd) != 0) fail("syncing " + directory_);
}

}  // namespace node
