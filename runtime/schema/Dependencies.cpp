#include "runtime/schema/Dependencies.h"

#include <algorithm>
#include <tuple>

namespace of::rt {

IterationFiring splitFiring(int64_t firing, int64_t firings) {
  int64_t iteration = firing / firings, micro = firing % firings;
  if (micro < 0) {
    --iteration;
    micro += firings;
  }
  return {iteration, micro};
}

std::vector<Dependency> foldDependencies(const ProgramTasks &tasks,
                                         const std::vector<FiringDependency> &firings) {
  std::vector<Dependency> all;
  all.reserve(firings.size());
  for (const FiringDependency &f : firings) {
    const IterationFiring from = splitFiring(f.fromFiring, tasks.firings(f.from)),
                          to = splitFiring(f.toFiring, tasks.firings(f.to));
    all.push_back({f.from, f.to, from.micro - to.micro, from.iteration - to.iteration, f});
  }
  auto key = [](const Dependency &d) { return std::tie(d.from, d.to, d.step); };
  std::stable_sort(all.begin(), all.end(), [&](const Dependency &a, const Dependency &b) {
    return key(a) != key(b) ? key(a) < key(b) : a.micro > b.micro;
  });
  const auto end =
      std::unique(all.begin(), all.end(),
                  [&](const Dependency &a, const Dependency &b) { return key(a) == key(b); });
  all.erase(end, all.end());
  return all;
}

} // namespace of::rt
