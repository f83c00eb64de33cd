// Gradients of a convolution's weights as a sum over runs of samples.
//
//   tile:   for each run of its samples:  whole gradient of the run ─▶ added to the tile's sum
//   call:   the tile that ends last adds the sums of all, in order
//
// Cut by channels instead, every tile would reorder all of x, and of few channels there is nothing
// to cut. Cut by samples, no tile does what another one does, and what is reordered stays in the
// cache; it pays where a run's samples are much larger than the weights, which each run writes once
// more.
#include "runtime/kernel/cpu/Conv.h"

#include <algorithm>
#include <atomic>

namespace of::rt::kernel {

namespace {

/// Where the samples of one tile lie, and the routine for a run of them.
struct SampleTile {
  std::unique_ptr<ConvRoutine> routine;
  int64_t firstSample = 0;
  int64_t runSamples = 0;
  int64_t runs = 0;
  size_t sumBytes = 0, runBytes = 0, scratchBytes = 0; ///< where they begin in the call's scratch
};

template <typename T> class ConvBySamples final : public ConvRoutine {
public:
  ConvBySamples(const ConvShape &shape, std::vector<SampleTile> tiles)
      : xSample_(shape.xElements() / shape.n), ySample_(shape.yElements() / shape.n),
        weights_(shape.wElements()), tiles_(std::move(tiles)) {
    const size_t one = alignScratch(static_cast<size_t>(weights_) * sizeof(T));
    for (SampleTile &tile : tiles_) {
      tile.sumBytes = take(&tile == &tiles_[0] ? 0 : one);
      tile.runBytes = take(tile.runs > 1 ? one : 0);
      tile.scratchBytes = take(alignScratch(tile.routine->scratchBytes()));
    }
  }

  size_t scratchBytes() const override { return scratch_; }

  void run(void *const *buffers, const int64_t *, int64_t tileBegin, int64_t tileEnd) override {
    const int64_t tiles = static_cast<int64_t>(tiles_.size()), end = std::min(tileEnd, tiles);
    for (int64_t tile = tileBegin; tile < end; ++tile) {
      runTile(buffers, tiles_[static_cast<size_t>(tile)]);
      if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == tiles) {
        done_.store(0, std::memory_order_relaxed); // the next call begins when this one is over
        for (size_t other = 1; other < tiles_.size(); ++other)
          add(sumOf(buffers, tiles_[0]), sumOf(buffers, tiles_[other]));
      }
    }
  }

private:
  size_t take(size_t bytes) {
    const size_t at = scratch_;
    scratch_ += bytes;
    return at;
  }

  static char *scratchOf(void *const *buffers) { return static_cast<char *>(buffers[3]); }

  /// The first tile adds up in the result.
  T *sumOf(void *const *buffers, const SampleTile &tile) const {
    return static_cast<T *>(&tile == &tiles_[0] ? buffers[2] : scratchOf(buffers) + tile.sumBytes);
  }

  void runTile(void *const *buffers, SampleTile &tile) const {
    T *sum = sumOf(buffers, tile);
    for (int64_t i = 0; i < tile.runs; ++i) {
      T *const to = i == 0 ? sum : reinterpret_cast<T *>(scratchOf(buffers) + tile.runBytes);
      const int64_t first = tile.firstSample + i * tile.runSamples;
      void *const inner[] = {static_cast<T *>(buffers[0]) + first * xSample_,
                             static_cast<T *>(buffers[1]) + first * ySample_, to,
                             scratchOf(buffers) + tile.scratchBytes};
      tile.routine->run(inner, nullptr, 0, 1);
      if (i > 0)
        add(sum, to);
    }
  }

  void add(T *sum, const T *more) const {
    for (int64_t i = 0; i < weights_; ++i)
      sum[i] += more[i];
  }

  const int64_t xSample_, ySample_, weights_; ///< elements
  std::vector<SampleTile> tiles_;
  size_t scratch_ = 0;
  std::atomic<int64_t> done_{0}; ///< tiles of this call
};

} // namespace

bool isBySamples(const ConvShape &s, int64_t tiles, bool inRuns) {
  constexpr int64_t leastSample = 4; // of the weights
  return s.kind == ConvKind::BackwardWeights && s.groups == 1 && !s.empty() && s.n > 1 &&
         (tiles > 1 || (inRuns && samplesInCache(s, s.n) < s.n)) &&
         s.xElements() + s.yElements() >= leastSample * s.n * s.wElements();
}

Result<std::unique_ptr<ConvRoutine>> makeConvBySamples(DType dtype, const ConvShape &shape,
                                                       int64_t tiles, bool inRuns,
                                                       const MakeConvPart &make) {
  std::vector<SampleTile> parts;
  for (int64_t i = 0; i < std::min(tiles, shape.n); ++i) {
    const Range samples = balancedPart({0, shape.n}, std::min(tiles, shape.n), i);
    SampleTile tile;
    tile.firstSample = samples.begin;
    tile.runSamples = inRuns ? samplesInCache(shape, samples.size()) : samples.size();
    tile.runs = samples.size() / tile.runSamples;
    ConvShape part = shape;
    part.n = tile.runSamples;
    OF_ASSIGN(tile.routine, make(part));
    parts.push_back(std::move(tile));
  }
  if (dtype == DType::F32)
    return std::unique_ptr<ConvRoutine>(new ConvBySamples<float>(shape, std::move(parts)));
  return std::unique_ptr<ConvRoutine>(new ConvBySamples<double>(shape, std::move(parts)));
}

} // namespace of::rt::kernel
