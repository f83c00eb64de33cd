// Clusters from text, for the tests of lib/Cost.
#pragma once

#include "lib/Cost/Cluster.h"

namespace of::test {

/// What readCluster makes of a file; complaints are in `report`.
inline Cluster clusterIn(const std::string &text, config::Report &report) {
  config::Node tree = config::complete(config::parseYaml(text, report), clusterKeys(), report);
  return report.clean() ? readCluster(tree, report) : Cluster();
}

/// All complaints in one text, one a line.
inline std::string complaintsAbout(const std::string &text) {
  config::Report report("c.yaml");
  clusterIn(text, report);
  std::string out;
  for (const config::Diagnostic &d : report.diagnostics())
    out += d.text() + "\n";
  return out;
}

} // namespace of::test
