// Cost networks in the JSON of the public contest of intra-operator parallelism (iopddl).
//
//   {"problem": {"name": "...", "usage_limit": 50,
//     "nodes": {"intervals": [[from, to], ...], "costs": [[...], ...], "usages": [[...], ...]},
//     "edges": {"nodes": [[a, b], ...], "costs": [[...], ...]}}}
//
// A cost of 1e18 or more means forbidden. `usage_limit` may be missing or null.
#pragma once

#include "lib/Search/CostNetwork.h"

#include <string>

namespace of::planTool {

struct CostFile {
  std::string name;
  search::CostNetwork network;
};

/// Plain or compressed with gzip. Error, with the file and the line or the element: it cannot be
/// read, is no JSON, lacks a part or holds something else than expected, or does not check.
Result<CostFile> readCostFile(const std::string &path);

/// Plain JSON; reading it again gives the same network.
Status writeCostFile(const std::string &path, const CostFile &file);

/// A choice as a JSON list. Error, with the file: it cannot be read, or is no list of options.
Result<search::Choice> readChoice(const std::string &path);
Status writeChoice(const std::string &path, const search::Choice &choice);

} // namespace of::planTool
