// Bytes on disk and between nodes: numbers little-endian, texts and lists with their length before them.
#ifndef NATIVE_NODE_BYTES_H
#define NATIVE_NODE_BYTES_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace node {

using Bytes = std::vector<std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>;

/// Bytes that are not what they should be.
struct Malformed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Appends values to bytes.
class Writer {
 public:
  void number(std::uint64_t value, int size) {
    for (int at = 0; at < size; ++at) out_.push_back(static_cast<std::uint8_t>(value >> (8 * at)));
  }
  void hash(const Hash& hash) { out_.insert(out_.end(), hash.begin(), hash.end()); }
  template <typename List>
  void list(const List& list) {
    number(list.size(), 4);
    out_.insert(out_.end(), list.begin(), list.end());
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

/// Reads values from bytes; throws Malformed where they end too early.
class Reader {
 public:
  /// Reads from bytes that must outlive it.
  explicit Reader(const Bytes& bytes) : Reader(bytes.data(), bytes.size()) {}
  Reader(const std::uint8_t* bytes, std::size_t size) : at_(bytes), end_(bytes + size) {}
  explicit Reader(Bytes&&) = delete;

  std::uint64_t number(int size) {
    const std::uint8_t* from = take(static_cast<std::size_t>(size));
    std::uint64_t value = 0;
    for (int at = 0; at < size; ++at) value |= static_cast<std::uint64_t>(from[at]) << (8 * at);
    return value;
  }
  Hash hash() {
    Hash hash;
    const std::uint8_t* from = take(hash.size());
    std::copy(from, from + hash.size(), hash.begin());
    return hash;
  }
  Bytes bytes() {
    const auto size = static_cast<std::size_t>(number(4));
    const std::uint8_t* from = take(size);
    return Bytes(from, from + size);
  }
  std::string text() {
    const Bytes raw = bytes();
    return std::string(raw.begin(), raw.end());
  }
  /// Refuses what stands behind the last value.
  void finish() const {
    if (at_ != end_) throw Malformed("bytes are left over");
  }

 private:
  const std::uint8_t* take(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) throw Malformed("the bytes end too early");
    const std::uint8_t* from = at_;
    at_ += size;
    return from;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

template <typename List>
std::string to_hex(const List& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

inline Bytes from_hex(const std::string& text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw Malformed("not a hex digit");
  };
  if (text.size() % 2 != 0) throw Malformed("an odd number of hex digits");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size(); at += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(text[at]) << 4 | digit(text[at + 1])));
  }
  return bytes;
}

/// A hash from a list of bytes whose length the library promises.
template <typename List>
Hash to_hash(const List& bytes) {
  Hash hash;
  if (bytes.size() != hash.size()) throw Malformed("a hash has 32 bytes");
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

}  // namespace node

#endif
