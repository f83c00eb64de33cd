#include "lib/Distribute/ExchangeTable.h"

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
  if (!loads)
    loads = exchangeLoads(cluster, shape, layout(from), layout(to), &states[from].terms);
  return loads->cost(bytes);
}

double ExchangeTable::leastSeconds(size_t to, int64_t bytes) const {
  const ClusterDevice &first = cluster.devices[layout(to).placement.devices.front()];
  const int64_t elements = std::max<int64_t>(1, elementsOf(shape));
  const double part = static_cast<double>(states[to].part) / elements * bytes;
  // Bytes are whole where exchanges are counted.
  return first.launchSeconds + std::max(0.0, 2 * part - 1) / first.bytesPerSecond;
}

} // namespace of
