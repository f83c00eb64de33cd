#include "lib/Cost/StepCost.h"

#include <algorithm>

namespace of {

double pipelineSeconds(const std::vector<StageTime> &stages, int64_t microBatches) {
  double sum = 0, busiest = 0;
  for (const StageTime &stage : stages) {
    sum += stage.seconds();
    busiest = std::max(busiest, stage.seconds());
  }
  return sum + static_cast<double>(std::max<int64_t>(microBatches - 1, 0)) * busiest;
}

double bubbleFraction(int64_t stages, int64_t microBatches) {
  return static_cast<double>(stages - 1) / static_cast<double>(microBatches + stages - 1);
}

/// Until `compute` seconds of work are done beside an exchange that lasts `exchange` more.
static double overlapCompute(double compute, double exchange, double slowdown) {
  const double slowed = compute * slowdown;
  return slowed <= exchange ? slowed : exchange + compute - exchange / slowdown;
}

double overlapSeconds(double compute, double exchange, double slowdown) {
  return std::max(exchange, overlapCompute(compute, exchange, slowdown));
}

double trailedSeconds(const std::vector<ExchangedPart> &parts, double slowdown) {
  double now = 0, linkFree = 0; // exchanges under way end at linkFree
  for (const ExchangedPart &part : parts) {
    const double beside = std::max(0.0, linkFree - now);
    now += beside > 0 ? overlapCompute(part.compute, beside, slowdown) : part.compute;
    linkFree = std::max(now, linkFree) + part.exchange;
  }
  return std::max(now, linkFree);
}

} // namespace of
