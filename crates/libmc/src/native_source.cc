// Calls a host's NativeSource, and lets nothing but a std::exception back into Rust.

#include "libmc/native_source.h"

#include <stdexcept>

#include "libmc/bridge.h"

namespace metachain {
namespace {

// An exception that is none of std's would pass the wall between the languages, and end the process.
template <typename Call>
auto readable(Call call) {
  try {
    return call();
  } catch (const std::exception&) {
    throw;
  } catch (...) {
    throw std::runtime_error("the native source threw something that is no std::exception");
  }
}

}  // namespace

void NativeSource::progress(std::uint64_t, std::uint64_t) {}

void NativeSource::call_tip(NativeTip& out) {
  readable([&] { out = tip(); });
}

void NativeSource::call_hash(std::uint64_t native_height, rust::Vec<std::uint8_t>& out) {
  readable([&] { out = hash(native_height); });
}

bool NativeSource::call_block(std::uint64_t native_height, MetaNativeBlock& out) {
  return readable([&] { return block(native_height, out); });
}

void NativeSource::call_progress(std::uint64_t done, std::uint64_t total) {
  readable([&] { progress(done, total); });
}

}  // namespace metachain
