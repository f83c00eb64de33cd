// What may share bytes never holds data at once: the memory rules against the machines.
//
// Of random graphs that are certified, every two registers of a role are laid over each other.
// Where the verifier accepts that, no version of one is in use while one of the other is, in runs
// with random durations and delays.
//
// OF_LIVENESS_GRAPHS sets the number of random graphs (default 1000), OF_LIVENESS_SEED the first
// seed.
#include "runtime/schema/PlanView.h"
#include "runtime/schema/Solve.h"
#include "runtime/schema/Verify.h"
#include "runtime/sim/Simulation.h"
#include "test/sim/RandomPlan.h"

#include <catch2/catch.hpp>

#include <iostream>
#include <map>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

constexpr uint64_t kIterations = 6;

struct Span {
  int64_t begin = 0, end = 0;
};

/// When firings ran, and from that when registers were in use.
class Uses {
public:
  Uses(const plan::Plan &plan, uint64_t seed) : plan_(plan) {
    SimulationOptions options;
    options.seed = seed;
    options.schedule = {{0, kIterations}};
    options.randomDurations = true;
    options.maxDelayNs = 2000;
    options.streamsShareWorkers = seed % 2;
    options.observe = [&](const SimulatedFiring &f) {
      firings_[{f.device, f.task}].push_back({f.beginNs, f.endNs});
    };
    const auto result = simulate(plan, options);
    REQUIRE(result.status().message() == "");
    REQUIRE(result->finished);
  }

  /// Of all versions of a register, on one device.
  std::vector<Span> of(uint32_t device, uint32_t reg) const {
    const plan::RoleProgram &body = *roleOf(plan_, device)->role->programs()->Get(0);
    std::vector<Span> spans;
    for (uint32_t t = 0; t < body.tasks()->size(); ++t)
      eachPort(body.tasks()->Get(t)->outputs(), reg, [&](const plan::Port &port) {
        const auto &list = firings_.at({device, t});
        for (size_t f = 0; f < list.size(); f += port.period())
          spans.push_back({list[f].begin, published(port, list[f + port.period() - 1])});
      });
    for (uint32_t t = 0; t < body.tasks()->size(); ++t)
      eachPort(body.tasks()->Get(t)->inputs(), reg, [&](const plan::Port &port) {
        const auto &list = firings_.at({device, t});
        for (size_t v = 0; v < spans.size(); ++v)
          spans[v].end =
              std::max(spans[v].end, endOf(device, t, (v + 1) * port.period() - 1, list));
      });
    return spans;
  }

private:
  using Firings = std::vector<Span>;

  template <typename Ports, typename F> static void eachPort(Ports *ports, uint32_t reg, F visit) {
    if (ports)
      for (const plan::Port *port : *ports)
        if (port->reg() == reg)
          visit(*port);
  }

  /// The one call of a body, after which some ports move, ends in the middle.
  static int64_t published(const plan::Port &port, const Span &firing) {
    return port.call() < 0 ? firing.end : firing.begin + (firing.end - firing.begin) / 2;
  }
  /// Of a reader's use: its firing, and where it is a Send those of the destinations that read from
  /// it.
  int64_t endOf(uint32_t device, uint32_t task, size_t firing, const Firings &list) const {
    int64_t end = list[firing].end;
    const plan::Task &body = *roleOf(plan_, device)->role->programs()->Get(0)->tasks()->Get(task);
    const plan::Send *send = body.body_as_Send();
    if (!send)
      return end;
    const DistanceFn distance = distanceOf(plan_);
    for (const auto &[src, dst] : exchangePairs(plan_, *plan_.exchanges()->Get(send->exchange())))
      if (src == device && distance(src, dst) != Distance::Remote)
        end = std::max(end, firings_.at({dst, receiveOn(dst, send->exchange())})[firing].end);
    return end;
  }
  uint32_t receiveOn(uint32_t device, uint32_t exchange) const {
    const plan::RoleProgram &body = *roleOf(plan_, device)->role->programs()->Get(0);
    for (uint32_t t = 0; t < body.tasks()->size(); ++t)
      if (const plan::Receive *r = body.tasks()->Get(t)->body_as_Receive();
          r && r->exchange() == exchange)
        return t;
    FAIL("no such receive");
    return 0;
  }

  const plan::Plan &plan_;
  std::map<std::pair<uint32_t, uint32_t>, Firings> firings_; ///< by device and task
};

bool meet(const std::vector<Span> &a, const std::vector<Span> &b) {
  for (const Span &x : a)
    for (const Span &y : b)
      if (x.begin < y.end && y.begin < x.end)
        return true;
  return false;
}

bool mayShare(plan::PlanT &plan, plan::RoleT &role, uint32_t a, uint32_t b) {
  plan::RegisterT &x = *role.programs[0]->registers[a], &y = *role.programs[0]->registers[b];
  const uint64_t at = role.chunks[0]->bytes, before[] = {x.offset, y.offset};
  role.chunks[0]->bytes += 1024;
  x.offset = y.offset = at;
  flatbuffers::FlatBufferBuilder builder;
  plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, &plan));
  x.offset = before[0];
  y.offset = before[1];
  role.chunks[0]->bytes = at;
  return verifyMemory(*plan::GetPlan(builder.GetBufferPointer())).isOk();
}

struct Tally {
  uint64_t graphs = 0, pairs = 0, shared = 0, byReuse = 0, apart = 0;
};

void checkGraph(uint64_t seed, Tally &tally) {
  INFO(RandomSeeds::describe(seed));
  RandomPlan random(seed);
  plan::PlanT &object = random.builder.plan;
  if (!certify(object).isOk())
    return;
  ++tally.graphs;
  const std::vector<uint8_t> bytes = random.builder.finish();
  const plan::Plan &plan = *plan::GetPlan(bytes.data());
  REQUIRE(verifyPlan(plan).isOk());
  const Uses runs[] = {Uses(plan, seed), Uses(plan, seed + 1)};
  for (auto &role : object.roles)
    for (uint32_t a = 0; a < role->programs[0]->registers.size(); ++a)
      for (uint32_t b = 0; b < a; ++b) {
        ++tally.pairs;
        const bool may = mayShare(object, *role, a, b);
        bool met = false;
        for (const Uses &run : runs)
          for (uint32_t device : role->instances)
            met |= meet(run.of(device, a), run.of(device, b));
        INFO("registers " << role->programs[0]->registers[a]->name << " and "
                          << role->programs[0]->registers[b]->name);
        REQUIRE(!(may && met));
        tally.shared += may;
        tally.apart += !met;
        if (!may)
          continue;
        std::vector<plan::Reuse> edges;
        std::swap(edges, role->programs[0]->reuses);
        tally.byReuse += !mayShare(object, *role, a, b);
        std::swap(edges, role->programs[0]->reuses);
      }
}

} // namespace

TEST_CASE("registers that may share bytes are never in use at once") {
  const RandomSeeds seeds(1000);
  Tally tally;
  for (uint64_t i = 0; i < seeds.graphs; ++i)
    checkGraph(seeds.first + i, tally);
  std::cout << tally.graphs << " certified graphs with " << tally.pairs
            << " pairs of registers: " << tally.shared << " may share bytes, " << tally.byReuse
            << " of them by reuse edges; " << tally.apart << " never met" << std::endl;
  if (seeds.graphs < 100)
    return;
  REQUIRE(tally.shared >= seeds.graphs / 4);
  REQUIRE(tally.byReuse >= seeds.graphs / 50);
}
