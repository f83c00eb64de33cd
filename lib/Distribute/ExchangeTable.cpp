#include "lib/Distribute/ExchangeTable.h"

#include <algorithm>

namespace of {

Shape exchangeClass(const Shape &shape, int64_t srcDevices, int64_t dstDevices) {
  for (int64_t size : shape)
    if (size % srcDevices || size % dstDevices)
      return shape;
  return {-1, static_cast<int64_t>(shape.size()), elementsOf(shape)};
}

ExchangeTable::ExchangeTable(const Cluster &cluster, Shape shape, DType dtype, const Placement &src,
                             const Placement &dst)
    : cluster(cluster), shape(std::move(shape)), dtype(dtype), placements{src, dst} {
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

size_t ExchangeTable::stateOf(bool onDestination, const NdSbp &sbp) {
  onDestination &= !(placements[0] == placements[1]);
  auto [it, isNew] = numbers.try_emplace({onDestination, sbp}, states.size());
  if (isNew) {
    bool hasSum = std::find(sbp.begin(), sbp.end(), Sbp::partialSum()) != sbp.end();
    states.push_back({{placements[onDestination], sbp}, hasSum});
  }
  return it->second;
}

size_t ExchangeTable::stateOf(const Layout &cut) {
  auto [it, isNew] = cutNumbers.try_emplace({cut.placement.shape, cut.sbp}, states.size());
  if (isNew)
    states.push_back({cut, false});
  return it->second;
}

const ExchangeCost &ExchangeTable::cost(size_t from, size_t to) {
  if (costs.size() < states.size())
    costs.resize(states.size());
  if (costs[from].size() < states.size())
    costs[from].resize(states.size());
  std::optional<ExchangeCost> &known = costs[from][to];
  if (!known)
    known = exchangeCost(cluster, shape, dtype, layout(from), layout(to));
  return *known;
}

} // namespace of
