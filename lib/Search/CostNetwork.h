// A cost network: each node takes one of its options so that the costs of nodes and edges are least
// and the bytes of the options fit at every time.
//
//      a ──────── b          cost = sum of costs[choice] of the nodes
//      │ ╲        │               + sum of costs[choice a][choice b] of the edges
//      c  ╲─── d ─┘          used(t) = sum of usages[choice] of the nodes with from <= t < to
//                            used(t) <= usageLimit at every t
//
// It is the inner problem of choosing distributions: nodes are tensors and ops, options the ways
// they can lie on a mesh, edges what it takes to get from one to the other. The same model as the
// public contest of intra-operator parallelism (iopddl), whose files `of-plan solve` reads.
//
// NP-hard. `solve` is a ladder: it reduces the network, bounds it by message passing with a price
// on the bytes of each time, rounds and repairs, improves blocks of nodes, and searches exactly
// what is small. The budget counts work, not time: the same input gives the same answer on any
// host. Plain values, pure functions.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace of::search {

/// Cost of an option, or of a pair of options, that must not be taken.
inline constexpr double kForbidden = std::numeric_limits<double>::infinity();

struct CostNode {
  std::vector<double> costs;   ///< one for each option, in any unit; kForbidden is allowed
  std::vector<int64_t> usages; ///< bytes of each option; empty: none
  int64_t from = 0, to = 0;    ///< uses them in [from, to) of any integer clock; may be empty
};

struct CostEdge {
  uint32_t a = 0, b = 0;     ///< different nodes; several edges may join the same two
  std::vector<double> costs; ///< row-major, options of a x options of b; kForbidden is allowed
};

using Choice = std::vector<uint32_t>; ///< the option of each node

/// The most bytes in use at one time.
struct UsagePeak {
  int64_t bytes = 0;
  int64_t time = 0; ///< the earliest such time
};

struct CostNetwork {
  std::vector<CostNode> nodes;
  std::vector<CostEdge> edges;
  std::optional<int64_t> usageLimit;

  /// Error, with the node or edge: no option, a cost that is NaN or minus infinity, counts that do
  /// not match, a negative usage or limit, an edge of a node with itself or with a node that is not
  /// there, more bytes in all than 2^60.
  Status check() const;

  /// Of a choice that is in range.
  double cost(const Choice &choice) const;
  UsagePeak peak(const Choice &choice) const;

  /// Bytes that come into use at a time; those that go are negative.
  struct Change {
    int64_t time, bytes;
  };
  /// Of a choice that is in range: ascending in time, what goes before what comes.
  std::vector<Change> changes(const Choice &choice) const;
};

/// What is known of the answer.
enum class Verdict {
  Optimal,    ///< no choice costs less
  Feasible,   ///< a choice that fits; a better one may exist
  Infeasible, ///< proven: nothing fits, see Conflict
  Unknown,    ///< none was found in the budget; the choice is the closest seen
};

/// Why nothing fits: the node that has no option left, or the time at which the least bytes are too
/// many. Neither, if it took a search to prove it.
struct Conflict {
  std::optional<uint32_t> node;
  std::optional<UsagePeak> usage;
};

struct CostSolution {
  Choice choice;
  double cost = 0;       ///< kForbidden where the choice takes something forbidden
  double lowerBound = 0; ///< no choice that fits costs less
  /// No choice costs less, whether it fits or not; -infinity where that was not looked at.
  double freeBound = -std::numeric_limits<double>::infinity();
  int64_t peak = 0; ///< most bytes in use at one time
  Verdict verdict = Verdict::Unknown;
  Conflict conflict;
  uint64_t work = 0; ///< units spent

  bool feasible() const { return verdict == Verdict::Optimal || verdict == Verdict::Feasible; }
  /// (cost - lowerBound) / cost; 0 if optimal.
  double gap() const;

  /// Error: an option out of range, a cost or peak that is not the choice's, a feasible choice that
  /// is forbidden or exceeds the limit, a bound above the cost.
  Status verify(const CostNetwork &network) const;
};

struct SolveBudget {
  /// Units of work, each about a nanosecond: a table entry looked at. 0: enough for a good answer,
  /// by the size of the network. A network small enough to be solved exactly spends what that
  /// takes, up to the budget.
  uint64_t work = 0;
  /// Stops once the gap is no larger.
  double gap = 0;
  /// A choice to start from, one option for each node, or empty. If it fits, the answer is not
  /// worse.
  Choice start;
  uint64_t seed = 1;
  /// Spends the work on the lower bound rather than on better choices.
  bool boundFirst = false;
};

/// Error: the network does not check, or the start does not match it. That nothing fits is no error
/// but a verdict.
Result<CostSolution> solve(const CostNetwork &network, const SolveBudget &budget = {});

/// What the network costs if a node takes one of its options: the min-marginal of the option.
struct ForcedCost {
  double lower = 0;          ///< proven; kForbidden if nothing fits then
  double upper = kForbidden; ///< of a choice that fits; equal to lower where the value is exact
  Choice choice;             ///< the choice that costs `upper`; empty if none was found
};

/// One for each option of `node`, exact where the rest of the network can be eliminated or searched
/// within `budget`, which counts for each option. `solution` is what `solve` found for the network.
/// Error: as solve, or a node that is not there.
Result<std::vector<ForcedCost>> forcedCosts(const CostNetwork &network,
                                            const CostSolution &solution, uint32_t node,
                                            const SolveBudget &budget = {});

} // namespace of::search
