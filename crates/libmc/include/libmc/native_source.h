// What a native node tells the metachain about its best chain, for handshake and sync.
#ifndef LIBMC_NATIVE_SOURCE_H
#define LIBMC_NATIVE_SOURCE_H

#include <cstdint>

// Declared by the generated half of libmc.h, which includes this file first.
namespace rust {
inline namespace cxxbridge1 {
template <typename T>
class Vec;
}
}  // namespace rust

namespace metachain {

struct NativeTip;
struct MetaNativeBlock;

/// The native node's best chain, as it answers questions about it. A host derives from this class.
///
/// Called on the thread that called `handshake` or `sync`, one call at a time, while no lock of the
/// library is held: the answers may call it. Whatever they throw ends the handshake or sync, which
/// throws it again as an error with the code ABORTED, or with its own where its message begins with one.
class NativeSource {
 public:
  virtual ~NativeSource() = default;

  /// Its tip.
  virtual NativeTip tip() = 0;

  /// The hash of its block at a height at or below the tip; empty where it has none.
  virtual rust::Vec<std::uint8_t> hash(std::uint64_t native_height) = 0;

  /// Its block at a height, written to `block`; false if that block carries no metachain block.
  virtual bool block(std::uint64_t native_height, MetaNativeBlock& block) = 0;

  /// Hears after each block how many are done, of how many; throwing stops the sync.
  virtual void progress(std::uint64_t done, std::uint64_t total);

  // What the library calls: the functions above, with every exception made one that it can read.
  void call_tip(NativeTip& tip);
  void call_hash(std::uint64_t native_height, rust::Vec<std::uint8_t>& hash);
  bool call_block(std::uint64_t native_height, MetaNativeBlock& block);
  void call_progress(std::uint64_t done, std::uint64_t total);
};

}  // namespace metachain

#endif
