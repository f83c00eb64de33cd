#include "lib/Distribute/PeriodSearch.h"

#include "lib/Distribute/ChoiceSeconds.h"

using namespace mlir;

namespace of {

using search::Choice;
using search::CostNetwork;

/// Weighings of one part of the choices, before it is divided.
static constexpr int mostWeighings = 6;

/// Parts that are looked at.
static constexpr int mostParts = 4000;

/// What is closer to the bound is optimal.
static constexpr double closed = 1e-10;

namespace {

class PeriodSearch {
public:
  PeriodSearch(const DistNetwork &network, const SearchProblem &problem, uint64_t work)
      : network(network), problem(problem), workLeft(work), allowed(problem.costs()) {
    for (const DistNode &node : network.nodes())
      microBatches = std::max(microBatches, node.times);
    for (size_t n = 0; n < network.nodes().size(); ++n)
      numDecisions = std::max<size_t>(numDecisions, problem.nodeOf(n) + 1);
    numDecisions += problem.numRecomputed();
  }

  PeriodChoice run(const search::CostSolution &first) {
    offer(first.choice, first.peak);
    const double bound = explore();
    best.lowerBound = isExhausted ? std::max(rootBound, 0.0) : std::min(bound, best.seconds);
    return std::move(best);
  }

private:
  using Loads = std::vector<std::pair<MeshAttr, MeshSeconds>>;

  Loads loadsOf(const Choice &choice) const {
    return secondsByMesh(network, problem.choiceOf(choice), problem.levelsOf(choice), microBatches);
  }

  Loads offer(const Choice &choice, int64_t bytes) {
    Loads loads = loadsOf(choice);
    const double seconds = stepSeconds(loads, microBatches);
    if (best.choice.empty() || seconds < best.seconds)
      best = {problem.choiceOf(choice), problem.levelsOf(choice), seconds, 0, bytes};
    return loads;
  }

  bool isClosed(double bound) const {
    return bound >= best.seconds - closed * std::abs(best.seconds);
  }

  // ---- Weights

  /// All stages alike.
  std::vector<double> evenWeights() const {
    const double meshes = static_cast<double>(problem.meshes().size());
    const double m = static_cast<double>(microBatches);
    std::vector<double> out;
    for (size_t i = 0; i < problem.meshes().size(); ++i)
      out.insert(out.end(), {(1 + (m - 1) / meshes) / m, 1 / meshes});
    return out;
  }

  /// With which the network adds up what the step takes.
  std::vector<double> weightsOf(const Loads &loads) const {
    const double m = static_cast<double>(microBatches);
    std::vector<double> out;
    for (size_t i = 0; i < problem.meshes().size(); ++i)
      out.insert(out.end(), {1 / m, 0});
    auto numberOf = [&](MeshAttr mesh) {
      return llvm::find(problem.meshes(), mesh) - problem.meshes().begin();
    };
    auto busiest =
        llvm::max_element(loads, [](auto &l, auto &r) { return l.second.micro < r.second.micro; });
    auto last =
        llvm::max_element(loads, [](auto &l, auto &r) { return l.second.step < r.second.step; });
    out[2 * numberOf(busiest->first)] = 1;
    out[2 * numberOf(last->first) + 1] = 1;
    return out;
  }

  // ---- Parts

  /// A node that choices disagree on; else one that is still open. Nodes that only follow may
  /// promise less than what is decided takes, so a part is done where nothing is left to decide.
  std::optional<uint32_t> undecided(ArrayRef<Choice> choices) const {
    for (const Choice &choice : choices.drop_front())
      for (uint32_t n = 0; n < numDecisions; ++n)
        if (choices[0][n] != choice[n])
          return n;
    for (uint32_t n = 0; n < numDecisions; ++n)
      if (llvm::count_if(allowed.nodes[n].costs, [](double c) { return std::isfinite(c); }) > 1)
        return n;
    return std::nullopt;
  }

  struct Weighed {
    bool isFeasible = false;
    double bound = 0;
    Choice choice;
    Loads loads;
  };

  Weighed weigh(const std::vector<double> &weights) {
    CostNetwork costs = problem.weighed(weights);
    for (uint32_t n = 0; n < numDecisions; ++n)
      for (auto [cost, known] : llvm::zip(costs.nodes[n].costs, allowed.nodes[n].costs))
        if (!std::isfinite(known))
          cost = search::kForbidden;
    search::SolveBudget budget;
    budget.work = workLeft;
    Result<search::CostSolution> solution = search::solve(costs, budget);
    Weighed out;
    if (!solution.isOk()) {
      isExhausted = true;
      return out;
    }
    workLeft -= std::min(workLeft, solution->work);
    out.bound = solution->lowerBound;
    if (solution->verdict == search::Verdict::Unknown)
      isExhausted = true;
    if (!solution->feasible())
      return out;
    out.isFeasible = true;
    out.choice = solution->choice;
    out.loads = offer(out.choice, solution->peak);
    return out;
  }

  /// A bound for the choices that are allowed; none below the best if there is none.
  double explore() {
    std::vector<double> weights = evenWeights();
    std::vector<Choice> seen;
    double bound = 0;
    for (int round = 0; round < mostWeighings; ++round) {
      if (isExhausted || workLeft == 0 || numParts >= mostParts) {
        isExhausted = true;
        return bound;
      }
      Weighed now = weigh(weights);
      if (!now.isFeasible)
        return isExhausted ? bound : search::kForbidden;
      bound = std::max(bound, now.bound);
      if (isFirst)
        rootBound = std::max(rootBound, bound);
      if (isClosed(bound))
        return bound;
      const std::vector<double> toward = weightsOf(now.loads);
      // Weighed as its own busiest stage it may still be the best: then bound and choice meet.
      const double share = seen.empty() ? 1 : 1.0 / (round + 1);
      for (auto [weight, next] : llvm::zip(weights, toward))
        weight += share * (next - weight);
      seen.push_back(std::move(now.choice));
    }
    isFirst = false;
    if (const std::optional<uint32_t> node = undecided(seen))
      return std::max(bound, divide(*node, seen[0][*node]));
    return std::max(bound, best.seconds); // the only choice is known
  }

  /// With this option, and without.
  double divide(uint32_t node, uint32_t option) {
    ++numParts;
    std::vector<double> &costs = allowed.nodes[node].costs;
    const std::vector<double> before = costs;
    for (uint32_t o = 0; o < costs.size(); ++o)
      if (o != option)
        costs[o] = search::kForbidden;
    double bound = explore();
    costs = before;
    costs[option] = search::kForbidden;
    bound = std::min(bound, explore());
    costs = before;
    return bound;
  }

  const DistNetwork &network;
  const SearchProblem &problem;
  int64_t microBatches = 1;
  size_t numDecisions = 0; ///< nodes that stand for ops and variables; they come first
  uint64_t workLeft;
  CostNetwork allowed; ///< what is not forbidden
  PeriodChoice best;
  double rootBound = 0;
  bool isFirst = true, isExhausted = false;
  int numParts = 0;
};

} // namespace

PeriodChoice searchPeriod(const DistNetwork &network, const SearchProblem &problem,
                          const search::CostSolution &first, uint64_t work) {
  return PeriodSearch(network, problem, work).run(first);
}

} // namespace of
