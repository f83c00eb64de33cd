// Every cluster file of the examples is read, and those from data sheets say where their numbers
// come from.
#include "test/cost/Clusters.h"

#include "catch2/catch.hpp"

#include <algorithm>
#include <filesystem>

using namespace of;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> clusterFiles() {
  std::vector<fs::path> out;
  for (const auto &entry : fs::recursive_directory_iterator(OF_EXAMPLES)) {
    const bool ready = entry.path().parent_path().filename() == "clusters";
    const std::string name = entry.path().filename();
    if (entry.path().extension() == ".yaml" && (ready || name.rfind("cluster", 0) == 0))
      out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Keys of a map whose values are figures of a machine, down to the list of its parts.
void checkSources(const config::Node &map) {
  const config::Node *source = map.find("source");
  for (const config::Node &item : map.items) {
    const bool figure = item.kind == config::Node::Kind::Scalar && !item.quoted &&
                        (item.key.find('_') != std::string::npos || item.key == "memory" ||
                         item.key == "crowding" || item.key == "unaligned");
    INFO(item.key << " in line " << item.keyAt.line);
    CHECK((!figure || (source && source->find(item.key))));
    for (const config::Node &part : item.items)
      if (part.kind == config::Node::Kind::Map && item.key != "paths")
        checkSources(part);
  }
}

} // namespace

TEST_CASE("every cluster of the examples is read", "[examples]") {
  const std::vector<fs::path> files = clusterFiles();
  size_t ready = 0;
  for (const fs::path &file : files) {
    INFO(file);
    config::Report report(file);
    const config::Node tree = config::readYaml(report);
    const config::Node whole = config::complete(tree, clusterKeys(), report);
    REQUIRE(report.clean());
    const Cluster cluster = readCluster(whole, report);
    REQUIRE(report.clean());
    if (file.parent_path().filename() != "clusters")
      continue;
    ++ready;
    checkSources(tree);
    // Every two devices are joined by what the file describes, not by what stands in for it.
    for (size_t a = 0; a < cluster.devices.size(); ++a)
      for (size_t b = 0; b < cluster.devices.size(); ++b) {
        const std::vector<int64_t> path = cluster.path(a, b);
        REQUIRE(path.empty() == (a == b));
        for (int64_t id : path)
          REQUIRE(cluster.resources[id].family >= 0);
      }
  }
  CHECK(ready >= 9);
}

TEST_CASE("a GPU on NVLink reaches its host faster than one on PCI Express", "[examples]") {
  auto hostSeconds = [](const char *name) {
    config::Report report(std::string(OF_EXAMPLES) + "/clusters/" + name);
    const config::Node tree = config::complete(config::readYaml(report), clusterKeys(), report);
    const Cluster cluster = readCluster(tree, report);
    REQUIRE(report.clean());
    return cluster.transferSeconds(1 << 30, cluster.hopsToHost(0));
  };
  CHECK(hostSeconds("dgx-1.yaml") / hostSeconds("summit.yaml") > 3);
}
