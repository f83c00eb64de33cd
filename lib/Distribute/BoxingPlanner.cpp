#include "lib/Distribute/BoxingPlanner.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;

namespace of {

static bool isSame(const Layout &a, const Layout &b) {
  return a.placement == b.placement && a.sbp == b.sbp;
}

// ---- Rounds

// Factors of at most four, or primes, the largest first: the first round moves most.
static std::vector<int64_t> roundsOf(int64_t n) {
  std::vector<int64_t> factors;
  while (n % 4 == 0) {
    factors.push_back(4);
    n /= 4;
  }
  for (int64_t p = 2; n > 1; ++p)
    for (; n % p == 0; n /= p)
      factors.push_back(p);
  std::stable_sort(factors.begin(), factors.end(), std::greater<int64_t>());
  return factors;
}

namespace {

/// The layouts of one axis that is cut, with all other axes as they are in `src`.
class Rounds {
public:
  Rounds(const Layout &src, size_t axis, std::vector<int64_t> factors)
      : src(src), axis(axis), count(factors.size()), placement(src.placement) {
    auto at = placement.shape.erase(placement.shape.begin() + axis);
    placement.shape.insert(at, factors.begin(), factors.end());
  }

  /// The first `done` factors lie as `now`, the others as `before`.
  Layout after(size_t done, Sbp now, Sbp before) const {
    Layout out{placement, src.sbp};
    auto at = out.sbp.erase(out.sbp.begin() + axis);
    at = out.sbp.insert(at, count - done, before);
    out.sbp.insert(at, done, now);
    return out;
  }

  /// Rounds from `before` to `now`; ends included on demand.
  void append(std::vector<Layout> &out, Sbp now, Sbp before, bool withEnd) const {
    for (size_t done = 1; done < count + withEnd; ++done)
      out.push_back(after(done, now, before));
  }

  /// Gathering undoes splits from the last factor on, so that each device adds neighbours of what
  /// it has.
  void appendGather(std::vector<Layout> &out, Sbp split) const {
    for (size_t left = count; left-- > 1;)
      out.push_back(after(left, split, Sbp::broadcast()));
  }

private:
  const Layout &src;
  size_t axis, count;
  Placement placement;
};

} // namespace

std::vector<std::vector<Layout>> boxingRounds(size_t rank, const Layout &src, const Layout &dst) {
  std::vector<std::vector<Layout>> out;
  if (!(src.placement == dst.placement))
    return out;
  for (size_t axis = 0; axis < src.sbp.size(); ++axis) {
    const Sbp from = src.sbp[axis], to = dst.sbp[axis];
    std::vector<int64_t> factors = roundsOf(src.placement.shape[axis]);
    if (factors.size() < 2 || from == to)
      continue;
    Rounds rounds(src, axis, factors);
    if (from.isSplit() && to.isBroadcast())
      rounds.appendGather(out.emplace_back(), from);
    if (from != Sbp::partialSum())
      continue;
    if (to.isSplit())
      rounds.append(out.emplace_back(), to, from, false);
    if (!to.isBroadcast())
      continue;
    rounds.append(out.emplace_back(), to, from, false);
    for (size_t dim = 0; dim < rank; ++dim) {
      rounds.append(out.emplace_back(), Sbp::split(dim), from, true);
      rounds.appendGather(out.back(), Sbp::split(dim));
    }
  }
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

} // namespace

class BoxingPlanner::Search {
public:
  // Partial sums may stay on some axes while others are reduced.
  Search(ExchangeTable &table, size_t src, size_t dst, int64_t bytes)
      : table(table), lock(table.mutex), src(src), dst(dst), bytes(bytes) {
    bool mayHaveSum = table.hasSum(src) || table.hasSum(dst);
    states = {src, dst};
    for (size_t state = 0; state < table.numPassable(); ++state)
      if (state != src && state != dst && (mayHaveSum || !table.hasSum(state)))
        states.push_back(state);
    addRounds();
    labels.resize(*std::max_element(states.begin(), states.end()) + 1);
    places.resize(labels.size());
  }

  StatePath run() {
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

  void addRounds() {
    size_t way = 0;
    for (const std::vector<Layout> &rounds :
         boxingRounds(table.rank(), table.layout(src), table.layout(dst))) {
      ++way;
      for (auto [round, layout] : llvm::enumerate(rounds)) {
        states.push_back(table.stateOf(layout));
        places.resize(std::max(places.size(), states.back() + 1));
        places[states.back()] = {way, round};
      }
    }
  }

  // A way in rounds is entered from the source, goes forward and leaves for the destination.
  bool isEdge(size_t from, size_t to) const {
    const Place &a = places[from], &b = places[to];
    if (a.way == b.way)
      return a.way == 0 || a.round < b.round;
    return (from == src && a.way == 0) || (to == dst && b.way == 0);
  }

  // Of many exchanges that is known before their pieces are counted.
  bool isTooFar(size_t from, size_t to) const {
    const double least =
        table.leastSeconds(to, bytes) + (to == dst ? 0 : table.leastSeconds(dst, bytes));
    return labels[dst].isSet && labels[from].seconds + least > labels[dst].seconds;
  }

  // Extends paths by one exchange from here. What is no cheaper than a path to the destination
  // leads nowhere.
  void expand(size_t from) {
    labels[from].isDone = true;
    for (size_t to : states) {
      if (to == src || labels[to].isDone || !isEdge(from, to) || isTooFar(from, to))
        continue;
      const ExchangeCost cost = table.cost(from, to, bytes);
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

  StatePath pathTo(size_t state) const {
    StatePath path{labels[state].seconds, labels[state].bytes, 0, {}};
    for (size_t at = state; at != src; at = labels[at].from) {
      path.steps.push_back({table.layout(at), table.isOnDestination(at)});
      path.bytesTaken += table.bytesTaken(labels[at].from, at, bytes);
    }
    std::reverse(path.steps.begin(), path.steps.end());
    return path;
  }

  /// Where a state stands on a way in rounds; way 0 is none.
  struct Place {
    size_t way = 0, round = 0;
  };

  ExchangeTable &table;
  std::lock_guard<std::mutex> lock;
  size_t src, dst;
  int64_t bytes;
  std::vector<size_t> states; ///< source, destination, all others
  std::vector<Label> labels;  ///< by state
  std::vector<Place> places;  ///< by state
};

// The shape and the devices tell placements apart.
size_t BoxingPlanner::numberOf(const Placement &placement) {
  std::vector<int64_t> key = placement.shape;
  key.push_back(-1);
  key.insert(key.end(), placement.devices.begin(), placement.devices.end());
  return placements.try_emplace(std::move(key), placements.size()).first->second;
}

const BoxingPlanner::Between &BoxingPlanner::between(const Shape &shape, const Placement &src,
                                                     const Placement &dst) {
  Shape kind = exchangeClass(shape, src.size(), dst.size());
  std::lock_guard lock(mutex);
  Between &out = betweens[{kind, numberOf(src), numberOf(dst)}];
  if (out.table)
    return out;
  std::vector<int64_t> devices = src.devices;
  devices.insert(devices.end(), dst.devices.begin(), dst.devices.end());
  std::unique_ptr<ExchangeTable> &table =
      tables[{std::move(kind), src.shape, dst.shape, cluster.signatureOf(devices)}];
  if (!table)
    table = std::make_unique<ExchangeTable>(cluster, shape, src, dst);
  out = {src, dst, table.get()};
  return out;
}

// Two threads that ask for the same find the same: the first is kept.
const BoxingPath &BoxingPlanner::path(const Shape &shape, DType dtype, const Layout &src,
                                      const Layout &dst) {
  const Between &pair = between(shape, src.placement, dst.placement);
  ExchangeTable &table = *pair.table;
  const int64_t bytes = elementsOf(shape) * sizeOf(dtype);
  size_t from, to;
  {
    std::lock_guard lock(table.mutex);
    from = table.stateOf(false, src.sbp);
    to = table.stateOf(true, dst.sbp);
  }
  const auto key = std::tuple(&pair, from, to, bytes);
  const auto alike = std::tuple(&table, from, to, bytes);
  std::unique_lock lock(mutex);
  if (const auto known = found.find(key); known != found.end())
    return known->second;
  if (isSame(src, dst))
    return found[key];
  if (!foundAlike.count(alike)) {
    lock.unlock();
    StatePath states = Search(table, from, to, bytes).run();
    lock.lock();
    foundAlike.try_emplace(alike, std::move(states));
  }
  const StatePath &states = foundAlike.at(alike);
  const auto [it, isNew] = found.try_emplace(key);
  if (!isNew)
    return it->second;
  it->second = {states.seconds, states.bytesMoved, states.bytesTaken, {}};
  for (const StatePath::Step &step : states.steps) {
    Layout layout = step.layout;
    layout.placement.devices = (step.onDestination ? pair.dst : pair.src).devices;
    it->second.steps.push_back(std::move(layout));
  }
  return it->second;
}

// ---- Values

BoxingPlanner::Move BoxingPlanner::move(Type type, DistAttr from, DistAttr to) {
  const MoveKey key{type, from, to};
  MoveMemo &memo = moves[llvm::DenseMapInfo<MoveKey>::getHashValue(key) % moves.size()];
  {
    std::lock_guard lock(memo.mutex);
    if (auto known = memo.known.find(key); known != memo.known.end())
      return known->second;
  }
  auto tensor = cast<RankedTensorType>(type);
  const BoxingPath &found = path(Shape(tensor.getShape().begin(), tensor.getShape().end()),
                                 dtypeOf(tensor.getElementType()), from.layout(), to.layout());
  std::lock_guard lock(memo.mutex);
  return memo.known[key] = {found.seconds, found.bytesTaken};
}

} // namespace of
