// The static cyclic schedule of one program: when each task starts, in which order a stream fires,
// how many slots a register has.
//
//   time of firing m of task i in iteration t  =  start[i] + m * microPeriod + t * stepPeriod
//
//   stream 0   │pre│ F0 F1 F2 B0 F3 B1 B2 B3 │post│ F0 ...       step tasks that feed the
//   micro-batches stream 1       │   F0 B0 F1 B1 F2 B2 F3 B3 │post│            come before them,
//   the others after
//              ◀────────── stepPeriod ──────────────▶
//
// A task fires when it is next in its stream's order, every register it reads has a full slot and
// every register it writes a free one. A solution verifies iff its times satisfy each such wait, so
// that no execution in the given order can deadlock, however long the tasks really take.
//
// Registers by the rates of producer and reader (micros = M firings in an iteration):
//   micro → micro   a version for each firing
//   micro → step    accumulator: one version in an iteration, from the first firing to the end of
//   the last step  → micro   held by the reader from its first firing to the end of the last step
//   → step    a version for each iteration
//
// Where a pipeline is shorter if it fills and drains in another order than it works in between
// (CyclicFirings.h), each firing has a time of its own.
//
// A task that keeps what another reads (a send whose input is acknowledged when the receive is
// done) is modelled by making the receive a reader of the register too.
//
// All tasks of a distributed job are in one problem, one representative for the devices of a mesh.
// Plain values, pure functions.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace of::search {

struct CyclicTask {
  std::string name;
  uint32_t stream = 0;
  int64_t durationNs = 1;
  bool micro = false;
  /// Starts as soon as it can: what it reads takes room that is wanted back.
  bool eager = false;
};

struct CyclicRegister {
  std::string name;
  uint32_t producer = 0;
  std::vector<uint32_t> readers; ///< of a micro producer all micro or all step
  int64_t bytes = 0;             ///< of one slot
  uint32_t minSlots = 1, maxSlots = 64;
  uint32_t pool = 0;
};

/// Firing k of `to` starts at least `lagNs` after the end of firing k of `from`; between rates as
/// for registers.
struct CyclicPrecedence {
  uint32_t from = 0, to = 0;
  int64_t lagNs = 0;
};

struct CyclicProblem {
  uint32_t streams = 1;
  uint32_t micros = 1;
  std::vector<CyclicTask> tasks;
  std::vector<CyclicRegister> registers;
  std::vector<CyclicPrecedence> precedences;
  /// Bytes that the slots of each memory pool may have together; unlimited pools may be left out.
  std::vector<int64_t> poolBytes;

  /// Error: an index out of range, a duration below 1, a negative size or lag, slots without room,
  /// a cycle of dependencies in one iteration, a micro-batch task that waits for a step task that
  /// waits for micro-batches.
  Status check() const;
  int64_t poolLimit(uint32_t pool) const {
    return pool < poolBytes.size() ? poolBytes[pool] : std::numeric_limits<int64_t>::max();
  }
};

struct CyclicSolution {
  std::vector<int64_t> start; ///< ns, of the first firing of each task; the least is 0
  int64_t microPeriod = 1, stepPeriod = 1;
  std::vector<std::vector<uint32_t>>
      orders;                  ///< for each stream its firings in one iteration, as task ids
  std::vector<uint32_t> slots; ///< for each register
  /// ns, of all firings of each task in an iteration; empty: start + m * microPeriod.
  std::vector<std::vector<int64_t>> times;

  int64_t timeOf(uint32_t task, uint32_t firing) const {
    return times.empty() ? start[task] + firing * microPeriod : times[task][firing];
  }

  /// Every stream order, dependency, credit and memory limit as an inequality over start and the
  /// periods.
  Status verify(const CyclicProblem &problem) const;
};

struct CyclicOptions {
  /// Slots of registers between streams cover their lifetime and this much delay, where memory
  /// allows.
  int64_t jitterNs = 0;
  /// Bytes of each pool that orders without a period of the micro-batches may take beyond those of
  /// the best with one; unlimited pools may be left out.
  std::vector<int64_t> roomBytes = {};
  int64_t roomOf(uint32_t pool) const {
    return pool < roomBytes.size() ? roomBytes[pool] : std::numeric_limits<int64_t>::max();
  }
};

/// Shortest step period first, then least memory; firings have times of their own where that makes
/// a step at least a hundredth shorter. Error: the problem does not check, or no schedule
/// fits the memory pools (names the pool, its limit and what one micro-batch at a time needs).
Result<CyclicSolution> scheduleCyclic(const CyclicProblem &problem,
                                      const CyclicOptions &options = {});

} // namespace of::search
