// A worker: one thread that drives one machine through the schedule.
//
// It takes tokens, starts whatever can start and runs bodies one step at a time, stream after
// stream, so that a transfer stream advances between the kernels of the compute stream it shares
// the thread with.
//
//   for each entry of the schedule:  enter ▶ { take tokens ▶ one step of each stream ▶ poll the
//   transport ▶ idle } ▶ leave ▶ all have left
//
// What the transport holds back, so that it may travel with the next push, goes before a step that
// is not brief and when there is nothing to do.
#pragma once

#include "runtime/node/Backoff.h"
#include "runtime/node/ExchangeBodies.h"
#include "runtime/node/Parker.h"
#include "runtime/node/Profile.h"
#include "runtime/node/Router.h"
#include "runtime/node/RunControl.h"
#include "runtime/node/Trace.h"

namespace of::rt {

/// The bodies of one program and where its ports lie, as one worker needs them. Indices as in the
/// worker's table.
struct ProgramBodies {
  std::vector<std::unique_ptr<Body>> tasks;
  std::vector<SlotRange> inputs, outputs;
  /// By task: a step of it takes no longer than a message would have to wait for it.
  std::vector<bool> brief;
  bool mayOffer = false; ///< there is a Receive whose pushed bytes may land in its output
};

struct WorkerConfig {
  uint32_t id = 0; ///< of the node
  WorkerPlace place;
  const plan::Plan *plan = nullptr;
  Device *device = nullptr;
  std::vector<ProgramBodies> programs;
  bool maySpin = true; ///< false: more workers than cores on this host
  Trace *trace = nullptr;
  Profile *profile = nullptr;
};

class Worker final : private ActionSink {
public:
  Worker(WorkerConfig config, Router &router, RunControl &control);

  /// Runs the schedule; returns when it is done or the run has stopped.
  void run(const std::vector<ProgramEntry> &schedule);

private:
  struct StreamRun {
    bool active = false;
    Firing firing;
    int32_t step = 0;
    int64_t beginNs = 0;
    int64_t stepsNs = 0; ///< of its own steps
  };

  void act(const Action &action) override;
  void heedHalt();
  uint64_t earliestEnd() const;
  bool mayStart(uint32_t stream) const;
  bool trains() const;
  Status runEntry(const ProgramEntry &entry);
  Status awaitOthers(uint64_t index);
  Status runStep(Body &body, const StreamRun &run, const FiringContext &context);
  Status advance(uint32_t stream, bool &moved);
  void begin(StreamRun &run);
  Status takeTokens(bool &moved, bool look = true);
  bool isLookDue(bool moving);
  void offerRoom(uint32_t stream);
  void noteLanding(const Token &token);
  Status idle(uint32_t rounds);
  void reportWaits();

  WorkerConfig config_;
  Router &router_;
  RunControl &control_;
  Machine machine_;
  Backoff backoff_;
  const ProgramEntry *entry_ = nullptr;
  ProgramBodies *bodies_ = nullptr;
  std::vector<std::byte *> inputAddresses_,
      outputAddresses_; ///< of the firings in progress, by port
  std::vector<StreamRun> streams_;
  Status actError_; ///< act cannot return one
  uint32_t waitRequestsSeen_ = 0;
  uint32_t roundsUnseen_ = 0; ///< since the last look at the transport
  // Ending early (RunControl.h).
  enum class Ending : uint8_t { No, Promised, Agreed };
  Ending ending_ = Ending::No;
  uint64_t holdAt_ = 0; ///< Promised: no training step from this one on begins
  const std::vector<ProgramEntry> *schedule_ = nullptr;
  uint64_t index_ = 0; ///< of *entry_ in the schedule
};

} // namespace of::rt
