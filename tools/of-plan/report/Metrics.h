// Metrics of a run as lines of a chart.
#pragma once

#include "tools/of-plan/Describe.h"

#include "runtime/base/Status.h"

namespace of::planTool {

/// From metrics.jsonl, by program and name: [{"program", "name", "points": [[step, value], …]}, …].
/// Of a step that was run twice, as after a restart, the last record counts. Of more than
/// kChartPoints steps the means of neighbours are taken. Corrupt, with the line, for another file.
Result<Json> readMetrics(const std::string &path);
inline constexpr size_t kChartPoints = 2000;

} // namespace of::planTool
