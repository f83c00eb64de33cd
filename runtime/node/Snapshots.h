// Checkpoints as a node takes part in them: the snapshot that is being written, and the one a run
// starts from.
//
//   first Write of a snapshot program ▶ begin ▶ parts … ▶ program ends ▶ (reporter's thread)
//   finishLocal ▶ digests of all nodes ▶ commit
//
// Workers go on with the next program while the files are synced; only the next snapshot waits for
// the last one. `ensureBegun` and `write` may be called by any worker, the rest by the main thread.
#pragma once

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/node/ExchangeBodies.h"

#include <atomic>
#include <functional>
#include <mutex>

namespace of::rt {

/// Gathers one line of every node: all of them, in order of nodes, on node 0; what it gives
/// elsewhere is not looked at.
using GatherFn = std::function<Result<std::vector<std::string>>(const std::string &mine)>;

struct SnapshotsConfig {
  std::string folder; ///< of all checkpoints of the run; empty: snapshots are refused
  std::string planDigest;
  uint32_t node = 0;
  uint64_t keep = 0; ///< newest checkpoints to keep; 0 keeps all
  GatherFn gather;
};

class Snapshots {
public:
  Snapshots(const plan::Plan &plan, SnapshotsConfig config)
      : plan_(plan), config_(std::move(config)) {}

  /// Starts the snapshot of `step` if this is its first part; waits for the one before. `stopped`
  /// ends the wait.
  Status ensureBegun(uint64_t step, const std::atomic<bool> &stopped);
  Status write(uint32_t variable, const Box &box, const void *data);

  /// The program that took the snapshot has ended on this node; finish it with `finishPending`.
  void programEnded(uint64_t step);
  bool pending() const { return ended_.load(); }
  /// Syncs, exchanges digests and, on node 0, makes the checkpoint valid. May take long.
  Status finishPending();

private:
  Status begin(uint64_t step);

  const plan::Plan &plan_;
  const SnapshotsConfig config_;
  std::mutex mutex_;
  std::unique_ptr<SnapshotWriter> writer_;
  uint64_t step_ = 0;
  std::atomic<bool> begun_{false}, ended_{false};
};

/// Box of a variable that a device holds.
Box variableBox(const plan::Plan &plan, const plan::Variable &variable, uint32_t device);

/// Tensors of a plan as checkpoints know them, in the plan's order.
std::vector<TensorInfo> planTensors(const plan::Plan &plan);

/// Opens the checkpoint to resume from: `path` itself, or the newest one in it or in its
/// "checkpoints" folder.
Result<std::unique_ptr<Checkpoint>> openCheckpoint(const std::string &path);

/// Opens what the Load tasks of a plan read, and checks that it has all of that. Other variables of
/// the plan may be there too (a checkpoint has them all), anything else is an error.
Result<std::unique_ptr<Checkpoint>> openWeights(const plan::Plan &plan, const std::string &path);

/// Fills the parts of variables that the devices of `node` hold.
Status loadVariables(const plan::Plan &plan, const NodeMemory &memory, uint32_t node,
                     const Checkpoint &checkpoint);

} // namespace of::rt
