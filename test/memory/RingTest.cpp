#include "runtime/memory/Ring.h"
#include "runtime/memory/Chunk.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace of;
using namespace of::rt;

namespace {

struct Value {
  uint64_t a = 0, b = 0;
};

/// Two Rings over the same memory, as producer and consumer have.
struct Ends {
  explicit Ends(uint32_t capacity)
      : chunk(std::move(*Chunk::allocate(Ring<Value>::bytesFor(capacity), true))),
        in(chunk.data(), capacity), out(chunk.data(), capacity) {}
  Chunk chunk;
  Ring<Value> in, out;
};

} // namespace

TEST_CASE("a ring hands on what was put in, in order, until it is full") {
  Ends ends(16);
  Value value;
  REQUIRE_FALSE(ends.out.pop(value));
  for (uint64_t round = 0; round < 10; ++round) { // several times around
    for (uint64_t i = 0; i < 16; ++i)
      REQUIRE(ends.in.push({i, round}));
    REQUIRE_FALSE(ends.in.push({}));
    for (uint64_t i = 0; i < 16; ++i) {
      REQUIRE(ends.out.pop(value));
      REQUIRE((value.a == i && value.b == round));
    }
    REQUIRE_FALSE(ends.out.pop(value));
  }
}

TEST_CASE("a ring has room again for every value that is taken") {
  Ends ends(16);
  Value value;
  for (uint64_t i = 0; i < 16; ++i)
    REQUIRE(ends.in.push({i, 0}));
  for (uint64_t i = 16; i < 100; ++i) {
    REQUIRE_FALSE(ends.in.push({i, 0}));
    REQUIRE(ends.out.pop(value));
    REQUIRE(value.a == i - 16);
    REQUIRE(ends.in.push({i, 0}));
  }
}

static void pushAll(Ends &ends, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i)
    while (!ends.in.push({i, ~i}))
      std::this_thread::yield();
}

/// How many of what comes are not what was pushed.
static uint64_t countWrong(Ends &ends, uint64_t count) {
  uint64_t wrong = 0;
  for (uint64_t i = 0; i < count; ++i) {
    Value value;
    while (!ends.out.pop(value))
      std::this_thread::yield();
    wrong += value.a != i || value.b != ~i;
  }
  return wrong;
}

TEST_CASE("two threads see whole values in order") {
  constexpr uint64_t kValues = 200000;
  Ends ends(32);
  std::thread producer([&] { pushAll(ends, kValues); });
  const uint64_t wrong = countWrong(ends, kValues);
  producer.join();
  REQUIRE(wrong == 0);
}

TEST_CASE("two processes see whole values in order") {
  constexpr uint64_t kValues = 20000;
  Ends ends(32);
  const pid_t child = ::fork();
  if (child == 0) {
    pushAll(ends, kValues);
    ::_exit(0);
  }
  const uint64_t wrong = countWrong(ends, kValues);
  int status = -1;
  ::waitpid(child, &status, 0);
  REQUIRE(status == 0);
  REQUIRE(wrong == 0);
}
