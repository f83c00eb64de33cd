// What the workers of a node share besides tokens: the order to stop, the first error of this node,
// the end of a program.
//
// All functions may be called by any thread.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/node/Body.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace of::rt {

class RunControl {
public:
  explicit RunControl(uint32_t workers) : workers_(workers), beats_(workers) {}

  /// Set before the workers start. `onFail` is called once, with the first error of this node;
  /// `onProgramEnd` by the last worker that leaves a program entry, before any enters the next.
  std::function<void(const Status &)> onFail = [](const Status &) {};
  std::function<void(const ProgramEntry &)> onProgramEnd = [](const ProgramEntry &) {};

  void fail(const Status &status);
  /// Ends the workers without an error of their own.
  void stop() { stopped_.store(true, std::memory_order_release); }
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  const std::atomic<bool> &stopFlag() const { return stopped_; }
  Status error() const;

  /// A worker has left entry number `index` of the schedule. True if it was the last: others may be
  /// asleep that waited for it.
  bool arrive(const ProgramEntry &entry);
  /// Whether all workers have left entry number `index`.
  bool passed(uint64_t index) const { return ended_.load(std::memory_order_acquire) > index; }

  // Ending early: every worker says after which step it can end, then all hear after which one
  // they do.
  struct Halt {
    uint64_t step = 0;
    std::vector<ProgramEntry> schedule; ///< that ends there
  };
  /// Called once, when somebody has asked and then the last worker promises, with the latest step.
  std::function<void(uint64_t)> onPromise = [](uint64_t) {};
  void askHalt();
  bool haltAsked() const { return haltAsked_.load(std::memory_order_relaxed); }
  /// Once by every worker: when it is asked, or at its end.
  void promise(uint64_t step);
  void haltAt(Halt halt);
  /// Null until all nodes agree.
  const Halt *halt() const { return halt_.load(std::memory_order_acquire); }

  /// Counts the firings of a worker, which calls it, so that a stall can be seen from outside.
  void beat(uint32_t worker) {
    std::atomic<uint64_t> &count = beats_[worker].count;
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  uint64_t beats() const {
    uint64_t sum = 0;
    for (const Beats &worker : beats_)
      sum += worker.count.load(std::memory_order_relaxed);
    return sum;
  }
  /// Asks every waiting worker to say what it waits for; counts requests.
  void askForWaits() { waitRequests_.fetch_add(1, std::memory_order_relaxed); }
  uint32_t waitRequests() const { return waitRequests_.load(std::memory_order_relaxed); }

private:
  const uint32_t workers_;
  std::atomic<bool> stopped_{false};
  std::atomic<uint32_t> arrived_{0};
  std::atomic<uint64_t> ended_{0};
  /// A line for each worker: counting costs no transfer between cores.
  struct alignas(64) Beats {
    std::atomic<uint64_t> count{0};
  };
  std::vector<Beats> beats_;
  std::atomic<uint32_t> waitRequests_{0};
  std::atomic<bool> haltAsked_{false};
  std::atomic<const Halt *> halt_{nullptr};
  mutable std::mutex mutex_;
  Status error_;
  std::unique_ptr<const Halt> haltOwner_;
  uint32_t promises_ = 0;
  uint64_t promised_ = 0;
};

} // namespace of::rt
