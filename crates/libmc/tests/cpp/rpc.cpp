// The client against a server in another process: the same bytes and codes, and failures of the way
// between. Arguments: the server's address and token, then that of a port where nobody listens.

#include <thread>

#include "support.h"

using namespace support;

static std::string url;
static std::string token;
static std::string nowhere;

static rust::Box<metachain::Client> client() {
  metachain::ClientSettings settings{};
  settings.token = token;
  settings.chain_id = "tests";
  return NewClient(url, settings);
}

static rust::Slice<const std::uint8_t> hash_slice(const Hash& hash) { return {hash.data(), hash.size()}; }

TEST(the_client_gets_the_bytes_that_the_library_makes) {
  const auto remote = client();
  const auto local = metachain::open(kInMemory);
  const std::vector<DmcTx> txs = {tx("someone", kBob, 5), tx(kAlice, "somebody", 7), tx(kAlice, kBob, 5000)};
  MetaBlockInput input{};
  for (const DmcTx& tx : txs) input.txs.push_back(tx);
  input.has_context = true;
  input.context = context(0, 100);
  const metachain::MetaBlockResult far = CallMetaMintBlock(remote, input);
  const DmcBlock near = local->mint_block(context(0, 100), txs);
  CHECK_EQUAL(hex(far.payload), hex(near.payload));
  CHECK_EQUAL(hex(far.hash), hex(near.hash));
  CHECK_EQUAL(far.rejected.size(), 1u);
  CHECK_EQUAL(std::string(far.rejected[0].code), "INSUFFICIENT_BALANCE");
  CHECK_EQUAL(far.rejected[0].balance, 993u);

  const std::vector<DmcTx> carried = {txs[0], txs[1]};
  const auto block = native_block(0, 1, 100, near, carried);
  CHECK(metachain::CallMetaConnectBlock(remote, block).status == metachain::MetaConnectStatus::Connected);
  local->connect_block(block);
  CHECK_EQUAL(hex(metachain::CallMetaGetTip(remote, {}).state_root), hex(local->tip().state_root));
  CHECK_EQUAL(metachain::CallMetaGetAccount(remote, {kBob}).account.balance, 5u);
  CHECK(!metachain::CallMetaGetAccount(remote, {"0x0909090909090909090909090909090909090909"}).has_account);
  const auto withdrawals = metachain::CallMetaGetWithdrawals(remote, metachain::by_native_hash(hash_of(1)));
  CHECK_EQUAL(std::string(withdrawals.withdrawals[0].to), "somebody");
  CHECK_EQUAL(metachain::CallMetaGetSupply(remote, {}).supply, 998u);
  CHECK_EQUAL(std::string(metachain::CallMetaGetVersion(remote, {}).chain_id), "tests");
  metachain::MetaHandshakeInput tip{};
  tip.native_height = 100;
  tip.native_hash = metachain::bytes(hash_of(1));
  CHECK(metachain::CallMetaHandshake(remote, tip).status == metachain::MetaHandshakeStatus::InSync);
  CHECK_EQUAL(metachain::CallMetaDisconnectBlock(remote, {metachain::bytes(hash_of(1))}).height, 0u);
  local->disconnect_block(hash_slice(hash_of(1)));

  // What happened is told alike, on both sides and behind each cursor.
  const auto there = metachain::CallMetaGetEvents(remote, {});
  const auto here = local->events({});
  CHECK_EQUAL(here.events.size(), 2u);
  CHECK_EQUAL(there.events.size(), 2u);
  for (std::size_t at = 0; at < 2; ++at) {
    CHECK(here.events[at].kind == (at == 0 ? metachain::MetaEventKind::Connected : metachain::MetaEventKind::Disconnected));
    CHECK(there.events[at].kind == here.events[at].kind);
    CHECK_EQUAL(hex(there.events[at].block.hash), hex(here.events[at].block.hash));
    metachain::MetaEventsInput after{};
    after.after = here.events[at].cursor;
    CHECK_EQUAL(local->events(after).events.size(), 1 - at);
    CHECK_THROWS("CURSOR_UNKNOWN", metachain::CallMetaGetEvents(remote, after));
  }
}

TEST(the_servers_errors_come_with_their_codes) {
  const auto remote = client();
  CHECK_THROWS("NOT_TIP", metachain::CallMetaDisconnectBlock(remote, {metachain::bytes(hash_of(9))}));
  CHECK(!metachain::last_error().verdict);
  CHECK_THROWS("INVALID_ADDRESS", metachain::CallMetaGetAccount(remote, {"0x12"}));
  const auto minted = CallMetaMintBlock(remote, {});
  auto block = native_block(0, 1, 100, minted, {});
  block.payload[block.payload.size() - 1] ^= 1;
  CHECK_THROWS("INVALID_ENCODING", metachain::CallMetaConnectBlock(remote, block));
}

TEST(wrong_tokens_addresses_and_chains_are_told_apart) {
  metachain::ClientSettings settings{};
  settings.token = "this is not it!!";
  CHECK_THROWS("BAD_ARGUMENT", NewClient(url, settings));
  settings.token = "this-is-not-the-token";
  CHECK_THROWS("RPC_UNAUTHORIZED", metachain::CallMetaGetTip(NewClient(url, settings), {}));
  CHECK_THROWS("RPC_UNAUTHORIZED", metachain::CallMetaGetTip(NewClient(url), {}));
  CHECK_THROWS("RPC_UNAVAILABLE", metachain::CallMetaGetTip(NewClient(nowhere), {}));
  CHECK(metachain::last_error().retryable);
  CHECK_THROWS("BAD_ARGUMENT", NewClient("not an address"));
  settings.token = token;
  settings.chain_id = "another chain";
  CHECK_THROWS("GENESIS_MISMATCH", metachain::CallMetaGetTip(NewClient(url, settings), {}));
  settings.jwt_key = metachain::bytes(hash_of(1));
  CHECK_THROWS("BAD_ARGUMENT", NewClient(url, settings));
}

TEST(threads_share_a_client) {
  const auto remote = client();
  std::vector<std::thread> threads;
  std::vector<std::string> failures(4);
  for (std::string& failure : failures) {
    threads.emplace_back([&failure, &remote] {
      try {
        for (int round = 0; round < 20; ++round) {
          if (CallMetaMintBlock(remote, {}).height != 1) failure = "another height";
        }
      } catch (const std::exception& error) {
        failure = error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const std::string& failure : failures) CHECK_EQUAL(failure, "");
}

int main(int count, char** words) {
  if (count < 4) return 2;
  url = words[1];
  token = words[2];
  nowhere = words[3];
  return check::run(1, words);
}
