// How tests of ops compare tensors.
#pragma once

#include "test/of/Evaluator.h"

#include <algorithm>
#include <cmath>

namespace of::test {

inline double norm(const std::vector<double> &values) {
  double sum = 0;
  for (double v : values)
    sum += v * v;
  return std::sqrt(sum);
}

/// Norm of the difference over the norm of what is wanted, or 1 if that is smaller.
inline double errorOf(const Array &got, const Array &want) {
  if (got.values.size() != want.values.size())
    return INFINITY;
  std::vector<double> difference(got.values.size());
  for (size_t i = 0; i < difference.size(); ++i)
    difference[i] = got.values[i] - want.values[i];
  const double error = norm(difference) / std::max(1.0, norm(want.values));
  return std::isnan(error) ? INFINITY : error;
}

/// No flow is a gradient of zeros.
inline std::vector<Array> filled(std::vector<Array> gradients, const std::vector<Array> &like) {
  for (size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].values.empty())
      gradients[i] = {like[i].shape, std::vector<double>(like[i].values.size(), 0.0)};
  return gradients;
}

} // namespace of::test
