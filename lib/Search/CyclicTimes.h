// Start times of the tasks for one candidate period of the micro-batches: a list schedule by
// longest tail, modulo the period, then delays that shorten lifetimes. Owned by one solver run.
#pragma once

#include "lib/Search/CyclicCredit.h"
#include "lib/Search/CyclicGraph.h"
#include "lib/Search/PeriodicStream.h"

#include <algorithm>
#include <optional>

namespace of::search {

/// Start times for one period of the micro-batches.
class TimeSolver {
public:
  TimeSolver(const CyclicProblem &problem, const CyclicGraph &graph, CyclicSolution &solution)
      : p_(problem), graph_(graph), s_(solution), free_(problem.streams) {
    std::vector<int64_t> work(p_.streams);
    for (uint32_t t = 0; t < p_.tasks.size(); ++t) {
      const CyclicTask &task = p_.tasks[t];
      (task.micro ? micro_ : graph_.afterMicro(t) ? post_ : pre_).push_back(t);
      if (task.micro)
        work[task.stream] += task.durationNs;
    }
    for (std::vector<uint32_t> *tasks : {&pre_, &micro_, &post_})
      std::stable_sort(tasks->begin(), tasks->end(), [&](uint32_t a, uint32_t b) {
        return graph_.tail(a) > graph_.tail(b); // a task's tail is longer than its readers'
      });
    work_ = work;
  }

  int64_t busiest() const { return *std::max_element(work_.begin(), work_.end()); }

  /// sequential: `period` is long enough for one micro-batch after the other, and is shortened to
  /// what that takes.
  void solve(int64_t period, bool sequential);

private:
  int64_t lastEnd(uint32_t t) const {
    const CyclicTask &task = p_.tasks[t];
    return s_.start[t] + (task.micro ? (p_.micros - 1) * s_.microPeriod : 0) + task.durationNs;
  }
  void occupy(uint32_t t) {
    int64_t &free = free_[p_.tasks[t].stream];
    free = std::max(free, lastEnd(t));
  }
  int64_t ready(uint32_t t) const;
  /// Latest start that all who wait for the task allow; those after the micro-batches have no time
  /// yet.
  std::optional<int64_t> due(uint32_t t) const;
  void appendAll(const std::vector<uint32_t> &tasks);
  void placeMicro();
  /// Bytes times ns that registers live longer if the task starts at `start` instead.
  double growth(uint32_t t, int64_t start) const;
  void indexRegisters();
  /// Starts tasks as late as their readers and the end of the stream allow, if that shortens
  /// lifetimes.
  void delayMicro();
  void shorten();
  /// Starts tasks before the micro-batches as late as possible: what they write lives shorter.
  void delayPre();

  const CyclicProblem &p_;
  const CyclicGraph &graph_;
  CyclicSolution &s_;
  std::vector<uint32_t> pre_, micro_, post_; ///< by longest tail
  std::vector<int64_t> work_;                ///< of one micro-batch on each stream
  std::vector<int64_t> free_;                ///< when a stream has done what was placed so far
  std::vector<PeriodicStream> streams_;
  std::vector<std::vector<uint32_t>> writes_, reads_; ///< micro registers of each task
};

} // namespace of::search
