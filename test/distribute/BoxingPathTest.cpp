// Planned chains carried out on buffers: the value that arrives is the value that left.
#include "lib/Distribute/BoxingPlanner.h"

#include "catch2/catch.hpp"

using namespace of;

namespace {

using Buffer = std::vector<int64_t>;
using Buffers = std::vector<Buffer>; ///< by point of the placement

Cluster hosts(int64_t devices) {
  Cluster cluster;
  for (int64_t i = 0; i < devices; ++i) {
    ClusterNode node;
    node.host = i;
    cluster.nodes.push_back(node);
    ClusterDevice device;
    device.node = i;
    device.bytesPerSecond = 1e30;
    cluster.devices.push_back(device);
  }
  cluster.resources = {{"host memory", 1e30, 0}, {"network", 1, 0}};
  return cluster;
}

/// Calls fn(index, offset) for every element of a box, row by row; index is that in the tensor.
template <typename Fn> void forEachElement(const Shape &shape, const Box &box, Fn fn) {
  const int64_t count = box.elements();
  for (int64_t offset = 0; offset < count; ++offset) {
    int64_t rest = offset, index = 0, scale = 1;
    for (size_t dim = shape.size(); dim-- > 0;) {
      const int64_t size = box.dims[dim].size();
      index += (box.dims[dim].begin + rest % size) * scale;
      rest /= size;
      scale *= shape[dim];
    }
    fn(index, offset);
  }
}

/// Some value on every device: replicas agree, terms of a sum differ.
Buffers fill(const Shape &shape, const Layout &layout) {
  Buffers out;
  for (int64_t point = 0; point < layout.placement.size(); ++point) {
    const Box box = boxAt(shape, layout, point);
    const std::vector<int64_t> at = layout.placement.coordinates(point);
    int64_t term = 1;
    for (size_t axis = 0; axis < at.size(); ++axis)
      if (layout.sbp[axis].isPartial())
        term = term * 5 + at[axis];
    Buffer buffer(box.elements());
    forEachElement(shape, box, [&](int64_t index, int64_t offset) {
      buffer[offset] = (index * 31 + term * 17) % 101 - 50;
    });
    out.push_back(buffer);
  }
  return out;
}

Buffers exchange(const Cluster &cluster, const Shape &shape, const Layout &src, const Layout &dst,
                 const Buffers &from) {
  Buffers out;
  for (int64_t point = 0; point < dst.placement.size(); ++point) {
    const ReceivePlan plan = receivePlan(shape, src, dst, point, distanceIn(cluster));
    Buffer buffer(plan.box.elements());
    if (plan.fillNeutral)
      fillNeutral(DType::I64, plan.reduction, buffer.data(), buffer.size());
    for (const Piece &piece : plan.pieces) {
      const int64_t source = src.placement.pointOf(piece.srcDevice);
      const Box box = boxAt(shape, src, source);
      if (piece.first)
        copyRegion(DType::I64, piece.region, from[source].data(), box, buffer.data(), plan.box);
      else
        reduceRegion(DType::I64, plan.reduction, piece.region, from[source].data(), box,
                     buffer.data(), plan.box);
    }
    out.push_back(buffer);
  }
  return out;
}

Buffer valueOf(const Cluster &cluster, const Shape &shape, const Layout &layout,
               const Buffers &buffers) {
  const Layout alone{{{1}, {0}}, {Sbp::broadcast()}};
  return exchange(cluster, shape, layout, alone, buffers)[0];
}

std::vector<Layout> layoutsOn(const Placement &placement, size_t rank, bool withMax) {
  std::vector<Sbp> states{Sbp::broadcast(), Sbp::partialSum()};
  for (size_t dim = 0; dim < rank; ++dim)
    states.push_back(Sbp::split(dim));
  std::vector<Layout> out{{placement, {}}};
  for (size_t axis = 0; axis < placement.shape.size(); ++axis) {
    std::vector<Layout> longer;
    for (const Layout &prefix : out)
      for (Sbp sbp : states) {
        longer.push_back(prefix);
        longer.back().sbp.push_back(sbp);
      }
    out = longer;
  }
  if (withMax)
    out.push_back({placement, NdSbp(placement.shape.size(), Sbp{SbpKind::PartialMax, 0})});
  return out;
}

/// Returns whether a path cuts an axis.
bool checkPaths(const Cluster &cluster, const Shape &shape, const Placement &from,
                const Placement &to) {
  BoxingPlanner planner(cluster);
  bool cuts = false;
  for (const Layout &src : layoutsOn(from, shape.size(), true))
    for (const Layout &dst : layoutsOn(to, shape.size(), false)) {
      INFO(toString(src.sbp) << " on " << from.size() << " to " << toString(dst.sbp) << " on "
                             << to.size() << ", rank " << shape.size());
      Buffers buffers = fill(shape, src);
      const Buffer before = valueOf(cluster, shape, src, buffers);
      Layout at = src;
      const BoxingPath &path = planner.path(shape, DType::I64, src, dst);
      for (const Layout &step : path.steps) {
        cuts |= step.placement.shape.size() > std::max(from.shape.size(), to.shape.size());
        buffers = exchange(cluster, shape, at, step, buffers);
        at = step;
      }
      REQUIRE(at.sbp == dst.sbp);
      CHECK(valueOf(cluster, shape, at, buffers) == before);
    }
  return cuts;
}

void checkPaths(const Shape &shape, const Placement &from, const Placement &to) {
  checkPaths(hosts(8), shape, from, to);
}

} // namespace

TEST_CASE("a planned chain keeps the value") {
  const Placement two{{2}, {0, 1}}, four{{4}, {0, 1, 2, 3}}, square{{2, 2}, {0, 1, 2, 3}},
      wide{{2, 3}, {0, 1, 2, 3, 4, 5}}, other{{3}, {3, 4, 5}};
  for (const Shape &shape : std::vector<Shape>{{}, {3}, {5, 2}, {2, 1, 5}, {0, 2}}) {
    checkPaths(shape, two, two);
    checkPaths(shape, four, four);
    checkPaths(shape, square, square);
    checkPaths(shape, four, other);
    checkPaths(shape, two, four);
    checkPaths(shape, square, other);
  }
  checkPaths({5, 4}, wide, wide);
}

TEST_CASE("rounds through an axis keep the value") {
  Cluster cluster = hosts(16);
  cluster.resources.back().messageSeconds = 1e6;
  auto line = [](int64_t n) {
    Placement out{{n}, {}};
    for (int64_t i = 0; i < n; ++i)
      out.devices.push_back(i);
    return out;
  };
  Placement grid = line(16);
  grid.shape = {2, 8};
  for (const Shape &shape : std::vector<Shape>{{}, {3}, {13, 2}, {0, 2}, {64}})
    for (const Placement &placement : {line(6), line(8), line(16)})
      CHECK(checkPaths(cluster, shape, placement, placement) == (elementsOf(shape) > 0));
  CHECK(checkPaths(cluster, {16, 3}, grid, grid));
  CHECK_FALSE(checkPaths(cluster, {5, 7}, line(7), line(7)));
}
