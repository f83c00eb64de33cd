#include "lib/Distribute/BoxingPlanner.h"

#include <algorithm>

namespace of {

static bool isSame(const Layout &a, const Layout &b) {
  return a.placement == b.placement && a.sbp == b.sbp;
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
  // Partial sums may stay on some axes while others are reduced.
  Search(ExchangeTable &table, size_t src, size_t dst)
      : table(table), src(src), dst(dst),
        labels(std::max({table.numPassable(), src + 1, dst + 1})) {
    bool mayHaveSum = table.hasSum(src) || table.hasSum(dst);
    states = {src, dst};
    for (size_t state = 0; state < table.numPassable(); ++state)
      if (state != src && state != dst && (mayHaveSum || !table.hasSum(state)))
        states.push_back(state);
  }

  BoxingPath run() {
    labels[src].isSet = true;
    expand(src); // the direct exchange bounds all other paths
    while (true) {
      size_t next = nearest();
      if (next == dst)
        return pathTo(dst);
      expand(next);
    }
  }

private:
  size_t nearest() const {
    size_t best = dst;
    for (size_t state : states)
      if (labels[state].isSet && !labels[state].isDone && labels[state].isBefore(labels[best]))
        best = state;
    return best;
  }

  // Extends paths by one exchange from here. What is no cheaper than a path to the destination
  // leads nowhere.
  void expand(size_t from) {
    labels[from].isDone = true;
    for (size_t to : states) {
      if (to == src || labels[to].isDone)
        continue;
      const ExchangeCost &cost = table.cost(from, to);
      Label label{labels[from].seconds + cost.seconds,
                  labels[from].bytes + cost.bytesMoved,
                  labels[from].busiest + cost.busiestBytes,
                  labels[from].steps + 1,
                  from,
                  true,
                  false};
      if (labels[dst].isSet && !label.isBefore(labels[dst]))
        continue;
      if (!labels[to].isSet || label.isBefore(labels[to]))
        labels[to] = label;
    }
  }

  BoxingPath pathTo(size_t state) const {
    BoxingPath path{labels[state].seconds, labels[state].bytes, {}};
    for (size_t at = state; at != src; at = labels[at].from)
      path.steps.push_back(table.layout(at));
    std::reverse(path.steps.begin(), path.steps.end());
    return path;
  }

  ExchangeTable &table;
  size_t src, dst;
  std::vector<size_t> states; ///< source, destination, all others
  std::vector<Label> labels;  ///< by state
};

} // namespace

// The shape and the devices tell placements apart.
static std::vector<int64_t> keyOf(const Placement &placement) {
  std::vector<int64_t> key = placement.shape;
  key.push_back(-1);
  key.insert(key.end(), placement.devices.begin(), placement.devices.end());
  return key;
}

ExchangeTable &BoxingPlanner::tableOf(const Shape &shape, DType dtype, const Placement &src,
                                      const Placement &dst) {
  auto [it, isNew] = tables.try_emplace(
      {exchangeClass(shape, src.size(), dst.size()), dtype, keyOf(src), keyOf(dst)});
  if (isNew)
    it->second = std::make_unique<ExchangeTable>(cluster, shape, dtype, src, dst);
  return *it->second;
}

const BoxingPath &BoxingPlanner::path(const Shape &shape, DType dtype, const Layout &src,
                                      const Layout &dst) {
  ExchangeTable &table = tableOf(shape, dtype, src.placement, dst.placement);
  size_t from = table.stateOf(false, src.sbp), to = table.stateOf(true, dst.sbp);
  auto [it, isNew] = found.try_emplace({&table, from, to});
  if (isNew && !isSame(src, dst))
    it->second = Search(table, from, to).run();
  return it->second;
}

} // namespace of
