// How a program is cut into pipeline stages: consecutive blocks of it on consecutive devices.
//
//   blocks    0   1   2 │ 3   4 │ 5   6   7        stage = blocks [first, end) on one mesh, in one
//   devices     0..3    │  4,5  │   6, 7                   way of running them there
//
//   micro(s)  seconds of a micro-batch on stage s: of its blocks, and of what crosses into it
//   step(s)   seconds once per step
//   seconds   sum of micro + (m - 1) x largest micro + largest step          m micro-batches
//   bytes(s)  fixed + min(m, p - s) x active of its blocks + largest extra   p stages, 1F1B
//
// The outer problem of the search: the blocks' costs come from networks of distributions, one for
// each mesh. Dynamic programming from the last stage to the first; a state is the first block and
// the first device of a stage and keeps all (sum, largest micro, largest step) that no other is
// better than in all three. All stages together have all blocks and all devices. Plain values, pure
// functions; ties go to the earlier cut, then to the mesh and the way declared first.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace of::search {

/// What one block costs on one mesh, run in one way.
struct BlockCost {
  double microSeconds = 0, stepSeconds = 0;
  int64_t fixedBytes = 0;  ///< always in use
  int64_t activeBytes = 0; ///< of each micro-batch under way
  int64_t extraBytes = 0;  ///< beside these while the block runs
};

/// Devices [first, first + count) as a stage can have them.
struct StageMesh {
  int64_t first = 0, count = 0;
  std::optional<int64_t> memoryBytes;
  size_t table = 0; ///< of costs; meshes that are alike share one
};

/// Seconds of a micro-batch for what crosses in front of each block: results go to the stage behind
/// the cut and take its time, gradients to the one before it.
struct Crossing {
  std::vector<double> forward, backward;
};

struct StageProblem {
  int64_t blocks = 0, devices = 0, microBatches = 1;
  std::vector<StageMesh> meshes;
  /// [table][way][block].
  std::vector<std::vector<std::vector<BlockCost>>> tables;
  /// By meshes before and behind a cut. No entry: these two never follow one another.
  std::map<std::pair<size_t, size_t>, Crossing> crossing;

  /// Error: no block, device, micro-batch or way; counts that do not match; a mesh outside the
  /// devices; a cost that is negative or NaN.
  Status check() const;
};

struct Stage {
  int64_t firstBlock = 0, endBlock = 0;
  size_t mesh = 0, way = 0;
  bool operator==(const Stage &other) const {
    return firstBlock == other.firstBlock && endBlock == other.endBlock && mesh == other.mesh &&
           way == other.way;
  }
};

struct StageSolution {
  std::vector<Stage> stages;
  double seconds = 0;

  /// Error: stages that leave out blocks or devices, or have them twice, that exceed the memory of
  /// their mesh, or whose seconds are others.
  Status verify(const StageProblem &problem) const;
};

/// The fastest with exactly so many stages; none if nothing fits. Exact where no state keeps more
/// than `mostKept` entries; of more, those with the least seconds so far are kept. Error: the
/// problem does not check, or fewer than one stage.
Result<std::optional<StageSolution>> solveStages(const StageProblem &problem, int64_t stages,
                                                 size_t mostKept = 64);

} // namespace of::search
