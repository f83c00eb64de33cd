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

double overlapSeconds(double compute, double exchange, double slowdown) {
  const double slowed = compute * slowdown;
  if (slowed <= exchange)
    return exchange;
  // What is left of computing after the exchange runs at full speed.
  return exchange + compute - exchange / slowdown;
}

} // namespace of
