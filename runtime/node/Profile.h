// How long the tasks and the links of a node really take, for `of-compile --profile`.
//
//   worker ──time of its steps──▶ samples of (worker, program, task) ─┐
//   router ──push, push done────▶ samples of exchanges and of peers ──┴─▶ summary()
//
// A task's time is that of its own steps: what the worker does for other streams in between does
// not count. The pushes of a node share its way out, which is taken to be
// busy with the oldest of them. A worker that looks late sees several
// ends at once, so of pushes the mean counts: it is how long the way out was busy with one.
//
// Rings that keep the newest samples; nothing is allocated while the workers run. `task` is called
// by the worker it concerns, the observer's functions by any; `summary` once the workers have
// ended.
#pragma once

#include "runtime/node/Router.h"
#include "runtime/schema/PlanView.h"

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace of::rt {

/// What tells a task from another of its name (a profile may be of another plan).
struct TaskWork {
  double flops = 0; ///< of the calls of a segment
  double bytes = 0; ///< of one slot of each port
};
TaskWork workOf(const plan::RoleProgram &program, const plan::Task &task);

/// Seconds: medians of tasks, means of pushes.
struct TaskTimes {
  std::string program, task;
  TaskWork work;
  uint64_t firings = 0;
  double seconds = 0;
};
/// The pushes of one firing of an exchange by one node.
struct ExchangeTimes {
  std::string program, exchange;
  double bytes = 0;
  uint64_t firings = 0;
  double seconds = 0;
};
/// The largest pushes from one node to another.
struct LinkTimes {
  std::string from, to;
  double bytes = 0; ///< of one
  uint64_t pushes = 0;
  double seconds = 0;
};
struct NodeProfile {
  std::vector<TaskTimes> tasks; ///< of a mesh's devices the slowest
  std::vector<ExchangeTimes> exchanges;
  std::vector<LinkTimes> links;
};

/// Durations of one thing; the newest kCapacity are kept.
class Samples {
public:
  static constexpr size_t kCapacity = 256;
  void add(int64_t ns) { ns_[count_++ % kCapacity] = ns; }
  uint64_t count() const { return count_; }
  double medianSeconds() const;
  double meanSeconds() const;

private:
  std::array<int64_t, kCapacity> ns_;
  uint64_t count_ = 0;
};

class Profile final : public MessageObserver {
public:
  Profile(const plan::Plan &plan, uint32_t node, std::vector<WorkerPlace> workers);

  /// Worker `worker` spent so long in the steps of one firing.
  void task(uint32_t worker, uint32_t program, uint32_t task, int64_t ns) {
    tasks_[worker][program][task].add(ns);
  }
  void onPush(NodeId peer, const EdgeKey &edge, uint64_t sequence, size_t bytes) override;
  void onPushDone(NodeId peer, const EdgeKey &edge, uint64_t sequence) override;

  NodeProfile summary() const;

private:
  struct Push {
    EdgeKey edge;
    uint64_t sequence = 0;
    size_t bytes = 0;
    int64_t beginNs = 0, ns = 0;
  };
  struct ExchangeSamples {
    uint32_t pushes = 0; ///< of one firing
    uint32_t done = 0;   ///< of them, in the firing that is being summed up
    int64_t ns = 0;
    double bytes = 0, firingBytes = 0;
    Samples samples;
  };
  struct LinkSamples {
    size_t bytes = 0; ///< the largest push so far
    Samples samples;  ///< of pushes of this size
  };

  const plan::Plan &plan_;
  const uint32_t node_;
  const std::vector<WorkerPlace> workers_;
  std::vector<std::vector<std::vector<Samples>>> tasks_; ///< [worker][program][task of its table]
  std::mutex mutex_;
  std::vector<Push> open_;
  int64_t lastDoneNs_ = 0;
  std::map<std::pair<uint16_t, uint32_t>, ExchangeSamples> exchanges_; ///< by program, exchange
  std::map<NodeId, LinkSamples> links_;
};

} // namespace of::rt
