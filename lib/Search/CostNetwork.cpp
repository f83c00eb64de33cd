#include "lib/Search/CostNetwork.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace of::search {

namespace {

constexpr int64_t kMaxBytes = int64_t(1) << 60;

Status invalid(std::string message) { return Status(Code::InvalidArgument, std::move(message)); }

std::string text(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%.12g", value);
  return out;
}

Status checkCosts(const std::vector<double> &costs) {
  for (size_t k = 0; k < costs.size(); ++k)
    if (std::isnan(costs[k]) || costs[k] == -kForbidden)
      return invalid("cost " + std::to_string(k) + " is " + text(costs[k]) +
                     "; a cost is a number, or plus infinity where the option is forbidden");
  return Status::ok();
}

Status checkNode(const CostNode &node, int64_t &total) {
  if (node.costs.empty())
    return invalid("has no option; give it at least one");
  OF_TRY(checkCosts(node.costs));
  if (!node.usages.empty() && node.usages.size() != node.costs.size())
    return invalid("has " + std::to_string(node.costs.size()) + " options and " +
                   std::to_string(node.usages.size()) + " usages; give one usage for each option");
  int64_t most = 0;
  for (int64_t bytes : node.usages) {
    if (bytes < 0 || bytes > kMaxBytes)
      return invalid("has usage " + std::to_string(bytes) + "; a usage is 0 to 2^60 bytes");
    most = std::max(most, bytes);
  }
  if (total > kMaxBytes - most)
    return invalid("brings the usages to more than 2^60 bytes in all");
  total += most;
  return Status::ok();
}

Status checkEdge(const CostEdge &edge, const std::vector<CostNode> &nodes) {
  for (uint32_t end : {edge.a, edge.b})
    if (end >= nodes.size())
      return invalid("joins node " + std::to_string(end) + ", but there are only " +
                     std::to_string(nodes.size()) + " nodes");
  if (edge.a == edge.b)
    return invalid("joins node " + std::to_string(edge.a) +
                   " with itself; add its costs to those of the node");
  const size_t rows = nodes[edge.a].costs.size(), columns = nodes[edge.b].costs.size();
  if (edge.costs.size() != rows * columns)
    return invalid("has " + std::to_string(edge.costs.size()) + " costs; nodes " +
                   std::to_string(edge.a) + " and " + std::to_string(edge.b) + " need " +
                   std::to_string(rows) + " x " + std::to_string(columns));
  return checkCosts(edge.costs);
}

bool near(double a, double b) {
  return a == b || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
}

} // namespace

Status CostNetwork::check() const {
  int64_t total = 0;
  for (size_t i = 0; i < nodes.size(); ++i)
    OF_TRY(checkNode(nodes[i], total).withContext("node " + std::to_string(i)));
  for (size_t e = 0; e < edges.size(); ++e)
    OF_TRY(checkEdge(edges[e], nodes).withContext("edge " + std::to_string(e)));
  if (usageLimit && *usageLimit < 0)
    return invalid("usage limit " + std::to_string(*usageLimit) + " is negative");
  return Status::ok();
}

double CostNetwork::cost(const Choice &choice) const {
  double sum = 0;
  for (size_t i = 0; i < nodes.size(); ++i)
    sum += nodes[i].costs[choice[i]];
  for (const CostEdge &e : edges)
    sum += e.costs[choice[e.a] * nodes[e.b].costs.size() + choice[e.b]];
  return sum;
}

std::vector<CostNetwork::Change> CostNetwork::changes(const Choice &choice) const {
  std::vector<Change> out;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const CostNode &n = nodes[i];
    if (n.from >= n.to || n.usages.empty() || n.usages[choice[i]] == 0)
      continue;
    out.push_back({n.from, n.usages[choice[i]]});
    out.push_back({n.to, -n.usages[choice[i]]});
  }
  std::sort(out.begin(), out.end(), [](const Change &x, const Change &y) {
    return x.time != y.time ? x.time < y.time : x.bytes < y.bytes;
  });
  return out;
}

UsagePeak CostNetwork::peak(const Choice &choice) const {
  UsagePeak peak;
  int64_t bytes = 0;
  for (const Change &c : changes(choice)) {
    bytes += c.bytes;
    if (bytes > peak.bytes)
      peak = {bytes, c.time};
  }
  return peak;
}

double CostSolution::gap() const {
  if (cost <= lowerBound || verdict == Verdict::Optimal)
    return 0;
  return cost == kForbidden ? kForbidden : (cost - lowerBound) / std::abs(cost);
}

Status CostSolution::verify(const CostNetwork &network) const {
  const auto wrong = [](std::string message) { return Status(Code::Internal, std::move(message)); };
  if (choice.size() != network.nodes.size())
    return wrong(std::to_string(choice.size()) + " options chosen for " +
                 std::to_string(network.nodes.size()) + " nodes");
  for (size_t i = 0; i < choice.size(); ++i)
    if (choice[i] >= network.nodes[i].costs.size())
      return wrong("node " + std::to_string(i) + " takes option " + std::to_string(choice[i]) +
                   " of " + std::to_string(network.nodes[i].costs.size()));
  const double real = network.cost(choice);
  if (!near(real, cost))
    return wrong("the choice costs " + text(real) + ", not " + text(cost));
  const UsagePeak used = network.peak(choice);
  if (used.bytes != peak)
    return wrong("the choice uses " + std::to_string(used.bytes) + " bytes at time " +
                 std::to_string(used.time) + ", not " + std::to_string(peak));
  if (!feasible())
    return Status::ok();
  if (cost == kForbidden)
    return wrong("the choice takes a forbidden option");
  if (network.usageLimit && peak > *network.usageLimit)
    return wrong("the choice uses " + std::to_string(peak) + " bytes at time " +
                 std::to_string(used.time) + " where " + std::to_string(*network.usageLimit) +
                 " are allowed");
  if (lowerBound > cost && !near(lowerBound, cost))
    return wrong("the lower bound " + text(lowerBound) + " is above the cost " + text(cost));
  if (verdict == Verdict::Optimal && !near(lowerBound, cost))
    return wrong("the choice is said to be optimal, but the lower bound is " + text(lowerBound) +
                 " and the cost " + text(cost));
  return Status::ok();
}

} // namespace of::search
