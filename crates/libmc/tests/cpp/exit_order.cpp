// The process ends while the metachain is open: stop in an atexit handler, in the destructor of a
// static object that is older or younger than the first call, in a thread_local's, or never.

#include <cstring>

#include "support.h"

static bool stop_in_static = false;
static bool stop_in_thread_local = false;

static void stop_and_tell(const char* where) {
  try {
    stop();
    stop();
    std::printf("stopped in %s\n", where);
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
  }
  std::fflush(stdout);
}

struct Static {
  ~Static() {
    if (stop_in_static) stop_and_tell("a static destructor");
  }
};
static const Static kStatic;

struct ThreadLocal {
  ~ThreadLocal() {
    if (stop_in_thread_local) stop_and_tell("a thread_local destructor");
  }
};

int main(int count, char** words) {
  const std::string how = count > 1 ? words[1] : "";
  const std::string args = count > 2 ? words[2] : support::kInMemory;
  static thread_local ThreadLocal local;
  (void)&local;
  try {
    start(args);
    if (metachain::tip().height == 0) {
      const auto minted = mint_block(support::context(0, 100), {});
      connect_block(support::native_block(0, 1, 100, minted, {}));
    }
    if (metachain::tip().height != 1) throw std::runtime_error("the block is lost");
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  if (how == "atexit") std::atexit([] { stop_and_tell("atexit"); });
  if (how == "static") stop_in_static = true;
  if (how == "thread_local") stop_in_thread_local = true;
  if (how == "never") std::printf("left running\n");
  if (how == "abort") {
    std::printf("aborted\n");
    std::fflush(stdout);
    std::_Exit(0);
  }
  return 0;
}
