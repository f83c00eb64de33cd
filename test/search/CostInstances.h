// Random cost networks for the tests, and their optimum by enumeration. Shares no code with the
// solver.
#pragma once

#include "lib/Search/CostNetwork.h"

#include <algorithm>
#include <random>

namespace of::search {

struct RandomNetwork {
  uint32_t nodes = 6;
  uint32_t options = 4;   ///< at most, of a node
  double density = 0.3;   ///< of edges beyond a spanning tree
  double forbidden = 0.1; ///< share of entries
  double tightness = 0;   ///< limit between least (1) and most (0) bytes; below 0: no limit
  int64_t costs = 20;     ///< below this
};

class NetworkMaker {
public:
  explicit NetworkMaker(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t n) { return random_() % n; }
  bool chance(double p) { return double(random_() % 1000000) < p * 1e6; }

  CostNetwork make(const RandomNetwork &r) {
    CostNetwork network;
    for (uint32_t i = 0; i < r.nodes; ++i)
      network.nodes.push_back(node(r));
    for (uint32_t i = 1; i < r.nodes; ++i)
      network.edges.push_back(edge(network, r, i, uint32_t(below(i))));
    for (uint32_t i = 1; i < r.nodes; ++i)
      for (uint32_t j = 0; j < i; ++j)
        if (chance(r.density))
          network.edges.push_back(edge(network, r, i, j));
    if (r.tightness >= 0)
      network.usageLimit = limit(network, r.tightness);
    return network;
  }

private:
  double cost(const RandomNetwork &r) {
    return chance(r.forbidden) ? kForbidden : double(below(uint64_t(r.costs)));
  }

  CostNode node(const RandomNetwork &r) {
    CostNode n;
    const size_t options = 1 + below(r.options);
    for (size_t k = 0; k < options; ++k) {
      n.costs.push_back(cost(r));
      n.usages.push_back(int64_t(below(10)));
    }
    if (chance(0.1))
      n.usages.clear();
    n.from = int64_t(below(8));
    n.to = n.from + int64_t(below(6)); // some are never live
    return n;
  }

  /// Some are nearly functions of one end, as the edges between an op and its operands are.
  CostEdge edge(const CostNetwork &network, const RandomNetwork &r, uint32_t a, uint32_t b) {
    CostEdge e{a, b, {}};
    const size_t rows = network.nodes[a].costs.size(), columns = network.nodes[b].costs.size();
    const bool follows = chance(0.3);
    for (size_t k = 0; k < rows; ++k)
      for (size_t q = 0; q < columns; ++q)
        e.costs.push_back(follows && q != k % columns ? kForbidden : cost(r));
    return e;
  }

  int64_t limit(const CostNetwork &network, double tightness) {
    int64_t least = 0, most = 0;
    for (int64_t time = 0; time < 16; ++time) {
      int64_t low = 0, high = 0;
      for (const CostNode &n : network.nodes)
        if (n.from <= time && time < n.to && !n.usages.empty()) {
          low += *std::min_element(n.usages.begin(), n.usages.end());
          high += *std::max_element(n.usages.begin(), n.usages.end());
        }
      least = std::max(least, low);
      most = std::max(most, high);
    }
    return most - int64_t(double(most - least) * tightness);
  }

  std::mt19937_64 random_;
};

/// A chain with skips as ops of a model make it: each option is a kind of split; keeping it costs
/// nothing, changing it costs by the size. The limit leaves little beyond what is in use if all is
/// split.
inline CostNetwork shardedChain(uint64_t seed, uint32_t nodes, uint32_t options) {
  NetworkMaker maker(seed);
  CostNetwork network;
  std::vector<int64_t> least(2 * nodes, 0); // bytes at each time if all is split
  for (uint32_t i = 0; i < nodes; ++i) {
    CostNode n;
    const int64_t size = 100 + int64_t(maker.below(10000));
    for (uint32_t k = 0; k < options; ++k) {
      const int64_t parts = 1 + (k * 7 + i) % 8;
      n.costs.push_back(double(k % 4 * size / 8 + int64_t(maker.below(50))));
      n.usages.push_back(size / parts);
    }
    n.from = int64_t(i);
    n.to = int64_t(i) + 1 + int64_t(maker.below(nodes));
    for (int64_t time = n.from; time < n.to; ++time)
      least[size_t(time)] += size / 8;
    network.nodes.push_back(n);
  }
  for (uint32_t i = 1; i < nodes; ++i) {
    CostEdge e{uint32_t(i - 1 - maker.below(std::min(i, 3u))), i, {}};
    const double size = double(100 + maker.below(5000));
    for (uint32_t k = 0; k < options; ++k)
      for (uint32_t q = 0; q < options; ++q)
        e.costs.push_back(k % 5 == q % 5 ? 0 : size * (1 + (k + q) % 3));
    network.edges.push_back(e);
  }
  network.usageLimit = *std::max_element(least.begin(), least.end()) * 6 / 5;
  return network;
}

/// The least cost of choices that fit, for each option of `node`; kForbidden if there is none.
inline std::vector<double> enumerate(const CostNetwork &network, uint32_t node) {
  std::vector<double> best(network.nodes[node].costs.size(), kForbidden);
  Choice choice(network.nodes.size(), 0);
  while (true) {
    double cost = 0;
    for (size_t i = 0; i < choice.size(); ++i)
      cost += network.nodes[i].costs[choice[i]];
    for (const CostEdge &e : network.edges)
      cost += e.costs.at(choice[e.a] * network.nodes[e.b].costs.size() + choice[e.b]);
    bool fits = true;
    for (int64_t time = 0; time < 16 && network.usageLimit; ++time) {
      int64_t bytes = 0;
      for (size_t i = 0; i < choice.size(); ++i)
        if (network.nodes[i].from <= time && time < network.nodes[i].to &&
            !network.nodes[i].usages.empty())
          bytes += network.nodes[i].usages[choice[i]];
      fits &= bytes <= *network.usageLimit;
    }
    if (fits)
      best[choice[node]] = std::min(best[choice[node]], cost);
    size_t i = 0;
    while (i < choice.size() && ++choice[i] == network.nodes[i].costs.size())
      choice[i++] = 0;
    if (i == choice.size())
      return best;
  }
}

} // namespace of::search
