// What every single exchange of a tensor costs, between all its layouts on one or two placements.
//
// The planner's paths and the search ask for the same exchanges over and over; the pieces of each
// are counted once. Of a dim that cuts evenly pieces have the same part whatever its size, so
// tensors that differ in such dims only share a table, and layouts that differ in which of such
// dims is which share what is counted. Borrows the cluster. Who uses a table after it was made
// holds its mutex.
#pragma once

#include "lib/Cost/ExchangeCost.h"

#include <deque>
#include <map>
#include <mutex>
#include <optional>

namespace of {

class ExchangeTable {
public:
  /// `shape` stands for its class.
  ExchangeTable(const Cluster &cluster, Shape shape, const Placement &src, const Placement &dst);

  std::mutex mutex;

  /// Number of a layout on the source's or the destination's placement.
  size_t stateOf(bool onDestination, const NdSbp &sbp);
  /// Number of a layout on the source's placement with an axis cut.
  size_t stateOf(const Layout &cut);
  size_t rank() const { return shape.size(); }
  const Layout &layout(size_t state) const { return states[state].layout; }
  bool isOnDestination(size_t state) const { return states[state].onDestination; }
  bool hasSum(size_t state) const { return states[state].hasSum; }

  /// The states that paths may pass: on each axis B, a split or a partial sum; those on the
  /// source's placement first.
  size_t numPassable() const { return passable; }

  /// Of a tensor of so many bytes.
  ExchangeCost cost(size_t from, size_t to, int64_t bytes);

  /// Of a tensor of so many bytes: what an exchange takes on the first device of `to`, its part and
  /// a landing slot (runtime/base/Landing.h).
  int64_t bytesTaken(size_t from, size_t to, int64_t bytes);

  /// What any exchange to this layout takes: the first device is given its part, read and written.
  double leastSeconds(size_t to, int64_t bytes) const;

private:
  struct State {
    Layout layout;
    bool onDestination = false, hasSum = false;
    int64_t part = 0;      ///< elements that the first device has, the most of all
    KnownTerms terms = {}; ///< as a source
  };
  int64_t bytesOf(int64_t part, int64_t bytes) const;
  /// The exchange whose pieces are as large: with even dims by other names.
  std::pair<size_t, size_t> alike(size_t from, size_t to);
  void add(Layout layout, bool onDestination, bool hasSum);
  void addPassable(bool onDestination, const Placement &placement);

  const Cluster &cluster;
  Shape shape;
  std::vector<bool> isEven; ///< of its dims: cut evenly
  Placement placements[2];
  std::deque<State> states; ///< references stay valid
  std::map<std::pair<bool, NdSbp>, size_t> numbers;
  std::map<std::pair<std::vector<int64_t>, NdSbp>, size_t> cutNumbers; ///< by shape of the grid
  std::vector<std::vector<std::optional<ExchangeLoads>>> known;        ///< [from][to]
  size_t passable = 0;
};

/// What stands for all shapes with the same exchanges on placements of these sizes, but for their
/// bytes: the shape with -1 for each dim that cuts evenly.
Shape exchangeClass(Shape shape, int64_t srcDevices, int64_t dstDevices);

} // namespace of
