#include "lib/Search/CostReduction.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace of::search {

namespace {

constexpr int kRounds = 4;
constexpr size_t kMaxShave = 4'000'000;   ///< entries compared to shave one node
constexpr size_t kMaxBridge = 20'000'000; ///< entries to eliminate one node
constexpr size_t kGrowth = 1024;          ///< entries a table may gain in any case

} // namespace

CostReduction::CostReduction(const CostNetwork &network, bool withBytes,
                             std::optional<uint32_t> keep, uint64_t &work)
    : network_(network), withBytes_(withBytes && network.usageLimit), keep_(keep), work_(work),
      graph_(network, work) {}

bool CostReduction::run() {
  if (!graph_.propagate() || (withBytes_ && !addRows()) || !settle()) {
    if (graph_.conflict)
      conflict_.node = graph_.conflict;
    return false;
  }
  for (int round = 0; round < kRounds; ++round) {
    bool changed = false;
    for (uint32_t i = 0; i < graph_.nodes.size(); ++i)
      changed |= shave(i);
    changed |= dropSlackRows();
    if (!changed)
      break;
    if (!graph_.propagate() || !settle()) {
      conflict_.node = graph_.conflict;
      return false;
    }
  }
  return true;
}

/// False if the least bytes of some row exceed the limit.
bool CostReduction::addRows() {
  std::vector<std::vector<char>> allowed(graph_.nodes.size());
  for (uint32_t i = 0; i < allowed.size(); ++i)
    for (uint32_t k = 0; k < graph_.options(i); ++k)
      allowed[i].push_back(graph_.allowed(i, k));
  rows_ = rowsOf(network_, allowed);
  rowOpen_.assign(rows_.count(), true);
  graph_.addDemands(network_, rows_);
  std::vector<int64_t> least(rows_.count() + 1, 0);
  for (uint32_t i = 0; i < allowed.size(); ++i)
    for (const GraphDemand &d : graph_.nodes[i].demands) {
      int64_t bytes = std::numeric_limits<int64_t>::max();
      for (uint32_t k = 0; k < d.bytes.size(); ++k)
        if (allowed[i][k])
          bytes = std::min(bytes, d.bytes[k]);
      least[d.rows.lo] += bytes;
      least[d.rows.hi] -= bytes;
    }
  int64_t bytes = 0;
  UsagePeak worst{*network_.usageLimit, 0};
  for (uint32_t row = 0; row < rows_.count(); ++row) {
    bytes += least[row];
    if (bytes <= worst.bytes)
      continue;
    worst = {bytes, rows_.times[row]};
    conflict_.usage = worst;
  }
  return !conflict_.usage;
}

/// Closes the rows that fit whatever is chosen; true if a demand went with them.
bool CostReduction::dropSlackRows() {
  std::vector<int64_t> most(rows_.count() + 1, 0);
  for (const GraphNode &n : graph_.nodes)
    for (const GraphDemand &d : n.demands) {
      int64_t bytes = 0;
      for (uint32_t k = 0; n.alive && k < d.bytes.size(); ++k)
        if (n.costs[k] != kForbidden)
          bytes = std::max(bytes, d.bytes[k]);
      most[d.rows.lo] += bytes;
      most[d.rows.hi] -= bytes;
    }
  std::vector<uint32_t> openBefore(rows_.count() + 1, 0);
  int64_t bytes = 0;
  for (uint32_t row = 0; row < rows_.count(); ++row) {
    bytes += most[row];
    rowOpen_[row] = rowOpen_[row] && bytes + graph_.baseBytes[row] > *network_.usageLimit;
    openBefore[row + 1] = openBefore[row] + rowOpen_[row];
  }
  bool dropped = false;
  for (uint32_t i = 0; i < graph_.nodes.size(); ++i) {
    std::vector<GraphDemand> &demands = graph_.nodes[i].demands;
    const auto closed = [&](const GraphDemand &d) {
      return openBefore[d.rows.lo] == openBefore[d.rows.hi];
    };
    const auto end = std::remove_if(demands.begin(), demands.end(), closed);
    if (end == demands.end() || !graph_.nodes[i].alive)
      continue;
    demands.erase(end, demands.end());
    graph_.touchNode(i);
    dropped = true;
  }
  return dropped;
}

/// Applies the cheap rules until nothing changes.
bool CostReduction::settle() {
  while (!graph_.conflict) {
    if (const std::optional<uint32_t> edge = graph_.nextEdge())
      visitEdge(*edge);
    else if (const std::optional<uint32_t> node = graph_.nextNode())
      visitNode(*node);
    else
      return true;
    if (!graph_.propagate())
      break;
  }
  return false;
}

void CostReduction::visitEdge(uint32_t edge) {
  const GraphEdge &e = graph_.edges[edge];
  if (!e.alive || trySplit(edge))
    return;
  const bool fewer = graph_.nodes[e.a].edges.size() < graph_.nodes[e.b].edges.size();
  const uint32_t busy = fewer ? e.b : e.a, calm = fewer ? e.a : e.b;
  if (!tryFollow(edge, busy))
    (void)tryFollow(edge, calm);
}

bool CostReduction::trySplit(uint32_t edge) {
  const GraphEdge &e = graph_.edges[edge];
  const size_t rows = graph_.options(e.a), columns = graph_.options(e.b);
  uint32_t k0 = 0, q0 = 0;
  while (!graph_.allowed(e.a, k0))
    ++k0;
  while (!graph_.allowed(e.b, q0))
    ++q0;
  const auto at = [&](size_t k, size_t q) { return e.costs[k * columns + q]; };
  std::vector<double> ofA(rows, 0), ofB(columns, 0);
  if (at(k0, q0) == kForbidden)
    return false;
  for (size_t k = 0; k < rows; ++k)
    ofA[k] = at(k, q0);
  for (size_t q = 0; q < columns; ++q)
    ofB[q] = at(k0, q) - at(k0, q0);
  for (uint32_t k = 0; k < rows; ++k)
    for (uint32_t q = 0; q < columns && graph_.allowed(e.a, k); ++q) {
      ++work_;
      if (graph_.allowed(e.b, q) && (at(k, q) == kForbidden || at(k, q) != ofA[k] + ofB[q]))
        return false;
    }
  graph_.split(edge, ofA, ofB);
  return true;
}

bool CostReduction::tryFollow(uint32_t edge, uint32_t leader) {
  const uint32_t follower = graph_.other(edge, leader);
  if (keep_ == follower)
    return false;
  const EdgeView v = graph_.view(edge, leader);
  const size_t rows = graph_.options(leader), columns = graph_.options(follower);
  std::vector<uint32_t> map(rows, 0);
  for (uint32_t k = 0; k < rows; ++k) {
    uint32_t partners = 0;
    for (uint32_t q = 0; graph_.allowed(leader, k) && q < columns && partners < 2; ++q) {
      ++work_;
      if (v.at(k, q) == kForbidden || !graph_.allowed(follower, q))
        continue;
      map[k] = q;
      ++partners;
    }
    if (partners > 1)
      return false;
  }
  size_t before = 0, after = 0;
  for (uint32_t e : graph_.nodes[follower].edges) {
    const size_t far = graph_.options(graph_.other(e, follower));
    before += columns * far;
    after += e == edge ? 0 : rows * far;
  }
  if (after > before + kGrowth)
    return false;
  work_ += after;
  graph_.follow(follower, leader, edge, std::move(map));
  return true;
}

/// Demands that no longer depend on the option go to the base.
void CostReduction::settleDemands(uint32_t node) {
  GraphNode &n = graph_.nodes[node];
  const auto fixed = [&](const GraphDemand &d) {
    std::optional<int64_t> bytes;
    for (uint32_t k = 0; k < d.bytes.size(); ++k) {
      if (!graph_.allowed(node, k))
        continue;
      if (bytes && *bytes != d.bytes[k])
        return false;
      bytes = d.bytes[k];
    }
    for (uint32_t row = d.rows.lo; row < d.rows.hi; ++row)
      graph_.baseBytes[row] += *bytes;
    work_ += d.rows.hi - d.rows.lo;
    return true;
  };
  n.demands.erase(std::remove_if(n.demands.begin(), n.demands.end(), fixed), n.demands.end());
}

void CostReduction::visitNode(uint32_t node) {
  GraphNode &n = graph_.nodes[node];
  if (!n.alive || keep_ == node)
    return;
  settleDemands(node);
  if (n.left == 1)
    return graph_.fold(node);
  if (n.edges.empty() && n.demands.empty()) {
    const auto best = std::min_element(n.costs.begin(), n.costs.end()) - n.costs.begin();
    for (uint32_t k = 0; k < n.costs.size(); ++k)
      if (k != uint32_t(best) && graph_.allowed(node, k))
        graph_.forbid(node, k);
    return graph_.fold(node);
  }
  if (n.edges.size() == 1)
    return visitLeaf(node);
  if (n.edges.size() == 2 && n.demands.empty() && cheapToBridge(node))
    graph_.bridge(node);
}

bool CostReduction::cheapToBridge(uint32_t node) const {
  const GraphNode &n = graph_.nodes[node];
  const size_t a = graph_.options(graph_.other(n.edges[0], node));
  const size_t b = graph_.options(graph_.other(n.edges[1], node));
  return a * b <= 2 * (a + b) * n.costs.size() + kGrowth && a * b * n.costs.size() <= kMaxBridge;
}

bool CostReduction::usesNoMore(uint32_t node, uint32_t k, uint32_t than) const {
  for (const GraphDemand &d : graph_.nodes[node].demands)
    if (d.bytes[k] > d.bytes[than])
      return false;
  return true;
}

/// For each option of the neighbour, keeps what of the leaf is cheapest or smallest.
void CostReduction::visitLeaf(uint32_t leaf) {
  const uint32_t edge = graph_.nodes[leaf].edges[0], far = graph_.other(edge, leaf);
  const EdgeView v = graph_.view(edge, leaf);
  const std::vector<double> &own = graph_.nodes[leaf].costs;
  std::vector<int64_t> bytes(own.size(), 0);
  for (const GraphDemand &d : graph_.nodes[leaf].demands)
    for (size_t k = 0; k < own.size(); ++k)
      bytes[k] += d.bytes[k];
  std::vector<uint32_t> order, kept;
  std::vector<std::pair<uint32_t, uint32_t>> dominated;
  for (uint32_t q = 0; q < graph_.options(far); ++q) {
    if (!graph_.allowed(far, q))
      continue;
    order.clear();
    kept.clear();
    for (uint32_t k = 0; k < own.size(); ++k)
      if (own[k] != kForbidden && v.at(k, q) != kForbidden)
        order.push_back(k);
    std::sort(order.begin(), order.end(), [&](uint32_t x, uint32_t y) {
      return std::tuple(own[x] + v.at(x, q), bytes[x], x) <
             std::tuple(own[y] + v.at(y, q), bytes[y], y);
    });
    work_ += 8 * order.size();
    for (uint32_t k : order) {
      const bool worse = std::any_of(kept.begin(), kept.end(),
                                     [&](uint32_t better) { return usesNoMore(leaf, better, k); });
      work_ += kept.size();
      if (worse)
        dominated.push_back({k, q});
      else
        kept.push_back(k);
    }
  }
  if (!dominated.empty())
    graph_.forbidPairs(edge, leaf, dominated);
}

namespace {

/// The costs of a node's options across one edge, side by side.
struct AcrossEdge {
  size_t partners = 0;
  std::vector<double> costs; ///< of each option with each partner
  std::vector<double> least; ///< by option
};

} // namespace

/// Tells which of a node's options another is never worse than.
class CostReduction::Dominance {
public:
  Dominance(const CostReduction &reduction, uint32_t node)
      : reduction_(reduction), node_(node), graph_(reduction.graph_) {
    const GraphNode &n = graph_.nodes[node];
    for (uint32_t k = 0; k < n.costs.size(); ++k)
      if (graph_.allowed(node, k)) {
        options_.push_back(k);
        total_.push_back(n.costs[k]);
      }
    for (uint32_t e : n.edges)
      addEdge(e);
  }

  const std::vector<uint32_t> &options() const { return options_; }

  /// By their places among the options. What one costs at least across each edge, set against what
  /// the other does, only grows as more partners are looked at.
  bool dominates(size_t better, size_t worse) const {
    if (total_[worse] == kForbidden)
      return true;                                      // it has no partner left
    const double most = 1e-9 * std::abs(total_[worse]); // rounding; the last line decides
    double behind = total_[better] - total_[worse];
    if (!(behind <= most) || !reduction_.usesNoMore(node_, options_[better], options_[worse]))
      return false;
    const std::vector<double> &own = graph_.nodes[node_].costs;
    double sum = own[options_[better]] - own[options_[worse]];
    for (const AcrossEdge &edge : edges_) {
      const double ahead = edge.least[better] - edge.least[worse], bar = most + ahead - behind;
      const double *const b = edge.costs.data() + better * edge.partners;
      const double *const w = edge.costs.data() + worse * edge.partners;
      double largest = -kForbidden;
      for (size_t q = 0; q < edge.partners; ++q) {
        const double more = b[q] - w[q]; // not a number where neither may be taken
        if (more > bar) {
          reduction_.work_ += q;
          return false;
        }
        largest = more > largest ? more : largest;
      }
      reduction_.work_ += edge.partners;
      behind += largest - ahead;
      sum += largest;
    }
    return sum <= 0;
  }

private:
  void addEdge(uint32_t e) {
    const EdgeView v = graph_.view(e, node_);
    const uint32_t far = graph_.other(e, node_);
    std::vector<uint32_t> partners;
    for (uint32_t q = 0; q < graph_.options(far); ++q)
      if (graph_.allowed(far, q))
        partners.push_back(q);
    AcrossEdge &edge = edges_.emplace_back();
    edge.partners = partners.size();
    edge.costs.reserve(options_.size() * partners.size());
    for (size_t i = 0; i < options_.size(); ++i) {
      double least = kForbidden;
      for (uint32_t q : partners) {
        edge.costs.push_back(v.at(options_[i], q));
        least = std::min(least, edge.costs.back());
      }
      edge.least.push_back(least);
      total_[i] += least;
    }
    reduction_.work_ += edge.costs.size();
  }

  const CostReduction &reduction_;
  const uint32_t node_;
  const CostGraph &graph_;
  std::vector<uint32_t> options_; ///< that are allowed
  std::vector<double> total_;     ///< what each costs at least, with its edges
  std::vector<AcrossEdge> edges_;
};

/// Forbids the options of a node that another is never worse than; true if there were any.
bool CostReduction::shave(uint32_t node) {
  const GraphNode &n = graph_.nodes[node];
  if (!n.alive || keep_ == node || n.left < 2)
    return false;
  size_t entries = 0;
  for (uint32_t e : n.edges)
    entries += graph_.options(graph_.other(e, node));
  if (entries * n.left * n.left > kMaxShave)
    return false;
  const Dominance dominance(*this, node);
  const std::vector<uint32_t> &options = dominance.options();
  bool changed = false;
  for (size_t worse = 0; worse < options.size(); ++worse)
    for (size_t better = 0; better < options.size() && graph_.allowed(node, options[worse]);
         ++better) {
      if (better == worse || !graph_.allowed(node, options[better]) ||
          !dominance.dominates(better, worse))
        continue;
      graph_.forbid(node, options[worse]);
      changed = true;
    }
  return changed;
}

} // namespace of::search
