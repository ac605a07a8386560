// The chain in this process: every function, every kind of failure, many threads at once.

#include <atomic>
#include <thread>

#include "support.h"

using namespace support;
using metachain::MetaConnectStatus;
using metachain::MetaHandshakeStatus;

TEST(mints_and_connects_without_a_context) {
  const Stopped stopped;
  start(kInMemory);
  CHECK(metachain::running());
  const std::vector<DmcTx> txs = {{"alice on the native chain", kBob, 50, {}}, {kAlice, kBob, 7, {}}};
  const DmcBlock minted = mint_block(txs);
  CHECK_EQUAL(minted.height, 1u);
  CHECK_EQUAL(minted.accepted, 2u);
  CHECK_EQUAL(minted.supply, 1050u);
  CHECK_EQUAL(minted.rejected.size(), 0u);
  CHECK_EQUAL(minted.hash.size(), 32u);

  metachain::MetaNativeBlock block{};
  block.native_hash = metachain::bytes(hash_of(1));
  block.native_height = 100;
  block.native_parent_hash = metachain::bytes(Hash{});
  block.time = 1000;
  block.payload = minted.payload;
  block.carried.txs.push_back(txs[0]);
  block.carried.txs.push_back(txs[1]);
  const auto connected = connect_block(block);
  CHECK(connected.status == MetaConnectStatus::Connected);
  CHECK_EQUAL(hex(connected.hash), hex(minted.hash));
  CHECK(connect_block(block).status == MetaConnectStatus::Known);

  // The next one needs no context either: the tip says what it stands on.
  const auto tip = metachain::tip();
  CHECK(tip.has_native_height);
  CHECK_EQUAL(tip.native_height, 100u);
  CHECK_EQUAL(hex(tip.native_hash), hex(hash_of(1)));
  CHECK_EQUAL(tip.durable_height, 1u);
  CHECK_EQUAL(mint_block({}).height, 2u);
  CHECK_EQUAL(metachain::account(kBob).account.balance, 57u);
  CHECK_EQUAL(metachain::account(kAlice).account.sequence, 1u);
  CHECK(!metachain::account("0x0303030303030303030303030303030303030303").has_account);
}

TEST(minting_changes_nothing_and_is_repeatable) {
  auto chain = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {tx(kAlice, kBob, 1)};
  const DmcBlock once = chain->mint_block(context(9, 100), txs);
  const DmcBlock again = chain->mint_block(context(9, 100), txs);
  CHECK_EQUAL(hex(once.payload), hex(again.payload));
  CHECK_EQUAL(chain->tip().height, 0u);
}

TEST(what_cannot_be_executed_is_named_and_left_out) {
  auto chain = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {tx(kAlice, kBob, 1001), tx(kAlice, "0x12", 1), tx("a", "b", 1), tx(kAlice, kBob, 0),
                                  tx(kAlice, kBob, -1), tx(kAlice, kBob, 1000)};
  const DmcBlock minted = chain->mint_block(txs);
  const char* codes[] = {"INSUFFICIENT_BALANCE", "INVALID_ADDRESS", "INVALID_KIND", "INVALID_AMOUNT", "INVALID_AMOUNT"};
  CHECK_EQUAL(minted.accepted, 1u);
  CHECK_EQUAL(minted.rejected.size(), 5u);
  for (std::uint32_t index = 0; index < 5; ++index) {
    CHECK_EQUAL(minted.rejected[index].index, index);
    CHECK_EQUAL(std::string(minted.rejected[index].code), codes[index]);
    CHECK(!minted.rejected[index].message.empty());
  }
  CHECK(minted.rejected[0].has_balance);
  CHECK_EQUAL(minted.rejected[0].balance, 1000u);
}

TEST(errors_begin_with_their_code_and_say_the_rest) {
  auto chain = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {tx(kAlice, kBob, 5)};
  const DmcBlock minted = chain->mint_block(context(0, 100), txs);
  auto block = native_block(0, 1, 100, minted, txs);
  auto lied = block;
  lied.carried.txs[0].amount = 6;
  CHECK_THROWS("INVALID_TRANSACTIONS", chain->connect_block(lied));
  CHECK(metachain::last_error().verdict);
  lied = block;
  lied.payload[lied.payload.size() - 1] ^= 1;
  CHECK_THROWS("INVALID_ENCODING", chain->connect_block(lied));
  chain->connect_block(block);
  auto conflict = block;
  conflict.payload[0] ^= 1;
  try {
    chain->connect_block(conflict);
    CHECK(false);
  } catch (const std::exception& error) {
    CHECK_EQUAL(metachain::error_code(error), "CONFLICT");
    const auto info = metachain::last_error();
    CHECK_EQUAL(std::string(error.what()), std::string(info.code) + ": " + std::string(info.message));
    CHECK(!info.verdict && !info.retryable && !info.fatal);
    CHECK_EQUAL(info.details.size(), 2u);
    CHECK_EQUAL(std::string(info.details[1].name), "nativeHash");
    CHECK_EQUAL(std::string(info.details[1].value), hex(hash_of(1)));
  }
  CHECK_THROWS("UNKNOWN_PARENT", chain->mint_block(context(77, 101), {}));
  CHECK(metachain::last_error().retryable);
  CHECK_THROWS("BAD_ARGUMENT", chain->mint_block(context(1, 200), {}));
  CHECK_EQUAL(metachain::error_code(std::runtime_error("no code")), "");
  CHECK_EQUAL(metachain::error_code(std::runtime_error("Not: a code")), "");
}

TEST(arguments_of_the_wrong_length_are_refused) {
  auto chain = metachain::open(kInMemory);
  std::vector<DmcTx> txs = {tx(kAlice, kBob, 5)};
  txs[0].txid.push_back(1);
  CHECK_THROWS("BAD_ARGUMENT", chain->mint_block(txs));
  auto short_parent = context(0, 100);
  short_parent.native_parent_hash = {};
  CHECK_THROWS("BAD_ARGUMENT", chain->mint_block(short_parent, {}));
  const std::uint8_t three[3] = {1, 2, 3};
  CHECK_THROWS("BAD_ARGUMENT", chain->disconnect_block({three, 3}));
  CHECK_THROWS("INVALID_ADDRESS", chain->account("alice"));
  CHECK_THROWS("BAD_ARGUMENT", chain->block(metachain::MetaBlockRef{}));
  auto two = metachain::by_height(1);
  two.hash = metachain::bytes(hash_of(1));
  CHECK_THROWS("BAD_ARGUMENT", chain->block(two));
  const auto minted = chain->mint_block(context(0, 100), {});
  auto block = native_block(0, 1, 100, minted, {});
  block.carried.unchecked = true;
  block.carried.tx_root = metachain::bytes(hash_of(1));
  CHECK_THROWS("BAD_ARGUMENT", chain->connect_block(block));
}

TEST(text_that_is_no_utf8_never_reaches_the_chain) {
  const std::string broken = "\xff\xfe";
  bool threw = false;
  try {
    const rust::String text(broken);
  } catch (const std::invalid_argument&) {
    threw = true;
  }
  CHECK(threw);
  auto chain = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {{rust::String::lossy(broken), kBob, 5, {}}};
  CHECK_EQUAL(std::string(chain->mint_block(txs).rejected[0].code), "INVALID_ADDRESS");
}

TEST(a_chain_can_be_taken_back_and_followed_again) {
  auto chain = metachain::open(kInMemory);
  std::vector<metachain::MetaNativeBlock> blocks;
  std::vector<std::string> roots = {hex(chain->tip().state_root)};
  for (unsigned n = 1; n <= 5; ++n) {
    const std::vector<DmcTx> txs = {tx("someone", kBob, static_cast<std::int64_t>(n))};
    const auto minted = chain->mint_block(context(n - 1, 99 + n), txs);
    blocks.push_back(native_block(n - 1, n, 99 + n, minted, txs));
    const auto candidate = chain->check_block({blocks.back().native_height, blocks.back().native_parent_hash,
                                               blocks.back().time, blocks.back().payload, blocks.back().carried});
    CHECK_EQUAL(hex(candidate.hash), hex(minted.hash));
    chain->connect_block(blocks.back());
    roots.push_back(hex(chain->tip().state_root));
  }
  const Hash four = hash_of(4);
  CHECK_THROWS("NOT_TIP", chain->disconnect_block({four.data(), 32}));
  for (unsigned n = 5; n >= 3; --n) {
    const Hash tip = hash_of(n);
    CHECK_EQUAL(hex(chain->disconnect_block({tip.data(), 32}).state_root), roots[n - 1]);
  }
  for (unsigned n = 3; n <= 5; ++n) {
    CHECK(chain->connect_block(blocks[n - 1]).status == MetaConnectStatus::Connected);
    CHECK_EQUAL(hex(chain->tip().state_root), roots[n]);
  }
  const Hash two = hash_of(2);
  chain->finalize_block({two.data(), 32});
  for (unsigned n = 5; n >= 3; --n) {
    const Hash tip = hash_of(n);
    chain->disconnect_block({tip.data(), 32});
  }
  CHECK_THROWS("FINALIZED", chain->disconnect_block({two.data(), 32}));
}

TEST(blocks_withdrawals_and_proofs_are_answered) {
  auto chain = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {{kAlice, "a native address", 10, metachain::bytes(hash_of(70))}, tx(kAlice, kBob, 1)};
  const auto minted = chain->mint_block(context(0, 100), txs);
  chain->connect_block(native_block(0, 1, 100, minted, txs));
  const auto by_native = chain->block(metachain::by_native_hash(hash_of(1)));
  CHECK(by_native.has_block);
  CHECK_EQUAL(by_native.block.txs.size(), 2u);
  CHECK_EQUAL(std::string(by_native.block.txs[0].to), "a native address");
  CHECK_EQUAL(hex(chain->block(metachain::by_hash(minted.hash)).block.state_root), hex(minted.state_root));
  CHECK(!chain->block(metachain::by_height(2)).has_block);
  CHECK_EQUAL(hex(chain->payload(metachain::by_height(1)).payload), hex(minted.payload));
  CHECK(chain->payload(metachain::by_height(9)).payload.empty());

  const auto withdrawals = chain->withdrawals(metachain::by_native_hash(hash_of(1)));
  CHECK_EQUAL(withdrawals.size(), 1u);
  CHECK_EQUAL(withdrawals[0].amount, 10);
  CHECK_EQUAL(hex(withdrawals[0].txid), hex(hash_of(70)));
  CHECK_THROWS("BAD_ARGUMENT", chain->withdrawals(metachain::by_height(7)));

  const auto slice = [](const rust::Vec<std::uint8_t>& bytes) {
    return rust::Slice<const std::uint8_t>(bytes.data(), bytes.size());
  };
  const auto account = chain->prove_account(kAlice);
  CHECK_EQUAL(metachain::verify_account_proof(slice(account.root), kAlice, slice(account.proof)).account.balance, 989u);
  CHECK_THROWS("INVALID_PROOF", metachain::verify_account_proof(slice(account.root), kBob, slice(account.proof)));
  const auto withdrawal = chain->prove_withdrawal(metachain::by_height(1), 0);
  CHECK_EQUAL(metachain::verify_withdrawal_proof(slice(withdrawal.root), slice(withdrawal.proof), "opaque").amount, 10);
  CHECK_THROWS("BAD_ARGUMENT", chain->prove_withdrawal(metachain::by_height(1), 1));
  const auto version = chain->version();
  CHECK_EQUAL(std::string(version.chain_id), "tests");
  CHECK_EQUAL(std::string(version.network), "opaque");
}

TEST(a_root_stands_for_the_transactions) {
  auto chain = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {tx(kAlice, kBob, 5)};
  const auto minted = chain->mint_block(context(0, 100), txs);
  auto block = native_block(0, 1, 100, minted, {});
  CHECK_THROWS("INVALID_TRANSACTIONS", chain->connect_block(block));
  block.carried.tx_root = metachain::tx_root(txs, "opaque");
  CHECK(chain->connect_block(block).status == MetaConnectStatus::Connected);
  CHECK_THROWS("BAD_ARGUMENT", metachain::tx_root({tx("a", "b", 1)}, "opaque"));
}

// A native chain of blocks with hashes 1, 2, 3, … from height 100 on, as handshake and sync see it.
struct Native : metachain::NativeSource {
  std::vector<metachain::MetaNativeBlock> blocks;
  std::vector<std::uint64_t> heard;
  int questions = 0;
  int fail_at_question = -1;
  int throw_int_at_question = -1;
  bool tell_locked = false;
  std::uint64_t locked = 0;

  void question() {
    if (questions == throw_int_at_question) throw 7;
    if (questions++ == fail_at_question) throw std::runtime_error("the node is busy");
  }
  metachain::NativeTip tip() override {
    question();
    const auto& last = blocks.back();
    return {last.native_height, last.native_hash, tell_locked, locked};
  }
  rust::Vec<std::uint8_t> hash(std::uint64_t height) override {
    question();
    return blocks.at(height - 100).native_hash;
  }
  bool block(std::uint64_t height, metachain::MetaNativeBlock& out) override {
    question();
    out = blocks.at(height - 100);
    return true;
  }
  void progress(std::uint64_t done, std::uint64_t) override {
    heard.push_back(done);
    if (heard.size() == 1000) throw std::runtime_error("enough");
  }
};

/// Mines `count` blocks on a chain of its own, whose hashes begin with `first`.
static std::vector<metachain::MetaNativeBlock> mined(unsigned first, unsigned count) {
  auto chain = metachain::open(kInMemory);
  std::vector<metachain::MetaNativeBlock> blocks;
  for (unsigned n = 0; n < count; ++n) {
    const unsigned parent = n == 0 ? 0 : first + n - 1;
    const std::vector<DmcTx> txs = {tx(kAlice, kBob, static_cast<std::int64_t>(first))};
    const auto minted = chain->mint_block(context(parent, 100 + n), txs);
    blocks.push_back(native_block(parent, first + n, 100 + n, minted, txs));
    chain->connect_block(blocks.back());
  }
  return blocks;
}

TEST(handshake_and_sync_follow_the_native_chain) {
  auto chain = metachain::open(kInMemory);
  Native native;
  native.blocks = mined(1, 30);
  CHECK(chain->handshake(native).status == MetaHandshakeStatus::Replay);
  CHECK_EQUAL(chain->sync(native).height, 30u);
  CHECK(chain->handshake(native).status == MetaHandshakeStatus::InSync);
  CHECK_EQUAL(native.heard.size(), 30u);
  // Another branch from block 20 on.
  auto other = mined(1, 20);
  {
    auto branch = metachain::open(kInMemory);
    for (const auto& block : other) branch->connect_block(block);
    for (unsigned n = 20; n < 40; ++n) {
      const unsigned parent = n == 20 ? 20 : 499 + n;
      const auto minted = branch->mint_block(context(parent, 100 + n), {});
      other.push_back(native_block(parent, 500 + n, 100 + n, minted, {}));
      branch->connect_block(other.back());
    }
  }
  native.blocks = other;
  const auto found = chain->handshake(native);
  CHECK(found.status == MetaHandshakeStatus::Unwind);
  CHECK_EQUAL(found.native_height, 119u);
  CHECK_EQUAL(chain->sync(native).height, 40u);
  CHECK_EQUAL(hex(chain->tip().native_hash), hex(hash_of(539)));
  // Behind: the native node lost its last blocks.
  native.blocks.resize(35);
  CHECK(chain->handshake(native).status == MetaHandshakeStatus::Unwind);
  CHECK_EQUAL(chain->sync(native).height, 35u);
  native.tell_locked = true;
  native.locked = 1000;
  CHECK(chain->handshake(native).status == MetaHandshakeStatus::InSync);
  native.locked = 999;
  CHECK_THROWS("LOCKED_MISMATCH", chain->handshake(native));
}

TEST(what_the_native_node_throws_comes_back) {
  Native native;
  native.blocks = mined(1, 3);
  for (int question = 0; question < 5; ++question) {
    auto fresh = metachain::open(kInMemory);
    native.questions = 0;
    native.fail_at_question = question;
    CHECK_THROWS("ABORTED", fresh->sync(native));
    CHECK(std::string(metachain::last_error().message).find("the node is busy") != std::string::npos);
    // What was connected before it stays, and the next sync goes on from there.
    native.fail_at_question = -1;
    CHECK_EQUAL(fresh->sync(native).height, 3u);
  }
  auto chain = metachain::open(kInMemory);
  native.questions = 0;
  native.fail_at_question = -1;
  native.throw_int_at_question = 1;
  CHECK_THROWS("ABORTED", chain->sync(native));
  native.throw_int_at_question = -1;
  native.heard.resize(999);
  CHECK_THROWS("ABORTED", chain->sync(native));
  CHECK_EQUAL(chain->sync(native).height, 3u);
}

TEST(an_answer_may_use_the_chain_that_asks) {
  struct Curious : Native {
    metachain::Chain* chain = nullptr;
    metachain::NativeTip tip() override {
      chain->tip();
      chain->mint_block({});
      return Native::tip();
    }
    void progress(std::uint64_t done, std::uint64_t total) override {
      if (done == total) chain->close();
    }
  };
  auto chain = metachain::open(kInMemory);
  Curious native;
  native.chain = &*chain;
  native.blocks = mined(1, 3);
  CHECK_THROWS("CLOSED", chain->sync(native));
}

TEST(many_threads_use_one_chain) {
  const Stopped stopped;
  start(kInMemory);
  const auto blocks = mined(1, 60);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::atomic<int> minted{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&] {
      while (!done) {
        try {
          if (metachain::tip().supply != 1000) ++wrong;
          if (metachain::account(kAlice).account.balance + metachain::account(kBob).account.balance == 0) ++wrong;
          const std::vector<DmcTx> txs = {tx(kAlice, kBob, 1)};
          const auto height = mint_block(txs).height;
          if (height < 1 || height > 61) ++wrong;
          ++minted;
        } catch (const std::exception& error) {
          std::fprintf(stderr, "%s\n", error.what());
          ++wrong;
        }
      }
    });
  }
  for (int round = 0; round < 3; ++round) {
    for (const auto& block : blocks) connect_block(block);
    for (unsigned n = 60; n >= 1; --n) {
      const Hash hash = hash_of(n);
      disconnect_block({hash.data(), 32});
    }
  }
  while (minted < 8 && wrong == 0) std::this_thread::yield();
  done = true;
  for (auto& thread : threads) thread.join();
  CHECK_EQUAL(wrong.load(), 0);
  CHECK_EQUAL(metachain::tip().height, 0u);
}

TEST(addresses_are_read_and_written_one_way) {
  CHECK_EQUAL(std::string(metachain::canonical_address("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", "opaque")),
              "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
  CHECK_THROWS("INVALID_ADDRESS", metachain::canonical_address("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "opaque"));
  CHECK_THROWS("BAD_ARGUMENT", metachain::canonical_address("a", "mars"));
}

int main(int count, char** words) { return check::run(count, words); }
