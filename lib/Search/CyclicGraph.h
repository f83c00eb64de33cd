// Dependencies between the tasks of one iteration, and what follows from them. Immutable; borrows
// its problem.
#pragma once

#include "lib/Search/CyclicSchedule.h"

namespace of::search {

/// `to` needs what `from` has done. The data of a register, or a plain precedence.
struct CyclicEdge {
  uint32_t from = 0, to = 0;
  int64_t lagNs = 0;
};

class CyclicGraph {
public:
  /// Indices of the problem must be in range.
  explicit CyclicGraph(const CyclicProblem &problem);

  const std::vector<CyclicEdge> &edges() const { return edges_; }
  /// Indices of the edges into and out of a task.
  const std::vector<uint32_t> &into(uint32_t task) const { return into_[task]; }
  const std::vector<uint32_t> &outOf(uint32_t task) const { return outOf_[task]; }

  /// Every task after those it depends on, smallest id first; shorter than the tasks if there is a
  /// cycle.
  const std::vector<uint32_t> &topological() const { return topological_; }
  /// Whether a task waits, directly or not, for a micro-batch task.
  bool afterMicro(uint32_t task) const { return afterMicro_[task]; }
  /// Longest path from the start of a task to the end of the last that waits for it, in one
  /// micro-batch.
  int64_t tail(uint32_t task) const { return tail_[task]; }

  /// Earliest start of the edge's `to` when its `from` starts at `start`.
  int64_t earliest(const CyclicEdge &edge, int64_t start, int64_t microPeriod) const {
    return start + span(edge, microPeriod);
  }
  /// From the start of `from` to the earliest start of `to`.
  int64_t span(const CyclicEdge &edge, int64_t microPeriod) const {
    const CyclicTask &from = problem_.tasks[edge.from];
    const bool all = from.micro && !problem_.tasks[edge.to].micro; // waits for the last firing
    return (all ? (problem_.micros - 1) * microPeriod : 0) + from.durationNs + edge.lagNs;
  }

private:
  void sort();

  const CyclicProblem &problem_;
  std::vector<CyclicEdge> edges_;
  std::vector<std::vector<uint32_t>> into_, outOf_;
  std::vector<uint32_t> topological_;
  std::vector<bool> afterMicro_;
  std::vector<int64_t> tail_;
};

} // namespace of::search
