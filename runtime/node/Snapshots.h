// Checkpoints as a node takes part in them: the snapshot that is being written, and the one a run
// starts from.
//
//   workers   Write bodies ▶ await ▶ put: bytes copied to memory of the snapshot ▶ program ends
//                                        ▲                                            │ handOver
//   writer    ───────────────── free ◀── commit ◀── digests of all ◀── write, sync ◀──┘
//
// Only the copy holds up the steps; writing and syncing is done by a thread of its own while they
// go on. There is memory for one snapshot, so the next one waits until the last is safe. Its
// addresses, as many as the parts that this node writes have bytes, are taken before the run
// starts; nothing touches them before the first snapshot, so a run without one needs none of it.
// `addPart` and `start` belong to the main thread before the run; `await`, `put` and `handOver` to
// workers.
#pragma once

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/node/ExchangeBodies.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace of::rt {

/// Gathers one line of every node: all of them, in order of nodes, on node 0; what it gives
/// elsewhere is not looked at.
using GatherFn = std::function<Result<std::vector<std::string>>(const std::string &mine)>;

struct SnapshotsConfig {
  std::string folder; ///< of all checkpoints of the run; empty: snapshots are refused
  std::string planDigest;
  uint32_t node = 0;
  uint64_t keep = 0; ///< newest checkpoints to keep; 0 keeps all
  GatherFn gather;   ///< called by the writer's thread
};

class Snapshots {
public:
  /// `disk` outlives it.
  Snapshots(const plan::Plan &plan, SnapshotsConfig config, Disk &disk)
      : plan_(plan), config_(std::move(config)), disk_(disk) {}
  ~Snapshots();

  /// A part that this node writes into every snapshot; the number that `put` knows it by.
  uint32_t addPart(uint32_t variable, const Box &box);
  /// Starts the writer. It calls `flush` before a snapshot becomes valid: what else the run has
  /// said of its steps must be on record by then. The first error goes to `onError`, once, and
  /// nothing more is written.
  void start(std::function<void()> flush, std::function<void(const Status &)> onError);

  /// The memory of the snapshot is free: the one before is safe. `stopped` ends the wait.
  Status await(const std::atomic<bool> &stopped);
  void put(uint32_t part, const void *data);
  /// The program that took the snapshot has ended on this node: it is whole.
  void handOver(uint64_t step);

  /// A snapshot is under way.
  bool busy() const { return state_.load(std::memory_order_acquire) != State::Free; }
  /// Ends the writer, after what it has begun. What it waits for must be about to end.
  void finish();

private:
  enum class State : uint8_t { Free, Whole, Failed };
  struct Part {
    uint32_t variable = 0;
    Box box;
    size_t offset = 0, bytes = 0;
  };

  void loop();
  Status writeAll();

  const plan::Plan &plan_;
  const SnapshotsConfig config_;
  Disk &disk_;
  std::unique_ptr<SnapshotWriter> writer_;
  std::vector<Part> parts_;
  size_t bytes_ = 0;                    ///< of all parts
  std::unique_ptr<std::byte[]> memory_; ///< not cleared
  std::function<void()> flush_;
  std::function<void(const Status &)> onError_;
  std::atomic<State> state_{State::Free};
  uint64_t step_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;
};

/// Box of a variable that a device holds.
Box variableBox(const plan::Plan &plan, const plan::Variable &variable, uint32_t device);

/// Tensors of a plan as checkpoints know them, in the plan's order.
std::vector<TensorInfo> planTensors(const plan::Plan &plan);

/// Opens the checkpoint to resume from: `path` itself, or the newest one in it or in its
/// "checkpoints" folder.
Result<std::unique_ptr<Checkpoint>> openCheckpoint(const std::string &path);

/// Opens what the Load tasks of a plan read, and checks that it has all of that. Other variables of
/// the plan may be there too (a checkpoint has them all), anything else is an error unless the plan
/// runs forward only.
Result<std::unique_ptr<Checkpoint>> openWeights(const plan::Plan &plan, const std::string &path);

/// Fills the parts of variables that the devices of `node` hold.
Status loadVariables(const plan::Plan &plan, const NodeMemory &memory, uint32_t node,
                     const Checkpoint &checkpoint);

} // namespace of::rt
