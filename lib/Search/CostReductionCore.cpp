// Lays out what CostReduction left, and leads choices to and fro.
#include "lib/Search/CostReduction.h"

#include <algorithm>
#include <map>

namespace of::search {

namespace {

/// Appends the pairs of options in `mine` and `theirs`; returns where they begin.
size_t appendTable(CostCore &core, const EdgeView &view, const std::vector<uint32_t> &mine,
                   const std::vector<uint32_t> &theirs) {
  const size_t first = core.tables.size();
  for (uint32_t k : mine)
    for (uint32_t q : theirs)
      core.tables.push_back(view.at(k, q));
  return first;
}

/// An edge of the core while links are being collected.
struct Wire {
  uint32_t a, b;
  size_t ab, ba;             ///< tables
  size_t messageA, messageB; ///< messages to a and to b
};

void addLinks(CostCore &core, const std::vector<Wire> &wires) {
  std::vector<std::vector<CoreLink>> links(core.nodes);
  for (const Wire &w : wires) {
    links[w.a].push_back({w.b, w.ab, w.ba, w.messageA, w.messageB});
    links[w.b].push_back({w.a, w.ba, w.ab, w.messageB, w.messageA});
  }
  core.firstLink.push_back(0);
  for (std::vector<CoreLink> &list : links) {
    std::sort(list.begin(), list.end(),
              [](const CoreLink &x, const CoreLink &y) { return x.other < y.other; });
    core.links.insert(core.links.end(), list.begin(), list.end());
    core.firstLink.push_back(core.links.size());
  }
}

/// The same bytes in ranges that share no row, ascending.
std::vector<GraphDemand> disjoint(const std::vector<GraphDemand> &demands, size_t options) {
  std::map<uint32_t, std::vector<int64_t>> changes;
  for (const GraphDemand &d : demands) {
    if (d.rows.empty())
      continue;
    std::vector<int64_t> &in = changes[d.rows.lo], &out = changes[d.rows.hi];
    in.resize(options, 0);
    out.resize(options, 0);
    for (size_t k = 0; k < options; ++k) {
      in[k] += d.bytes[k];
      out[k] -= d.bytes[k];
    }
  }
  std::vector<GraphDemand> apart;
  std::vector<int64_t> bytes(options, 0);
  for (auto it = changes.begin(); it != changes.end() && std::next(it) != changes.end(); ++it) {
    for (size_t k = 0; k < options; ++k)
      bytes[k] += it->second[k];
    if (std::any_of(bytes.begin(), bytes.end(), [](int64_t b) { return b != 0; }))
      apart.push_back({{it->first, std::next(it)->first}, bytes});
  }
  return apart;
}

} // namespace

CostCore CostReduction::core() {
  CostCore core;
  core.constant = graph_.constant;
  std::vector<uint32_t> place(graph_.nodes.size(), UINT32_MAX);
  core.firstCost.push_back(0);
  for (uint32_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!graph_.nodes[i].alive)
      continue;
    place[i] = core.nodes++;
    original_.push_back(i);
    options_.emplace_back();
    for (uint32_t k = 0; k < graph_.options(i); ++k) {
      if (!graph_.allowed(i, k))
        continue;
      options_.back().push_back(k);
      core.costs.push_back(graph_.nodes[i].costs[k]);
    }
    core.firstCost.push_back(core.costs.size());
  }
  std::vector<Wire> wires;
  for (uint32_t e = 0; e < graph_.edges.size(); ++e) {
    if (!graph_.edges[e].alive)
      continue;
    const uint32_t a = place[graph_.edges[e].a], b = place[graph_.edges[e].b];
    Wire w{a, b, 0, 0, core.messageEntries, core.messageEntries + core.options(a)};
    w.ab = appendTable(core, graph_.view(e, graph_.edges[e].a), options_[a], options_[b]);
    w.ba = appendTable(core, graph_.view(e, graph_.edges[e].b), options_[b], options_[a]);
    core.messageEntries += core.options(a) + core.options(b);
    wires.push_back(w);
  }
  addLinks(core, wires);
  addDemands(core);
  work_ += core.tables.size();
  return core;
}

void CostReduction::addDemands(CostCore &core) {
  std::vector<uint32_t> openBefore(rows_.count() + 1, 0);
  for (uint32_t row = 0; row < rows_.count(); ++row) {
    openBefore[row + 1] = openBefore[row] + rowOpen_[row];
    if (rowOpen_[row])
      core.capacity.push_back(*network_.usageLimit - graph_.baseBytes[row]);
  }
  core.firstDemand.push_back(0);
  for (uint32_t i = 0; i < core.nodes; ++i) {
    std::vector<GraphDemand> demands;
    for (const GraphDemand &d : graph_.nodes[original_[i]].demands) {
      demands.push_back({{openBefore[d.rows.lo], openBefore[d.rows.hi]}, {}});
      for (uint32_t k : options_[i])
        demands.back().bytes.push_back(d.bytes[k]);
    }
    for (const GraphDemand &d : disjoint(demands, options_[i].size())) {
      const int64_t least = *std::min_element(d.bytes.begin(), d.bytes.end());
      core.demands.push_back({d.rows, core.bytes.size()});
      for (int64_t bytes : d.bytes)
        core.bytes.push_back(bytes - least);
      for (uint32_t row = d.rows.lo; row < d.rows.hi; ++row)
        core.capacity[row] -= least;
    }
    core.firstDemand.push_back(core.demands.size());
  }
}

std::optional<UsagePeak> CostReduction::overfull(const CostCore &core) const {
  std::optional<UsagePeak> worst;
  uint32_t open = 0;
  for (uint32_t row = 0; row < rows_.count(); ++row) {
    if (!rowOpen_[row])
      continue;
    const int64_t bytes = *network_.usageLimit - core.capacity[open++];
    if (bytes > *network_.usageLimit && (!worst || bytes > worst->bytes))
      worst = UsagePeak{bytes, rows_.times[row]};
  }
  return worst;
}

Choice CostReduction::expand(const Choice &core) const {
  Choice whole(network_.nodes.size(), 0);
  for (size_t i = 0; i < core.size(); ++i)
    whole[original_[i]] = options_[i][core[i]];
  graph_.expand(whole);
  return whole;
}

Choice CostReduction::project(const Choice &whole) const {
  Choice core;
  for (size_t i = 0; i < original_.size(); ++i) {
    const std::vector<uint32_t> &list = options_[i];
    const auto same = std::find(list.begin(), list.end(), whole[original_[i]]);
    const std::vector<double> &costs = graph_.nodes[original_[i]].costs;
    const auto cheapest = std::min_element(
        list.begin(), list.end(), [&](uint32_t x, uint32_t y) { return costs[x] < costs[y]; });
    core.push_back(uint32_t((same == list.end() ? cheapest : same) - list.begin()));
  }
  return core;
}

} // namespace of::search
