// The dependencies of a program folded over micro-batches and iterations: one inequality each.
//
// If firing m of iteration t of task i starts at
//   T(i, m, t) = offset(i) + m * microPeriod + t * stepPeriod     (m counts only where the task
//   fires
//                                                                  more than once per iteration)
// and lasts duration(i), then "firing (b, m', t') starts after firing (a, m, t) has ended" reads
//   offset(b) >= offset(a) + duration(a) + (m - m') * microPeriod + (t - t') * stepPeriod
// which depends on m - m' and t - t' alone. Of all firings between two tasks that are the same
// number of iterations apart, the one with the largest m - m' implies the others as microPeriod >=
// 0.
//
// Pure; what is returned borrows nothing.
#pragma once

#include "runtime/schema/Firings.h"

namespace of::rt {

/// offset(to) >= offset(from) + duration(from) + micro * microPeriod + step * stepPeriod.
struct Dependency {
  uint32_t from = 0, to = 0; ///< nodes of ProgramTasks
  int64_t micro = 0;
  int64_t step = 0;         ///< never positive: nothing waits for a later iteration
  FiringDependency extreme; ///< the firing dependency it comes from
};

/// Index of the iteration and of the firing in it; `firing` may be negative.
struct IterationFiring {
  int64_t iteration = 0, micro = 0;
};
IterationFiring splitFiring(int64_t firing, int64_t firings);

/// Ascending by (from, to, step).
std::vector<Dependency> foldDependencies(const ProgramTasks &tasks,
                                         const std::vector<FiringDependency> &firings);

} // namespace of::rt
