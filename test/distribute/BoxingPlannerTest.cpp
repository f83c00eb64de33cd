// The boxing planner against brute force: where only bytes cost anything, no chain of up to three
// exchanges moves fewer bytes than the planned one.
#include "lib/Distribute/BoxingPlanner.h"
#include "lib/Distribute/ExchangeTable.h"

#include "catch2/catch.hpp"

#include <cmath>

using namespace of;

namespace {

Placement grid(std::vector<int64_t> shape, std::vector<int64_t> devices) {
  return {std::move(shape), std::move(devices)};
}

Placement line(int64_t first, int64_t count) {
  std::vector<int64_t> devices;
  for (int64_t i = 0; i < count; ++i)
    devices.push_back(first + i);
  return grid({count}, devices);
}

/// Every device is a host of its own; messages pass one network.
Cluster network(int64_t devices, double bytesPerSecond, double latencySeconds,
                double memoryBytesPerSecond) {
  Cluster cluster;
  for (int64_t i = 0; i < devices; ++i) {
    ClusterNode node;
    node.host = i;
    cluster.nodes.push_back(node);
    ClusterDevice device;
    device.node = i;
    device.bytesPerSecond = memoryBytesPerSecond;
    cluster.devices.push_back(device);
  }
  cluster.resources = {{"host memory", 1e30, 0}, {"network", bytesPerSecond, latencySeconds}};
  return cluster;
}

/// One byte takes a second and nothing else takes any time.
Cluster bytesOnly() { return network(8, 1, 0, 1e30); }

/// All distributions of a tensor of this rank on a placement, sensible or not.
std::vector<Layout> allLayouts(const Placement &placement, size_t rank) {
  std::vector<Layout> out{{placement, {}}};
  for (size_t axis = 0; axis < placement.shape.size(); ++axis) {
    std::vector<Layout> longer;
    for (const Layout &prefix : out) {
      std::vector<Sbp> states{Sbp::broadcast(), Sbp::partialSum()};
      for (size_t dim = 0; dim < rank; ++dim)
        states.push_back(Sbp::split(dim));
      for (Sbp sbp : states) {
        longer.push_back(prefix);
        longer.back().sbp.push_back(sbp);
      }
    }
    out = longer;
  }
  return out;
}

using Matrix = std::vector<std::vector<int64_t>>;

Matrix exchangeElements(const Cluster &cluster, const Shape &shape,
                        const std::vector<Layout> &layouts) {
  Matrix out(layouts.size(), std::vector<int64_t>(layouts.size()));
  for (size_t i = 0; i < layouts.size(); ++i)
    for (size_t j = 0; j < layouts.size(); ++j)
      out[i][j] = i == j ? 0 : elementsMoved(shape, layouts[i], layouts[j], distanceIn(cluster));
  return out;
}

/// Fewest elements from i to j by one to three exchanges.
Matrix shortest(const Matrix &one) {
  auto longer = [&](const Matrix &a) {
    Matrix out = a;
    for (size_t i = 0; i < one.size(); ++i)
      for (size_t k = 0; k < one.size(); ++k)
        for (size_t j = 0; j < one.size(); ++j)
          out[i][j] = std::min(out[i][j], a[i][k] + one[k][j]);
    return out;
  };
  return longer(longer(one));
}

int64_t bytesAlong(const Cluster &cluster, const Shape &shape, const Layout &src,
                   const BoxingPath &path) {
  int64_t elements = 0;
  const Layout *at = &src;
  for (const Layout &step : path.steps) {
    elements += elementsMoved(shape, *at, step, distanceIn(cluster));
    at = &step;
  }
  return elements * int64_t(sizeOf(DType::F32));
}

void checkAgainstBruteForce(const Shape &shape, const Placement &from, const Placement &to,
                            size_t every) {
  Cluster cluster = bytesOnly();
  BoxingPlanner planner(cluster);
  std::vector<Layout> layouts = allLayouts(from, shape.size());
  size_t sources = layouts.size(), firstTarget = 0;
  if (!(from == to)) {
    firstTarget = sources;
    for (const Layout &layout : allLayouts(to, shape.size()))
      layouts.push_back(layout);
  }
  Matrix least = shortest(exchangeElements(cluster, shape, layouts));
  size_t count = 0;
  for (size_t i = 0; i < sources; ++i)
    for (size_t j = firstTarget; j < layouts.size(); ++j) {
      if (i == j || ++count % every)
        continue;
      INFO("rank " << shape.size() << ", " << from.size() << " to " << to.size() << " devices, "
                   << toString(layouts[i].sbp) << " to " << toString(layouts[j].sbp));
      const BoxingPath &path = planner.path(shape, DType::F32, layouts[i], layouts[j]);
      REQUIRE(!path.steps.empty());
      CHECK(path.steps.back().sbp == layouts[j].sbp);
      CHECK(path.steps.back().placement == to);
      CHECK(path.bytesMoved == bytesAlong(cluster, shape, layouts[i], path));
      CHECK(path.bytesMoved <= least[i][j] * int64_t(sizeOf(DType::F32)));
    }
}

const std::vector<Shape> shapes{{}, {1}, {2}, {5}, {4, 3}, {1, 7}, {2, 1, 5}, {4, 6, 2}, {0, 3}};

Layout on(const Placement &placement, NdSbp sbp) { return {placement, std::move(sbp)}; }

} // namespace

TEST_CASE("no chain on one mesh moves fewer bytes") {
  for (const Shape &shape : shapes) {
    for (int64_t devices = 1; devices <= 4; ++devices)
      checkAgainstBruteForce(shape, line(0, devices), line(0, devices), 1);
    checkAgainstBruteForce(shape, grid({2, 2}, {0, 1, 2, 3}), grid({2, 2}, {0, 1, 2, 3}), 1);
    checkAgainstBruteForce(shape, grid({2, 3}, {0, 1, 2, 3, 4, 5}),
                           grid({2, 3}, {0, 1, 2, 3, 4, 5}), shape.size() > 2 ? 7 : 1);
  }
}

TEST_CASE("no chain between meshes moves fewer bytes") {
  const std::vector<std::pair<Placement, Placement>> pairs{
      {line(0, 2), line(2, 2)},                 // disjoint
      {line(0, 2), line(2, 3)},                 // of different sizes
      {line(0, 3), line(1, 3)},                 // overlapping
      {line(0, 4), line(1, 2)},                 // onto a part
      {line(1, 2), line(0, 4)},                 // from a part
      {grid({2, 2}, {0, 1, 2, 3}), line(0, 4)}, // the same devices as another grid
      {grid({2, 2}, {0, 1, 2, 3}), grid({2, 2}, {2, 3, 4, 5})},
      {line(0, 3), grid({2, 2}, {4, 5, 6, 7})},
  };
  for (const Shape &shape : shapes)
    for (auto &[from, to] : pairs)
      checkAgainstBruteForce(shape, from, to, from.shape.size() + to.shape.size() > 3 ? 11 : 1);
}

TEST_CASE("a sum of a large tensor goes by way of a split, a small one directly") {
  Cluster cluster = network(4, 1e9, 50e-6, 10e9);
  BoxingPlanner planner(cluster);
  Layout partial = on(line(0, 4), {Sbp::partialSum()}), whole = on(line(0, 4), {Sbp::broadcast()});
  const BoxingPath &large = planner.path({1024, 1024}, DType::F32, partial, whole);
  REQUIRE(large.steps.size() == 2);
  CHECK(large.steps[0].sbp == NdSbp{Sbp::split(0)});
  // Each device gives and takes 3/4 of the tensor twice.
  CHECK(large.bytesMoved == 2 * 3 * 1024 * 1024 * 4);
  CHECK(planner.path({}, DType::F32, partial, whole).steps.size() == 1);
  CHECK(planner.path({8}, DType::F32, partial, whole).steps.size() == 1);
}

TEST_CASE("with many devices messages are few and bytes as before") {
  for (int64_t devices : {8, 64, 512}) {
    Cluster cluster = network(devices, 1e9, 5e-6, 10e9);
    cluster.resources.back().messageSeconds = 1e-6;
    BoxingPlanner planner(cluster);
    const Layout partial = on(line(0, devices), {Sbp::partialSum()}),
                 whole = on(line(0, devices), {Sbp::broadcast()});
    for (const Shape &shape : {Shape{}, Shape{1 << 14}}) {
      const BoxingPath &path = planner.path(shape, DType::F32, partial, whole);
      int64_t messages = 0;
      Layout at = partial;
      for (const Layout &step : path.steps) {
        for (const Piece &piece : receivePlan(shape, at, step, 0, distanceIn(cluster)).pieces)
          messages += piece.srcDevice != piece.dstDevice;
        at = step;
      }
      INFO(devices << " devices, " << elementsOf(shape) << " elements");
      CHECK(messages <= 3 * std::log2(devices));
      if (!shape.empty())
        CHECK(path.bytesMoved == 2 * (devices - 1) * 4 * elementsOf(shape));
    }
  }
}

TEST_CASE("the split on the way is of a dim that has the extent for it") {
  Cluster cluster = network(4, 1e9, 50e-6, 10e9);
  BoxingPlanner planner(cluster);
  const BoxingPath &path =
      planner.path({1, 1 << 20}, DType::F32, on(line(0, 4), {Sbp::partialSum()}),
                   on(line(0, 4), {Sbp::broadcast()}));
  REQUIRE(path.steps.size() == 2);
  CHECK(path.steps[0].sbp == NdSbp{Sbp::split(1)});
}

TEST_CASE("partial maxima are reduced at once") {
  Cluster cluster = bytesOnly();
  BoxingPlanner planner(cluster);
  const Sbp max{SbpKind::PartialMax, 0};
  Placement mesh = grid({2, 2}, {0, 1, 2, 3});
  const BoxingPath &path = planner.path({4, 4}, DType::F32, on(mesh, {max, max}),
                                        on(mesh, {Sbp::broadcast(), Sbp::broadcast()}));
  for (const Layout &step : path.steps)
    for (Sbp sbp : step.sbp)
      CHECK_FALSE(sbp.isPartial());
}

TEST_CASE("nothing to do is no step") {
  Cluster cluster = bytesOnly();
  BoxingPlanner planner(cluster);
  Layout split = on(line(0, 2), {Sbp::split(0)});
  CHECK(planner.path({4}, DType::F32, split, split).steps.empty());
}

TEST_CASE("the same question has the same answer in any order") {
  Cluster cluster = network(4, 1e9, 50e-6, 10e9);
  std::vector<Layout> layouts = allLayouts(grid({2, 2}, {0, 1, 2, 3}), 2);
  BoxingPlanner forwards(cluster), backwards(cluster);
  const Shape shape{512, 96};
  for (size_t i = 0; i < layouts.size(); ++i)
    forwards.path(shape, DType::F64, layouts[i], layouts[(i * 7 + 3) % layouts.size()]);
  for (size_t i = layouts.size(); i-- > 0;) {
    const Layout &to = layouts[(i * 7 + 3) % layouts.size()];
    const BoxingPath &a = forwards.path(shape, DType::F64, layouts[i], to);
    const BoxingPath &b = backwards.path(shape, DType::F64, layouts[i], to);
    REQUIRE(a.steps.size() == b.steps.size());
    for (size_t s = 0; s < a.steps.size(); ++s)
      CHECK(a.steps[s].sbp == b.steps[s].sbp);
    CHECK(a.seconds == b.seconds);
  }
}

TEST_CASE("what a table knows of an exchange is what it costs") {
  Cluster cluster = network(12, 1e9, 50e-6, 10e9);
  cluster.resources.back().messageSeconds = 1e-6;
  const Placement eight = grid({2, 4}, line(0, 8).devices), four = grid({4}, line(8, 4).devices);
  // Two dims that cut evenly, which stand for each other, around one that does not.
  for (const Shape &shape : {Shape{16, 7, 24}, Shape{7, 16}, Shape{8, 8, 32}}) {
    ExchangeTable table(cluster, shape, eight, four);
    const int64_t bytes = 4 * elementsOf(shape);
    std::vector<Layout> layouts = allLayouts(eight, shape.size());
    const size_t onSource = layouts.size();
    for (Layout &layout : allLayouts(four, shape.size()))
      layouts.push_back(layout);
    for (size_t i = 0; i < layouts.size(); ++i)
      for (size_t j = 0; j < layouts.size(); ++j) {
        const size_t from = table.stateOf(i >= onSource, layouts[i].sbp),
                     to = table.stateOf(j >= onSource, layouts[j].sbp);
        const ExchangeCost known = table.cost(from, to, bytes),
                           counted =
                               exchangeCost(cluster, shape, DType::F32, layouts[i], layouts[j]);
        INFO(toString(layouts[i].sbp) << " -> " << toString(layouts[j].sbp));
        REQUIRE(known.seconds == Approx(counted.seconds));
        REQUIRE(known.bytesMoved == counted.bytesMoved);
        REQUIRE(known.busiestBytes == counted.busiestBytes);
      }
  }
}
