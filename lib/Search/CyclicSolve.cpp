// Modulo scheduling behind scheduleCyclic(): candidate periods of the micro-batches, upward from
// the work of the busiest stream; the shortest step that fits the memory wins.
#include "lib/Search/CyclicFirings.h"
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
    byFirings();
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

  // ---- Firing by firing

  /// Firings that are worth trying several orders of, and that are scheduled in all.
  static constexpr uint64_t kMostFirings = 1 << 18, kMostTried = 1 << 19;
  /// A step must be shorter by one part in so many, or its order stays one with a period.
  static constexpr int64_t kWorth = 100;

  uint64_t firings() const {
    uint64_t count = 0;
    for (const CyclicTask &t : p_.tasks)
      count += t.micro ? p_.micros : 1;
    return count;
  }

  int64_t busiestStep() const {
    std::vector<int64_t> work(p_.streams);
    for (const CyclicTask &t : p_.tasks)
      work[t.stream] += t.durationNs * (t.micro ? p_.micros : 1);
    return *std::max_element(work.begin(), work.end());
  }

  static bool isWorth(int64_t shorter, int64_t step) { return shorter < step - step / kWorth; }

  /// Replaces the schedule by one whose firings have times of their own, if that is shorter. Its
  /// slots start from those of the other, then there are more of them.
  void byFirings() {
    CyclicSolution found = best_;
    if (p_.micros < 2 || firings() > kMostFirings || !runFirings(p_, graph_, found))
      return;
    Firings search{best_, found.stepPeriod, SlotSolver(p_, options_, best_).bytes()};
    for (uint32_t more = 0; more <= p_.micros; more = more ? 2 * more : 1) {
      for (const bool furthestFirst : {true, false}) {
        FiringTimes expected;
        tryFirings(search, more, {furthestFirst}, expected);
      }
      for (const int64_t patience : {1, 2, 4, 8})
        tryPatience(search, more, patience);
    }
    if (!best_.times.empty())
      delayFirings(p_, graph_, best_);
  }

  /// Firings that are scheduled with patience, in all.
  static constexpr uint64_t kMostPatient = 1 << 18;
  /// Times that what is expected is found again from the schedule that expected it.
  static constexpr int kRounds = 6;

  struct Firings {
    const CyclicSolution base;         ///< with a period
    int64_t shortest;                  ///< step so far
    const std::vector<int64_t> before; ///< bytes of `base` in each pool
    uint64_t tried = 0, patient = 0;   ///< firings scheduled so far, and those with patience
  };

  void tryPatience(Firings &search, uint32_t more, int64_t patience) {
    FiringTimes expected;
    for (int round = 0; round < kRounds; ++round) {
      if ((search.patient += firings()) > kMostPatient ||
          !tryFirings(search, more, {true, patience}, expected))
        return;
    }
  }

  /// With `more` slots than the base; false if there is nothing to find or nothing was.
  bool tryFirings(Firings &search, uint32_t more, const FiringRule &rule, FiringTimes &expected) {
    if (!isWorth(busiestStep(), search.shortest) || (search.tried += firings()) > kMostTried)
      return false;
    CyclicSolution found = search.base;
    for (size_t r = 0; r < p_.registers.size(); ++r)
      if (isMicroRegister(p_, p_.registers[r]))
        found.slots[r] = std::min(search.base.slots[r] + more, p_.registers[r].maxSlots);
    if (!scheduleFirings(p_, graph_, rule, expected, found))
      return false;
    shrinkSlots(p_, found);
    if (!runFirings(p_, graph_, found))
      return false;
    if (isWorth(found.stepPeriod, search.shortest) && hasRoom(search.before, found)) {
      search.shortest = found.stepPeriod;
      best_ = found;
    }
    return true;
  }

  bool hasRoom(const std::vector<int64_t> &before, CyclicSolution &found) const {
    const std::vector<int64_t> bytes = SlotSolver(p_, options_, found).bytes();
    for (uint32_t pool = 0; pool < bytes.size(); ++pool)
      if (bytes[pool] > p_.poolLimit(pool) ||
          (bytes[pool] > before[pool] && bytes[pool] - before[pool] > options_.roomOf(pool)))
        return false;
    return true;
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
