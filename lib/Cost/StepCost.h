// Seconds of a step from the seconds of its parts: pipelines, and exchanges beside computing.
//
// Closed forms for what the schedule and the simulator settle exactly; the search and predictions
// of clusters at large use them. Pure, any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace of {

/// What one stage does for one micro-batch.
struct StageTime {
  double forward = 0, backward = 0;
  double seconds() const { return forward + backward; }
};

/// 1F1B, and GPipe: the busiest stage works for all micro-batches, each other stage adds one
/// forward and one backward to fill and drain: (p - 1)(F + B) where stages are equal. 0 stages
/// take no time.
double pipelineSeconds(const std::vector<StageTime> &stages, int64_t microBatches);

/// Part of the step in which a device of a pipeline of equal stages waits: (p - 1) / (m + p - 1).
double bubbleFraction(int64_t stages, int64_t microBatches);

/// Computing with an exchange under way at the same time; computing is `slowdown` times slower
/// meanwhile (memory and units that the exchange takes), the exchange is not.
double overlapSeconds(double compute, double exchange, double slowdown);

/// A part of a backward pass, and the exchange of the gradients that it leaves.
struct ExchangedPart {
  double compute = 0, exchange = 0;
};

/// Parts computed in order; each exchange starts when its part is done and the exchange before it
/// too, and slows what is computed meanwhile. Until the last of both is done.
double trailedSeconds(const std::vector<ExchangedPart> &parts, double slowdown);

} // namespace of
