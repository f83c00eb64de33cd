// Turns metric records into what people and programs read: metrics.jsonl, one progress line,
// results of evaluations on stdout.
//
//   training step  ▶ {"program":"train","epoch":0,"step":17,"loss":0.61,"images_per_s":5120.3}
//   evaluation end ▶ {"program":"test","epoch":0,"step":468,"loss":0.41,"accuracy":0.8523}   and
//   test accuracy: 0.8523
//
// Values of the firings of one step (or of one evaluation) are added up and divided: `x` by the sum
// of the metric named "x_weight" where there is one, else of "weight", else by the number of
// firings. "correct" is then reported as "accuracy". Owned and used by one thread.
#pragma once

#include "runtime/node/EventFile.h"
#include "runtime/node/MetricSink.h"

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace of::rt {

struct ReporterOptions {
  std::string metricsPath;  ///< empty: no file
  std::string eventsFolder; ///< for TensorBoard; empty: none
  bool append = false;      ///< a resumed run adds to its file
  bool terminal = false;    ///< stderr is a terminal: rewrite one line
  bool json = false;        ///< results on stdout as JSON lines
};

class Reporter {
public:
  Reporter(const plan::Plan &plan, uint64_t totalSteps, ReporterOptions options);
  ~Reporter();

  /// Of a file that is added to, a last line that was broken off is dropped.
  Status open();
  /// What it has written is in its files, or that is the error.
  Status take(const std::vector<MetricRecord> &records);
  /// Clears the progress line before other output.
  void finishLine();

private:
  struct Sums {
    std::vector<std::pair<std::string, double>> values; ///< in order of appearance
    uint64_t firings = 0;
    int64_t timeNs = 0;
  };

  void add(Sums &sums, const MetricRecord &record) const;
  std::vector<std::pair<std::string, double>> results(const Sums &sums) const;
  void endStep();
  void endProgram(const ProgramEntry &entry);
  void writeLine(const ProgramEntry &entry, uint64_t step,
                 const std::vector<std::pair<std::string, double>> &values);
  void progress(uint64_t step, uint64_t epoch,
                const std::vector<std::pair<std::string, double>> &values);
  plan::ProgramKind kindOf(const ProgramEntry &entry) const;

  const plan::Plan &plan_;
  const uint64_t totalSteps_;
  const ReporterOptions options_;
  std::FILE *file_ = nullptr;
  std::unique_ptr<EventFile> events_;
  Sums step_, evaluation_;
  ProgramEntry stepEntry_;
  uint64_t stepNumber_ = 0;
  bool stepOpen_ = false, lineOpen_ = false;
  int64_t lastStepNs_ = 0, lastProgressNs_ = 0;
  double stepNs_ = 0;           ///< of one step, averaged over the last twenty or so
  double samplesPerSecond_ = 0; ///< smoothed
};

} // namespace of::rt
