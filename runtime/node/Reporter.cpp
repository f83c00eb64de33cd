#include "runtime/node/Reporter.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <unistd.h>

namespace of::rt {

namespace {
constexpr int64_t kTerminalEveryNs = 200'000'000, kPlainEveryNs = 5'000'000'000;

using Values = std::vector<std::pair<std::string, double>>;

/// JSON has no NaN; shortest form that reads back as the same double.
std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

/// A process that was killed, or a full disk, may have left half a line at the end.
void dropBrokenLine(const std::string &path) {
  std::FILE *file = std::fopen(path.c_str(), "rb");
  if (!file)
    return;
  off_t end = 0, at = 0;
  for (int c; (c = std::fgetc(file)) != EOF;)
    if (++at; c == '\n')
      end = at;
  std::fclose(file);
  if (end != at && ::truncate(path.c_str(), end) != 0)
    std::fprintf(stderr, "%s ends with half a line\n", path.c_str());
}

std::string duration(double seconds) {
  const uint64_t s = seconds > 0 ? static_cast<uint64_t>(seconds + 0.5) : 0;
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

/// What others are divided by.
bool isWeight(const std::string &name) {
  const std::string word = "weight";
  return name == word ||
         (name.size() > word.size() + 1 &&
          name.compare(name.size() - word.size() - 1, std::string::npos, "_" + word) == 0);
}
} // namespace

Reporter::Reporter(const plan::Plan &plan, uint64_t totalSteps, ReporterOptions options)
    : plan_(plan), totalSteps_(totalSteps), options_(std::move(options)) {}

Reporter::~Reporter() {
  finishLine();
  if (file_)
    std::fclose(file_);
}

Status Reporter::open() {
  if (!options_.eventsFolder.empty()) {
    OF_ASSIGN(events_, EventFile::create(options_.eventsFolder));
  }
  if (options_.metricsPath.empty())
    return Status::ok();
  if (options_.append)
    dropBrokenLine(options_.metricsPath);
  file_ = std::fopen(options_.metricsPath.c_str(), options_.append ? "a" : "w");
  if (!file_)
    return Status(Code::Io, "cannot write " + options_.metricsPath + ": " + std::strerror(errno));
  return Status::ok();
}

plan::ProgramKind Reporter::kindOf(const ProgramEntry &entry) const {
  return plan_.programs()->Get(entry.program)->kind();
}

void Reporter::add(Sums &sums, const MetricRecord &record) const {
  for (uint32_t i = 0; i < record.values; ++i) {
    const std::string name = record.metric->names()->Get(i)->str();
    auto it = std::find_if(sums.values.begin(), sums.values.end(),
                           [&](const auto &v) { return v.first == name; });
    if (it == sums.values.end())
      it = sums.values.insert(it, {name, 0.0});
    it->second += record.value[i];
  }
  if (sums.values.size() > 0 && record.values > 0 &&
      record.metric->names()->Get(0)->str() == sums.values[0].first)
    ++sums.firings;
  sums.timeNs = record.timeNs;
}

Values Reporter::results(const Sums &sums) const {
  auto find = [&](const std::string &wanted) {
    return std::find_if(sums.values.begin(), sums.values.end(),
                        [&](const auto &v) { return v.first == wanted; });
  };
  const auto none = sums.values.end(), shared = find("weight");
  Values out;
  for (const auto &[name, value] : sums.values) {
    if (isWeight(name))
      continue;
    const auto own = find(name + "_weight");
    const double divisor = own != none      ? own->second
                           : shared != none ? shared->second
                                            : static_cast<double>(sums.firings);
    out.emplace_back(name == "correct" ? "accuracy" : name, value / divisor);
  }
  return out;
}

Status Reporter::take(const std::vector<MetricRecord> &records) {
  for (const MetricRecord &record : records) {
    if (!record.metric) {
      endProgram(record.entry);
      continue;
    }
    if (kindOf(record.entry) != plan::ProgramKind::Train) {
      add(evaluation_, record);
      continue;
    }
    if (stepOpen_ && record.step != stepNumber_)
      endStep();
    if (!stepOpen_)
      step_ = Sums();
    stepOpen_ = true;
    stepNumber_ = record.step;
    stepEntry_ = record.entry;
    add(step_, record);
  }
  if (file_ && std::fflush(file_) != 0)
    return Status(Code::Io, "cannot write " + options_.metricsPath + ": " + std::strerror(errno));
  return events_ ? events_->flush() : Status::ok();
}

void Reporter::endStep() {
  stepOpen_ = false;
  Values values = results(step_);
  const uint64_t epoch = plan_.epoch_steps() ? stepNumber_ / plan_.epoch_steps() : 0;
  if (lastStepNs_ != 0 && step_.timeNs > lastStepNs_) {
    // Of times, not of rates: steps that were reported late come in a burst.
    const double ns = static_cast<double>(step_.timeNs - lastStepNs_);
    stepNs_ = stepNs_ == 0 ? ns : 0.95 * stepNs_ + 0.05 * ns;
    samplesPerSecond_ = static_cast<double>(plan_.batch()) * 1e9 / stepNs_;
    values.emplace_back("images_per_s", samplesPerSecond_);
  }
  lastStepNs_ = step_.timeNs;
  ProgramEntry entry = stepEntry_;
  entry.epoch = epoch;
  writeLine(entry, stepNumber_, values);
  progress(stepNumber_, epoch, values);
}

void Reporter::endProgram(const ProgramEntry &entry) {
  if (stepOpen_)
    endStep();
  lastStepNs_ = 0; // what comes between is not training time
  if (evaluation_.values.empty() || kindOf(entry) == plan::ProgramKind::Train)
    return;
  const Values values = results(evaluation_);
  evaluation_ = Sums();
  writeLine(entry, entry.firstStep, values);
  finishLine();
  if (options_.json)
    return;
  for (const auto &[name, value] : values)
    fmt::print("test {}: {:.4f}\n", name, value);
  std::fflush(stdout);
}

void Reporter::writeLine(const ProgramEntry &entry, uint64_t step, const Values &values) {
  std::string line =
      fmt::format(R"({{"program":"{}","epoch":{},"step":{})",
                  plan_.programs()->Get(entry.program)->name()->str(), entry.epoch, step);
  for (const auto &[name, value] : values)
    line += fmt::format(R"(,"{}":{})", name, number(value));
  line += "}\n";
  if (file_)
    std::fputs(line.c_str(), file_);
  if (events_) {
    Values tagged;
    for (const auto &[name, value] : values)
      tagged.emplace_back(plan_.programs()->Get(entry.program)->name()->str() + "/" + name, value);
    events_->add(step, tagged);
  }
  if (options_.json) {
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
  }
}

void Reporter::progress(uint64_t step, uint64_t epoch, const Values &values) {
  const bool last = step + 1 == totalSteps_;
  const int64_t every = options_.terminal ? kTerminalEveryNs : kPlainEveryNs;
  if (!last && step_.timeNs - lastProgressNs_ < every)
    return;
  lastProgressNs_ = step_.timeNs;
  std::string line;
  if (plan_.epoch_steps() > 0)
    line += fmt::format("epoch {}/{}  ", epoch + 1,
                        (totalSteps_ + plan_.epoch_steps() - 1) / plan_.epoch_steps());
  line += fmt::format("step {}/{}", step + 1, totalSteps_);
  for (const auto &[name, value] : values)
    if (name != "images_per_s")
      line += fmt::format("  {} {:.4f}", name, value);
  if (samplesPerSecond_ > 0) {
    const double left =
        static_cast<double>((totalSteps_ - step - 1) * plan_.batch()) / samplesPerSecond_;
    line += fmt::format("  {:.0f} samples/s  {} left", samplesPerSecond_, duration(left));
  }
  if (options_.terminal) {
    std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
    lineOpen_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
}

void Reporter::finishLine() {
  if (lineOpen_)
    std::fputs("\n", stderr);
  lineOpen_ = false;
}

} // namespace of::rt
