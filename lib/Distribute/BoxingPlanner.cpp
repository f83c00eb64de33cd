#include "lib/Distribute/BoxingPlanner.h"

#include <algorithm>

namespace of {

// ---- States

static bool isSame(const Layout &a, const Layout &b) {
  return a.placement == b.placement && a.sbp == b.sbp;
}

// A split of a dim of extent 1 is of use: one device holds all. Partial sums may stay on some axes
// while others are reduced; maxima and minima are reduced at once, since of.boxing does not produce
// them.
static std::vector<Sbp> axisStates(const Shape &shape, const Layout &src, const Layout &dst) {
  std::vector<Sbp> states{Sbp::broadcast()};
  for (size_t dim = 0; dim < shape.size(); ++dim)
    states.push_back(Sbp::split(dim));
  auto isSum = [](Sbp sbp) { return sbp == Sbp::partialSum(); };
  if (std::any_of(src.sbp.begin(), src.sbp.end(), isSum) ||
      std::any_of(dst.sbp.begin(), dst.sbp.end(), isSum))
    states.push_back(Sbp::partialSum());
  return states;
}

static void addStates(const Shape &shape, const Layout &src, const Layout &dst, const Layout &on,
                      std::vector<Layout> &out) {
  std::vector<Layout> made{{on.placement, {}}};
  for (size_t axis = 0; axis < on.sbp.size(); ++axis) {
    std::vector<Layout> longer;
    for (const Layout &prefix : made)
      for (Sbp sbp : axisStates(shape, src, dst)) {
        longer.push_back(prefix);
        longer.back().sbp.push_back(sbp);
      }
    made = std::move(longer);
  }
  for (Layout &layout : made)
    if (!isSame(layout, src) && !isSame(layout, dst))
      out.push_back(std::move(layout));
}

std::vector<Layout> boxingStates(const Shape &shape, const Layout &src, const Layout &dst) {
  std::vector<Layout> out{src, dst};
  addStates(shape, src, dst, src, out);
  if (!(src.placement == dst.placement))
    addStates(shape, src, dst, dst, out);
  return out;
}

// ---- Search

namespace {

struct Label {
  double seconds = 0;
  int64_t bytes = 0, busiest = 0, steps = 0;
  size_t from = 0;
  bool isSet = false, isDone = false;
  bool isBefore(const Label &o) const {
    return std::tie(seconds, bytes, busiest, steps) <
           std::tie(o.seconds, o.bytes, o.busiest, o.steps);
  }
};

class Search {
public:
  Search(const Cluster &cluster, const Shape &shape, DType dtype, std::vector<Layout> states)
      : cluster(cluster), shape(shape), dtype(dtype), states(std::move(states)),
        labels(this->states.size()) {}

  BoxingPath run() {
    labels[0].isSet = true;
    expand(0); // the direct exchange bounds all other paths
    while (true) {
      size_t next = nearest();
      if (next == 1)
        return pathTo(1);
      expand(next);
    }
  }

private:
  size_t nearest() const {
    size_t best = 1;
    for (size_t i = 0; i < labels.size(); ++i)
      if (labels[i].isSet && !labels[i].isDone && labels[i].isBefore(labels[best]))
        best = i;
    return best;
  }

  // Extends paths by one exchange from here. What is no cheaper than a path to the destination
  // leads nowhere.
  void expand(size_t from) {
    labels[from].isDone = true;
    for (size_t to = 1; to < states.size(); ++to) {
      if (labels[to].isDone)
        continue;
      ExchangeCost cost = exchangeCost(cluster, shape, dtype, states[from], states[to]);
      Label label{labels[from].seconds + cost.seconds,
                  labels[from].bytes + cost.bytesMoved,
                  labels[from].busiest + cost.busiestBytes,
                  labels[from].steps + 1,
                  from,
                  true,
                  false};
      if (labels[1].isSet && !label.isBefore(labels[1]))
        continue;
      if (!labels[to].isSet || label.isBefore(labels[to]))
        labels[to] = label;
    }
  }

  BoxingPath pathTo(size_t state) const {
    BoxingPath path{labels[state].seconds, labels[state].bytes, {}};
    for (size_t at = state; at != 0; at = labels[at].from)
      path.steps.push_back(states[at]);
    std::reverse(path.steps.begin(), path.steps.end());
    return path;
  }

  const Cluster &cluster;
  const Shape &shape;
  DType dtype;
  std::vector<Layout> states;
  std::vector<Label> labels;
};

} // namespace

const BoxingPath &BoxingPlanner::path(const Shape &shape, DType dtype, const Layout &src,
                                      const Layout &dst) {
  auto keyOf = [](const Layout &layout) {
    // The shape, a terminator, and the devices tell placements apart.
    std::vector<int64_t> placement = layout.placement.shape;
    placement.push_back(-1);
    placement.insert(placement.end(), layout.placement.devices.begin(),
                     layout.placement.devices.end());
    return LayoutKey(placement, layout.sbp);
  };
  auto [it, isNew] = found.try_emplace({shape, dtype, keyOf(src), keyOf(dst)});
  if (isNew && !isSame(src, dst))
    it->second = Search(cluster, shape, dtype, boxingStates(shape, src, dst)).run();
  return it->second;
}

} // namespace of
