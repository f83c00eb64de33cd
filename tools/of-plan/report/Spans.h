// Firings of one program on some devices, predicted or measured, in one shape.
//
// Times are microseconds from the start of a window of a few steps in the middle of a run, so that
// neither the filling nor the draining of a pipeline is shown. Firings of other steps that overlap
// the window belong to it. Pure values; used by Report.cpp.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/PlanView.h"

#include <cstdint>
#include <string>
#include <vector>

namespace of::planTool {

/// Training steps that are shown.
inline constexpr uint64_t kWindowSteps = 2;

struct Span {
  uint32_t device = 0;
  uint32_t task = 0;  ///< of the role's program
  uint64_t index = 0; ///< firing, from the start of the run of the program
  double beginUs = 0, endUs = 0;
};

struct Spans {
  std::vector<Span> spans; ///< that overlap the window
  double stepUs = 0;       ///< of one step, over all that is known
  double endUs = 0;        ///< of the window
};

/// What is to be looked at.
struct Focus {
  const plan::Plan *plan = nullptr;
  uint32_t program = 0;
  std::vector<uint32_t> devices; ///< ascending

  const plan::Task &task(const Span &span) const;
  /// The step that a firing belongs to.
  uint64_t stepOf(const Span &span) const { return span.index / task(span).firings(); }
};

/// Cuts the window of kWindowSteps that begins with step `first` out of all firings of a run, which
/// has at least one more step.
Spans cutWindow(const Focus &focus, const std::vector<Span> &all, uint64_t first);

/// Under a simulated clock, as the plan's certificate predicts each task; all devices. Refused if
/// the program deadlocks.
Result<Spans> predictedSpans(const Focus &focus);

struct Measurement {
  Spans spans;
  std::vector<std::vector<double>> durationsUs; ///< [role][task] flattened by taskIndex: medians
  std::vector<std::vector<uint64_t>> firings;
};

/// From a trace that of-run wrote for this plan, or the traces of its nodes, whose times are one
/// clock's. Corrupt if one is none, InvalidArgument if they have fewer than kWindowSteps + 2 steps
/// of the program on the devices, or two of them are of the same node.
Result<Measurement> measuredSpans(const Focus &focus, const std::vector<std::string> &paths);

} // namespace of::planTool
