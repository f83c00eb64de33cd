#include "lib/Search/CostRows.h"

#include <algorithm>

namespace of::search {

namespace {

/// Largest usage of the options that are left; 0 if the node never counts.
int64_t mostBytes(const CostNode &node, const std::vector<char> &allowed) {
  int64_t most = 0;
  if (node.from < node.to)
    for (size_t k = 0; k < node.usages.size(); ++k)
      if (allowed[k])
        most = std::max(most, node.usages[k]);
  return most;
}

struct Event {
  int64_t time;
  bool start;
  int64_t bytes;
};

/// Times of the rows. An end comes before a start at the same time.
std::vector<int64_t> maximalTimes(std::vector<Event> &events, int64_t limit) {
  std::sort(events.begin(), events.end(), [](const Event &x, const Event &y) {
    return x.time != y.time ? x.time < y.time : x.start < y.start;
  });
  std::vector<int64_t> times;
  int64_t bytes = 0, lastStart = 0;
  bool grown = false;
  for (const Event &e : events) {
    if (e.start) {
      bytes += e.bytes;
      lastStart = e.time;
      grown = true;
      continue;
    }
    if (grown && bytes > limit)
      times.push_back(lastStart);
    grown = false;
    bytes -= e.bytes;
  }
  return times;
}

} // namespace

CostRows rowsOf(const CostNetwork &network, const std::vector<std::vector<char>> &allowed) {
  CostRows rows;
  rows.ofNode.resize(network.nodes.size());
  if (!network.usageLimit)
    return rows;
  std::vector<Event> events;
  std::vector<int64_t> most(network.nodes.size());
  for (size_t i = 0; i < network.nodes.size(); ++i) {
    const CostNode &n = network.nodes[i];
    most[i] = mostBytes(n, allowed[i]);
    if (most[i] == 0)
      continue;
    events.push_back({n.from, true, most[i]});
    events.push_back({n.to, false, most[i]});
  }
  rows.times = maximalTimes(events, *network.usageLimit);
  const auto rowAt = [&](int64_t time) {
    return uint32_t(std::lower_bound(rows.times.begin(), rows.times.end(), time) -
                    rows.times.begin());
  };
  for (size_t i = 0; i < network.nodes.size(); ++i)
    if (most[i] > 0)
      rows.ofNode[i] = {rowAt(network.nodes[i].from), rowAt(network.nodes[i].to)};
  return rows;
}

} // namespace of::search
