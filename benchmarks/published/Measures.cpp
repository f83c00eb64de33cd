#include "benchmarks/published/Measures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

namespace of::published {

double meanError(const std::vector<Row> &rows, const std::vector<double> &predicted) {
  double sum = 0;
  for (size_t i = 0; i < rows.size(); ++i)
    sum += std::abs(predicted[i] / rows[i].seconds - 1);
  return rows.empty() ? 0 : sum / static_cast<double>(rows.size());
}

/// Rank of each value, equal ones sharing the mean of theirs.
static std::vector<double> ranksOf(const std::vector<double> &values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return std::tie(values[a], a) < std::tie(values[b], b); });
  std::vector<double> out(values.size());
  for (size_t i = 0; i < order.size();) {
    size_t end = i;
    while (end < order.size() && values[order[end]] == values[order[i]])
      ++end;
    for (size_t k = i; k < end; ++k)
      out[order[k]] = static_cast<double>(i + end - 1) / 2;
    i = end;
  }
  return out;
}

double rankCorrelation(const std::vector<Row> &rows, const std::vector<double> &predicted) {
  std::vector<double> measured;
  for (const Row &row : rows)
    measured.push_back(row.seconds);
  const std::vector<double> a = ranksOf(predicted), b = ranksOf(measured);
  const double mean = (static_cast<double>(rows.size()) - 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return ab / std::sqrt(aa * bb);
}

Regret regretOf(const std::vector<Row> &rows, const std::vector<double> &predicted) {
  std::map<std::tuple<double, double, double, double>, std::vector<size_t>> groups;
  for (size_t i = 0; i < rows.size(); ++i)
    groups[{rows[i].gpus, rows[i].globalBatch, rows[i].hidden, rows[i].layers}].push_back(i);
  Regret out;
  out.groups = groups.size();
  for (const auto &[key, members] : groups) {
    const size_t chosen =
        *std::min_element(members.begin(), members.end(),
                          [&](size_t a, size_t b) { return predicted[a] < predicted[b]; });
    double best = rows[chosen].seconds;
    for (size_t i : members)
      best = std::min(best, rows[i].seconds);
    const double regret = rows[chosen].seconds / best - 1;
    out.mean += regret / static_cast<double>(groups.size());
    out.worst = std::max(out.worst, regret);
  }
  return out;
}

} // namespace of::published
