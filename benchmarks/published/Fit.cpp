#include "benchmarks/published/Fit.h"

#include "benchmarks/published/Gpt.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace of::published {

// ---- Constants ----------------------------------------------------------------------------------

namespace {

struct DeviceKey {
  const char *key;
  double unit;
  double &(*of)(ClusterDevice &);
};

const DeviceKey deviceKeys[] = {
    {"gflops_f16", 1e9,
     [](ClusterDevice &d) -> double & { return d.any.flops[static_cast<size_t>(DType::F16)]; }},
    {"half_outputs", 1, [](ClusterDevice &d) -> double & { return d.any.halfOutputs; }},
    {"half_depth", 1, [](ClusterDevice &d) -> double & { return d.any.halfDepth; }},
    {"unaligned", 1, [](ClusterDevice &d) -> double & { return d.any.unaligned; }},
    {"memory_gb_per_s", 1e9, [](ClusterDevice &d) -> double & { return d.bytesPerSecond; }},
    {"launch_us", 1e-6, [](ClusterDevice &d) -> double & { return d.launchSeconds; }},
    {"dispatch_us", 1e-6, [](ClusterDevice &d) -> double & { return d.dispatchSeconds; }}};

struct ResourceKey {
  const char *key;
  double unit;
  double ClusterResource::*value;
};

const ResourceKey resourceKeys[] = {{"gb_per_s", 1e9, &ClusterResource::bytesPerSecond},
                                    {"latency_us", 1e-6, &ClusterResource::latencySeconds}};

} // namespace

std::vector<Constant> constantsOf(const Cluster &cluster) {
  std::vector<Constant> out;
  ClusterDevice device = cluster.devices[0];
  auto add = [&](const std::string &resource, const char *key, double unit, double value) {
    if (value > 0)
      out.push_back({resource, key, unit, value});
  };
  for (const DeviceKey &key : deviceKeys)
    add("", key.key, key.unit, key.of(device));
  if (cluster.devices.size() > 1)
    for (const ClusterHop &hop : cluster.hops(0, 1))
      if (hop.side != ClusterHop::Side::Destination)
        for (const ResourceKey &key : resourceKeys) {
          const ClusterResource &resource = cluster.resources[hop.resource];
          add(resource.name, key.key, key.unit, resource.*key.value);
        }
  return out;
}

void setConstants(const std::vector<Constant> &constants, Cluster &cluster) {
  for (const Constant &constant : constants) {
    for (const DeviceKey &key : deviceKeys)
      if (constant.resource.empty() && constant.key == key.key)
        for (ClusterDevice &device : cluster.devices)
          key.of(device) = constant.value;
    for (const ResourceKey &key : resourceKeys)
      for (ClusterResource &resource : cluster.resources)
        if (constant.resource == resource.name && constant.key == key.key)
          resource.*key.value = constant.value;
  }
}

std::vector<double> predict(const Cluster &cluster, const std::vector<Row> &rows) {
  GptPredictor predictor(cluster);
  std::vector<double> out;
  for (const Row &row : rows)
    out.push_back(predictor.seconds(row));
  return out;
}

// ---- Search -------------------------------------------------------------------------------------

namespace {

using Point = std::vector<double>; ///< logarithms of the constants

class Search {
public:
  Search(Cluster &cluster, const std::vector<Row> &rows)
      : cluster(cluster), rows(rows), start(constantsOf(cluster)), constants(start) {
    for (const Constant &constant : start)
      best.push_back(std::log(constant.value));
    for (size_t a = 0; a < rows.size(); ++a)
      for (size_t b = a + 1; b < rows.size(); ++b)
        if (isChoice(rows[a], rows[b]))
          rivals.emplace_back(a, b);
    origin = best;
    least = loss(best);
  }

  /// Steps along each constant, then again as far in the direction that helped; shorter steps once
  /// none helps (Hooke and Jeeves, 1961).
  std::vector<Constant> run() {
    constexpr double coarsest = 1.6, finest = 0.004;
    for (double step = coarsest; step >= finest;) {
      const Point before = best;
      bool improved = false;
      for (size_t i = 0; i < best.size(); ++i)
        improved |= tryStep(i, step) || tryStep(i, -step);
      if (!improved) {
        step /= 2;
        continue;
      }
      Point ahead = best;
      for (size_t i = 0; i < best.size(); ++i)
        ahead[i] += best[i] - before[i];
      accept(ahead);
    }
    loss(best);
    return constants;
  }

private:
  bool tryStep(size_t i, double step) {
    Point next = best;
    next[i] += step;
    return accept(next);
  }

  bool accept(const Point &point) {
    const double value = loss(point);
    if (value >= least)
      return false;
    best = point;
    least = value;
    return true;
  }

  /// Mean size of the logarithms of predicted over measured; the same of the difference between two
  /// ways to run one job, which is what a choice depends on; and a pull towards the figures of the
  /// file, so that what the rows say nothing about stays as it was.
  double loss(const Point &point) {
    constexpr double pull = 1e-3, shortLog = 0.02;
    double sum = 0, away = 0;
    for (size_t i = 0; i < point.size(); ++i) {
      constants[i].value = std::exp(point[i]);
      if (constants[i].key == "unaligned")
        constants[i].value = std::min(constants[i].value, 1.0);
      away += (point[i] - origin[i]) * (point[i] - origin[i]);
    }
    setConstants(constants, cluster);
    const std::vector<double> predicted = predict(cluster, rows);
    std::vector<double> off;
    for (size_t i = 0; i < rows.size(); ++i)
      off.push_back(std::log(predicted[i] / rows[i].seconds));
    for (double log : off)
      sum += std::hypot(log, shortLog) / static_cast<double>(off.size());
    double apart = 0;
    for (auto [a, b] : rivals)
      apart += std::hypot(off[a] - off[b], shortLog) / static_cast<double>(rivals.size());
    return sum + apart + pull * away;
  }

  /// Two ways to run the same job.
  static bool isChoice(const Row &a, const Row &b) {
    return a.gpus == b.gpus && a.globalBatch == b.globalBatch && a.hidden == b.hidden &&
           a.layers == b.layers;
  }

  Cluster &cluster;
  const std::vector<Row> &rows;
  std::vector<std::pair<size_t, size_t>> rivals;
  const std::vector<Constant> start;
  std::vector<Constant> constants;
  Point best, origin;
  double least = 0;
};

} // namespace

std::vector<Constant> fit(Cluster &cluster, const std::vector<Row> &rows) {
  return Search(cluster, rows).run();
}

} // namespace of::published
