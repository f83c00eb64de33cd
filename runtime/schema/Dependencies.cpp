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

namespace {

/// Of dependencies between the same tasks at the same distance in iterations, the one with the
/// largest distance in micro-batches; the first of equal ones.
void keepExtremes(std::vector<Dependency> &list) {
  auto key = [](const Dependency &d) { return std::tie(d.to, d.step); };
  std::stable_sort(list.begin(), list.end(), [&](const Dependency &a, const Dependency &b) {
    return key(a) != key(b) ? key(a) < key(b) : a.micro > b.micro;
  });
  const auto end =
      std::unique(list.begin(), list.end(),
                  [&](const Dependency &a, const Dependency &b) { return key(a) == key(b); });
  list.erase(end, list.end());
}

} // namespace

std::vector<Dependency> foldDependencies(const ProgramTasks &tasks,
                                         const std::vector<FiringDependency> &firings) {
  // By `from` first, which leaves short lists to sort.
  std::vector<uint32_t> first(tasks.size() + 1, 0), sorted(firings.size());
  for (const FiringDependency &f : firings)
    ++first[f.from + 1];
  for (uint32_t n = 0; n < tasks.size(); ++n)
    first[n + 1] += first[n];
  std::vector<uint32_t> next(first.begin(), first.end() - 1);
  for (uint32_t i = 0; i < firings.size(); ++i)
    sorted[next[firings[i].from]++] = i;

  std::vector<Dependency> out, list;
  for (uint32_t n = 0; n < tasks.size(); ++n) {
    list.clear();
    for (uint32_t i = first[n]; i < first[n + 1]; ++i) {
      const FiringDependency &f = firings[sorted[i]];
      const IterationFiring from = splitFiring(f.fromFiring, tasks.firings(f.from)),
                            to = splitFiring(f.toFiring, tasks.firings(f.to));
      list.push_back({f.from, f.to, from.micro - to.micro, from.iteration - to.iteration, f});
    }
    keepExtremes(list);
    out.insert(out.end(), list.begin(), list.end());
  }
  return out;
}

} // namespace of::rt
