// What every single exchange of a tensor costs, between all its layouts on one or two placements.
//
// The planner's paths and the search ask for the same exchanges over and over; each is priced once.
// Tensors of equal rank and size whose dims all cut evenly share a table: the pieces of an exchange
// have the same sizes then, so only the bytes count. Borrows the cluster. One thread at a time.
#pragma once

#include "lib/Cost/ExchangeCost.h"

#include <deque>
#include <map>
#include <optional>

namespace of {

class ExchangeTable {
public:
  ExchangeTable(const Cluster &cluster, Shape shape, DType dtype, const Placement &src,
                const Placement &dst);

  /// Number of a layout on the source's or the destination's placement.
  size_t stateOf(bool onDestination, const NdSbp &sbp);
  /// Number of a layout on the source's placement with an axis cut.
  size_t stateOf(const Layout &cut);
  size_t rank() const { return shape.size(); }
  const Layout &layout(size_t state) const { return states[state].layout; }
  bool hasSum(size_t state) const { return states[state].hasSum; }

  /// The states that paths may pass: on each axis B, a split or a partial sum; those on the
  /// source's placement first.
  size_t numPassable() const { return passable; }

  const ExchangeCost &cost(size_t from, size_t to);

private:
  struct State {
    Layout layout;
    bool hasSum = false;
  };
  void addPassable(bool onDestination, const Placement &placement);

  const Cluster &cluster;
  Shape shape;
  DType dtype;
  Placement placements[2];
  std::deque<State> states; ///< references stay valid
  std::map<std::pair<bool, NdSbp>, size_t> numbers;
  std::map<std::pair<std::vector<int64_t>, NdSbp>, size_t> cutNumbers; ///< by shape of the grid
  std::vector<std::vector<std::optional<ExchangeCost>>> costs;         ///< [from][to]
  size_t passable = 0;
};

/// A shape that stands for all with the same exchanges on placements of these sizes: the shape
/// itself unless every dim cuts evenly, then its elements and as many ones as it has other dims,
/// told apart by a negative first entry.
Shape exchangeClass(const Shape &shape, int64_t srcDevices, int64_t dstDevices);

} // namespace of
