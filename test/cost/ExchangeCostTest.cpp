// Exchanges: who shares a link shares its rate, and samples stand for what they leave out.
#include "lib/Cost/ExchangeCost.h"
#include "test/cost/Clusters.h"

#include "catch2/catch.hpp"

using namespace of;
using namespace of::test;

namespace {

/// Nodes of 8 devices with a port each and one NIC; memory and latency cost nothing.
Cluster cluster(int64_t nodes, const std::string &nic = "per: node, duplex: full",
                const std::string &insideNodes = "port") {
  config::Report report("c.yaml");
  Cluster out = clusterIn("nodes: [{name: n, count: " + std::to_string(nodes) +
                              ", devices: [{kind: cuda, count: 8, launch_us: 0, "
                              "memory_gb_per_s: 1.0e9}]}]\n"
                              "resources:\n"
                              "  - {name: port, per: device, duplex: full, gb_per_s: 100}\n"
                              "  - {name: nic, " +
                              nic +
                              ", gb_per_s: 10}\n"
                              "paths:\n"
                              "  - {from: 'n*', to: 'n*', within: node, over: [" +
                              insideNodes +
                              "]}\n"
                              "  - {from: 'n*', to: 'n*', within: cluster, over: [nic]}\n",
                          report);
  REQUIRE(report.clean());
  return out;
}

Placement line(int64_t first, int64_t count) {
  Placement out{{count}, {}};
  for (int64_t i = 0; i < count; ++i)
    out.devices.push_back(first + i);
  return out;
}

constexpr int64_t elements = int64_t(1) << 28; // 1 GiB of fp32
constexpr double bytes = 4.0 * elements;

/// Seconds of the busiest resource or memory, of all pieces of all destinations.
double busiest(const Cluster &c, const Shape &shape, const Layout &src, const Layout &dst) {
  std::vector<double> load(c.resources.size(), 0);
  double memory = 0;
  for (int64_t point = 0; point < dst.placement.size(); ++point) {
    const int64_t device = dst.placement.devices[point];
    const ReceivePlan plan = receivePlan(shape, src, dst, point, distanceIn(c));
    double through = plan.fillNeutral ? plan.box.elements() : 0;
    for (const Piece &piece : plan.pieces) {
      through += piece.region.elements() * (piece.first ? 2 : 3);
      for (const ClusterHop &hop : c.hops(piece.srcDevice, device))
        load[hop.resource] += 4.0 * piece.region.elements();
    }
    memory = std::max(memory, 4 * through / c.devices[device].bytesPerSecond);
  }
  for (size_t r = 0; r < load.size(); ++r)
    memory = std::max(memory, load[r] / c.resources[r].bytesPerSecond);
  return memory;
}

/// All layouts of a tensor of rank 2.
std::vector<Layout> layoutsOf(const Placement &placement) {
  std::vector<Layout> out{{placement, {}}};
  for (size_t axis = 0; axis < placement.shape.size(); ++axis) {
    std::vector<Layout> longer;
    for (const Layout &layout : out)
      for (Sbp sbp : {Sbp::broadcast(), Sbp::split(0), Sbp::split(1), Sbp::partialSum()}) {
        longer.push_back(layout);
        longer.back().sbp.push_back(sbp);
      }
    out = std::move(longer);
  }
  return out;
}

double seconds(const Cluster &c, const Layout &src, const Layout &dst) {
  return exchangeCost(c, {elements}, DType::F32, src, dst).seconds;
}

} // namespace

TEST_CASE("ports of devices carry both directions at once", "[exchange-cost]") {
  const Cluster c = cluster(1);
  const Layout partial{line(0, 8), {Sbp::partialSum()}}, split{line(0, 8), {Sbp::split(0)}},
      whole{line(0, 8), {Sbp::broadcast()}};
  CHECK(seconds(c, partial, split) == Approx(7.0 / 8 * bytes / 100e9));
  CHECK(seconds(c, split, whole) == Approx(7.0 / 8 * bytes / 100e9));
}

TEST_CASE("groups that use one card share it", "[exchange-cost]") {
  const Cluster c = cluster(2);
  // One group across the nodes, then eight at once: mesh [node, device].
  const Layout onePartial{{{2}, {0, 8}}, {Sbp::partialSum()}},
      oneSplit{{{2}, {0, 8}}, {Sbp::split(0)}};
  Placement grid{{2, 8}, line(0, 16).devices};
  const Layout allPartial{grid, {Sbp::partialSum(), Sbp::broadcast()}},
      allSplit{grid, {Sbp::split(0), Sbp::broadcast()}};
  CHECK(seconds(c, onePartial, oneSplit) == Approx(bytes / 2 / 10e9));
  CHECK(seconds(c, allPartial, allSplit) == Approx(8 * bytes / 2 / 10e9));
  // A card for each device is not shared.
  CHECK(seconds(cluster(2, "per: device, duplex: full"), allPartial, allSplit) ==
        Approx(bytes / 2 / 10e9));
  // Half duplex carries both directions.
  CHECK(seconds(cluster(2, "per: node"), onePartial, oneSplit) == Approx(bytes / 10e9));
}

TEST_CASE("a sample costs what all destinations cost", "[exchange-cost]") {
  // Every device of n nodes receives 1/n-th of what its node lacks over the node's card.
  for (int64_t nodes : {2, 4, 16, 64}) {
    const Cluster c = cluster(nodes);
    const int64_t devices = 8 * nodes;
    const Layout split{line(0, devices), {Sbp::split(0)}},
        whole{line(0, devices), {Sbp::broadcast()}};
    // All-gather: eight devices of a node each fetch (n - 1)/n of the tensor.
    CHECK(seconds(c, split, whole) == Approx(8 * bytes * (nodes - 1) / nodes / 10e9));
  }
  // A shift between two halves of the devices: each card carries what its eight devices hold.
  const Cluster c = cluster(64);
  const Layout low{line(0, 256), {Sbp::split(0)}}, high{line(256, 256), {Sbp::split(0)}};
  CHECK(seconds(c, low, high) == Approx(bytes / 32 / 10e9));
  // One source: its card carries everything.
  const Layout one{line(0, 1), {Sbp::broadcast()}};
  CHECK(seconds(c, one, high) == Approx(bytes / 10e9));
}

TEST_CASE("the price is what the busiest thing takes, for every pair of layouts",
          "[exchange-cost]") {
  struct Case {
    int64_t nodes;
    std::string nic, insideNodes;
    Shape shape;
    double below, above = 0; ///< at most so much less or more than all destinations
  };
  // Of 16 nodes two stand for all, and a device that gives to 15 nodes may give to its own too.
  // What all nodes share depends on how much those two do not have.
  for (const auto &[nodes, nic, insideNodes, shape, below, above] :
       {Case{1, "per: device, duplex: full", "port", {7, 1000}, 0},
        Case{4, "per: device, duplex: full", "port", {640, 960}, 0},
        Case{4, "per: node", "port", {640, 33}, 0}, //
        Case{16, "per: device, duplex: full", "port", {1280, 2560}, 0.07},
        Case{16, "per: node", "port", {1280, 2560}, 0.07},
        Case{16, "per: cluster", "port, nic", {1280, 2560}, 0.5, 0.5}}) {
    const Cluster c = cluster(nodes, nic, insideNodes);
    const Placement all{{nodes, 8}, line(0, 8 * nodes).devices};
    std::vector<Placement> others{all};
    if (nodes > 1) // the second half of the nodes, as a stage behind would be
      others.push_back({{nodes / 2, 8}, line(4 * nodes, 4 * nodes).devices});
    for (const Placement &other : others)
      for (const Layout &src : layoutsOf(all))
        for (const Layout &dst : layoutsOf(other)) {
          const double exact = busiest(c, shape, src, dst);
          const ExchangeCost cost = exchangeLoads(c, shape, src, dst).cost(4 * elementsOf(shape));
          INFO(nodes << " nodes, card " << nic << ", inside " << insideNodes << ": "
                     << toString(src.sbp) << " on " << src.placement.size() << " -> "
                     << toString(dst.sbp) << " on " << dst.placement.size() << ", " << cost.seconds
                     << " of " << exact);
          REQUIRE(cost.seconds <= exact * (1 + above + 1e-9));
          REQUIRE(cost.seconds >= exact * (1 - below - 1e-9));
        }
  }
}

TEST_CASE("tensors of one exchange wait once, those of two exchanges twice", "[exchange-cost]") {
  config::Report report("c.yaml");
  const Cluster c =
      clusterIn("nodes: [{name: n, count: 2, host: here, devices: [{kind: cpu, count: "
                "2, launch_us: 0, memory_gb_per_s: 1.0e9}]}]\n"
                "resources: [{name: memory, per: host, gb_per_s: 10, latency_us: 5}]\n"
                "paths:\n"
                "  - {from: 'n*', to: 'n*', within: node, over: [memory]}\n"
                "  - {from: 'n*', to: 'n*', within: host, over: [memory]}\n",
                report);
  REQUIRE(report.clean());
  const int64_t size = 1 << 20;
  // Devices of one process and of two wait alike.
  for (const int64_t second : {1, 2}) {
    const Placement pair{{2}, {0, second}};
    const ExchangeLoads loads =
        exchangeLoads(c, {size}, {pair, {Sbp::split(0)}}, {pair, {Sbp::broadcast()}});
    ExchangeShares shares = loads.shares(size);
    CHECK(shares.network.seconds() == 0);
    CHECK(shares.device.seconds() == Approx(loads.cost(size).seconds));
    shares.add(loads.shares(size));
    CHECK(shares.device.latency == Approx(5e-6));
    CHECK(shares.device.seconds() == Approx(2 * loads.cost(size).seconds - 5e-6));
  }
  // What a device has itself waits for nobody.
  const Placement one{{1}, {0}};
  CHECK(exchangeLoads(c, {size}, {one, {Sbp::split(0)}}, {one, {Sbp::broadcast()}})
            .shares(size)
            .device.latency == 0);
}
