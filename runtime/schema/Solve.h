// Finds a certificate: offsets and the smallest workable periods for given durations.
//
// The inequalities of Dependencies.h are difference constraints once the periods are fixed: they
// hold for some offsets if and only if no circuit has positive weight, and the longest path to each
// task is its offset. The periods are found from below by Newton's iteration on circuits:
//
//   microPeriod  from the longest task of a micro-batch; while the dependencies inside one
//   iteration
//                have a circuit of durations D and micro distance C with D + C * microPeriod > 0:
//                C < 0: microPeriod = ceil(D / -C);  C >= 0: no period works
//   stepPeriod   from the busiest stream's work in an iteration; while some circuit has
//                D + C * microPeriod + E * stepPeriod > 0:  stepPeriod = ceil((D + C * microPeriod)
//                / -E)
//
// Orders may have no times that repeat with the micro-batches though they run: a pipeline that
// fills and drains in another order than it works in between. Then each firing of an iteration gets
// its longest path, and the step period is the least that the dependencies between iterations
// allow.
//
// Each step answers a circuit that no smaller period satisfies, so the first periods that work are
// the smallest microPeriod and then the smallest stepPeriod. Ties in the search go by index: same
// input, same answer. Times are nanoseconds.
//
// Pure; needs a plan that passed `verifyStructure`. Linked by the compiler, which calls `certify`.
#pragma once

#include "runtime/schema/Firings.h"

namespace of::rt {

/// Largest duration of one firing: 2^42 ns, more than an hour.
constexpr int64_t kMaxDurationNs = int64_t(1) << 42;

struct CertificateSolution {
  bool found = false;
  int64_t microPeriod = 0, stepPeriod = 0;
  std::vector<int64_t> offsets; ///< by node of ProgramTasks, or by firing of each
  bool ofFirings = false;       ///< the latter; then microPeriod is 0

  // Otherwise a run would stall: a circuit without a token, one line per dependency, each for what
  // the next one holds.
  std::vector<std::string> circuit;
};

/// `durations` by node, at least 1. Corrupt if rates or exchanges do not hold together.
Result<CertificateSolution> solveCertificate(const ProgramTasks &tasks,
                                             const std::vector<int64_t> &durations);

/// Predicted duration of a firing in whole nanoseconds, at least 1.
int64_t durationOf(const plan::Task &task);

/// Checks the structure, solves all programs with the predicted durations and stores the
/// certificates. Refused, with the circuit in the message, if a program has none.
Status certify(plan::PlanT &plan);

/// The lines of a circuit under a headline, for messages.
std::string describe(const CertificateSolution &refused);

} // namespace of::rt
