// Copies to the memory of the host: what several devices pass they share.
#include "lib/Cost/HostCost.h"

#include "test/cost/Clusters.h"

#include <catch2/catch.hpp>

using namespace of;

namespace {

Cluster read(const std::string &text) {
  config::Report report("c.yaml");
  const Cluster cluster = test::clusterIn(text, report);
  REQUIRE(report.clean());
  return cluster;
}

const char *const kBox =
    "nodes:\n"
    "  - {name: n, memory: 64 GB, devices: [{kind: cuda, count: 4, memory_gb_per_s: 1000, "
    "launch_us: 1}]}\n"
    "resources:\n"
    "  - {name: slot, per: device, duplex: full, gb_per_s: 16, latency_us: 2}\n"
    "  - {name: uplink, per: device, shared_by: 2, duplex: full, gb_per_s: 16, latency_us: 3}\n"
    "paths:\n"
    "  - {from: \"n*\", to: \"n*.host\", within: node, over: [slot, uplink]}\n";

} // namespace

TEST_CASE("devices behind one switch share it on the way to the host", "[host]") {
  const Cluster cluster = read(kBox);
  const double start = 6e-6; // launch and both latencies
  CHECK(HostPath(cluster, 0, {0}).seconds(16'000'000) == Approx(start + 1e-3));
  // Device 2 is behind another switch.
  CHECK(HostPath(cluster, 0, {0, 2}).seconds(16'000'000) == Approx(start + 1e-3));
  CHECK(HostPath(cluster, 0, {0, 1}).seconds(16'000'000) == Approx(start + 2e-3));
  CHECK(HostPath(cluster, 3, {0, 1, 2, 3}).seconds(16'000'000) == Approx(start + 2e-3));
  CHECK(HostPath(cluster, 0, {0}).seconds(0) == Approx(start));
}

TEST_CASE("a device's own memory may be the slowest", "[host]") {
  const Cluster cluster =
      read("nodes:\n"
           "  - {name: n, devices: [{kind: cuda, memory_gb_per_s: 8, launch_us: 1}]}\n"
           "resources: [{name: link, per: device, gb_per_s: 64, latency_us: 0}]\n"
           "paths: [{from: n, to: n.host, over: [link]}]\n");
  CHECK(HostPath(cluster, 0, {0}).seconds(8'000'000) == Approx(1e-6 + 1e-3));
}

TEST_CASE("without a path a CPU copies within its memory and others cannot", "[host]") {
  const Cluster cluster = read(
      "nodes:\n"
      "  - {name: n, devices: [{kind: cpu, memory_gb_per_s: 10, launch_us: 1}, {kind: cuda}]}\n");
  CHECK(reachesHost(cluster, 0));
  CHECK_FALSE(reachesHost(cluster, 1));
  CHECK(HostPath(cluster, 0, {0}).seconds(10'000'000) == Approx(1e-6 + 2e-3));
  CHECK(reachesHost(read(kBox), 1));
}
