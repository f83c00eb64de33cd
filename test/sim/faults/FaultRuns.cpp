// Runs random plans with faults from seeds and says which of them did not go as they must.
//
//   fault-runs [--first S] [--count N] [--stop-after FAILURES]
//
// A seed that fails prints the line that repeats it.
#include "test/sim/faults/Arguments.h"
#include "test/sim/faults/Judge.h"

#include <iostream>

using namespace of::test;

int main(int argc, char **argv) {
  const uint64_t first = numberOf(argc, argv, "--first", 1);
  const uint64_t count = numberOf(argc, argv, "--count", 100'000);
  const uint64_t most = numberOf(argc, argv, "--stop-after", 10);
  uint64_t failures = 0;
  std::unique_ptr<Ground> ground;
  uint64_t runs[kFaultKinds] = {};
  for (uint64_t seed = first; seed < first + count && failures < most; ++seed) {
    if (!ground || seed % kSeedsPerGround == 0)
      ground = groundOf(seed);
    Scenario scenario;
    const std::string wrong = runSeed(*ground, seed, scenario);
    ++runs[static_cast<size_t>(scenario.kind)];
    if (wrong.empty())
      continue;
    ++failures;
    std::cout << "seed " << seed << " (" << scenario.text() << "): " << wrong
              << "\n  again: fault-runs --first " << seed << " --count 1\n";
  }
  for (uint32_t kind = 0; kind < kFaultKinds; ++kind)
    std::cout << nameOf(static_cast<FaultKind>(kind)) << " " << runs[kind] << ", ";
  std::cout << failures << " failed\n";
  return failures == 0 ? 0 : 1;
}
