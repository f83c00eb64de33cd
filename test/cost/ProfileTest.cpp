#include "lib/Cost/Profile.h"
#include "test/cost/Clusters.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::test;

namespace {

Cluster threeHosts() {
  config::Report report("c.yaml");
  Cluster cluster = clusterIn(R"(
nodes: [{name: n0, devices: [{kind: cpu}]}, {name: n1, devices: [{kind: cpu}]}, {name: n2, devices: [{kind: cpu}]}]
resources:
  - {name: near, gb_per_s: 1, latency_us: 50}
  - {name: far, gb_per_s: 0.1, latency_us: 50, sizes: [{bytes: 1MB, gb_per_s: 0.05}, {bytes: 8MB, gb_per_s: 0.1}]}
paths: [{from: n0, to: n1, over: [near]}, {from: n0, to: n2, over: [near, far]}, {from: n1, to: n2, over: [near, far]}]
)",
                              report);
  REQUIRE(report.clean());
  return cluster;
}

Profile withLinks(std::vector<Profile::Link> links) {
  Profile out;
  out.links = std::move(links);
  return out;
}

} // namespace

TEST_CASE("a link has the rate that it was measured with") {
  Cluster cluster = threeHosts();
  // 10 MB in 100 ms and 50 us.
  const auto corrected = correctLinks(cluster, withLinks({{"n0", "n1", 1e7, 0.10005}}));
  REQUIRE(corrected.size() == 1);
  CHECK(corrected[0].givenBytesPerSecond == 1e9);
  CHECK(corrected[0].bytesPerSecond == Approx(1e8));
  CHECK(cluster.transferSeconds(10'000'000, 0, 1) == Approx(0.10005));
}

TEST_CASE("the narrowest resource of a path is the one that is corrected, at all sizes") {
  Cluster cluster = threeHosts();
  correctLinks(cluster, withLinks({{"n0", "n2", 8e6, 1.6}}));
  CHECK(cluster.resources[0].bytesPerSecond == 1e9);
  CHECK(cluster.resources[1].bytesPerSecond == Approx(5e6).epsilon(0.01));
  CHECK(cluster.resources[1].bySize[0].second == Approx(2.5e6).epsilon(0.01));
}

TEST_CASE("of several links over one resource the slowest counts") {
  const std::vector<Profile::Link> links = {{"n0", "n1", 1e7, 0.2}, {"n1", "n0", 1e7, 0.1}};
  Cluster cluster = threeHosts(), other = threeHosts();
  correctLinks(cluster, withLinks({links[0], links[1]}));
  correctLinks(other, withLinks({links[1], links[0]}));
  CHECK(cluster.resources[0].bytesPerSecond == Approx(1e7 / 0.19995));
  CHECK(other.resources[0].bytesPerSecond == cluster.resources[0].bytesPerSecond);
}

TEST_CASE("what a run cannot see, and nodes that are not there, change nothing") {
  Cluster cluster = threeHosts();
  CHECK(correctLinks(cluster, withLinks({{"n0", "n1", 1e4, 4e-4}, {"n0", "n7", 1e7, 1}})).empty());
  CHECK(cluster.resources[0].bytesPerSecond == 1e9);
}

TEST_CASE("a task is known by its program, its name and its work") {
  Profile profile;
  profile.tasks[{"train", "forward"}] = {{100, 64}, 1e-3};
  profile.exchanges[{"train", "x"}] = 2e-3;
  CHECK(profile.taskSeconds("train", "forward", {100, 64}) == 1e-3);
  CHECK_FALSE(profile.taskSeconds("eval", "forward", {100, 64}));
  CHECK_FALSE(profile.taskSeconds("train", "backward", {100, 64}));
  CHECK_FALSE(profile.taskSeconds("train", "forward", {101, 64}));
  CHECK_FALSE(profile.taskSeconds("train", "forward", {100, 128}));
  CHECK(profile.exchangeSeconds("train", "x") == 2e-3);
  CHECK_FALSE(profile.exchangeSeconds("train", "y"));
}
