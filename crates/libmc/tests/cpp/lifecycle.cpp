// Start and stop in every order, by many threads, after failures, and at the end of the process.

#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "support.h"

using namespace support;

static std::string stored(const Folder& folder) { return "'datadir=" + folder.path + "/meta chain' " + kParameters; }

TEST(stop_does_nothing_where_nothing_runs) {
  stop();
  stop();
  CHECK(!metachain::running());
  CHECK_THROWS("CLOSED", metachain::tip());
  CHECK_THROWS("CLOSED", mint_block({}));
}

TEST(start_stop_start_keeps_the_chain) {
  const Folder folder;
  const Stopped stopped;
  start(stored(folder));
  const std::vector<DmcTx> txs = {tx(kAlice, kBob, 5)};
  const auto minted = mint_block(context(0, 100), txs);
  connect_block(native_block(0, 1, 100, minted, txs));
  const std::string before = hex(metachain::tip().state_root);
  stop();
  stop();
  CHECK_THROWS("CLOSED", metachain::tip());
  // The parameters are in the store: they need not be told again.
  start(std::vector<std::string>{"-datadir=" + folder.path + "/meta chain"});
  CHECK_EQUAL(hex(metachain::tip().state_root), before);
  CHECK_EQUAL(metachain::tip().height, 1u);
}

TEST(a_second_start_is_refused_and_harmless) {
  const Stopped stopped;
  start(kInMemory);
  CHECK_THROWS("BAD_ARGUMENT", start(kInMemory));
  CHECK_EQUAL(metachain::tip().height, 0u);
}

TEST(after_a_failed_start_nothing_runs_and_the_next_may_succeed) {
  const Folder folder;
  const Stopped stopped;
  CHECK_THROWS("BAD_ARGUMENT", start("datadir=" + folder.path));
  CHECK(!metachain::running());
  stop();
  CHECK_THROWS("BAD_ARGUMENT", start("memory=1 chain_id=a network=mars"));
  CHECK_THROWS("BAD_ARGUMENT", start("memory=1 'unclosed"));
  CHECK_THROWS("INTERNAL_IO", start("datadir=/dev/null/nowhere " + kParameters));
  stop();
  start(stored(folder));
  stop();
  CHECK_THROWS("GENESIS_MISMATCH", start(stored(folder) + " replay_window=3"));
  CHECK(!metachain::running());
  stop();
  start(stored(folder));
}

TEST(another_process_is_kept_out) {
  const Folder folder;
  const Stopped stopped;
  int told[2];
  CHECK(::pipe(told) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // The child opens, tells so, and holds the store until its input ends.
    ::close(told[0]);
    try {
      start(stored(folder));
      const char ready = 'r';
      if (::write(told[1], &ready, 1) != 1) ::_exit(2);
      for (;;) ::pause();
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  ::close(told[1]);
  char ready = 0;
  CHECK(::read(told[0], &ready, 1) == 1);
  ::close(told[0]);
  CHECK_THROWS("STORE_LOCKED", start(stored(folder)));
  CHECK(metachain::last_error().retryable);
  CHECK(::kill(child, SIGKILL) == 0);
  CHECK(::waitpid(child, nullptr, 0) == child);
  start(stored(folder));
}

TEST(handles_of_one_directory_share_one_chain) {
  const Folder folder;
  auto first = metachain::open(stored(folder));
  {
    auto second = metachain::open(stored(folder));
    const auto minted = second->mint_block(context(0, 100), {});
    second->connect_block(native_block(0, 1, 100, minted, {}));
    second->close();
    second->close();
    CHECK_THROWS("CLOSED", second->tip());
  }
  CHECK_EQUAL(first->tip().height, 1u);
}

TEST(a_destroyed_handle_frees_its_directory) {
  const Folder folder;
  for (int round = 0; round < 3; ++round) {
    auto chain = metachain::open(stored(folder));
    CHECK_EQUAL(chain->tip().height, 0u);
  }
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      start(stored(folder));
      stop();
      ::_exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
  }
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(threads_start_stop_and_call_as_they_like) {
  const Stopped stopped;
  std::atomic<int> started{0};
  std::atomic<int> unexpected{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < 6; ++number) {
    threads.emplace_back([&, number] {
      for (int round = 0; round < 60; ++round) {
        try {
          if (number < 2) {
            start(kInMemory);
            ++started;
          } else if (number < 4) {
            stop();
          } else {
            mint_block({});
          }
        } catch (const std::exception& error) {
          const std::string code = metachain::error_code(error);
          if (code != "CLOSED" && code != "BAD_ARGUMENT") {
            std::fprintf(stderr, "%s\n", error.what());
            ++unexpected;
          }
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK_EQUAL(unexpected.load(), 0);
  CHECK(started > 0);
}

TEST(when_stop_returns_another_start_finds_the_directory_free) {
  const Folder folder;
  const Stopped stopped;
  for (int round = 0; round < 5; ++round) {
    start(stored(folder));
    std::thread other([] { stop(); });
    stop();
    // Whichever of the two closed it, it is closed now.
    start(stored(folder));
    other.join();
    stop();
  }
}

int main(int count, char** words) { return check::run(count, words); }
