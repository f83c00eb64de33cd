// of-published: measured training runs against the cost model. See README.md.
#include "benchmarks/published/Fit.h"
#include "benchmarks/published/Measures.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>

using namespace of;
using namespace of::published;

namespace {

struct Options {
  std::string cluster, rows;
  uint64_t seed = 1;
};

int usage() {
  std::fputs("usage: of-published CLUSTER.yaml ROWS.csv [--seed N]\n", stderr);
  return 2;
}

bool parse(int argc, char **argv, Options &out) {
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--seed" && i + 1 < argc)
      out.seed = std::strtoull(argv[++i], nullptr, 10);
    else if (word.rfind("--", 0) == 0)
      return false;
    else
      files.push_back(word);
  }
  if (files.size() != 2)
    return false;
  out.cluster = files[0];
  out.rows = files[1];
  return true;
}

/// Rows that are fitted and rows that are held out.
struct Parts {
  std::vector<Row> fitted, held;
};

template <typename Condition>
Parts partBy(const std::vector<Row> &rows, const Condition &isFitted) {
  Parts out;
  for (size_t i = 0; i < rows.size(); ++i)
    (isFitted(i) ? out.fitted : out.held).push_back(rows[i]);
  return out;
}

/// A fifth of the rows by chance. Shuffled by hand: std::shuffle may differ between libraries.
Parts randomFifth(const std::vector<Row> &rows, uint64_t seed) {
  std::vector<size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed);
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random() % i]);
  std::vector<bool> chosen(rows.size(), false);
  for (size_t i = 0; i < rows.size() / 5; ++i)
    chosen[order[i]] = true;
  return partBy(rows, [&](size_t i) { return chosen[i]; });
}

void print(const char *name, size_t fitted, const std::vector<Row> &held, const Cluster &cluster,
           const std::vector<Row> &all) {
  const std::vector<double> predicted = predict(cluster, held), whole = predict(cluster, all);
  const Regret regret = regretOf(all, whole);
  std::printf("%-34s %6zu %6zu %8.2f %% %10.4f %8.2f %% %8.2f %%\n", name, fitted, held.size(),
              100 * meanError(held, predicted), rankCorrelation(held, predicted), 100 * regret.mean,
              100 * regret.worst);
}

void print(const std::vector<Constant> &constants) {
  for (const Constant &constant : constants)
    std::printf("  %s%s%s: %.6g\n", constant.resource.c_str(), constant.resource.empty() ? "" : ".",
                constant.key.c_str(), constant.value / constant.unit);
}

int run(const Options &options) {
  config::Report report(options.cluster);
  const config::Node tree = config::complete(config::readYaml(report), clusterKeys(), report);
  Cluster start = report.clean() ? readCluster(tree, report) : Cluster();
  for (const config::Diagnostic &d : report.diagnostics())
    std::fprintf(stderr, "%s\n", d.text().c_str());
  if (!report.clean())
    return 1;
  std::string error;
  const std::vector<Row> rows = readRows(options.rows, error);
  for (const Row &row : rows)
    if (row.gpus > static_cast<double>(start.devices.size()))
      error = options.rows + ": a run has " + std::to_string(int(row.gpus)) + " GPUs, but " +
              options.cluster + " has " + std::to_string(start.devices.size());
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }

  std::printf("seed %llu, %zu constants\n%-34s %6s %6s %10s %10s %10s %10s\n",
              static_cast<unsigned long long>(options.seed), constantsOf(start).size(), "",
              "fitted", "held", "error", "rank", "regret", "worst");
  print("as the file says", 0, rows, start, rows);
  std::vector<Constant> kept;
  auto fitted = [&](const char *name, const Parts &parts) {
    if (parts.fitted.empty() || parts.held.empty())
      return;
    Cluster cluster = start;
    const std::vector<Constant> constants = fit(cluster, parts.fitted);
    print(name, parts.fitted.size(), parts.held, cluster, rows);
    if (kept.empty())
      kept = constants;
  };
  fitted("a fifth of the rows", randomFifth(rows, options.seed));
  fitted("up to 4 GPUs, the rest predicted",
         partBy(rows, [&](size_t i) { return rows[i].gpus <= 4; }));
  double least = 1e300;
  for (const Row &row : rows)
    least = std::min(least, row.hidden);
  fitted("least hidden size, the rest predicted",
         partBy(rows, [&](size_t i) { return rows[i].hidden == least; }));
  std::puts("constants fitted to a fifth:");
  print(kept);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  return parse(argc, argv, options) ? run(options) : usage();
}
