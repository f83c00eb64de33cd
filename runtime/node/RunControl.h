// What the workers of a node share besides tokens: the order to stop, the first error of this node,
// the end of a program.
//
// All functions may be called by any thread.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/node/Body.h"

#include <atomic>
#include <functional>
#include <mutex>

namespace of::rt {

class RunControl {
public:
  explicit RunControl(uint32_t workers) : workers_(workers) {}

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

  /// A worker has left entry number `index` of the schedule.
  void arrive(const ProgramEntry &entry);
  /// Whether all workers have left entry number `index`.
  bool passed(uint64_t index) const { return ended_.load(std::memory_order_acquire) > index; }

  /// Counts firings, so that a stall can be seen from outside.
  void beat() { beats_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }
  /// Asks every waiting worker to say what it waits for; counts requests.
  void askForWaits() { waitRequests_.fetch_add(1, std::memory_order_relaxed); }
  uint32_t waitRequests() const { return waitRequests_.load(std::memory_order_relaxed); }

private:
  const uint32_t workers_;
  std::atomic<bool> stopped_{false};
  std::atomic<uint32_t> arrived_{0};
  std::atomic<uint64_t> ended_{0};
  std::atomic<uint64_t> beats_{0};
  std::atomic<uint32_t> waitRequests_{0};
  mutable std::mutex mutex_;
  Status error_;
};

} // namespace of::rt
