#include "lib/Cost/MemoryShortage.h"

#include <algorithm>
#include <cmath>

namespace of {

std::string describe(const MemoryShortage &shortage, const MemoryPeak &peak) {
  std::string out = std::to_string(shortage.needs - shortage.has) + " too many (" +
                    std::to_string(shortage.variables) + " of them variables)";
  if (peak.program.empty())
    return out;
  out += "; most is in use in program @" + peak.program;
  if (!peak.at.empty() && peak.at != peak.program)
    out += " while '" + peak.at + "' runs";
  for (size_t i = 0; i < peak.largest.size(); ++i)
    out +=
        (i ? ", '" : ": '") + peak.largest[i].first + "' " + std::to_string(peak.largest[i].second);
  return out;
}

// The least number of micro-batches that leaves so few rows.
static std::optional<int64_t> microBatches(const Job &job, double part) {
  const double least = double(job.accumulate) / part;
  for (int64_t count = job.accumulate + 1; count <= job.batch; ++count)
    if (job.batch % count == 0 && double(count) >= least)
      return count;
  return std::nullopt;
}

std::string remedies(const MemoryShortage &shortage, const Job *job) {
  const int64_t left = shortage.has - shortage.variables;
  const int64_t working = shortage.needs - shortage.variables;
  std::vector<std::string> out;
  if (left > 0 && working > 0 && job && job->trains) {
    const double part = double(left) / double(working);
    if (std::optional<int64_t> count = microBatches(*job, part))
      out.push_back("about accumulate: " + std::to_string(*count));
    if (job->parallel.recompute != "full" &&
        !(job->parallel.isSearched() && job->parallel.recompute == "auto"))
      out.push_back("recompute: full");
    if (const auto batch = int64_t(double(job->batch) * part); batch > 0)
      out.push_back("about batch: " + std::to_string(batch));
  }
  if (left <= 0)
    out.push_back("at least " + std::to_string(shortage.variables / shortage.has + 1) +
                  " devices that share the variables" +
                  (job && !job->parallel.isSearched() ? " (strategy: auto)" : ""));
  else
    out.push_back(out.empty() ? "a smaller batch, more micro-batches or more devices"
                              : "more devices");
  std::string text;
  for (size_t i = 0; i < out.size(); ++i)
    text += (i == 0 ? "" : i + 1 == out.size() ? " or " : ", ") + out[i];
  return text;
}

} // namespace of
