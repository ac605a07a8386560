// A panic planted in each function comes out as INTERNAL_PANIC, and the library works on. Linked with a
// library that was built for this test; an ordinary one has no such functions.

#include <cstdlib>

#include "support.h"

using namespace support;

/// Makes a call with a panic planted in it; returns what it threw.
template <typename Call>
static std::string thrown_by(const char* name, Call call) {
  ::setenv("LIBMETACHAIN_PANIC_IN", name, 1);
  std::string what = "nothing was thrown";
  try {
    call();
  } catch (const std::exception& error) {
    what = error.what();
  }
  ::unsetenv("LIBMETACHAIN_PANIC_IN");
  return what;
}

template <typename Call>
static void panics_in(const char* name, Call call) {
  CHECK_EQUAL(thrown_by(name, call), std::string("INTERNAL_PANIC: a defect of this library: planted in ") + name);
  CHECK_EQUAL(std::string(metachain::last_error().code), "INTERNAL_PANIC");
}

struct Native : metachain::NativeSource {
  metachain::NativeTip tip() override { return {100, metachain::bytes(hash_of(1)), false, 0}; }
  rust::Vec<std::uint8_t> hash(std::uint64_t) override { return metachain::bytes(hash_of(1)); }
  bool block(std::uint64_t, metachain::MetaNativeBlock&) override { return false; }
};

TEST(no_panic_crosses) {
  const Stopped stopped;
  panics_in("start", [] { start(kInMemory); });
  CHECK(!metachain::running());
  start(kInMemory);
  const Hash hash{};
  const rust::Slice<const std::uint8_t> bytes(hash.data(), hash.size());
  const auto reference = metachain::by_height(1);
  Native native;
  panics_in("open", [] { metachain::open(kInMemory); });
  panics_in("mint_block", [] { mint_block({}); });
  panics_in("mint_block", [] { mint_block(context(0, 100), {}); });
  panics_in("check_block", [] { metachain::check_block({}); });
  panics_in("connect_block", [] { connect_block({}); });
  panics_in("disconnect_block", [&] { disconnect_block(bytes); });
  panics_in("finalize_block", [&] { metachain::finalize_block(bytes); });
  panics_in("flush", [] { metachain::flush(); });
  panics_in("tip", [] { metachain::tip(); });
  panics_in("account", [] { metachain::account(kAlice); });
  panics_in("block", [&] { metachain::block(reference); });
  panics_in("payload", [&] { metachain::payload(reference); });
  panics_in("withdrawals", [&] { metachain::withdrawals(reference); });
  panics_in("prove_account", [] { metachain::prove_account(kAlice); });
  panics_in("prove_withdrawal", [&] { metachain::prove_withdrawal(reference, 0); });
  panics_in("version", [] { metachain::version(); });
  panics_in("handshake", [&] { metachain::handshake(native); });
  panics_in("sync", [&] { metachain::sync(native); });
  panics_in("canonical_address", [] { metachain::canonical_address("a", "opaque"); });
  panics_in("tx_root", [] { metachain::tx_root({}, "opaque"); });
  panics_in("decode_payload", [&] { metachain::decode_payload(bytes, "opaque"); });
  panics_in("verify_account_proof", [&] { metachain::verify_account_proof(bytes, kAlice, bytes); });
  panics_in("verify_withdrawal_proof", [&] { metachain::verify_withdrawal_proof(bytes, bytes, "opaque"); });
  panics_in("NewClient", [] { NewClient("http://127.0.0.1:1"); });
  panics_in("close", [] { metachain::open(kInMemory)->close(); });
  panics_in("stop", [] { stop(); });
  CHECK(metachain::running());
}

TEST(functions_that_cannot_fail_answer_with_nothing) {
  const Stopped stopped;
  start(kInMemory);
  ::setenv("LIBMETACHAIN_PANIC_IN", "running", 1);
  CHECK(!metachain::running());
  ::setenv("LIBMETACHAIN_PANIC_IN", "copy_bytes", 1);
  CHECK(metachain::bytes(hash_of(1)).empty());
  ::setenv("LIBMETACHAIN_PANIC_IN", "last_error", 1);
  CHECK(metachain::last_error().code.empty());
  ::unsetenv("LIBMETACHAIN_PANIC_IN");
  CHECK(metachain::running());
}

TEST(a_call_of_the_client_panics_behind_the_wall_too) {
  const auto client = NewClient("http://127.0.0.1:1");
  panics_in("Call", [&] { CallMetaMintBlock(client, {}); });
}

TEST(the_chain_works_after_all_of_it) {
  auto chain = metachain::open(kInMemory);
  panics_in("mint_block", [&] { chain->mint_block({}); });
  const auto minted = chain->mint_block(context(0, 100), {});
  chain->connect_block(native_block(0, 1, 100, minted, {}));
  CHECK_EQUAL(chain->tip().height, 1u);
}

int main(int count, char** words) { return check::run(count, words); }
