#include "lib/Search/CostGraph.h"

#include <algorithm>

namespace of::search {

CostGraph::CostGraph(const CostNetwork &network, uint64_t &work) : work_(work) {
  nodes.resize(network.nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    nodes[i].costs = network.nodes[i].costs;
    nodes[i].left = uint32_t(std::count_if(nodes[i].costs.begin(), nodes[i].costs.end(),
                                           [](double c) { return c != kForbidden; }));
    if (nodes[i].left == 0 && !conflict)
      conflict = i;
  }
  for (uint32_t i = 0; i < nodes.size(); ++i)
    touchNode(i);
  for (const CostEdge &e : network.edges)
    connect(e.a, e.b, e.costs);
}

void CostGraph::addDemands(const CostNetwork &network, const CostRows &rows) {
  baseBytes.assign(rows.count(), 0);
  for (uint32_t i = 0; i < nodes.size(); ++i)
    if (!rows.ofNode[i].empty())
      nodes[i].demands.push_back({rows.ofNode[i], network.nodes[i].usages});
}

EdgeView CostGraph::view(uint32_t edge, uint32_t node) const {
  const GraphEdge &e = edges[edge];
  const size_t width = options(e.b);
  return e.a == node ? EdgeView{e.costs.data(), width, 1} : EdgeView{e.costs.data(), 1, width};
}

namespace {

std::optional<uint32_t> take(std::deque<uint32_t> &queue, std::vector<char> &queued) {
  if (queue.empty())
    return std::nullopt;
  const uint32_t front = queue.front();
  queue.pop_front();
  queued[front] = false;
  return front;
}

void put(std::deque<uint32_t> &queue, std::vector<char> &queued, uint32_t id) {
  if (queued.size() <= id)
    queued.resize(id + 1);
  if (!queued[id])
    queue.push_back(id);
  queued[id] = true;
}

} // namespace

std::optional<uint32_t> CostGraph::nextEdge() { return take(changedEdges_, edgeQueued_); }
std::optional<uint32_t> CostGraph::nextNode() { return take(changedNodes_, nodeQueued_); }
void CostGraph::touchNode(uint32_t node) { put(changedNodes_, nodeQueued_, node); }

void CostGraph::touch(uint32_t edge) {
  put(changedEdges_, edgeQueued_, edge);
  touchNode(edges[edge].a);
  touchNode(edges[edge].b);
}

void CostGraph::forbidPairs(uint32_t edge, uint32_t node,
                            const std::vector<std::pair<uint32_t, uint32_t>> &pairs) {
  GraphEdge &e = edges[edge];
  const size_t width = options(e.b);
  for (const auto &[mine, theirs] : pairs)
    e.costs[e.a == node ? mine * width + theirs : theirs * width + mine] = kForbidden;
  mustRevise(edge, e.a);
  mustRevise(edge, e.b);
}

void CostGraph::forbid(uint32_t node, uint32_t k) {
  GraphNode &n = nodes[node];
  n.costs[k] = kForbidden;
  if (--n.left == 0 && !conflict)
    conflict = node;
  for (uint32_t e : n.edges)
    mustRevise(e, other(e, node));
}

// Once, however many options of the other end are forbidden before its turn.
void CostGraph::mustRevise(uint32_t edge, uint32_t node) {
  put(arcs_, arcQueued_, 2 * edge + (edges[edge].b == node));
}

/// Forbids the options of `node` without a partner across `edge`; true if there were any.
bool CostGraph::revise(uint32_t edge, uint32_t node) {
  const EdgeView v = view(edge, node);
  const uint32_t far = other(edge, node);
  std::vector<uint32_t> &first =
      edges[edge].a == node ? edges[edge].firstOfA : edges[edge].firstOfB;
  first.resize(options(node), 0);
  bool changed = false;
  for (uint32_t k = 0; k < options(node); ++k) {
    if (!allowed(node, k))
      continue;
    uint32_t q = first[k];
    while (q < options(far) && (v.at(k, q) == kForbidden || !allowed(far, q)))
      ++q;
    work_ += q - first[k] + 1;
    first[k] = q;
    if (q < options(far))
      continue;
    forbid(node, k);
    changed = true;
  }
  return changed;
}

bool CostGraph::propagate() {
  while (!conflict) {
    const std::optional<uint32_t> arc = take(arcs_, arcQueued_);
    if (!arc)
      break;
    const uint32_t edge = *arc / 2;
    if (!edges[edge].alive)
      continue;
    revise(edge, *arc % 2 ? edges[edge].b : edges[edge].a);
    touch(edge);
  }
  return !conflict;
}

void CostGraph::detach(uint32_t edge, uint32_t node) {
  std::vector<uint32_t> &list = nodes[node].edges;
  list.erase(std::find(list.begin(), list.end(), edge));
  work_ += list.size() / 8 + 1;
}

void CostGraph::connect(uint32_t a, uint32_t b, std::vector<double> costs) {
  work_ += costs.size();
  const uint32_t few = nodes[a].edges.size() <= nodes[b].edges.size() ? a : b;
  for (uint32_t e : nodes[few].edges) {
    if (other(e, few) != (few == a ? b : a))
      continue;
    const bool same = edges[e].a == a;
    const size_t rows = options(a), columns = options(b);
    for (size_t k = 0; k < rows; ++k)
      for (size_t q = 0; q < columns; ++q)
        edges[e].costs[same ? k * columns + q : q * rows + k] += costs[k * columns + q];
    mustRevise(e, a);
    mustRevise(e, b);
    return touch(e);
  }
  const uint32_t e = uint32_t(edges.size());
  edges.push_back({a, b, std::move(costs), true});
  nodes[a].edges.push_back(e);
  nodes[b].edges.push_back(e);
  mustRevise(e, a);
  mustRevise(e, b);
  touch(e);
}

void CostGraph::fold(uint32_t node) {
  GraphNode &n = nodes[node];
  const uint32_t k = uint32_t(
      std::find_if(n.costs.begin(), n.costs.end(), [](double c) { return c != kForbidden; }) -
      n.costs.begin());
  constant += n.costs[k];
  for (const GraphDemand &d : n.demands)
    for (uint32_t row = d.rows.lo; row < d.rows.hi; ++row)
      baseBytes[row] += d.bytes[k];
  const std::vector<uint32_t> list = n.edges;
  for (uint32_t e : list) {
    const uint32_t far = other(e, node);
    const EdgeView v = view(e, node);
    for (uint32_t q = 0; q < options(far); ++q)
      if (allowed(far, q) && v.at(k, q) == kForbidden)
        forbid(far, q);
      else
        nodes[far].costs[q] += v.at(k, q);
    work_ += options(far);
    touch(e);
    edges[e].alive = false;
    edges[e].costs = {};
    detach(e, far);
  }
  n.alive = false;
  n.edges.clear();
  steps_.push_back({node, node, node, {k}});
}

void CostGraph::split(uint32_t edge, const std::vector<double> &ofA,
                      const std::vector<double> &ofB) {
  GraphEdge &e = edges[edge];
  touch(edge);
  e.alive = false;
  for (uint32_t k = 0; k < ofA.size(); ++k)
    if (allowed(e.a, k))
      nodes[e.a].costs[k] += ofA[k];
  for (uint32_t q = 0; q < ofB.size(); ++q)
    if (allowed(e.b, q))
      nodes[e.b].costs[q] += ofB[q];
  e.costs = {};
  detach(edge, e.a);
  detach(edge, e.b);
}

void CostGraph::follow(uint32_t follower, uint32_t leader, uint32_t edge,
                       std::vector<uint32_t> map) {
  const EdgeView v = view(edge, leader);
  GraphNode &f = nodes[follower], &l = nodes[leader];
  for (uint32_t k = 0; k < options(leader); ++k)
    if (allowed(leader, k))
      l.costs[k] += f.costs[map[k]] + v.at(k, map[k]);
  for (const GraphDemand &d : f.demands) {
    GraphDemand moved{d.rows, {}};
    for (uint32_t k : map)
      moved.bytes.push_back(d.bytes[k]);
    const auto same = std::find_if(l.demands.begin(), l.demands.end(), [&](const GraphDemand &o) {
      return o.rows.lo == d.rows.lo && o.rows.hi == d.rows.hi;
    });
    if (same == l.demands.end())
      l.demands.push_back(std::move(moved));
    else
      for (size_t k = 0; k < map.size(); ++k)
        same->bytes[k] += moved.bytes[k];
  }
  touch(edge);
  edges[edge].alive = false;
  detach(edge, leader);
  const std::vector<uint32_t> list = f.edges;
  for (uint32_t e : list) {
    if (e == edge)
      continue;
    const uint32_t far = other(e, follower);
    const EdgeView old = view(e, follower);
    std::vector<double> costs(map.size() * options(far));
    for (size_t k = 0; k < map.size(); ++k)
      for (size_t q = 0; q < options(far); ++q)
        costs[k * options(far) + q] = old.at(map[k], q);
    edges[e].alive = false;
    edges[e].costs = {};
    detach(e, far);
    connect(leader, far, std::move(costs));
  }
  f.alive = false;
  f.edges.clear();
  steps_.push_back({follower, leader, leader, std::move(map)});
}

void CostGraph::bridge(uint32_t node) {
  GraphNode &n = nodes[node];
  const uint32_t first = n.edges[0], second = n.edges[1];
  const uint32_t a = other(first, node), b = other(second, node);
  const EdgeView toA = view(first, node), toB = view(second, node);
  const size_t rows = options(a), columns = options(b);
  std::vector<double> costs(rows * columns, kForbidden);
  std::vector<uint32_t> best(rows * columns, 0);
  for (size_t p = 0; p < rows; ++p)
    for (uint32_t k = 0; k < n.costs.size(); ++k) {
      const double base = n.costs[k] + toA.at(k, p);
      if (base == kForbidden)
        continue;
      work_ += columns;
      for (size_t q = 0; q < columns; ++q) {
        const double cost = base + toB.at(k, q);
        if (cost < costs[p * columns + q]) {
          costs[p * columns + q] = cost;
          best[p * columns + q] = k;
        }
      }
    }
  for (uint32_t e : {first, second}) {
    edges[e].alive = false;
    edges[e].costs = {};
    detach(e, other(e, node));
  }
  n.alive = false;
  n.edges.clear();
  steps_.push_back({node, a, b, std::move(best)});
  connect(a, b, std::move(costs));
}

void CostGraph::expand(Choice &choice) const {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    size_t index = 0;
    if (step->a != step->node)
      index = choice[step->a];
    if (step->b != step->a)
      index = index * nodes[step->b].costs.size() + choice[step->b];
    choice[step->node] = step->option[index];
  }
}

} // namespace of::search
