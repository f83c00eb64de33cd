// Orders of the streams, the step period and the slots of the registers, once start times and the
// period of the micro-batches are known. Owned by one solver run.
#pragma once

#include "lib/Search/CyclicCredit.h"
#include "runtime/base/ProgramOrder.h"

namespace of::search {

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Sorts each stream's firings by time, ties by task; the step period becomes the least that the
/// streams allow.
void orderStreams(const CyclicProblem &problem, CyclicSolution &solution);

class SlotSolver {
public:
  SlotSolver(const CyclicProblem &problem, const CyclicOptions &options, CyclicSolution &solution)
      : p_(problem), options_(options), s_(solution) {}

  /// Least slots of each register. `stepSlots`: most slots that shorten the step period. False: a
  /// register would need more than it may have.
  bool least(uint32_t stepSlots);
  /// Bytes of each pool.
  std::vector<int64_t> bytes() const;
  /// More slots between streams, in declaration order, while the pools have room; not where the
  /// program is a ring that no two versions fit into.
  void spread();

private:
  bool crossesStreams(const CyclicRegister &r) const {
    return std::any_of(r.readers.begin(), r.readers.end(), [&](uint32_t reader) {
      return p_.tasks[reader].stream != p_.tasks[r.producer].stream;
    });
  }

  /// What waits for what, by orders and data alone.
  ProgramOrder order() const;
  /// Whether all readers of a version must be done before the next can be begun, whatever the
  /// slots: so it is with the gradients of a step, whose next forward pass needs what they update.
  bool isRing(const CyclicRegister &r, const ProgramOrder &order) const;
  /// Slots whose reuse distance is at least `time`, or one more than the register may have.
  uint32_t covering(const CyclicRegister &r, int64_t time) const;

  const CyclicProblem &p_;
  const CyclicOptions &options_;
  CyclicSolution &s_;
};

} // namespace of::search
