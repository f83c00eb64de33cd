#include "runtime/node/Backoff.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace of::rt;
using Pause = Backoff::Pause;

namespace {
constexpr int64_t kAlone = 300, kShared = 5000; // ns of a yield

/// Looks of each kind until the first nap, with yields that take so long.
std::vector<uint32_t> looksUntilNap(Backoff &backoff, int64_t yieldNs) {
  std::vector<uint32_t> looks(3);
  for (uint32_t rounds = 1; rounds < 100000; ++rounds) {
    const Pause pause = backoff.after(rounds);
    if (pause == Pause::Nap)
      return looks;
    ++looks[static_cast<size_t>(pause)];
    if (pause == Pause::Yield)
      backoff.noteYield(yieldNs);
  }
  FAIL("never sleeps");
  return looks;
}
} // namespace

TEST_CASE("a worker alone on its core looks, spins, yields and sleeps") {
  Backoff backoff(false, 20);
  const auto looks = looksUntilNap(backoff, kAlone);
  CHECK(looks[size_t(Pause::None)] == 50);
  CHECK(looks[size_t(Pause::Relax)] == 349);
  CHECK(looks[size_t(Pause::Yield)] == 20);
  CHECK(looksUntilNap(backoff, kAlone) == looks);
}

TEST_CASE("a worker on a host with more threads than cores does not spin") {
  Backoff backoff(true, 20);
  const auto looks = looksUntilNap(backoff, kAlone);
  CHECK(looks[size_t(Pause::None)] == 4);
  CHECK(looks[size_t(Pause::Relax)] == 0);
  CHECK(looks[size_t(Pause::Yield)] > 20);
}

TEST_CASE("one slow yield shows that a core is shared, many quick ones that it no longer is") {
  Backoff backoff(false, 20);
  CHECK(backoff.after(1) == Pause::None);
  backoff.noteYield(kShared);
  CHECK(backoff.after(1) == Pause::Yield);
  for (int i = 0; i < 63; ++i)
    backoff.noteYield(kAlone);
  CHECK(backoff.after(1) == Pause::Yield);
  SECTION("then alone") {
    backoff.noteYield(kAlone);
    CHECK(backoff.after(1) == Pause::None);
  }
  SECTION("then somebody else again") {
    backoff.noteYield(kShared);
    backoff.noteYield(kAlone);
    CHECK(backoff.after(1) == Pause::Yield);
  }
}

TEST_CASE("a worker that shares its core still sleeps in the end") {
  Backoff backoff(false, 20);
  backoff.noteYield(kShared);
  CHECK(looksUntilNap(backoff, kShared)[size_t(Pause::Yield)] > 20);
}
