// How workers hear that a program has ended on their node.
#include "runtime/node/Router.h"
#include "runtime/node/RunControl.h"
#include "test/node/ToyPlan.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace of;
using namespace of::rt;

TEST_CASE("only the last worker to leave a program ends it, and is told so") {
  RunControl control(3);
  uint32_t ended = 0;
  control.onProgramEnd = [&ended](const ProgramEntry &) { ++ended; };
  ProgramEntry entry{};
  for (uint64_t program = 0; program < 2; ++program) {
    CHECK_FALSE(control.arrive(entry));
    CHECK_FALSE(control.arrive(entry));
    CHECK(ended == program);
    CHECK_FALSE(control.passed(program));
    CHECK(control.arrive(entry));
    CHECK(ended == program + 1);
    CHECK(control.passed(program));
  }
}

TEST_CASE("a worker that sleeps is woken without a token") {
  constexpr std::chrono::seconds longest(20), soon(10);
  test::ToyPlan toy(test::ToyOptions{}, "");
  const std::vector<uint8_t> bytes = toy.finish();
  const WorkerTables none;
  Router router(*plan::GetPlan(bytes.data()), 0, 1, {{0, 0, &none}, {0, 1, &none}, {0, 2, &none}},
                nullptr, {});
  const auto began = std::chrono::steady_clock::now();
  std::atomic<uint32_t> awake{0};
  std::vector<std::thread> sleepers;
  for (const uint32_t id : {0u, 2u})
    sleepers.emplace_back([&router, &awake, id, longest] {
      router.parker(id).park(longest);
      ++awake;
    });
  // One that is about to sleep misses it: it is said again.
  while (awake < sleepers.size()) {
    router.wakeOthers(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (std::thread &sleeper : sleepers)
    sleeper.join();
  CHECK(std::chrono::steady_clock::now() - began < soon);
}
