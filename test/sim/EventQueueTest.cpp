#include "runtime/sim/EventQueue.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <tuple>
#include <vector>

using namespace of::rt;

namespace {

struct Numbered {
  int64_t atNs = 0;
  uint64_t number = 0; ///< of its creation
};

} // namespace

TEST_CASE("events come by time, those of one time in the order in which they were pushed") {
  std::mt19937_64 random(1);
  // Delays of 0, of a few, and of many bits; many of one time.
  const auto delay = [&]() -> int64_t {
    switch (random() % 4) {
    case 0:
      return 0;
    case 1:
      return int64_t(random() % 4);
    case 2:
      return int64_t(1000 * (random() % 3));
    default:
      return int64_t(random() >> (1 + random() % 62) & (uint64_t(1) << 50) - 1);
    }
  };
  EventQueue<Numbered> queue;
  std::vector<Numbered> waiting; // in the order in which they must come
  uint64_t created = 0;
  for (int step = 0; step < 20000; ++step) {
    if (waiting.empty() || random() % 100 < (step < 10000 ? 60 : 45)) {
      const Numbered event{queue.nowNs() + delay(), created++};
      queue.push(event);
      waiting.insert(
          std::upper_bound(waiting.begin(), waiting.end(), event,
                           [](const Numbered &a, const Numbered &b) { return a.atNs < b.atNs; }),
          event);
      continue;
    }
    Numbered event;
    REQUIRE(queue.pop(event));
    REQUIRE(event.number == waiting.front().number);
    REQUIRE(queue.nowNs() == event.atNs);
    waiting.erase(waiting.begin());
  }
}

TEST_CASE("the newest event of a time is found as long as nothing came after it") {
  EventQueue<Numbered> queue;
  REQUIRE(queue.newest(5) == nullptr);
  queue.push({5, 1});
  REQUIRE(queue.newest(5)->number == 1);
  queue.push({5, 2});
  REQUIRE(queue.newest(5)->number == 2);
  Numbered event;
  REQUIRE(queue.pop(event));
  REQUIRE(queue.newest(5)->number == 2);
  REQUIRE(queue.pop(event));
  REQUIRE(event.number == 2);
  REQUIRE(queue.newest(5) == nullptr); // it has come: nothing can join it any more
  REQUIRE_FALSE(queue.pop(event));
}
