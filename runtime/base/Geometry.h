// Where the elements of a logical tensor lie: boxes, placements, SBP, layouts.
//
// Both halves use this file: the compiler to derive local shapes and to cost a movement, the
// runtime to unroll it. All functions are pure. Sizes are in elements unless a name says bytes.
#pragma once

#include "runtime/base/DType.h"

#include <cstdint>
#include <string>
#include <vector>

namespace of {

using Shape = std::vector<int64_t>;

/// Product of the dims; 1 for rank 0.
int64_t elementsOf(const Shape &shape);

/// The half-open range of indices [begin, end).
struct Range {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
  bool operator==(const Range &o) const { return begin == o.begin && end == o.end; }
};

/// A box of a logical tensor: one range per dim. Rank 0 has one element; a box with an empty range
/// has none.
struct Box {
  std::vector<Range> dims;
  Shape shape() const;
  int64_t elements() const;
  bool empty() const { return elements() == 0; }
  bool operator==(const Box &o) const { return dims == o.dims; }
};

Box wholeBox(const Shape &shape);
Box intersect(const Box &a, const Box &b);
/// How many elements they have in common.
int64_t commonElements(const Box &a, const Box &b);

/// Part `index` of `range` cut into `parts` balanced parts: the first (size mod parts) get one
/// element more.
Range balancedPart(Range range, int64_t parts, int64_t index);

/// One entry of an ND-SBP: how the tensor lies on one mesh axis. Same values as plan::SbpKind.
enum class SbpKind : uint8_t { Split, Broadcast, PartialSum, PartialMax, PartialMin };

struct Sbp {
  SbpKind kind = SbpKind::Broadcast;
  uint8_t dim = 0; ///< for Split only, else 0
  static Sbp split(int dim) { return {SbpKind::Split, static_cast<uint8_t>(dim)}; }
  static Sbp broadcast() { return {}; }
  static Sbp partialSum() { return {SbpKind::PartialSum, 0}; }
  bool isSplit() const { return kind == SbpKind::Split; }
  bool isBroadcast() const { return kind == SbpKind::Broadcast; }
  bool isPartial() const { return !isSplit() && !isBroadcast(); }
  bool operator==(const Sbp &o) const { return kind == o.kind && dim == o.dim; }
  bool operator!=(const Sbp &o) const { return !(*this == o); }
  bool operator<(const Sbp &o) const { return kind != o.kind ? kind < o.kind : dim < o.dim; }
};
using NdSbp = std::vector<Sbp>;

/// "S(0)", "B", "P", "P(max)", "P(min)"; a list in brackets.
std::string toString(Sbp sbp);
std::string toString(const NdSbp &sbp);

/// A grid of devices, row-major.
struct Placement {
  std::vector<int64_t> shape;
  std::vector<int64_t> devices; ///< ids, one per point of the grid
  int64_t size() const { return static_cast<int64_t>(devices.size()); }
  /// Grid coordinates of the point with this row-major index.
  std::vector<int64_t> coordinates(int64_t point) const;
  /// Point of a device, or -1.
  int64_t pointOf(int64_t device) const;
  bool operator==(const Placement &o) const { return shape == o.shape && devices == o.devices; }
};

/// How a logical tensor lies on a placement.
struct Layout {
  Placement placement;
  NdSbp sbp; ///< one per axis of the placement
};

/// The box of a tensor of this shape that lies on the given grid point. Splits of one dim by
/// several axes nest, outer axis first.
Box boxAt(const Shape &shape, const Layout &layout, int64_t point);

/// Largest box shape over all points: what a buffer that serves every instance must hold.
Shape largestLocalShape(const Shape &shape, const Layout &layout);

} // namespace of
