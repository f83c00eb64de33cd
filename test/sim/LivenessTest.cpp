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
    const bool ofFirings = c.offsets()->size() != program.tasks()->size();
    uint32_t next = 0;
    for (uint32_t t = 0; t < program.tasks()->size(); ++t) {
      const int64_t last = program.tasks()->Get(t)->firings() - 1;
      next += ofFirings ? last + 1 : 1;
      const int64_t offset = c.offsets()->Get(next - 1) + (ofFirings ? 0 : last * c.micro_period());
      end = std::max(end, offset + c.durations()->Get(t) + (iterations - 1) * c.step_period());
    }
  }
  return end;
}

struct Tally {
  uint64_t graphs = 0, accepted = 0, ofFirings = 0, rejected = 0, exchanges = 0, reuses = 0;
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

bool hasTimesOfFirings(const plan::Plan &plan) {
  return std::any_of(plan.roles()->begin(), plan.roles()->end(), [](const plan::Role *role) {
    const plan::RoleProgram &program = *role->programs()->Get(0);
    return program.certificate()->offsets()->size() != program.tasks()->size();
  });
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
    tally.ofFirings += hasTimesOfFirings(plan) ? 1 : 0;
    checkAccepted(plan, seed);
    return;
  }
  REQUIRE(status.code() == Code::Refused);
  REQUIRE(std::count(status.message().begin(), status.message().end(), '\n') >= 1);
  ++tally.rejected;
  const auto forced = runPlan(plan, seed, true);
  REQUIRE(forced.status().message() == "");
  // What is refused stalls.
  REQUIRE_FALSE(forced->finished);
  REQUIRE_FALSE(forced->waits.empty());
}

} // namespace

TEST_CASE("graphs that need the dependencies which few need") {
  // Found by leaving a kind of dependency out: grants that hold a slot, grants that hold a Send.
  Tally tally;
  for (uint64_t seed : {13292u, 374u})
    checkGraph(seed, tally);
  REQUIRE(tally.rejected == 2);
}

TEST_CASE("random task graphs: certified ones run, refused ones stall") {
  const RandomSeeds seeds(2000);
  Tally tally;
  for (uint64_t i = 0; i < seeds.graphs; ++i)
    checkGraph(seeds.first + i, tally);
  std::cout << tally.graphs << " graphs (" << tally.exchanges << " with exchanges, " << tally.reuses
            << " with reuse edges): " << tally.accepted << " certified and ran, of which "
            << tally.ofFirings << " by times of firings, " << tally.rejected
            << " refused and stalled" << std::endl;
  if (seeds.graphs < 100)
    return;
  REQUIRE(tally.rejected * 100 >= seeds.graphs * 30);
  REQUIRE(tally.rejected * 100 <= seeds.graphs * 70);
  REQUIRE(tally.exchanges * 100 >= seeds.graphs * 40);
  REQUIRE(tally.reuses * 100 >= seeds.graphs * 30);
}
