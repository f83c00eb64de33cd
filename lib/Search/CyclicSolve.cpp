// Modulo scheduling behind scheduleCyclic(): candidate periods of the micro-batches, upward from
// the work of the busiest stream; the shortest step that fits the memory wins.
#include "lib/Search/CyclicSlots.h"
#include "lib/Search/CyclicTimes.h"

#include <numeric>
#include <tuple>

namespace of::search {

namespace {

class CyclicSolver {
public:
  CyclicSolver(const CyclicProblem &problem, const CyclicOptions &options)
      : p_(problem), options_(options), graph_(problem), times_(problem, graph_, current_) {}

  Result<CyclicSolution> solve() {
    const int64_t busiest = std::max<int64_t>(1, times_.busiest()), alone = sequentialPeriod();
    if (p_.micros > 1)
      for (int64_t step = 0; step <= kLastStep; step = step ? 2 * step : 1) {
        const int64_t period = busiest + ceilDiv(busiest * step, kSteps);
        if (period >= alone || (found_ && period * p_.micros >= best_.stepPeriod))
          break;
        tryPeriod(period, false);
      }
    if (!found_ || p_.micros * busiest * 2 < best_.stepPeriod)
      tryPeriod(alone, true);
    if (!found_)
      return tooLittleMemory();
    SlotSolver(p_, options_, best_).spread();
    return best_;
  }

private:
  // Candidates are busiest * (1 + step / kSteps) for step 0, 1, 2, 4, ... kLastStep.
  static constexpr int64_t kSteps = 64, kLastStep = 64 * 64;

  /// No schedule of one micro-batch takes longer.
  int64_t sequentialPeriod() const {
    int64_t period = 1;
    for (const CyclicTask &t : p_.tasks)
      period += t.durationNs * (t.micro ? 1 : 2);
    for (const CyclicPrecedence &e : p_.precedences)
      period += e.lagNs;
    return period;
  }

  void tryPeriod(int64_t period, bool sequential) {
    times_.solve(period, sequential);
    orderStreams(p_, current_);
    const int64_t shortest = current_.stepPeriod;
    for (uint32_t stepSlots : {2u, 1u}) {
      current_.stepPeriod = shortest;
      SlotSolver slots(p_, options_, current_);
      if (!slots.least(stepSlots))
        return;
      needed_ = slots.bytes();
      if (!fits())
        continue;
      const int64_t total = std::accumulate(needed_.begin(), needed_.end(), int64_t(0));
      if (!found_ ||
          std::tie(current_.stepPeriod, total) < std::tie(best_.stepPeriod, bestBytes_)) {
        found_ = true;
        best_ = current_;
        bestBytes_ = total;
      }
      return;
    }
  }

  bool fits() const {
    for (uint32_t pool = 0; pool < needed_.size(); ++pool)
      if (needed_[pool] > p_.poolLimit(pool))
        return false;
    return true;
  }

  Status tooLittleMemory() const {
    for (uint32_t pool = 0; pool < needed_.size(); ++pool)
      if (needed_[pool] > p_.poolLimit(pool))
        return Status(
            Code::Refused,
            "memory pool " + std::to_string(pool) + " has " + std::to_string(p_.poolLimit(pool)) +
                " bytes; the registers of one micro-batch at a time take " +
                std::to_string(needed_[pool]) + "; use smaller micro-batches or more devices");
    return Status(Code::Internal, "a sequential schedule was not accepted");
  }

  const CyclicProblem &p_;
  const CyclicOptions &options_;
  const CyclicGraph graph_;
  CyclicSolution current_, best_;
  TimeSolver times_;
  bool found_ = false;
  int64_t bestBytes_ = 0;
  std::vector<int64_t> needed_;
};

} // namespace

Result<CyclicSolution> scheduleCyclic(const CyclicProblem &problem, const CyclicOptions &options) {
  OF_TRY(problem.check());
  if (options.jitterNs < 0)
    return Status(Code::InvalidArgument, "jitter is " + std::to_string(options.jitterNs) + " ns");
  return CyclicSolver(problem, options).solve();
}

} // namespace of::search
