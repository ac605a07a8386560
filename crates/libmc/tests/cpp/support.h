// What the test programs share: a chain in memory, native blocks around its payloads, temporary folders.
#ifndef LIBMC_TESTS_SUPPORT_H
#define LIBMC_TESTS_SUPPORT_H

#include <libain_rpc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "check.h"

namespace support {

using Hash = std::array<std::uint8_t, 32>;

inline const std::string kAlice = "0x0101010101010101010101010101010101010101";
inline const std::string kBob = "0x0202020202020202020202020202020202020202";
inline const std::string kParameters =
    "chain_id=tests network=opaque native_start=100 genesis_time=1000 balance=" + kAlice + ":1000";
inline const std::string kInMemory = "memory=1 " + kParameters;

inline Hash hash_of(unsigned number) {
  Hash hash{};
  hash.fill(0x5a);
  hash[0] = static_cast<std::uint8_t>(number);
  hash[1] = static_cast<std::uint8_t>(number >> 8);
  return hash;
}

template <typename List>
std::string hex(const List& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

inline DmcTx tx(const std::string& from, const std::string& to, std::int64_t amount) {
  return {from, to, amount, {}};
}

/// The native block `native` on block `parent`, carrying these transactions and this payload.
inline metachain::MetaNativeBlock native_block(unsigned parent, unsigned native, std::uint64_t height, const DmcBlock& minted,
                                               const std::vector<DmcTx>& txs) {
  metachain::MetaNativeBlock block{};
  block.native_hash = metachain::bytes(hash_of(native));
  block.native_height = height;
  block.native_parent_hash = metachain::bytes(hash_of(parent));
  block.time = 2000;
  block.payload = minted.payload;
  for (const DmcTx& tx : txs) block.carried.txs.push_back(tx);
  return block;
}

inline metachain::MetaContext context(unsigned parent, std::uint64_t height) {
  metachain::MetaContext context{};
  context.native_height = height;
  context.native_parent_hash = metachain::bytes(hash_of(parent));
  context.time = 2000;
  return context;
}

/// A folder that goes away with the test.
struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "libmc-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

/// Whatever a test leaves running is not the next one's problem.
struct Stopped {
  ~Stopped() {
    try {
      stop();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "stop: %s\n", error.what());
    }
  }
};

}  // namespace support

#endif
