#include "runtime/sim/Simulation.h"
#include "test/node/ToyPlan.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

struct Toy {
  explicit Toy(uint32_t micros = 3, uint32_t transferWorker = 1)
      : toy(options(micros, transferWorker), OF_TOY_KERNELS) {
    for (auto &task : toy.b.plan.roles[0]->programs[toy.train]->tasks)
      task->seconds = 1e-6;
    REQUIRE(certify(toy.b.plan).isOk());
    schedule = {{toy.init, 1}, {toy.train, 5}, {toy.train, 2}};
  }
  static ToyOptions options(uint32_t micros, uint32_t transferWorker) {
    ToyOptions o;
    o.hostOfNode = {0, 0, 1};
    o.micros = micros;
    o.transferWorker = transferWorker;
    return o;
  }
  Result<SimulationResult> run(uint64_t seed, int64_t maxDelayNs, bool shared = true,
                               double linkBytesPerSecond = 0) {
    bytes = toy.finish();
    SimulationOptions o;
    o.linkBytesPerSecond = linkBytesPerSecond;
    o.schedule = schedule;
    o.seed = seed;
    o.maxDelayNs = maxDelayNs;
    o.randomDurations = maxDelayNs > 0;
    o.streamsShareWorkers = shared;
    return simulate(*plan::GetPlan(bytes.data()), o);
  }
  plan::RoleProgramT &train() { return *toy.b.plan.roles[0]->programs[toy.train]; }
  /// What every Receive waits for the network, and takes of its worker.
  void predictNetwork(double seconds) {
    for (auto &task : train().tasks)
      if (task->body.type == plan::Body::Receive) {
        task->seconds = seconds + 1e-6;
        task->body.AsReceive()->network_seconds = seconds;
      }
  }

  ToyPlan toy;
  std::vector<SimulationEntry> schedule;
  std::vector<uint8_t> bytes;
};

} // namespace

TEST_CASE("all tasks of all devices fire as often as the schedule says") {
  Toy toy;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const auto result = toy.run(seed, 5000);
    INFO("seed " << seed << " " << result.status().message());
    REQUIRE(result.isOk());
    REQUIRE(result->finished);
    REQUIRE(result->waits.empty());
    REQUIRE(result->streams.size() == 9);
    for (const StreamUse &use : result->streams) {
      INFO(use.stream);
      const uint64_t perStep = use.stream == "compute" ? 4 : 3; // gradients, update; three others
      REQUIRE(use.firings == 7 * perStep + (use.stream == "compute" ? 1 : 0));
      REQUIRE(use.busyNs > 0);
      REQUIRE(use.busyNs <= result->endNs);
    }
  }
}

TEST_CASE("the same seed gives the same run, another seed another") {
  Toy toy;
  const auto one = toy.run(1, 5000), again = toy.run(1, 5000), other = toy.run(2, 5000);
  REQUIRE(one.isOk());
  REQUIRE(one->endNs == again->endNs);
  REQUIRE(one->endNs != other->endNs);
}

TEST_CASE("without delays and with a thread per stream a step lasts no longer than certified") {
  Toy toy;
  toy.schedule = {{toy.toy.train, 10}};
  const auto ten = toy.run(1, 0, false);
  toy.schedule = {{toy.toy.train, 30}};
  const auto thirty = toy.run(1, 0, false);
  REQUIRE(thirty->endNs - ten->endNs <= 20 * toy.train().certificate->step_period);
  const auto sharing = toy.run(1, 0, true);
  REQUIRE(sharing->endNs >= thirty->endNs);
}

TEST_CASE("the messages of a node are those of its ends of the exchange") {
  Toy toy;
  const auto result = toy.run(1, 0);
  REQUIRE(result->nodes.size() == 3);
  // To and from both others: a ready or a push out, an ack or a grant back.
  for (const NodeUse &node : result->nodes)
    REQUIRE(node.messages == 7 * (2 + 2));
}

TEST_CASE("the ends of an edge lead to each other, also where devices share their tables") {
  Toy toy;
  toy.bytes = toy.toy.finish();
  const auto roster = Roster::of(*plan::GetPlan(toy.bytes.data()));
  REQUIRE(roster.status().message() == "");
  REQUIRE((*roster)->roles().size() == 1);
  const auto &workers = (*roster)->workers();
  size_t edges = 0;
  for (uint32_t w = 0; w < workers.size(); ++w)
    for (uint32_t p = 0; p < (*roster)->tablesOf(workers[w]).size(); ++p) {
      const EdgeTable table = (*roster)->edgesOf(workers[w], p);
      edges += table.edges.size();
      for (uint32_t e = 0; e < table.edges.size(); ++e) {
        const EdgeEnd other = (*roster)->ends(w, p)[e];
        const EdgeTable otherTable = (*roster)->edgesOf(workers[other.worker], p);
        REQUIRE(otherTable.edges[other.edge].key == table.edges[e].key);
        REQUIRE(otherTable.edges[other.edge].isSend != table.edges[e].isSend);
        REQUIRE((*roster)->ends(other.worker, p)[other.edge].worker == w);
        REQUIRE((*roster)->ends(other.worker, p)[other.edge].edge == e);
        REQUIRE(bool(other.isElsewhere) == (workers[other.worker].node != workers[w].node));
      }
    }
  REQUIRE(edges == 2 * 9); // from each of three devices to each
}

TEST_CASE("pushed bytes queue for the link of their node") {
  Toy toy;
  const auto result = toy.run(1, 0, true, 128e3);
  REQUIRE(result->finished);
  const uint64_t part = kToyWeights * 4;
  REQUIRE(result->nodes[0].pushedBytes == 7 * part); // to the other host alone
  REQUIRE(result->nodes[2].pushedBytes == 7 * 2 * part);
  REQUIRE(result->nodes[2].linkBusyNs == 7 * 1'000'000);
  // All else takes microseconds; the next step needs the sums of this one.
  REQUIRE(result->endNs >= 7 * 1'000'000);
  REQUIRE(result->endNs <= 7 * 1'050'000);
}

TEST_CASE("a deadlock ends the simulation and says who waits for what") {
  Toy toy;
  for (auto &order : toy.train().orders)
    if (order->tasks.size() == 3 && order->stream == 1) // send, receive, metric
      std::swap(order->tasks[0], order->tasks[1]);
  const auto result = toy.run(1, 100);
  REQUIRE(result.isOk());
  REQUIRE_FALSE(result->finished);
  std::string all;
  for (const std::string &wait : result->waits)
    all += wait + "\n";
  INFO(all);
  REQUIRE(all.find("device 2: task receive (model.mlir:4:1) waits for exchange x0 from device 0") !=
          std::string::npos);
  REQUIRE(all.find("device 1: task update (model.mlir:5:1) waits for a version of register sum") !=
          std::string::npos);
}

TEST_CASE("without a bandwidth pushes take what the plan predicts, and no worker meanwhile") {
  Toy toy;
  toy.predictNetwork(1e-3);
  REQUIRE(certify(toy.toy.b.plan).isOk());
  const auto result = toy.run(1, 0);
  REQUIRE(result->finished);
  REQUIRE(result->endNs >= 7 * 1'000'000); // the pushes of one firing leave together
  REQUIRE(result->endNs <= 7 * 1'050'000);
  for (const StreamUse &use : result->streams)
    REQUIRE(use.busyNs < 1'000'000);
  REQUIRE(result->nodes[0].linkBusyNs == 7 * 1'000'000);
}

TEST_CASE("what a body makes leaves between its calls, also on a thread that it shares") {
  Toy toy(3, 0);
  for (auto &task : toy.train().tasks)
    if (task->name == "gradient")
      task->seconds = 1e-3; // of two calls; the gradient is out after the first
  toy.predictNetwork(0.4e-3);
  REQUIRE(certify(toy.toy.b.plan).isOk());
  const auto early = toy.run(1, 0);
  REQUIRE(early->finished);
  REQUIRE(early->endNs >= 7 * 3'000'000);
  REQUIRE(early->endNs <= 7 * 3'050'000); // the push is over before the second call is

  for (auto &task : toy.train().tasks)
    if (task->name == "gradient")
      task->outputs[0] = plan::Port(task->outputs[0].reg(), 3, -1);
  const auto late = toy.run(1, 0);
  REQUIRE(late->finished);
  REQUIRE(late->endNs >= 7 * 3'400'000);
}
