// The certificate against the machines: what is certified never stalls, what stalls is never
// certified.
//
// OF_LIVENESS_GRAPHS sets the number of random graphs (default 2000), OF_LIVENESS_SEED the first
// seed.
#include "runtime/schema/Solve.h"
#include "runtime/schema/Verify.h"
#include "runtime/sim/Simulation.h"
#include "test/sim/RandomPlan.h"

#include <catch2/catch.hpp>

#include <iostream>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

Result<SimulationResult> runPlan(const plan::Plan &plan, uint64_t seed, bool random) {
  SimulationOptions options;
  options.seed = seed;
  options.schedule = {{0, 4}, {0, 1}};
  options.randomDurations = random;
  options.maxDelayNs = random ? 2000 : 0;
  options.streamsShareWorkers = random;
  return simulate(plan, options);
}

/// When the certificate says that the last firing ends; entries follow each other.
int64_t certifiedEnd(const plan::Plan &plan, int64_t iterations) {
  int64_t end = 0;
  for (const plan::Role *role : *plan.roles()) {
    const plan::RoleProgram &program = *role->programs()->Get(0);
    const plan::Certificate &c = *program.certificate();
    for (uint32_t t = 0; t < program.tasks()->size(); ++t) {
      const int64_t last = program.tasks()->Get(t)->firings() - 1;
      end = std::max(end, c.offsets()->Get(t) + c.durations()->Get(t) + last * c.micro_period() +
                              (iterations - 1) * c.step_period());
    }
  }
  return end;
}

struct Tally {
  uint64_t graphs = 0, accepted = 0, rejected = 0, stalled = 0, exchanges = 0, reuses = 0;
};

void checkAccepted(const plan::Plan &plan, uint64_t seed) {
  const Status status = verifyPlan(plan);
  INFO(status.message());
  REQUIRE(status.isOk());
  for (uint64_t run = 0; run < 3; ++run) {
    const auto result = runPlan(plan, seed + run, run > 0);
    REQUIRE(result.status().message() == "");
    for (const std::string &wait : result->waits)
      UNSCOPED_INFO(wait);
    REQUIRE(result->finished);
    if (run == 0) // true durations, no delays: never later than certified
      REQUIRE(result->endNs <= certifiedEnd(plan, 4) + certifiedEnd(plan, 1));
  }
}

void checkGraph(uint64_t seed, Tally &tally) {
  INFO(RandomSeeds::describe(seed));
  RandomPlan random(seed);
  ++tally.graphs;
  tally.exchanges += random.builder.plan.exchanges.empty() ? 0 : 1;
  tally.reuses += random.reuses > 0 ? 1 : 0;
  const Status status = certify(random.builder.plan);
  INFO(status.message());
  const std::vector<uint8_t> bytes = random.builder.finish();
  const plan::Plan &plan = *plan::GetPlan(bytes.data());
  if (status.isOk()) {
    ++tally.accepted;
    checkAccepted(plan, seed);
    return;
  }
  REQUIRE(status.code() == Code::Refused);
  REQUIRE(std::count(status.message().begin(), status.message().end(), '\n') >= 1);
  ++tally.rejected;
  const auto forced = runPlan(plan, seed, true);
  REQUIRE(forced.status().message() == "");
  tally.stalled += forced->finished ? 0 : 1;
  REQUIRE(forced->finished == forced->waits.empty());
  // The solver says exactly which of those that it refuses would stall.
  REQUIRE(forced->finished == (status.message().find("cannot run") == std::string::npos));
}

} // namespace

TEST_CASE("graphs that need the dependencies which few need") {
  // Found by leaving a kind of dependency out: grants that hold a slot, grants that hold a Send.
  Tally tally;
  for (uint64_t seed : {13292u, 374u})
    checkGraph(seed, tally);
  REQUIRE(tally.rejected == 2);
  REQUIRE(tally.stalled == 2);
}

TEST_CASE("random task graphs: certified ones run, refused ones stall") {
  const RandomSeeds seeds(2000);
  Tally tally;
  for (uint64_t i = 0; i < seeds.graphs; ++i)
    checkGraph(seeds.first + i, tally);
  std::cout << tally.graphs << " graphs (" << tally.exchanges << " with exchanges, " << tally.reuses
            << " with reuse edges): " << tally.accepted << " certified and ran, " << tally.rejected
            << " refused, of which " << tally.stalled << " stalled" << std::endl;
  if (seeds.graphs < 100)
    return;
  REQUIRE(tally.rejected * 100 >= seeds.graphs * 30);
  REQUIRE(tally.rejected * 100 <= seeds.graphs * 70);
  REQUIRE(tally.stalled * 100 >= tally.rejected * 95);
  REQUIRE(tally.exchanges * 100 >= seeds.graphs * 40);
  REQUIRE(tally.reuses * 100 >= seeds.graphs * 30);
}
