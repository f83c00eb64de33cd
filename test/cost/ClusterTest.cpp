// Nodes by the hundred, resources of each device, and the paths between them.
#include "lib/Cost/Pattern.h"
#include "test/cost/Clusters.h"

#include "catch2/catch.hpp"

#include <chrono>

using namespace of;
using namespace of::test;
using Catch::Contains;

namespace {

Cluster read(const std::string &text) {
  config::Report report("c.yaml");
  Cluster cluster = clusterIn(text, report);
  for (const config::Diagnostic &d : report.diagnostics())
    UNSCOPED_INFO(d.text());
  REQUIRE(report.clean());
  return cluster;
}

std::vector<std::string> namesOn(const Cluster &cluster, int64_t from, int64_t to) {
  std::vector<std::string> out;
  for (int64_t id : cluster.path(from, to))
    out.push_back(cluster.resources[id].name);
  return out;
}

using Names = std::vector<std::string>;

/// Two cliques of two in each node, one NIC a node.
std::string cliques(int nodes) {
  return "nodes:\n"
         "  - {name: n, count: " +
         std::to_string(nodes) +
         ", devices: [{kind: cuda, count: 4}]}\n"
         "resources:\n"
         "  - {name: link, per: device, duplex: full, gb_per_s: 100, latency_us: 3}\n"
         "  - {name: bridge, per: node, gb_per_s: 20, latency_us: 1}\n"
         "  - {name: slot, per: device, shared_by: 2, gb_per_s: 16}\n"
         "  - {name: nic, per: node, duplex: full, gb_per_s: 10, latency_us: 5}\n"
         "  - {name: disk, per: node, gb_per_s: 2}\n"
         "paths:\n"
         "  - {from: 'n*.cuda[0-1]', to: 'n*.cuda[0-1]', within: node, over: [link]}\n"
         "  - {from: 'n*.cuda[2-3]', to: 'n*.cuda[2-3]', within: node, over: [link]}\n"
         "  - {from: 'n*', to: 'n*', within: node, over: [bridge]}\n"
         "  - {from: 'n*', to: 'n*', within: cluster, over: [nic]}\n"
         "  - {from: 'n*', to: 'n*.host', over: [slot]}\n"
         "  - {from: 'n*', to: 'n*.disk', over: [slot, disk]}\n";
}

} // namespace

TEST_CASE("patterns match names and ranges of numbers", "[cluster]") {
  CHECK(matchesPattern("n*.cuda[0-3]", "n12.cuda3"));
  CHECK_FALSE(matchesPattern("n*.cuda[0-3]", "n12.cuda4"));
  CHECK(matchesPattern("n[8-11]", "n10"));
  CHECK_FALSE(matchesPattern("n[8-11]", "n100"));
  CHECK(matchesPattern("*", ""));
  CHECK(matchesPattern("a*b*c", "abbc"));
  CHECK_FALSE(matchesPattern("a*b*c", "abb"));
  CHECK_FALSE(matchesPattern("n[0-3]", "n"));
  CHECK(patternError("n[0-3]*").empty());
  CHECK_THAT(patternError("n[3-0]"), Contains("range of numbers"));
  CHECK_THAT(patternError("n[0-3"), Contains("[0-3] for 0 to 3"));
}

TEST_CASE("count makes nodes and devices alike", "[cluster]") {
  const Cluster cluster = read("nodes:\n"
                               "  - {name: a, devices: [{kind: cpu}, {kind: cuda, count: 2}]}\n"
                               "  - {name: b, count: 3, host: box, devices: [{kind: cuda}]}\n");
  REQUIRE(cluster.devices.size() == 6);
  CHECK(cluster.nameOf(0) == "a.cpu0");
  CHECK(cluster.nameOf(2) == "a.cuda1");
  CHECK(cluster.nameOf(5) == "b2.cuda0");
  CHECK(cluster.sameHost(3, 5));
  CHECK_FALSE(cluster.sameHost(2, 3));
}

TEST_CASE("the first path that fits says what is passed", "[cluster]") {
  const Cluster cluster = read(cliques(2));
  CHECK(namesOn(cluster, 0, 1) == Names{"link", "link"});
  CHECK(namesOn(cluster, 3, 2) == Names{"link", "link"});
  CHECK(namesOn(cluster, 1, 2) == Names{"bridge"});
  CHECK(namesOn(cluster, 1, 5) == Names{"nic", "nic"});
  CHECK(namesOn(cluster, 5, 5).empty());
  // A full-duplex member has one resource for each direction.
  CHECK(cluster.path(0, 1)[0] != cluster.path(1, 0)[1]);
  CHECK(cluster.path(0, 4) == cluster.path(3, 7));
  CHECK(cluster.path(0, 4)[0] != cluster.path(4, 0)[0]);
  // Latency of what both ends have counts once; the slowest resource takes the bytes.
  CHECK(cluster.transferSeconds(10000000, 0, 4) == Approx(5e-6 + 1e-3));
}

TEST_CASE("devices reach memory and disk of their node", "[cluster]") {
  const Cluster cluster = read(cliques(2));
  const std::vector<ClusterHop> host = cluster.hopsToHost(2), disk = cluster.hopsToDisk(7);
  REQUIRE(host.size() == 1);
  CHECK(host[0].resource == cluster.hopsToHost(3)[0].resource);
  CHECK(host[0].resource != cluster.hopsToHost(1)[0].resource);
  REQUIRE(disk.size() == 2);
  CHECK(cluster.resources[disk[1].resource].name == "disk");
  CHECK(cluster.transferSeconds(2000000000, disk) == Approx(1));
  CHECK(read("nodes: [{name: a, devices: [{kind: cpu}]}]").hopsToHost(0).empty());
}

TEST_CASE("files without paths mean what they meant", "[cluster]") {
  const Cluster cluster = read("nodes:\n"
                               "  - {name: a, host: x, devices: [{kind: cpu}, {kind: cpu}]}\n"
                               "  - {name: b, host: x, devices: [{kind: cpu}]}\n"
                               "  - {name: c, devices: [{kind: cpu}]}\n");
  CHECK(namesOn(cluster, 0, 1).empty());
  CHECK(namesOn(cluster, 0, 2) == Names{"host memory"});
  CHECK(namesOn(cluster, 0, 3) == Names{"network"});
  CHECK(namesOn(cluster, 3, 2) == Names{"network"});
}

TEST_CASE("rates depend on the size of a transfer", "[cluster]") {
  const Cluster cluster = read("nodes: [{name: a, count: 2, devices: [{kind: cpu}]}]\n"
                               "resources:\n"
                               "  - name: net\n"
                               "    gb_per_s: 4\n"
                               "    sizes: [{bytes: 1 kB, gb_per_s: 1}, {bytes: 1 MB, "
                               "gb_per_s: 4}]\n"
                               "paths: [{from: a0, to: a1, over: [net]}]\n");
  CHECK(cluster.transferSeconds(100, 0, 1) == Approx(100e-9));
  CHECK(cluster.transferSeconds(1000, 0, 1) == Approx(1000e-9));
  CHECK(cluster.transferSeconds(31623, 0, 1) == Approx(31623 / 2.5e9).epsilon(1e-4));
  CHECK(cluster.transferSeconds(8000000, 0, 1) == Approx(2e-3));
}

TEST_CASE("a lone device of a host is not crowded", "[cluster]") {
  const std::string device = "devices: [{kind: cpu, crowding: 1.5}]}";
  CHECK(read("nodes:\n  - {name: a, " + device + "\n  - {name: b, " + device + "\n")
            .devices[1]
            .crowding == 1);
  CHECK(
      read("nodes:\n  - {name: a, host: x, " + device + "\n  - {name: b, host: x, " + device + "\n")
          .devices[1]
          .crowding == 1.5);
}

TEST_CASE("paths of 4,096 devices are found at once", "[cluster]") {
  const Cluster cluster = read(cliques(1024));
  REQUIRE(cluster.devices.size() == 4096);
  // All devices are one of two kinds and every lookup compares lists of that many paths.
  CHECK(cluster.pathsFrom.size() <= 5);
  const auto start = std::chrono::steady_clock::now();
  size_t passed = 0;
  for (int64_t a = 0; a < 4096; a += 7)
    for (int64_t b = 0; b < 4096; b += 3)
      passed += cluster.path(a, b).size();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  CHECK(passed > 1000000);
  CHECK(seconds.count() < 5); // 800,000 lookups
}

TEST_CASE("contradictions are told where they stand", "[cluster]") {
  const std::string node = "nodes: [{name: a, count: 2, devices: [{kind: cpu}]}]\n";
  auto resources = [&](const std::string &list) {
    return complaintsAbout(node + "resources: [" + list + "]\n");
  };
  CHECK_THAT(
      complaintsAbout("nodes: [{name: a, count: 2, address: 'x:1', devices: [{kind: cpu}]}]"),
      Contains("'address' is given for 2 nodes"));
  CHECK_THAT(resources("{name: r, shared_by: 2, gb_per_s: 1}"), Contains("it needs 'per: device'"));
  CHECK_THAT(resources("{name: r, per: rack, gb_per_s: 1}"), Contains("it must be cluster, host"));
  CHECK_THAT(resources("{name: r, gb_per_s: 1, sizes: [{bytes: 9, gb_per_s: 1}, {bytes: 8, "
                       "gb_per_s: 1}]}"),
             Contains("list sizes ascending"));
  const std::string one = node + "resources: [{name: r, gb_per_s: 1}]\n";
  CHECK_THAT(complaintsAbout(one + "paths: [{from: a2, to: a1, over: [r]}]"),
             Contains("there is no node 'a2'; known are a0 or a1"));
  CHECK_THAT(complaintsAbout(one + "paths: [{from: 'a[1-0]', to: a1, over: [r]}]"),
             Contains("begins no range of numbers"));
  CHECK_THAT(complaintsAbout(one + "paths: [{from: a0, to: a1, over: [s]}]"),
             Contains("there is no resource 's'; known are r"));
  CHECK_THAT(complaintsAbout("nodes: [{name: a, devices: [{kind: cpu, crowding: 0.5}]}]"),
             Contains("'crowding' is 0.5; it must be at least 1"));
}
