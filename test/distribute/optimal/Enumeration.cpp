#include "test/distribute/optimal/Enumeration.h"

#include "test/distribute/optimal/PlanEnumeration.h"

#include <limits>
#include <memory>
#include <numeric>

namespace of::test {

static constexpr double kInfinite = std::numeric_limits<double>::infinity();
static constexpr int kMostRounds = 4;

Enumeration::Enumeration(const TrainProgram &program, const std::vector<Plan> &plans,
                         const Cluster &cluster, BoxingPlanner &planner)
    : program(program), plans(plans), cluster(cluster), planner(planner) {}

Best Enumeration::least() { return search(Plain::None, kInfinite, memory(), kMostRounds); }

bool Enumeration::isAsFast(const Best &best, Plain plain) {
  return search(plain, *best.seconds * (1 + 1e-9), memory(), best.round).seconds.has_value();
}

bool Enumeration::isHeldByMemory(const Best &best) {
  return best.round > 0 ||
         search(Plain::None, *best.seconds * (1 - 1e-9), std::nullopt, 0).seconds.has_value();
}

std::optional<int64_t> Enumeration::memory() const {
  std::vector<int64_t> devices(cluster.devices.size());
  std::iota(devices.begin(), devices.end(), 0);
  return cluster.leastMemory(devices);
}

Best Enumeration::search(Plain plain, double below, std::optional<int64_t> memory, int rounds) {
  struct Candidate {
    const Plan *plan;
    std::unique_ptr<PlanEnumeration> choices;
    double bound;
  };
  std::vector<Candidate> candidates;
  for (const Plan &plan : plans)
    if (plain == Plain::None || plan.meshes.size() == 1) {
      auto choices = std::make_unique<PlanEnumeration>(program, plan, cluster, planner, plain);
      const double bound = choices->bound();
      candidates.push_back({&plan, std::move(choices), bound});
    }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate &l, const Candidate &r) { return l.bound < r.bound; });
  Best out;
  for (out.round = 0; out.round <= (memory ? rounds : 0); ++out.round) {
    std::optional<int64_t> limit = memory;
    if (limit)
      *limit += *limit / 4 * out.round;
    double most = below;
    for (const Candidate &candidate : candidates)
      if (below == kInfinite)
        most = std::min(most, candidate.choices->any(limit).value_or(kInfinite) * (1 + 1e-9));
    if (below == kInfinite && most == kInfinite)
      continue; // nothing fits
    // What is found just above a bound has little beside it: so the bound grows until it is found.
    const double bound = candidates[0].bound;
    for (double gap = std::max(bound * 0.02, 1e-9); !out.seconds; gap *= 2) {
      const double under = std::min(most, bound + gap);
      for (const Candidate &candidate : candidates)
        if (auto seconds = candidate.choices->best(out.seconds.value_or(under), limit)) {
          out.seconds = seconds;
          out.stages = candidate.plan->meshes.size();
          out.axes = candidate.plan->meshes[0].shape.size();
        }
      if (under == most)
        break;
    }
    for (const Candidate &candidate : candidates)
      out.gaveUp |= candidate.choices->gaveUp();
    if (out.seconds)
      return out;
  }
  return out;
}

} // namespace of::test
