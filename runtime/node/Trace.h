// What happened when: every firing, every kernel of it and every message, for a Chrome/Perfetto
// trace.
//
// One buffer per thread that records, filled without locks and without allocation; a full buffer
// drops what follows and says so. Written once, after the workers have ended, with the times of
// node 0's clock: files of several hosts fit together, as well as their "clock" lines say.
#pragma once

#include "runtime/node/ClockMap.h"
#include "runtime/node/Router.h"
#include "runtime/schema/PlanView.h"

#include <array>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace of::rt {

/// Nanoseconds of the steady clock.
int64_t nowNs();

/// Nanoseconds that the calling thread has had a processor.
int64_t threadNs();

class Trace final : public MessageObserver {
public:
  Trace(const plan::Plan &plan, uint32_t node, std::vector<WorkerPlace> workers,
        size_t eventsPerWorker);

  /// Worker `worker` ran a firing; called by that worker.
  void firing(uint32_t worker, uint32_t program, uint32_t task, uint64_t index, int64_t beginNs,
              int64_t endNs);
  /// The same for kernel `call` of a firing of a segment, and how long the thread had a processor.
  void kernel(uint32_t worker, uint32_t program, uint32_t task, int32_t call, uint64_t index,
              int64_t beginNs, int64_t endNs, int64_t threadNs);
  void onMessage(bool outgoing, NodeId peer, const char *kind, const EdgeKey &edge,
                 uint64_t sequence) override;

  /// Writes the events of this node as JSON: one track per node, device and stream. Kernels are of
  /// category "kernel", within the event of their segment, which is of category "task"; theirs have
  /// `tdur`, the time on the processor, beside `dur`. The metadata event "clock" says what was
  /// added to this node's times (offset_us, at the end), how much faster node 0's clock runs
  /// (drift_ppm) and what a time may be wrong by (error_us).
  Status write(const std::string &path, const ClockMap &clock = {}) const;

private:
  struct Span {
    uint32_t program, task;
    int32_t call; ///< of the segment, -1 for the whole firing
    uint64_t index;
    int64_t beginNs, endNs;
    int64_t threadNs; ///< of kernels
  };
  struct MessageEvent {
    bool outgoing;
    NodeId peer;
    const char *kind;
    EdgeKey edge;
    uint64_t sequence;
    int64_t timeNs;
  };
  struct alignas(64) Buffer {
    std::vector<Span> spans;
    uint64_t dropped = 0;
  };
  void add(uint32_t worker, const Span &span);
  void writeClock(std::FILE *file, const ClockMap &clock) const;
  void writeSpan(std::FILE *file, const ClockMap &clock, const plan::Role &role,
                 const WorkerPlace &place, const Span &span) const;

  const plan::Plan &plan_;
  const uint32_t node_;
  const std::vector<WorkerPlace> workers_;
  std::vector<Buffer> buffers_;
  std::mutex messageMutex_;
  std::vector<MessageEvent> messages_;
  uint64_t droppedMessages_ = 0;
};

} // namespace of::rt
