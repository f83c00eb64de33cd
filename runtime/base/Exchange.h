// The steps of an exchange: which device gives which box of which tensor to which device.
//
// Semantics. The value of the logical tensor is read from the source layout: over Broadcast axes
// all parts are equal, over Partial axes it is the reduction (sum, max, min) of the parts in
// ascending device order. The destination layout receives it; on a destination Partial axis
// coordinate 0 receives the value and the others receive the neutral element (0, lowest, highest).
// An axis on which both layouts lie on the same placement and are Partial of the same kind is kept:
// it is reduced by nobody. That holds too where the destination's placement is the source's with
// axes cut into several: a sum over 8 devices is one over 2 x 4, of which 2 may be reduced.
//
// This holds for any pair of layouts: same, disjoint, overlapping or subset placements, uneven and
// empty parts. Where a box is held by several replicas the destination takes it from itself, else
// from a device of its node, else of its host, else from any. Those that are equally near take
// turns by the destination's rank among all that receive of the box, so that they share the load.
#pragma once

#include "runtime/base/Geometry.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>

namespace of {

/// Distance class of two devices; smaller is nearer.
enum class Distance : uint8_t { SameDevice, SameNode, SameHost, Remote };
using DistanceFn = std::function<Distance(int64_t deviceA, int64_t deviceB)>;

/// One piece: `region` of the logical tensor, from the source device's part to the destination
/// device's part.
struct Piece {
  int64_t srcDevice = 0, dstDevice = 0;
  Box region; ///< in logical coordinates, never empty
  bool first =
      false; ///< first source of this region at the destination: copy; otherwise reduce into it
};

/// Everything one destination device does for one tensor, in the order in which it must be applied.
struct ReceivePlan {
  Box box; ///< the destination's part
  bool fillNeutral =
      false; ///< the part is the neutral element (destination Partial axis, coordinate > 0)
  SbpKind reduction = SbpKind::PartialSum;
  std::vector<Piece> pieces; ///< ascending by (region, source device)
};

/// A piece but for where its region lies.
struct PieceSize {
  int64_t srcDevice = 0, elements = 0;
  bool first = false; ///< as in Piece
};

/// What a source gives, where these of its axes are partial and stay so.
struct ExchangeTerms {
  using Coordinates = std::vector<int64_t>;
  /// The devices that hold the same term of a reduction of the same box: any will do.
  struct Term {
    Box box;
    Coordinates partial; ///< coordinates on the axes that are reduced
    bool isFirst;        ///< of those of its box, which all destinations of the box receive
    std::vector<int64_t> replicas;
  };
  ExchangeTerms(const Shape &shape, const Layout &src, std::vector<bool> kept);

  std::vector<bool> kept;
  SbpKind reduction = SbpKind::PartialSum;
  /// By coordinates on the kept axes. Terms of one list in the order of the source's points.
  std::map<Coordinates, std::vector<Term>> lists;
};

/// Of one source, for exchanges to many layouts: by the axes that are kept.
using KnownTerms = std::map<std::vector<bool>, std::shared_ptr<const ExchangeTerms>>;

/// An exchange, prepared once for all its destinations.
class PreparedExchange {
public:
  /// `known` is of `src`, and learns.
  PreparedExchange(const Shape &shape, const Layout &src, const Layout &dst,
                   KnownTerms *known = nullptr);

  /// Pieces that the point `dstPoint` of the destination receives.
  ReceivePlan receive(int64_t dstPoint, const DistanceFn &distance) const;

  /// Points that receive pieces.
  int64_t numGiven() const;
  /// Whether this one does; else it holds the neutral element of a reduction.
  bool isGiven(int64_t dstPoint) const;

  /// fn(PieceSize) for each of them, in no order: for who adds them up, in a fraction of the time.
  /// Returns how many elements are filled with the neutral element instead.
  template <typename Fn>
  int64_t forEachSize(int64_t dstPoint, const DistanceFn &distance, Fn fn) const {
    const Box box = boxAt(shape, dst, dstPoint);
    const Needed needed = neededAt(dstPoint);
    if (needed.isNeutral)
      return box.elements();
    Replicas replicas(*this, dstPoint, distance);
    if (needed.terms)
      for (const Term &term : *needed.terms)
        if (const int64_t elements = commonElements(term.box, box); elements > 0)
          fn(PieceSize{replicas.choose(term), elements, term.isFirst});
    return 0;
  }

private:
  using Term = ExchangeTerms::Term;
  /// What a destination is made from.
  struct Needed {
    const std::vector<Term> *terms = nullptr; ///< none where nobody has them
    bool isNeutral = false;
    SbpKind reduction;
  };
  Needed neededAt(int64_t dstPoint) const;
  bool isKept(size_t axis) const { return axis < source->kept.size() && source->kept[axis]; }
  /// Whether all but the first coordinate hold the neutral element.
  bool isFilled(size_t axis) const { return dst.sbp[axis].isPartial() && !isKept(axis); }

  /// Which replica of a term gives to this point.
  class Replicas {
  public:
    Replicas(const PreparedExchange &exchange, int64_t dstPoint, const DistanceFn &distance)
        : exchange(exchange), point(dstPoint), device(exchange.dst.placement.devices[dstPoint]),
          distance(distance) {}
    int64_t choose(const Term &term) {
      return term.replicas.size() == 1 ? term.replicas.front() : chooseNearest(term);
    }

  private:
    int64_t chooseNearest(const Term &term);
    int64_t rankOf(const Term &term);

    const PreparedExchange &exchange;
    const int64_t point, device;
    const DistanceFn &distance;
    std::vector<int64_t> nearest;
    /// Of the parts of a dim.
    struct Parts {
      int64_t first, behind, ///< that meet the box
          begin, end;        ///< that the point's coordinates so far leave
      int64_t meeting(int64_t from, int64_t to) const {
        return std::max<int64_t>(0, std::min(behind, to) - std::max(first, from));
      }
      int64_t left() const { return meeting(begin, end); }
    };
    std::vector<Parts> dims;
  };

  Shape shape;
  Layout dst;
  std::shared_ptr<const ExchangeTerms> source;
};

/// The same for one destination.
ReceivePlan receivePlan(const Shape &shape, const Layout &src, const Layout &dst, int64_t dstPoint,
                        const DistanceFn &distance);

/// Pieces that the source device gives, over all destinations, ascending by destination device.
/// Same objects as in the receive plans.
std::vector<Piece> sendPieces(const Shape &shape, const Layout &src, const Layout &dst,
                              int64_t srcDevice, const DistanceFn &distance);

/// Elements that cross between different devices: what a movement costs before links are looked at.
int64_t elementsMoved(const Shape &shape, const Layout &src, const Layout &dst,
                      const DistanceFn &distance);

/// The runs of elements of a region that are contiguous in two dense row-major buffers: worked out
/// once, gone through without allocating.
class RegionRuns {
public:
  RegionRuns() = default;
  /// The buffers hold `srcBox` and `dstBox`, both of which hold `region`.
  RegionRuns(const Box &region, const Box &srcBox, const Box &dstBox);

  /// fn(first element in the source, first element in the destination, elements), ascending.
  template <typename Fn> void forEach(Fn fn) const {
    if (run_ > 0)
      walk(0, src_, dst_, fn);
  }
  /// Whether the region is one run.
  bool isOne() const { return run_ > 0 && loops_.empty(); }
  int64_t src() const { return src_; }
  int64_t dst() const { return dst_; }
  int64_t run() const { return run_; }

private:
  struct Loop {
    int64_t count, srcStride, dstStride;
  };
  template <typename Fn> void walk(size_t level, int64_t src, int64_t dst, Fn &fn) const {
    if (level == loops_.size())
      return fn(src, dst, run_);
    const Loop &loop = loops_[level];
    for (int64_t i = 0; i < loop.count; ++i)
      walk(level + 1, src + i * loop.srcStride, dst + i * loop.dstStride, fn);
  }

  int64_t src_ = 0, dst_ = 0, run_ = 0; ///< of the first run; elements
  std::vector<Loop> loops_;             ///< outermost first
};

void copyRegion(DType dtype, const RegionRuns &runs, const void *src, void *dst);
void reduceRegion(DType dtype, SbpKind kind, const RegionRuns &runs, const void *src, void *dst);
/// dst = terms[0] + terms[1] + ... (or max, min) over `count` elements, in this order, in one pass
/// over memory. At least two terms.
void reduceBuffers(DType dtype, SbpKind kind, const void *const *terms, size_t numTerms, void *dst,
                   int64_t count);

/// Copies (or reduces) `region` from a dense row-major buffer that holds `srcBox` to one that holds
/// `dstBox`.
void copyRegion(DType dtype, const Box &region, const void *src, const Box &srcBox, void *dst,
                const Box &dstBox);
void reduceRegion(DType dtype, SbpKind kind, const Box &region, const void *src, const Box &srcBox,
                  void *dst, const Box &dstBox);
/// Fills `count` elements with the neutral element of the reduction.
void fillNeutral(DType dtype, SbpKind kind, void *dst, int64_t count);

} // namespace of
