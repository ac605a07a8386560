// libmetachain for native nodes written in C++: the metachain within this process.
//
// One static library, libmetachain.a; docs/cpp.md shows how to build with it. What is declared here
// lives in the namespace `metachain`; the names that every host uses stand in the global one as well,
// unless LIBMC_NAMESPACE_ONLY is defined before this file is included.
//
// Errors are exceptions: `what()` of the std::exception begins with the code and a colon, and
// `metachain::last_error()` says the rest. Every function may be called from any thread. C++17 or later.
#ifndef LIBMC_H
#define LIBMC_H

#include <cstdint>
#include <string>

#include "libmc/bridge.h"

namespace metachain {

/// The code at the beginning of an error's `what()`, for example `UNKNOWN_PARENT`; empty where the
/// error is none of this library's.
inline std::string error_code(const std::exception& error) {
  const std::string what = error.what();
  const auto end = what.find(": ");
  if (end == std::string::npos || end == 0 ||
      what.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != end) {
    return {};
  }
  return what.substr(0, end);
}

/// Bytes as the structs here hold them, from a std::vector, a std::array or anything else that has
/// `data()` and `size()` in bytes.
template <typename Bytes>
auto bytes(const Bytes& from) -> decltype(from.data(), rust::Vec<std::uint8_t>()) {
  return copy_bytes({reinterpret_cast<const std::uint8_t*>(from.data()), from.size()});
}

/// As above, from `size` bytes at `data`.
inline rust::Vec<std::uint8_t> bytes(const void* data, std::size_t size) {
  return copy_bytes({static_cast<const std::uint8_t*>(data), size});
}

/// Names a block by its metachain height.
inline MetaBlockRef by_height(std::uint64_t height) {
  MetaBlockRef reference{};
  reference.has_height = true;
  reference.height = height;
  return reference;
}

/// Names a block by its metachain hash.
template <typename Hash>
MetaBlockRef by_hash(const Hash& hash) {
  MetaBlockRef reference{};
  reference.hash = bytes(hash);
  return reference;
}

/// Names a block by the hash of the native block that carries it.
template <typename Hash>
MetaBlockRef by_native_hash(const Hash& native_hash) {
  MetaBlockRef reference{};
  reference.native_hash = bytes(native_hash);
  return reference;
}

}  // namespace metachain

#ifndef LIBMC_NAMESPACE_ONLY
using metachain::connect_block;
using metachain::disconnect_block;
using metachain::DmcBlock;
using metachain::DmcTx;
using metachain::mint_block;
using metachain::start;
using metachain::stop;
#endif

#endif
