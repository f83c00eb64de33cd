// Offline packing of buffers into one chunk: which bytes a buffer gets, when it is known when it
// lives.
//
//   offset ▲        ┌───────┐
//          │   ┌────┤   c   ├──┐      A buffer lives in [lower, upper) of any integer clock and
//          │   │ b  └───────┤  │      occupies [offset, offset + size). Buffers that live at the
//          │ ┌─┴────────┐ d │  │      same time share no byte. The peak is to be small; it is
//          │ │    a     ├───┴──┤      never below the bytes of the buffers live at one time.
//          └─┴──────────┴──────┴──▶ time
//
// The problem is NP-hard (dynamic storage allocation). The solver is a ladder: greedy orders, an
// exact skyline search at the lower bound (PackingSkyline.h), improvement of the best order. It
// stops when the peak equals the bound, when the wanted capacity is met or when its budget of work
// units is spent. The same problem and options give the same answer on any host. Plain values; pure
// functions.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace of::search {

struct Buffer {
  uint64_t id = 0; ///< the caller's name for it, used in messages
  int64_t lower = 0, upper = 0;
  int64_t size = 0;       ///< bytes; 0 is allowed and needs no place
  int64_t alignment = 64; ///< power of two
};

struct PackingProblem {
  std::vector<Buffer> buffers;
  /// The solver stops at the first packing that fits.
  std::optional<int64_t> capacity;

  /// Error: a buffer that lives nowhere, a negative size, an alignment that is no power of two,
  /// more bytes in all than an offset can hold.
  Status check() const;
  /// Smallest alignment. Sizes count rounded up to it, since no other byte of a granule can be
  /// used.
  int64_t granule() const;
};

/// Smallest multiple of `granule` that is not below `bytes`.
inline int64_t roundUp(int64_t bytes, int64_t granule) {
  return (bytes + granule - 1) / granule * granule;
}

/// The most bytes that are live at one time: no packing has a smaller peak.
struct MaxLive {
  int64_t bytes = 0;
  int64_t time = 0;         ///< the earliest such time
  std::vector<size_t> live; ///< the buffers live then, ascending
};
MaxLive maxLive(const PackingProblem &problem);

struct PackingSolution {
  std::vector<int64_t> offsets; ///< one for each buffer
  int64_t peak = 0;             ///< end of the highest buffer
  int64_t bound = 0;            ///< proven lower bound: max-live, or more where that was refuted
  uint64_t work = 0;            ///< units spent

  /// Error: wrong count, an offset that is negative or not aligned, two live buffers that share
  /// bytes, a peak that is not the end of the highest buffer or exceeds the capacity. O(n log n).
  Status verify(const PackingProblem &problem) const;
};

struct PackingOptions {
  /// Bounds the work; a unit is a few nanoseconds. The greedy packings are made in any case.
  uint64_t budget = 500'000'000;
  /// A peak this fraction above the bound is good enough once a quick try at the bound has failed.
  double tolerance = 0.005;
  uint64_t seed = 1;
};

/// Error: the problem does not check; the capacity is below max-live (names time and buffers), or
/// no packing within the capacity was found in the budget (names the best peak).
Result<PackingSolution> pack(const PackingProblem &problem, const PackingOptions &options = {});

} // namespace of::search
