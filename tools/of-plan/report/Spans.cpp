#include "tools/of-plan/report/Spans.h"

#include "runtime/sim/Simulation.h"

#include <algorithm>
#include <limits>

namespace of::planTool {

namespace {
/// Steps that a pipeline may need to fill and to drain.
constexpr uint64_t kWarmSteps = 3;
constexpr double kUsPerNs = 1e-3;
} // namespace

const plan::Task &Focus::task(const Span &span) const {
  const auto instance = rt::roleOf(*plan, span.device);
  return *instance->role->programs()->Get(program)->tasks()->Get(span.task);
}

Spans cutWindow(const Focus &focus, const std::vector<Span> &all, uint64_t first) {
  double begin = std::numeric_limits<double>::max(), end = 0, previousEnd = 0, lastEnd = 0;
  uint64_t last = first;
  for (const Span &span : all) {
    const uint64_t step = focus.stepOf(span);
    last = std::max(last, step);
    if (step < first)
      previousEnd = std::max(previousEnd, span.endUs);
    if (step >= first && step < first + kWindowSteps) {
      begin = std::min(begin, span.beginUs);
      end = std::max(end, span.endUs);
    }
    lastEnd = std::max(lastEnd, span.endUs);
  }
  Spans out;
  out.endUs = end - begin;
  out.stepUs = (lastEnd - previousEnd) / static_cast<double>(last - first + 1);
  for (Span span : all)
    if (span.endUs >= begin && span.beginUs <= end) {
      span.beginUs -= begin;
      span.endUs -= begin;
      out.spans.push_back(span);
    }
  return out;
}

Result<Spans> predictedSpans(const Focus &focus) {
  std::vector<Span> all;
  rt::SimulationOptions options;
  options.schedule = {{focus.program, 2 * kWarmSteps + kWindowSteps}};
  options.observe = [&](const rt::SimulatedFiring &f) {
    all.push_back({f.device, f.task, f.index, static_cast<double>(f.beginNs) * kUsPerNs,
                   static_cast<double>(f.endNs) * kUsPerNs});
  };
  OF_ASSIGN(const rt::SimulationResult result, rt::simulate(*focus.plan, options));
  if (!result.finished)
    return Status(Code::Refused, "the program deadlocks; of-plan verify says where");
  return cutWindow(focus, all, kWarmSteps);
}

} // namespace of::planTool
