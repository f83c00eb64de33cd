// When a register of n slots lets its producer go on: the rates and the inequality of its credit.
#pragma once

#include "lib/Search/CyclicSchedule.h"

#include <algorithm>

namespace of::search {

/// Versions come with each micro-batch, not with each iteration.
inline bool isMicroRegister(const CyclicProblem &problem, const CyclicRegister &r) {
  return problem.micros > 1 && problem.tasks[r.producer].micro &&
         (r.readers.empty() || problem.tasks[r.readers.front()].micro);
}

/// End of the last firing of `reader` that uses version 0 of `r`.
inline int64_t lastUse(const CyclicProblem &problem, const CyclicSolution &s,
                       const CyclicRegister &r, uint32_t reader) {
  const CyclicTask &task = problem.tasks[reader];
  const bool holds = task.micro && !isMicroRegister(problem, r);
  return s.start[reader] + (holds ? (problem.micros - 1) * s.microPeriod : 0) + task.durationNs;
}

/// From the producer's start of version 0 to the end of its last use; 0 without readers.
inline int64_t lifetime(const CyclicProblem &problem, const CyclicSolution &s,
                        const CyclicRegister &r) {
  int64_t end = s.start[r.producer];
  for (uint32_t reader : r.readers)
    end = std::max(end, lastUse(problem, s, r, reader));
  return end - s.start[r.producer];
}

/// Least time from the producer's start of a version to its start of the version `slots` later,
/// over all positions in the iteration.
inline int64_t reuseDistance(const CyclicProblem &problem, const CyclicSolution &s,
                             const CyclicRegister &r, uint32_t slots) {
  if (!isMicroRegister(problem, r))
    return slots * s.stepPeriod;
  const int64_t iterations = slots / problem.micros, rest = slots % problem.micros;
  const int64_t inside = rest * s.microPeriod + iterations * s.stepPeriod;
  if (rest == 0)
    return inside;
  return std::min(inside, (rest - int64_t(problem.micros)) * s.microPeriod +
                              (iterations + 1) * s.stepPeriod);
}

} // namespace of::search
