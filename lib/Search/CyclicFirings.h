// One iteration of a cyclic schedule, firing by firing: the orders that no period of the
// micro-batches gives.
//
//   modulo      F0 F1 B0 F2 B1 F3 B2 B3          each task at start + m * period
//   by firing   F0 F1 B0 B1 W0 F2 B2 W1 F3 ...   whatever is best at the time
//
// A pipeline fills and drains while it has nothing else to do, so what is right in its middle is
// not at its ends: several parts of a model on one device want their first micro-batches in groups
// (interleaved 1F1B, arXiv 2104.04473), and work that nobody waits for, the gradients of weights,
// wants to lie where the pipeline drains (zero bubble, arXiv 2401.10241). `scheduleFirings` fires
// what is ready by a rule, within given slots; `runFirings` says when the firings of any orders run
// if each starts as soon as it may. Both are linear in the firings but for a small factor. Pure.
#pragma once

#include "lib/Search/CyclicCredit.h"
#include "lib/Search/CyclicGraph.h"

#include <optional>

namespace of::search {

/// When the firings of each task may start but for their stream: of an earlier schedule, what this
/// one expects.
using FiringTimes = std::vector<std::vector<int64_t>>;

/// Which of the firings that are ready a stream takes.
struct FiringRule {
  /// The one whose micro-batch is furthest on its way; else the one with most still to come.
  bool furthestFirst = true;
  /// A stream rather waits for a better firing that is expected if that takes at most so many times
  /// what the better one would be late. 0: it never waits.
  int64_t patience = 0;
};

/// By `solution.slots`: orders, times of all firings and the step period. False if the slots let
/// nothing more fire. `expected` (empty: nothing is) becomes what was so here.
bool scheduleFirings(const CyclicProblem &problem, const CyclicGraph &graph, const FiringRule &rule,
                     FiringTimes &expected, CyclicSolution &solution);

/// Times of all firings for the orders and slots of a solution, and the step period they allow.
/// False if the orders wait for each other.
bool runFirings(const CyclicProblem &problem, const CyclicGraph &graph, CyclicSolution &solution);

/// Orders each stream that is idle nearly always by how late its firings may be, if the step stays
/// as short: a list schedule sends what is there, however early, and a worker that also computes
/// may send what is urgent only behind that. Needs times.
void delayFirings(const CyclicProblem &problem, const CyclicGraph &graph, CyclicSolution &solution);

/// Slots with which the times of all firings stay as they are: never more than there are.
void shrinkSlots(const CyclicProblem &problem, CyclicSolution &solution);

} // namespace of::search
