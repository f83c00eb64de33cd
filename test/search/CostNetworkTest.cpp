#include "lib/Search/CostNetwork.h"
#include "lib/Search/CostSeek.h"
#include "test/search/CostInstances.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

using namespace of;
using namespace of::search;

namespace {

CostSolution solved(const CostNetwork &network, const SolveBudget &budget = {}) {
  const Result<CostSolution> solution = solve(network, budget);
  INFO(solution.status().message());
  REQUIRE(solution.isOk());
  const Status verified = solution->verify(network);
  INFO(verified.message());
  REQUIRE(verified.isOk());
  return *solution;
}

bool contains(const std::string &text, const std::string &part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

SolveBudget units(uint64_t work, const Choice &start = {}) {
  SolveBudget budget;
  budget.work = work;
  budget.start = start;
  return budget;
}

std::string errorOf(const Status &status) {
  REQUIRE_FALSE(status.isOk());
  return status.message();
}

/// Two nodes of two options, one edge, at most 10 bytes.
CostNetwork pair() {
  CostNetwork network;
  network.nodes = {{{1, 2}, {8, 1}, 0, 2}, {{3, 1}, {2, 10}, 1, 3}};
  network.edges = {{0, 1, {0, 5, kForbidden, 0}}};
  network.usageLimit = 10;
  return network;
}

/// Solves `count` networks and compares with enumeration; returns how many have an answer.
int compare(const RandomNetwork &shape, int count, uint64_t seed) {
  int answered = 0;
  for (int round = 0; round < count; ++round) {
    NetworkMaker maker(seed + uint64_t(round));
    RandomNetwork r = shape;
    r.nodes = 1 + uint32_t(maker.below(shape.nodes));
    const CostNetwork network = maker.make(r);
    INFO("seed " << seed + uint64_t(round));
    const std::vector<double> all = enumerate(network, 0);
    const double optimum = *std::min_element(all.begin(), all.end());
    const CostSolution solution = solved(network);
    if (optimum == kForbidden) {
      REQUIRE(solution.verdict == Verdict::Infeasible);
      continue;
    }
    REQUIRE(solution.verdict == Verdict::Optimal);
    REQUIRE(solution.cost == optimum);
    REQUIRE(solution.lowerBound <= optimum);
    ++answered;
  }
  return answered;
}

} // namespace

TEST_CASE("small networks cost what enumeration finds") {
  const unsigned seed = Catch::rngSeed();
  INFO("seed " << seed);
  CHECK(compare({7, 4, 0, 0.1, -1}, 2000, seed) > 1000);          // trees
  CHECK(compare({6, 4, 0.5, 0.05, -1}, 2000, seed) > 700);        // loops and parallel edges
  CHECK(compare({6, 4, 0, 0.1, 0.6}, 2000, seed) > 700);          // trees within a limit
  CHECK(compare({6, 4, 0.4, 0.03, 0.5}, 4000, seed) > 1200);      // loops within a limit
  CHECK(compare({6, 4, 0.3, 0.03, 0.95}, 4000, seed) > 400);      // hardly anything fits
  CHECK(compare({4, 12, 0.8, 0.02, 0.6, 1000}, 300, seed) > 100); // few nodes, many options
}

TEST_CASE("bounds hold whatever the budget") {
  const unsigned seed = Catch::rngSeed();
  int open = 0;
  for (unsigned round = 0; round < 600; ++round) {
    INFO("seed " << seed + round);
    NetworkMaker maker(seed + round);
    const double tightness = maker.chance(0.7) ? 0.7 : -1;
    const CostNetwork network = maker.make({3 + uint32_t(maker.below(4)), 5, 0.6, 0.02, tightness});
    const std::vector<double> all = enumerate(network, 0);
    const double optimum = *std::min_element(all.begin(), all.end());
    const CostSolution solution = solved(network, units(1 + maker.below(6000)));
    CHECK(solution.lowerBound <= optimum);
    if (solution.feasible())
      CHECK(solution.cost >= optimum);
    open += solution.verdict == Verdict::Feasible || solution.verdict == Verdict::Unknown;
  }
  CHECK(open > 0);
}

TEST_CASE("ten nodes of thirty options within a limit are solved to the end") {
  int binding = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    CostNetwork network = shardedChain(seed, 10, 30);
    const CostSolution solution = solved(network);
    CHECK(solution.verdict == Verdict::Optimal);
    network.usageLimit.reset();
    binding += solved(network).cost < solution.cost;
  }
  CHECK(binding > 10);
}

// Groups of nodes that must take the same option: fast and large or slow and small. No move of one
// node makes a group smaller. What is best is a knapsack.
TEST_CASE("paying for bytes finds what fits where groups have to move as one") {
  constexpr int groups = 80, members = 4;
  const uint64_t seed = 20261130;
  INFO("seed " << seed);
  NetworkMaker maker(seed);
  CostNetwork network;
  std::vector<std::pair<int64_t, int64_t>> gains; ///< of a group that is small: bytes, cost
  int64_t all = 0, least = 0;
  for (int g = 0; g < groups; ++g) {
    const auto bytes = int64_t(10 + maker.below(40)), cost = int64_t(1 + maker.below(99));
    for (int m = 0; m < members; ++m) {
      network.nodes.push_back({{1000, double(1000 + cost)}, {3 * bytes, bytes}, 0, 5 + g});
      if (m > 0)
        network.edges.push_back({uint32_t(network.nodes.size() - 2),
                                 uint32_t(network.nodes.size() - 1),
                                 {0, kForbidden, kForbidden, 0}});
    }
    gains.push_back({members * 2 * bytes, members * cost});
    all += members * 3 * bytes;
    least += members * bytes;
  }
  network.usageLimit = least + (all - least) / 3;
  std::vector<int64_t> cheapest(size_t(all - *network.usageLimit) + 1, INT64_MAX / 2);
  cheapest[0] = 0; ///< to save so many bytes or more
  for (const auto &[bytes, cost] : gains)
    for (int64_t saved = int64_t(cheapest.size()) - 1; saved > 0; --saved)
      cheapest[size_t(saved)] = std::min(
          cheapest[size_t(saved)], cheapest[size_t(std::max<int64_t>(saved - bytes, 0))] + cost);
  const double optimum = double(cheapest.back() + int64_t(1000 * network.nodes.size()));

  uint64_t work = 0;
  const Sought sought = seekFit(network, Choice(network.nodes.size(), 0),
                                {100'000'000, 0, 1000.0 * double(network.nodes.size())}, work);
  REQUIRE(sought.best);
  CHECK(network.peak(*sought.best).bytes <= *network.usageLimit);
  CHECK(network.cost(*sought.best) >= optimum);
  CHECK(network.cost(*sought.best) <= 1.005 * optimum);
  CHECK(sought.bound <= optimum * (1 + 1e-9));
  CHECK(sought.bound >= 0.995 * optimum);

  network.usageLimit = least - 1;
  work = 0;
  CHECK_FALSE(seekFit(network, Choice(network.nodes.size(), 0), {100'000'000, 0, 1}, work).best);
}

TEST_CASE("forcing an option costs what enumeration finds") {
  const unsigned seed = Catch::rngSeed();
  int finite = 0;
  for (unsigned round = 0; round < 400; ++round) {
    INFO("seed " << seed + round);
    NetworkMaker maker(seed + round);
    const double tightness = maker.chance(0.5) ? 0.5 : -1;
    const CostNetwork network = maker.make({1 + uint32_t(maker.below(6)), 4, 0.3, 0.05, tightness});
    const uint32_t node = uint32_t(maker.below(network.nodes.size()));
    const Result<std::vector<ForcedCost>> forced = forcedCosts(network, solved(network), node);
    REQUIRE(forced.isOk());
    const std::vector<double> all = enumerate(network, node);
    REQUIRE(forced->size() == all.size());
    for (size_t k = 0; k < all.size(); ++k) {
      CHECK((*forced)[k].lower == all[k]);
      CHECK((*forced)[k].upper == all[k]);
      if (all[k] == kForbidden)
        continue;
      ++finite;
      CHECK((*forced)[k].choice[node] == k);
      CHECK(network.cost((*forced)[k].choice) == all[k]);
    }
  }
  CHECK(finite > 300);
  CHECK(contains(errorOf(forcedCosts(pair(), solved(pair()), 2).status()),
                 "there is no node 2; there are 2"));
}

TEST_CASE("the same network is solved the same way") {
  NetworkMaker maker(7);
  const CostNetwork network = maker.make({120, 8, 0.02, 0.05, 0.6});
  const CostSolution first = solved(network, units(5'000'000));
  const CostSolution second = solved(network, units(5'000'000));
  CHECK(first.choice == second.choice);
  CHECK(first.lowerBound == second.lowerBound);
  CHECK(first.work == second.work);
  CHECK(first.work < 20'000'000);
}

TEST_CASE("the answer is not worse than the start") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    const CostNetwork network = NetworkMaker(seed).make({60, 5, 0.05, 0.02, 0.4});
    const CostSolution good = solved(network, units(50'000'000));
    if (!good.feasible())
      continue;
    CHECK(solved(network, units(1, good.choice)).cost <= good.cost);
  }
}

TEST_CASE("what cannot fit is said with the place") {
  CostNetwork none = pair();
  none.edges[0].costs = {kForbidden, kForbidden, 0, kForbidden};
  none.nodes[1].costs = {kForbidden, 1};
  const CostSolution blocked = solved(none);
  CHECK(blocked.verdict == Verdict::Infeasible);
  CHECK(blocked.conflict.node);
  CHECK(blocked.lowerBound == kForbidden);
  CostNetwork full = pair();
  full.usageLimit = 2;
  const CostSolution big = solved(full);
  CHECK(big.verdict == Verdict::Infeasible);
  REQUIRE(big.conflict.usage);
  CHECK(big.conflict.usage->bytes == 3);
  CHECK(big.conflict.usage->time == 1);
}

TEST_CASE("networks without nodes, edges, bytes or choice") {
  CHECK(solved({}).cost == 0);
  CostNetwork single;
  single.nodes = {{{3, 2, 4}, {}, 0, 1}};
  CHECK(solved(single).cost == 2);
  single.usageLimit = 0;
  CHECK(solved(single).verdict == Verdict::Optimal);
  CHECK(solved(pair()).cost == 4); // 2 + 1 + 0 would use 11 bytes at time 1
  CostNetwork loose = pair();
  loose.usageLimit.reset();
  CHECK(solved(loose).cost == 3);
}

TEST_CASE("check names what is wrong with a network") {
  const auto error = [](void (*spoil)(CostNetwork &)) {
    CostNetwork network = pair();
    REQUIRE(network.check().isOk());
    spoil(network);
    CHECK_FALSE(solve(network).isOk());
    return errorOf(network.check());
  };
  CHECK(contains(error([](CostNetwork &n) { n.nodes[1] = {}; }), "node 1: has no option"));
  CHECK(contains(error([](CostNetwork &n) { n.nodes[0].costs[1] = std::nan(""); }),
                 "node 0: cost 1 is nan"));
  CHECK(contains(error([](CostNetwork &n) { n.edges[0].costs[2] = -kForbidden; }),
                 "edge 0: cost 2 is -inf"));
  CHECK(contains(error([](CostNetwork &n) { n.nodes[0].usages = {1}; }),
                 "has 2 options and 1 usages"));
  CHECK(contains(error([](CostNetwork &n) { n.nodes[0].usages[0] = -1; }), "has usage -1"));
  CHECK(contains(
      error([](CostNetwork &n) { n.nodes[0].usages[0] = n.nodes[1].usages[0] = int64_t(1) << 60; }),
      "node 1: brings the usages to more than 2^60"));
  CHECK(contains(error([](CostNetwork &n) { n.edges[0].b = 2; }), "joins node 2"));
  CHECK(contains(error([](CostNetwork &n) { n.edges[0].b = 0; }), "joins node 0 with itself"));
  CHECK(contains(error([](CostNetwork &n) { n.edges[0].costs.pop_back(); }), "need 2 x 2"));
  CHECK(contains(error([](CostNetwork &n) { n.usageLimit = -1; }), "usage limit -1"));
  CHECK(contains(errorOf(solve(pair(), units(0, {0})).status()), "1 options for 2 nodes"));
  CHECK(contains(errorOf(solve(pair(), units(0, {0, 2})).status()), "takes option 2 of node 1"));
}

TEST_CASE("verify finds what is wrong with a solution") {
  const CostNetwork network = pair();
  const auto error = [&](void (*spoil)(CostSolution &)) {
    CostSolution solution = solved(network);
    spoil(solution);
    return errorOf(solution.verify(network));
  };
  CHECK(contains(error([](CostSolution &s) { s.choice.pop_back(); }), "1 options chosen for 2"));
  CHECK(contains(error([](CostSolution &s) { s.choice[1] = 2; }), "takes option 2 of 2"));
  CHECK(contains(error([](CostSolution &s) { s.cost -= 1; }), "costs 4, not 3"));
  CHECK(contains(error([](CostSolution &s) { s.peak += 1; }), "bytes at time"));
  CHECK(contains(error([](CostSolution &s) { s.lowerBound = 7; }), "is above the cost"));
  CHECK(contains(error([](CostSolution &s) { s.lowerBound = 1; }), "said to be optimal"));
  CHECK(contains(error([](CostSolution &s) {
                   s.choice = {0, 1};
                   s.cost = 7;
                   s.peak = 18;
                 }),
                 "where 10 are allowed"));
  CHECK(contains(error([](CostSolution &s) {
                   s.choice = {1, 0};
                   s.cost = kForbidden;
                   s.peak = 3;
                 }),
                 "takes a forbidden option"));
}
