// What a node needs of the others beside the transport: to meet them, to gather a line from each,
// to tell and hear of failures.
//
// Implemented over the control tree (control/) for several nodes and trivially for one. Owned by
// the process's main thread, which calls everything but `report`, which any thread may call.
#pragma once

#include "runtime/base/Status.h"

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

  /// This node has failed: the others are told.
  virtual void report(const Status &status) = 0;

  /// `onFailure` is called once, from any thread and not calling back, when the first cause of a
  /// failure is known, of this node or another.
  virtual void watch(std::function<void()> onFailure) = 0;

  /// Waits until all nodes are done or the first cause of a failure is known; returns it.
  virtual Status finish() = 0;
};

/// The links of a node that is alone.
class SoloLinks final : public Links {
public:
  Result<std::vector<std::string>> allGather(const std::string &mine) override {
    return std::vector<std::string>{mine};
  }
  void report(const Status &status) override { cause_ = status; }
  void watch(std::function<void()>) override {}
  Status finish() override { return cause_; }

private:
  Status cause_;
};

} // namespace of::rt
