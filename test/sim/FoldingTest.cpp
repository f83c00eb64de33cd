// Devices that are alike, and simulations in which one stands in for them.
//
// OF_LIVENESS_GRAPHS sets the number of random graphs (default 1000), OF_LIVENESS_SEED the first
// seed.
#include "runtime/schema/Solve.h"
#include "runtime/sim/Simulation.h"
#include "test/sim/RandomPlan.h"

#include <catch2/catch.hpp>

#include <iostream>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

/// Of one exchange: from a task on some devices to one on others, two micro-batches.
class OneExchange {
public:
  struct Side {
    std::vector<uint32_t> devices; ///< in the order of the placement
    plan::SbpKind kind;
  };

  /// `nodeOf` by device; every node is a host of its own.
  OneExchange(const std::vector<uint32_t> &nodeOf, const Side &from, const Side &to,
              int64_t elements) {
    for (uint32_t node = 0; node <= nodeOf.back(); ++node)
      b.node(node);
    for (uint32_t node : nodeOf)
      b.device(node);
    b.program("train", plan::ProgramKind::Train, 2);
    const uint32_t exchange = b.exchange(plan::DType::F32, {elements},
                                         PlanBuilder::layout(b.placement(from.devices), from.kind),
                                         PlanBuilder::layout(b.placement(to.devices), to.kind));
    const bool isOneRole = sorted(from.devices) == sorted(to.devices);
    RoleBuilder source(b, sorted(from.devices));
    addSend(source, exchange);
    if (isOneRole) {
      addReceive(source, exchange);
    } else {
      RoleBuilder sink(b, sorted(to.devices));
      addReceive(sink, exchange);
    }
    b.run(0, 1);
    const Status status = certify(b.plan);
    REQUIRE(status.message() == "");
    bytes_ = b.finish();
  }

  const plan::Plan &plan() const { return *plan::GetPlan(bytes_.data()); }
  std::vector<uint32_t> classes() const {
    const auto roster = Roster::folded(plan(), {0});
    REQUIRE(roster.status().message() == "");
    return (*roster)->classes().standIn;
  }

private:
  static std::vector<uint32_t> sorted(std::vector<uint32_t> devices) {
    std::sort(devices.begin(), devices.end());
    return devices;
  }
  void addSend(RoleBuilder &role, uint32_t exchange) {
    role.chunk(0);
    role.stream("s", plan::StreamKind::Compute, 0);
    const uint32_t reg = role.newReg(0, "x", 64, 2);
    plan::TaskT &make = role.task(0, "make", 0, {}, {reg}, 2);
    make.seconds = 1e-6;
    setEmptySegment(make);
    plan::SendT send;
    send.exchange = exchange;
    role.stream("send", plan::StreamKind::Compute, 1);
    role.task(0, "send", 1, {reg}, {}, 2).body.Set(std::move(send));
  }
  void addReceive(RoleBuilder &role, uint32_t exchange) {
    if (role.role->chunks.empty())
      role.chunk(0);
    const uint32_t stream = role.stream("receive", plan::StreamKind::Compute, 2);
    plan::ReceiveT receive;
    receive.exchange = exchange;
    receive.landing_slots = 1;
    receive.landing_slot_bytes = 4096;
    receive.landing_offset = role.space(4096);
    receive.network_seconds = 3e-6;
    plan::TaskT &task = role.task(0, "receive", stream, {}, {role.newReg(0, "y", 64)}, 2);
    task.seconds = 5e-6;
    task.body.Set(std::move(receive));
  }

  PlanBuilder b;
  std::vector<uint8_t> bytes_;
};

constexpr plan::SbpKind split = plan::SbpKind::Split, whole = plan::SbpKind::Broadcast,
                        part = plan::SbpKind::PartialSum;

void requireEqual(const SimulationResult &folded, const SimulationResult &all) {
  REQUIRE(folded.finished == all.finished);
  REQUIRE(folded.waits.empty() == all.waits.empty());
  REQUIRE(folded.streams.size() == all.streams.size());
  for (size_t s = 0; s < all.streams.size(); ++s) {
    REQUIRE(folded.streams[s].device == all.streams[s].device);
    REQUIRE(folded.streams[s].worker == all.streams[s].worker);
    REQUIRE(folded.streams[s].stream == all.streams[s].stream);
    if (!all.finished)
      continue;
    REQUIRE(folded.streams[s].firings == all.streams[s].firings);
    REQUIRE(folded.streams[s].busyNs == all.streams[s].busyNs);
  }
  REQUIRE(folded.nodes.size() == all.nodes.size());
  for (size_t n = 0; n < all.nodes.size() && all.finished; ++n) {
    REQUIRE(folded.nodes[n].messages == all.nodes[n].messages);
    REQUIRE(folded.nodes[n].linkBusyNs == all.nodes[n].linkBusyNs);
  }
}

/// Both; whether they end at the same time.
bool runBoth(const plan::Plan &plan, bool streamsShareWorkers) {
  SimulationOptions options;
  options.schedule = {{0, 4}, {0, 1}};
  options.streamsShareWorkers = streamsShareWorkers;
  REQUIRE(allowFolding(options));
  const auto all = Roster::of(plan), folded = Roster::folded(plan, {0});
  REQUIRE(all.status().message() == "");
  REQUIRE(folded.status().message() == "");
  const auto expected = simulate(**all, options), found = simulate(**folded, options);
  REQUIRE(expected.status().message() == "");
  REQUIRE(found.status().message() == "");
  requireEqual(*found, *expected);
  return found->endNs == expected->endNs;
}

/// `standIns` by device; and those alone run as all do.
void requireClasses(const OneExchange &plan, const std::vector<uint32_t> &standIns) {
  REQUIRE(plan.classes() == standIns);
  REQUIRE(runBoth(plan.plan(), true));
}

} // namespace

TEST_CASE("devices are alike if they see the same however far they look") {
  const std::vector<uint32_t> nodes = {0, 1, 2, 3, 4};
  SECTION("each to all: sums that everybody gets, of a length that five do not divide") {
    const OneExchange plan(nodes, {nodes, part}, {nodes, whole}, 13);
    requireClasses(plan, {0, 0, 0, 0, 0});
    REQUIRE(runBoth(plan.plan(), false));
  }
  SECTION("a ring") {
    const OneExchange plan(nodes, {nodes, split}, {{1, 2, 3, 4, 0}, split}, 20);
    requireClasses(plan, {0, 0, 0, 0, 0});
  }
  SECTION("a ring with an empty piece is a chain, and in that nobody is like another") {
    const OneExchange plan(nodes, {nodes, split}, {{1, 2, 3, 4, 0}, split}, 4);
    requireClasses(plan, {0, 1, 2, 3, 4});
  }
  SECTION("from one to four, and back") {
    const OneExchange out(nodes, {{0}, whole}, {{1, 2, 3, 4}, split}, 16);
    requireClasses(out, {0, 1, 1, 1, 1});
    const OneExchange back(nodes, {{1, 2, 3, 4}, split}, {{0}, whole}, 16);
    requireClasses(back, {0, 1, 1, 1, 1});
  }
  SECTION("from two to four, each to two") {
    const std::vector<uint32_t> six = {0, 1, 2, 3, 4, 5};
    const OneExchange plan(six, {{0, 1}, split}, {{2, 3, 4, 5}, split}, 16);
    requireClasses(plan, {0, 0, 2, 2, 2, 2});
    const OneExchange uneven(six, {{0, 1, 2, 3}, split}, {{4, 5}, split}, 16);
    requireClasses(uneven, {0, 0, 0, 0, 4, 4});
  }
  SECTION("on a node with a device less they are others") {
    const OneExchange plan({0, 0, 1, 1, 2}, {{0, 1, 2, 3, 4}, part}, {{0, 1, 2, 3, 4}, whole}, 10);
    requireClasses(plan, {0, 0, 0, 0, 4});
  }
  SECTION("within nodes and between them by turns") {
    const OneExchange plan({0, 0, 1, 1}, {{0, 1, 2, 3}, split}, {{1, 2, 3, 0}, split}, 16);
    requireClasses(plan, {0, 1, 0, 1});
  }
  SECTION("nodes may have them in another order") {
    const OneExchange plan({0, 0, 1, 1}, {{0, 2, 1, 3}, split}, {{0, 1, 2, 3}, split}, 16);
    requireClasses(plan, {0, 1, 1, 0});
  }
  SECTION("by what they exchange all alike, but some share a node with others") {
    const OneExchange plan({0, 0, 1, 2}, {{0, 1, 2, 3}, split}, {{0, 1, 2, 3}, split}, 16);
    requireClasses(plan, {0, 0, 2, 2});
  }
}

TEST_CASE("a folded roster has the workers of one device of each class") {
  const std::vector<uint32_t> nodes = {0, 1, 2, 3};
  const OneExchange plan(nodes, {nodes, part}, {nodes, whole}, 16);
  const auto folded = Roster::folded(plan.plan(), {0}), all = Roster::of(plan.plan());
  REQUIRE((*folded)->workers().size() == 3);
  REQUIRE((*all)->workers().size() == 12);
}

TEST_CASE("where chance or bytes count all devices take part, and a folded roster is refused") {
  const std::vector<uint32_t> nodes = {0, 1, 2, 3};
  const OneExchange plan(nodes, {nodes, part}, {nodes, whole}, 16);
  const auto folded = Roster::folded(plan.plan(), {0});
  SimulationOptions options[5];
  options[0].maxDelayNs = 1;
  options[1].randomDurations = true;
  options[2].linkBytesPerSecond = 1e9;
  options[3].readRowsPerSecond = 1e9;
  options[4].observe = [](const SimulatedFiring &) {};
  for (SimulationOptions &o : options) {
    o.schedule = {{0, 1}};
    REQUIRE_FALSE(allowFolding(o));
    REQUIRE(simulate(**folded, o).status().code() == Code::Internal);
    REQUIRE(simulate(plan.plan(), o)->finished);
  }
  SimulationOptions none;
  none.schedule = {{0, 1}};
  REQUIRE(simulate(**Roster::folded(plan.plan(), {}), none).status().code() == Code::Internal);
}

TEST_CASE("random task graphs on nodes that are alike: all devices or one of each class") {
  const RandomSeeds seeds(1000);
  uint64_t folded = 0, within = 0, partly = 0, stalled = 0;
  for (uint64_t i = 0; i < seeds.graphs; ++i) {
    const uint64_t seed = seeds.first + i;
    INFO(RandomSeeds::describe(seed));
    const uint32_t nodes = 2 + seed % 5;
    RandomPlan random(seed, nodes);
    stalled += certify(random.builder.plan).isOk() ? 0 : 1;
    const std::vector<uint8_t> bytes = random.builder.finish();
    const plan::Plan &plan = *plan::GetPlan(bytes.data());
    const auto roster = Roster::folded(plan, {0});
    REQUIRE(roster.status().message() == "");
    const DeviceClasses &classes = (*roster)->classes();
    const uint32_t size = *std::max_element(classes.size.begin(), classes.size.end());
    folded += size > 1;
    within += *std::max_element(classes.onNode.begin(), classes.onNode.end()) > 1;
    partly += size > 1 && size < nodes;
    for (bool share : {true, false})
      REQUIRE(runBoth(plan, share));
  }
  std::cout << seeds.graphs << " graphs: " << folded << " folded, " << within
            << " also within nodes, " << partly << " in part; " << stalled << " stalled"
            << std::endl;
  if (seeds.graphs < 100)
    return;
  REQUIRE(folded * 100 >= seeds.graphs * 50);
  REQUIRE(within * 100 >= seeds.graphs * 10);
  REQUIRE(partly * 100 >= seeds.graphs * 5);
}
