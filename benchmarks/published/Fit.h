// Fits the constants of a cluster to measured rows.
//
// The constants are figures of cluster.yaml that the file gives: of the first device, and of the
// resources between its first two devices. A pattern search on the logarithms, without chance or
// derivatives: the same rows give the same constants. Pure.
#pragma once

#include "benchmarks/published/Rows.h"
#include "lib/Cost/Cluster.h"

namespace of::published {

/// A figure of cluster.yaml; all devices, or members of the resource, have the same.
struct Constant {
  std::string resource; ///< empty: of the device
  std::string key;      ///< as in the file
  double unit = 1;      ///< of the file, in ours
  double value = 0;     ///< ours
};

std::vector<Constant> constantsOf(const Cluster &cluster);
void setConstants(const std::vector<Constant> &constants, Cluster &cluster);

/// Predicted seconds of each row.
std::vector<double> predict(const Cluster &cluster, const std::vector<Row> &rows);

/// The cluster with constants that suit the rows best, and the constants.
std::vector<Constant> fit(Cluster &cluster, const std::vector<Row> &rows);

} // namespace of::published
