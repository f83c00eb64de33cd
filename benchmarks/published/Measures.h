// How good predictions are: error, rank, and what choosing by them costs.
#pragma once

#include "benchmarks/published/Rows.h"

#include <cstdint>

namespace of::published {

/// Mean of |predicted / measured - 1|.
double meanError(const std::vector<Row> &rows, const std::vector<double> &predicted);

/// Spearman's correlation of predicted and measured times.
double rankCorrelation(const std::vector<Row> &rows, const std::vector<double> &predicted);

/// Among rows of the same GPUs, batch, hidden size and layers: how much longer the predicted best
/// takes than the measured best. Mean over such groups, and the worst.
struct Regret {
  double mean = 0, worst = 0;
  int64_t groups = 0;
};
Regret regretOf(const std::vector<Row> &rows, const std::vector<double> &predicted);

} // namespace of::published
