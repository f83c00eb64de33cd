#include "runtime/schema/Circuit.h"

#include "runtime/schema/Dependencies.h"

#include <algorithm>
#include <limits>

namespace of::rt {

namespace {

constexpr uint32_t kNoDependency = std::numeric_limits<uint32_t>::max();
/// Firings of a found ring from which a shorter one is looked for.
constexpr size_t kSearches = 64;

/// The firings of one iteration and the dependencies between them.
class IterationGraph {
public:
  IterationGraph(const ProgramTasks &tasks, const std::vector<FiringDependency> &firings)
      : firings_(firings) {
    uint32_t count = 0;
    std::vector<uint32_t> first;
    for (uint32_t n = 0; n < tasks.size(); ++n) {
      first.push_back(count);
      count += tasks.firings(n);
    }
    waits_.resize(count);
    blocks_.resize(count);
    for (uint32_t i = 0; i < firings.size(); ++i) {
      const FiringDependency &f = firings[i];
      const IterationFiring from = splitFiring(f.fromFiring, tasks.firings(f.from)),
                            to = splitFiring(f.toFiring, tasks.firings(f.to));
      if (from.iteration != to.iteration)
        continue;
      const uint32_t a = first[f.from] + static_cast<uint32_t>(from.micro),
                     b = first[f.to] + static_cast<uint32_t>(to.micro);
      waits_[b].push_back({a, i});
      blocks_[a].push_back(b);
    }
  }

  std::vector<FiringDependency> ring() {
    removeLive();
    const auto stuck = std::find(live_.begin(), live_.end(), false);
    if (stuck == live_.end())
      return {};
    std::vector<Edge> best = anyRing(static_cast<uint32_t>(stuck - live_.begin()));
    const std::vector<Edge> found = best;
    for (size_t i = 0; i < found.size() && i < kSearches; ++i)
      if (std::vector<Edge> shorter = shortestRing(found[i].from, best.size()); !shorter.empty())
        best = std::move(shorter);
    std::vector<FiringDependency> out;
    for (const Edge &edge : best)
      out.push_back(firings_[edge.dependency]);
    return out;
  }

private:
  struct Edge {
    uint32_t from = 0; ///< firing that is waited for
    uint32_t dependency = kNoDependency;
  };

  /// Fires what can fire.
  void removeLive() {
    live_.assign(waits_.size(), false);
    std::vector<uint32_t> open, ready;
    for (uint32_t f = 0; f < waits_.size(); ++f) {
      open.push_back(static_cast<uint32_t>(waits_[f].size()));
      if (open[f] == 0)
        ready.push_back(f);
    }
    while (!ready.empty()) {
      const uint32_t f = ready.back();
      ready.pop_back();
      live_[f] = true;
      for (uint32_t next : blocks_[f])
        if (--open[next] == 0)
          ready.push_back(next);
    }
  }

  const Edge &stuckWait(uint32_t firing) const {
    return *std::find_if(waits_[firing].begin(), waits_[firing].end(),
                         [&](const Edge &edge) { return !live_[edge.from]; });
  }

  /// Each stuck firing waits for a stuck one: follow that until a firing comes again.
  std::vector<Edge> anyRing(uint32_t firing) const {
    std::vector<uint32_t> seenAt(waits_.size(), kNoDependency);
    std::vector<Edge> path;
    while (seenAt[firing] == kNoDependency) {
      seenAt[firing] = static_cast<uint32_t>(path.size());
      path.push_back(stuckWait(firing));
      firing = path.back().from;
    }
    path.erase(path.begin(), path.begin() + seenAt[firing]);
    return path;
  }

  /// Breadth first from `start` along what it waits for; empty if no ring is shorter than `limit`.
  std::vector<Edge> shortestRing(uint32_t start, size_t limit) const {
    std::vector<std::pair<uint32_t, Edge>> visits = {{kNoDependency, {start, kNoDependency}}};
    std::vector<bool> seen(waits_.size(), false);
    std::vector<size_t> depth = {0};
    for (size_t i = 0; i < visits.size() && depth[i] + 1 < limit; ++i)
      for (const Edge &edge : waits_[visits[i].second.from]) {
        if (live_[edge.from] || seen[edge.from])
          continue;
        seen[edge.from] = true;
        visits.push_back({static_cast<uint32_t>(i), edge});
        depth.push_back(depth[i] + 1);
        if (edge.from != start)
          continue;
        std::vector<Edge> ring;
        for (size_t at = visits.size() - 1; at != 0; at = visits[at].first)
          ring.push_back(visits[at].second);
        std::reverse(ring.begin(), ring.end());
        return ring;
      }
    return {};
  }

  const std::vector<FiringDependency> &firings_;
  std::vector<std::vector<Edge>> waits_;
  std::vector<std::vector<uint32_t>> blocks_;
  std::vector<bool> live_;
};

} // namespace

std::vector<FiringDependency> stallCircuit(const ProgramTasks &tasks,
                                           const std::vector<FiringDependency> &firings) {
  return IterationGraph(tasks, firings).ring();
}

} // namespace of::rt
