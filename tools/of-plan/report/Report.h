// of-plan report: a plan, and a run of it, as one HTML page that needs nothing else.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/PlanFile.h"
#include "tools/of-plan/Describe.h"

#include <string>
#include <vector>

namespace of::planTool {

struct ReportOptions {
  std::string program;             ///< name; empty: the training one
  std::string output;              ///< HTML file to write
  std::vector<std::string> traces; ///< of of-run --trace, the nodes' own or together; may be empty
  std::string metrics;             ///< metrics.jsonl; empty: no charts
  uint32_t devices = 8; ///< in the timeline, at most; the first of every role before others
};

/// What the page shows, as the document that is embedded in it (page.js says which keys).
Result<Json> reportData(const rt::PlanFile &file, const ReportOptions &options);
/// Writes the page, aside and renamed.
Status writeReport(const rt::PlanFile &file, const ReportOptions &options);

} // namespace of::planTool
