// A test program in one header: TEST registers, CHECK fails the test it stands in, main runs all.
#ifndef LIBMC_TESTS_CHECK_H
#define LIBMC_TESTS_CHECK_H

#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace check {

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline std::vector<std::pair<const char*, void (*)()>>& tests() {
  static std::vector<std::pair<const char*, void (*)()>> list;
  return list;
}

struct Registered {
  Registered(const char* name, void (*test)()) { tests().emplace_back(name, test); }
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  throw Failed(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

template <typename A, typename B>
void equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (a == b) return;
  std::ostringstream message;
  message << text << ": " << a << " is not " << b;
  fail(file, line, message.str());
}

/// Runs `call`, which must throw a std::exception whose text begins with `code` and a colon.
template <typename Call>
void throws(const std::string& code, Call call, const char* text, const char* file, int line) {
  try {
    call();
  } catch (const std::exception& error) {
    const std::string what = error.what();
    if (what.rfind(code + ": ", 0) == 0) return;
    fail(file, line, std::string(text) + " threw '" + what + "', not " + code);
  }
  fail(file, line, std::string(text) + " did not throw " + code);
}

/// Runs all tests, or those whose name contains the first argument.
inline int run(int count, char** words) {
  const std::string wanted = count > 1 ? words[1] : "";
  int passed = 0;
  int failed = 0;
  for (const auto& [name, test] : tests()) {
    if (std::string(name).find(wanted) == std::string::npos) continue;
    try {
      test();
      ++passed;
    } catch (const std::exception& error) {
      ++failed;
      std::fprintf(stderr, "FAILED %s\n  %s\n", name, error.what());
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                          \
  static void name();                                       \
  static const check::Registered name##_registered{#name, name}; \
  static void name()
#define CHECK(condition) \
  do {                   \
    if (!(condition)) check::fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define CHECK_EQUAL(a, b) check::equal((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_THROWS(code, ...) check::throws(code, [&] { __VA_ARGS__; }, #__VA_ARGS__, __FILE__, __LINE__)

#endif
