// The ladder of solvers behind pack().
#include "lib/Search/PackingGreedy.h"
#include "lib/Search/PackingSkyline.h"

#include <algorithm>
#include <numeric>

namespace of::search {

namespace {

/// Nodes of a descent, beside two for each buffer, before it is started again with another value
/// order.
constexpr uint64_t kDescentNodes = 1000;
constexpr double kNoise = 0.5;
/// Work spent on a packing near the target before the search for one at it goes on.
constexpr uint64_t kQuickWork = 6'000'000;

class ComponentSolver {
public:
  /// Stops at `target` granules.
  ComponentSolver(const Component &component, int64_t target, uint64_t budget,
                  const PackingOptions &options)
      : component_(component), target_(target), budget_(budget), tolerance_(options.tolerance),
        random_(options.seed), skyline_(component), bound_(component.bound) {}

  void solve() {
    greedy();
    const uint64_t quick = std::min(budget_ / 8, kQuickWork);
    search(target_, quick);
    search(enough(), quick);
    if (best_.peak <= enough())
      return;
    narrow(quick, 1);
    search(target_, budget_ / 2);
    if (!done())
      keep(improveOrder(component_, order_, target_, work_ + budget_ / 16, random_, work_));
    narrow(budget_, 4);
  }

  const Layout &best() const { return best_; }
  uint64_t work() const { return work_; }
  /// Granules below which there is no packing.
  int64_t bound() const { return bound_; }

private:
  bool done() const { return best_.peak <= target_; }
  int64_t enough() const { return target_ + int64_t(double(target_) * tolerance_); }

  bool keep(Layout layout) {
    if (!best_.offsets.empty() && layout.peak >= best_.peak)
      return false;
    best_ = std::move(layout);
    return true;
  }

  void raiseBound(int64_t bound) {
    bound_ = bound;
    target_ = std::max(target_, bound);
  }

  void greedy() {
    for (std::vector<uint32_t> &order : greedyOrders(component_)) {
      if (keep(packInOrder(component_, order, work_)))
        order_ = order;
      if (done())
        return;
    }
  }

  void search(int64_t capacity, uint64_t budget) {
    const uint64_t limit = work_ + budget;
    uint64_t nodes = kDescentNodes + 2 * component_.buffers.size();
    for (double noise = 0; work_ < limit && capacity < best_.peak && capacity >= bound_;
         noise = kNoise) {
      nodes += kDescentNodes / 16; // so that a small problem is exhausted in the end
      const auto outcome = skyline_.run(capacity, nodes, noise, random_, work_);
      if (outcome == SkylineSearch::Outcome::Refuted)
        raiseBound(capacity + 1);
      if (outcome == SkylineSearch::Outcome::Found)
        keep(skyline_.layout());
    }
  }

  /// Halves the gap between the target and the best peak with ever less of `budget`.
  void narrow(uint64_t budget, uint64_t share) {
    const uint64_t limit = std::min(work_ + budget, budget_);
    int64_t low = target_ - 1;
    while (!done() && work_ < limit && low + 1 < best_.peak) {
      const int64_t middle = low + (best_.peak - low) / 2;
      search(middle, std::max<uint64_t>(1, (limit - work_) / share));
      if (best_.peak > middle)
        low = std::max(middle, target_ - 1);
    }
  }

  const Component &component_;
  int64_t target_;
  const uint64_t budget_;
  const double tolerance_;
  std::mt19937_64 random_;
  SkylineSearch skyline_;
  Layout best_;
  std::vector<uint32_t> order_;
  uint64_t work_ = 0;
  int64_t bound_;
};

/// "id (size bytes), ..." of the largest, then how many more.
std::string listLive(const PackingProblem &problem, std::vector<size_t> live) {
  constexpr size_t kShown = 16;
  std::stable_sort(live.begin(), live.end(), [&](size_t a, size_t b) {
    return problem.buffers[a].size > problem.buffers[b].size;
  });
  std::string text;
  for (size_t i = 0; i < std::min(live.size(), kShown); ++i) {
    const Buffer &b = problem.buffers[live[i]];
    text += (i ? ", " : "") + std::to_string(b.id) + " (" + std::to_string(b.size) + " bytes)";
  }
  if (live.size() > kShown)
    text += " and " + std::to_string(live.size() - kShown) + " more";
  return text;
}

Status overCapacity(const PackingProblem &problem, const MaxLive &most) {
  return Status(Code::Refused,
                "no packing fits the capacity of " + std::to_string(*problem.capacity) +
                    " bytes: " + std::to_string(most.bytes) + " bytes are live at time " +
                    std::to_string(most.time) + ", in buffers " + listLive(problem, most.live) +
                    "; shorten lifetimes or raise the capacity");
}

Status notFound(const PackingProblem &problem, const PackingSolution &best) {
  const bool refuted = best.bound > *problem.capacity;
  return Status(Code::Refused,
                "capacity " + std::to_string(*problem.capacity) +
                    (refuted ? " bytes is proven too small: no packing is below "
                             : " bytes was not reached in the budget; the bound is ") +
                    std::to_string(best.bound) + " bytes, the best packing found has " +
                    std::to_string(best.peak));
}

} // namespace

Result<PackingSolution> pack(const PackingProblem &problem, const PackingOptions &options) {
  OF_TRY(problem.check());
  if (!(options.tolerance >= 0 && options.tolerance <= 1))
    return Status(Code::InvalidArgument, "the tolerance of a packing is a fraction from 0 to 1");
  const MaxLive most = maxLive(problem);
  if (problem.capacity && *problem.capacity < most.bytes)
    return overCapacity(problem, most);
  const int64_t granule = problem.granule();
  const std::vector<Component> components = splitIntoComponents(problem);
  std::vector<size_t> order(components.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return components[a].bound > components[b].bound; });

  PackingSolution solution;
  solution.offsets.assign(problem.buffers.size(), 0);
  int64_t peak = problem.capacity.value_or(most.bytes) / granule; // nothing gains by going lower
  int64_t bound = most.bytes / granule, highest = 0;
  for (size_t c : order) {
    ComponentSolver solver(components[c], peak,
                           options.budget - std::min(options.budget, solution.work), options);
    solver.solve();
    for (size_t i = 0; i < components[c].buffers.size(); ++i)
      solution.offsets[components[c].buffers[i].index] = solver.best().offsets[i] * granule;
    solution.work += solver.work();
    bound = std::max(bound, solver.bound());
    highest = std::max(highest, solver.best().peak);
    peak = std::max(peak, highest);
  }
  solution.peak = highest * granule;
  solution.bound = bound * granule;
  if (problem.capacity && solution.peak > *problem.capacity)
    return notFound(problem, solution);
  return solution;
}

} // namespace of::search
