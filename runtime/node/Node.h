// A node: everything one process does for a plan, from chunks to the last step.
//
//   create ──card()──▶ (join: cards of all nodes are exchanged) ──connect──▶ run ──▶ Status
//
// `create` checks and allocates, `connect` maps the chunks of the host's other processes and builds
// workers and routes, `run` starts one thread per worker, reports while they work, and returns when
// the schedule is done or the run was stopped. Nothing is allocated by the workers while they run.
// Owned by the main thread, which calls everything; `stop` may come from any thread.
#pragma once

#include "runtime/actor/Build.h"
#include "runtime/data/NpyFile.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/node/DataBodies.h"
#include "runtime/node/Inference.h"
#include "runtime/node/Memory.h"
#include "runtime/node/Profile.h"
#include "runtime/node/Reporter.h"
#include "runtime/node/Schedule.h"
#include "runtime/node/Worker.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace of::rt {

struct NodeOptions {
  uint32_t node = 0;
  std::string planDir; ///< where first values lie that came with the model
  std::string dataDir; ///< where files of datasets and initial values are looked for
  std::string outDir;  ///< metrics.jsonl, trace-<node>.json; empty: nothing is written
  bool trace = false;
  bool profile = false;     ///< measure how long tasks and links take
  bool tensorBoard = false; ///< metrics into outDir as TensorBoard reads them, too
  std::optional<uint64_t> stopAfterSteps;
  std::string resumePath;  ///< checkpoint to go on from; empty: from the start
  std::string weightsPath; ///< what Load tasks read; empty: what the plan names
  NamedFiles outputs;      ///< results of a forward plan that are wanted
  std::string planDigest;  ///< goes into checkpoints
  uint64_t keepCheckpoints = 3;
  double readRowsPerSecond = 0; ///< slower than the disk is; 0: as it is
  /// Segments compute nothing but last so many times what the plan predicts; 0: they compute.
  double timedCompute = 0;
  bool terminal = false;
  bool json = false;
  int64_t stallNs = 30'000'000'000; ///< nothing fired for so long: say what each worker waits for
};

/// Refused if this build cannot run the kind of the device.
Status checkDeviceKind(const plan::Plan &plan, uint32_t device);

class Node {
public:
  /// Borrows `plan`, which has passed the verifier and outlives the node.
  static Result<std::unique_ptr<Node>> create(const plan::Plan &plan, NodeOptions options);
  ~Node();

  /// What the other processes of this host need to map this node's shared chunks.
  ChunkCard card() const { return memory_.card(); }
  /// `cards[i]` is node i's card. `transport` may be null for a plan of one node; it outlives the
  /// node.
  /// `gather` collects the digests of a snapshot while the node runs; one call at a time.
  Status connect(const std::vector<ChunkCard> &cards, Transport *transport, GatherFn gather);

  /// `onFail` hears of the first error of this node at once, on a worker's thread. `onWatch` is
  /// called every now and then by this one.
  Status run(
      const std::function<void(const Status &)> &onFail,
      const std::function<void()> &onWatch = [] {});
  /// Asked when the trace is written, whose times are node 0's; before, a node's clock is taken for
  /// node 0's.
  void setClock(std::function<ClockMap()> clock) { clock_ = std::move(clock); }
  /// Ends the run from outside: another node has failed.
  void stop();

  // Ending early, with a checkpoint. Any thread.
  /// This node begins no more steps and says, once, after which one it can end.
  void askHalt(std::function<void(uint64_t)> onPromise);
  /// All nodes end after this step.
  void haltAt(uint64_t step);
  /// The step after which the run has ended before its time.
  std::optional<uint64_t> endedAt() const;
  /// Training steps of the whole job.
  uint64_t totalSteps() const { return trainingSteps(schedule_, plan_); }

  /// After the run, if it was asked for.
  std::optional<NodeProfile> profile() const {
    return profile_ ? std::optional<NodeProfile>(profile_->summary()) : std::nullopt;
  }
  uint64_t chunkBytes() const { return memory_.allocatedBytes(); }
  const std::vector<ProgramEntry> &schedule() const { return schedule_; }

private:
  static constexpr size_t kMetricRecords = 4096;
  struct DeviceState {
    uint32_t id = 0;
    DeviceTables tables;
    std::unique_ptr<CpuDevice> device;
  };

  Node(const plan::Plan &plan, NodeOptions options, NodeMemory memory)
      : plan_(plan), options_(std::move(options)), memory_(std::move(memory)),
        sink_(kMetricRecords) {}

  Status makeSchedule();
  Status checkFolder() const;
  Status loadObjects();
  Result<const BatchReader *> readerOf(uint32_t dataset);
  Result<const Checkpoint *> weights();
  /// Where files that the job names are looked for, in order.
  std::vector<std::string> folders() const;
  Status addDevice(uint32_t device);
  bool maySpin() const;
  Status addWorker(DeviceState &device, uint32_t worker, uint32_t id);
  Result<ProgramBodies> makeBodies(DeviceState &device, uint32_t worker, const ProgramTable &table);
  Result<std::unique_ptr<Body>> makeBody(DeviceState &device, uint32_t worker,
                                         const ProgramTable &table, uint32_t task);
  Result<OutputFile *> outputOf(const plan::Output &output, uint32_t device);
  void programEnded(const ProgramEntry &entry);
  void report(Reporter &reporter);
  void runWorker(Worker &worker);
  void awaitWatch();
  void watch(Reporter &reporter, const std::function<void()> &onWatch);
  Status writeTrace() const;
  bool emitsMetrics() const; ///< only one node of a folder writes its metrics file

  const plan::Plan &plan_;
  const NodeOptions options_;
  NodeMemory memory_;
  std::vector<ProgramEntry> schedule_;
  std::vector<std::unique_ptr<KernelObject>> objects_;
  std::vector<std::unique_ptr<DeviceState>> devices_;
  std::vector<std::unique_ptr<BatchReader>>
      readers_; ///< by data set, opened when a device reads it
  std::vector<std::unique_ptr<OutputFile>> outputs_;
  std::unique_ptr<Checkpoint> resume_, weights_;
  const std::unique_ptr<Disk> disk_ = Disk::ofThisMachine();
  std::unique_ptr<Snapshots> snapshots_;
  MetricSink sink_;
  std::mutex reportMutex_;
  std::vector<MetricRecord> records_; ///< being reported
  std::unique_ptr<Trace> trace_;
  std::function<ClockMap()> clock_ = [] { return ClockMap(); };
  std::unique_ptr<Profile> profile_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<RunControl> control_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<uint32_t> running_{0};
  std::mutex endMutex_;
  std::condition_variable allEnded_; ///< no worker runs any more
};

} // namespace of::rt
