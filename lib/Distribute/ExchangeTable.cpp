#include "lib/Distribute/ExchangeTable.h"

#include "runtime/base/Landing.h"

#include <algorithm>

namespace of {

Shape exchangeClass(Shape shape, int64_t srcDevices, int64_t dstDevices) {
  for (int64_t &size : shape)
    if (size % srcDevices == 0 && size % dstDevices == 0)
      size = -1;
  return shape;
}

ExchangeTable::ExchangeTable(const Cluster &cluster, Shape shape, const Placement &src,
                             const Placement &dst)
    : cluster(cluster), shape(std::move(shape)), placements{src, dst} {
  for (int64_t size : exchangeClass(this->shape, src.size(), dst.size()))
    isEven.push_back(size < 0);
  addPassable(false, src);
  if (!(src == dst))
    addPassable(true, dst);
  passable = states.size();
}

// A split of a dim of extent 1 is of use: one device holds all. Maxima and minima are reduced at
// once, since of.boxing does not produce them.
void ExchangeTable::addPassable(bool onDestination, const Placement &placement) {
  std::vector<Sbp> entries{Sbp::broadcast()};
  for (size_t dim = 0; dim < shape.size(); ++dim)
    entries.push_back(Sbp::split(dim));
  entries.push_back(Sbp::partialSum());
  std::vector<NdSbp> made{{}};
  for (size_t axis = 0; axis < placement.shape.size(); ++axis) {
    std::vector<NdSbp> longer;
    for (const NdSbp &prefix : made)
      for (Sbp sbp : entries) {
        longer.push_back(prefix);
        longer.back().push_back(sbp);
      }
    made = std::move(longer);
  }
  for (const NdSbp &sbp : made)
    stateOf(onDestination, sbp);
}

void ExchangeTable::add(Layout layout, bool onDestination, bool hasSum) {
  const int64_t part = elementsOf(largestLocalShape(shape, layout));
  states.push_back({std::move(layout), onDestination, hasSum, part});
}

size_t ExchangeTable::stateOf(bool onDestination, const NdSbp &sbp) {
  onDestination &= !(placements[0] == placements[1]);
  auto [it, isNew] = numbers.try_emplace({onDestination, sbp}, states.size());
  if (isNew) {
    bool hasSum = std::find(sbp.begin(), sbp.end(), Sbp::partialSum()) != sbp.end();
    add({placements[onDestination], sbp}, onDestination, hasSum);
  }
  return it->second;
}

size_t ExchangeTable::stateOf(const Layout &cut) {
  auto [it, isNew] = cutNumbers.try_emplace({cut.placement.shape, cut.sbp}, states.size());
  if (isNew)
    add(cut, false, false);
  return it->second;
}

ExchangeCost ExchangeTable::cost(size_t from, size_t to, int64_t bytes) {
  if (known.size() < states.size())
    known.resize(states.size());
  if (known[from].size() < states.size())
    known[from].resize(states.size());
  std::optional<ExchangeLoads> &loads = known[from][to];
  if (!loads) {
    const auto [likeFrom, likeTo] = alike(from, to);
    if (likeFrom == from && likeTo == to) {
      loads = exchangeLoads(cluster, shape, layout(from), layout(to), &states[from].terms);
    } else {
      cost(likeFrom, likeTo, bytes);
      known[from][to] = known[likeFrom][likeTo]; // both may have moved
    }
  }
  return known[from][to]->cost(bytes);
}

std::pair<size_t, size_t> ExchangeTable::alike(size_t from, size_t to) {
  // Even dims in the order in which the axes split them.
  std::vector<std::optional<uint8_t>> names(shape.size());
  size_t next = 0;
  const auto renamed = [&](size_t state) {
    Layout out = layout(state);
    for (Sbp &sbp : out.sbp) {
      if (!sbp.isSplit() || !isEven[sbp.dim])
        continue;
      std::optional<uint8_t> &name = names[sbp.dim];
      if (!name) {
        while (!isEven[next])
          ++next;
        name = next++;
      }
      sbp.dim = *name;
    }
    if (out.sbp == layout(state).sbp)
      return state;
    const bool onDestination = isOnDestination(state);
    return out.placement == placements[onDestination] ? stateOf(onDestination, out.sbp)
                                                      : stateOf(out);
  };
  const size_t likeFrom = renamed(from);
  return {likeFrom, renamed(to)};
}

/// Of so many elements of the shape that stands for its class.
int64_t ExchangeTable::bytesOf(int64_t part, int64_t bytes) const {
  const auto all = std::max<__int128>(1, elementsOf(shape));
  return static_cast<int64_t>(static_cast<__int128>(part) * bytes / all);
}

int64_t ExchangeTable::bytesTaken(size_t from, size_t to, int64_t bytes) {
  const PreparedExchange exchange(shape, layout(from), layout(to), &states[from].terms);
  const DistanceFn distance = distanceIn(cluster);
  const int64_t device = layout(to).placement.devices.front();
  int64_t taken = bytesOf(states[to].part, bytes);
  exchange.forEachSize(0, distance, [&](const PieceSize &piece) {
    if (distance(piece.srcDevice, device) == Distance::Remote)
      taken += landingBytes(bytesOf(piece.elements, bytes));
  });
  return taken;
}

double ExchangeTable::leastSeconds(size_t to, int64_t bytes) const {
  const ClusterDevice &first = cluster.devices[layout(to).placement.devices.front()];
  return first.launchSeconds + bytesOf(2 * states[to].part, bytes) / first.bytesPerSecond;
}

} // namespace of
