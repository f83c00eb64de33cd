// What a node needs of the others beside the transport: to meet them, to gather a line from each,
// to tell and hear of failures.
//
// Implemented over the control tree (control/) for several nodes and trivially for one. Owned by
// the process's main thread, which calls everything but `report`, which any thread may call.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/node/ClockMap.h"

#include <functional>
#include <string>
#include <vector>

namespace of::rt {

class Links {
public:
  virtual ~Links() = default;

  /// Every node gives a line and gets those of all, in order of nodes. All nodes call it the same
  /// number of times.
  virtual Result<std::vector<std::string>> allGather(const std::string &mine) = 0;

  /// Sockets to the nodes wanted, by node, -1 to the others; they are the caller's. The two ends of
  /// each have shown each other that they know the job's token. All nodes call it, and who is
  /// wanted wants this one.
  virtual Result<std::vector<int>> dataSockets(const std::vector<bool> &wanted) = 0;

  /// This node has failed: the others are told.
  virtual void report(const Status &status) = 0;

  /// `onFailure` is called once, from any thread and not calling back, when the first cause of a
  /// failure is known, of this node or another.
  virtual void watch(std::function<void()> onFailure) = 0;

  /// All nodes are to end early, after a step that they agree on (control/Halt.h). Any thread.
  virtual void askHalt() = 0;
  /// `onFreeze` is called once when somebody has asked: this node is to promise; `onAgreed` with
  /// the step. From any thread, not calling back. Null functions end the watch.
  virtual void watchHalt(std::function<void()> onFreeze,
                         std::function<void(uint64_t)> onAgreed) = 0;
  /// This node can end after this step and after every later one; said when it is asked, and once
  /// more when it is done. Any thread.
  virtual void promise(uint64_t step) = 0;

  /// From the clock of this node to node 0's, as far as it is known now; only if it was asked for.
  virtual ClockMap clock() = 0;

  /// Waits until all nodes are done or the first cause of a failure is known; returns it.
  virtual Status finish() = 0;
};

/// The links of a node that is alone.
class SoloLinks final : public Links {
public:
  Result<std::vector<std::string>> allGather(const std::string &mine) override {
    return std::vector<std::string>{mine};
  }
  Result<std::vector<int>> dataSockets(const std::vector<bool> &wanted) override {
    return std::vector<int>(wanted.size(), -1);
  }
  void report(const Status &status) override { cause_ = status; }
  void watch(std::function<void()>) override {}
  void askHalt() override {
    if (onFreeze_)
      onFreeze_();
  }
  void watchHalt(std::function<void()> onFreeze, std::function<void(uint64_t)> onAgreed) override {
    onFreeze_ = std::move(onFreeze);
    onAgreed_ = std::move(onAgreed);
  }
  void promise(uint64_t step) override {
    if (onAgreed_)
      onAgreed_(step);
  }
  ClockMap clock() override { return {}; }
  Status finish() override { return cause_; }

private:
  std::function<void()> onFreeze_;
  std::function<void(uint64_t)> onAgreed_;
  Status cause_;
};

} // namespace of::rt
