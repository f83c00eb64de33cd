// Exact search for a packing within a capacity: fill the valleys of the skyline, most constrained
// first.
//
//   height ▲  ▓▓▓▓▓                  A valley is a run of sections of equal height between higher
//          │  ▓▓▓▓▓ valley ▓▓▓       walls. What comes to lie on its floor begins and ends inside
//          it. │  ▓▓▓▓▓▒▒▒▒▒▒▒▒▓▓▓       A section can waste at most slack = capacity - height -
//          bytes to └──────────────────▶      come. Where less than the lowest possible next floor
//          is left to
//                      section       waste, one of the buffers that cover the section must lie on
//                      the
//                                    floor now: the section with the fewest is branched on.
//
// If no section is that tight the lowest valley is branched on, over all buffers inside it and over
// leaving it empty. Depth-first with undo, restarted with perturbed value orders; without a node
// limit the search is complete, so exhaustion refutes the capacity. Owned by one caller; not
// thread-safe.
#pragma once

#include "lib/Search/PackingSections.h"

#include <random>

namespace of::search {

class SkylineSearch {
public:
  enum class Outcome { Found, Refuted, GaveUp };

  explicit SkylineSearch(const Component &component);

  /// One descent with at most `nodes` nodes; each call takes the next value order. `work` grows by
  /// the sections and buffers looked at. `noise`: 0 takes the preferred order of options, more
  /// perturbs it.
  Outcome run(int64_t capacity, uint64_t nodes, double noise, std::mt19937_64 &random,
              uint64_t &work);

  /// Of the last Found.
  const Layout &layout() const { return layout_; }

private:
  static constexpr uint32_t kEmpty = UINT32_MAX; ///< the option to leave the valley empty
  static constexpr int64_t kClosed = INT64_MAX;  ///< height of a section with nothing to come

  struct Valley {
    uint32_t begin = 0, end = 0;
    int64_t floor = 0;
    int64_t depth = 0; ///< to the lower wall; kClosed if there is none
  };
  struct Change {
    uint32_t section;
    int64_t height, slack;
  };
  struct Frame {
    size_t firstOption, nextOption;
    size_t undo;
    Valley valley;
    uint32_t placed;
  };
  enum class Step { Solved, Dead, Branch };

  void reset(int64_t capacity);
  Step expand(Frame &frame);
  bool nextValley(uint32_t &section, Valley &valley) const;
  /// False if the valley cannot be filled. Keeps the tightest section of all valleys.
  bool inspect(const Valley &valley);
  void collect(const Valley &valley);
  void collectOptions();
  bool tryOption(Frame &frame, uint32_t option);
  bool place(const Valley &valley, uint32_t buffer);
  bool raise(const Valley &valley);
  void undo(Frame &frame);
  /// Raises the weight of the buffers to come in `section` that do not fit into the valley.
  void blame(const Valley &valley, uint32_t section);
  double score(const Valley &valley, uint32_t buffer) const;
  int64_t smallestOpen();

  const Component &component_;
  std::vector<std::vector<uint32_t>> starts_; ///< buffers by first section, twins adjacent
  std::vector<uint32_t> bySize_;
  std::vector<int64_t> height_, slack_, offset_;
  std::vector<uint32_t> open_; ///< buffers to come in each section
  std::vector<bool> placed_;
  std::vector<Change> changes_;
  std::vector<uint32_t> options_;
  std::vector<Frame> frames_;
  // Scratch of one expansion.
  std::vector<uint32_t> inside_;
  std::vector<int64_t> coverBytes_;
  std::vector<int32_t> coverCount_;
  Valley lowest_, tightest_;
  uint32_t tightSection_ = 0;
  int32_t tightCount_ = 0;
  int64_t smallest_ = 0;
  std::vector<double> weight_;   ///< of each buffer, kept from descent to descent
  double weightUnit_ = 1;        ///< grows, so that old weight fades
  unsigned runs_ = 0, rule_ = 0; ///< descents so far, value order of the present one
  double noise_ = 0;
  std::mt19937_64 *random_ = nullptr;
  uint64_t work_ = 0;
  size_t left_ = 0;
  Layout layout_;
};

} // namespace of::search
