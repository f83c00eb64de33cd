#include "lib/Schedule/Measured.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace of {

TaskSeconds Measured::refine(const std::string &program, const TaskInfo &task,
                             TaskSeconds estimate) {
  if (!profile)
    return estimate;
  const auto first = profile->tasks.lower_bound({program, ""});
  if (first == profile->tasks.end() || first->first.first != program)
    return estimate; // the run did not get there
  ++tasks;
  const std::optional<double> seconds = profile->taskSeconds(program, task.name, workOf(task));
  if (!seconds) {
    others.push_back(program + "." + task.name);
    return estimate;
  }
  ++taken;
  estimate.worker = *seconds;
  if (task.end == TaskInfo::End::Receive)
    estimate.network =
        profile->exchangeSeconds(program, cast<task::ExchangeOp>(task.op).getName().str())
            .value_or(estimate.network);
  return estimate;
}

/// The cluster as it was given, for what the profile has changed about it.
static FailureOr<std::vector<CorrectedLink>> linksOf(ModuleOp module, const Profile &profile) {
  FailureOr<Cluster> given = givenClusterOf(module);
  if (failed(given))
    return failure();
  return correctLinks(*given, profile);
}

LogicalResult Measured::report(ModuleOp module) const {
  if (!profile)
    return success();
  FailureOr<std::vector<CorrectedLink>> links = linksOf(module, *profile);
  if (failed(links))
    return failure();
  std::string text = llvm::formatv("profile of job '{0}': ", profile->job).str();
  if (taken == 0 && links->empty())
    return emitError(module.getLoc(), text)
           << "none of its " << profile->tasks.size()
           << " tasks is in this plan and it has no link of this cluster; "
              "profile a run of this job, or drop --profile";
  text += llvm::formatv("{0} of {1} tasks as measured", taken, tasks).str();
  constexpr size_t kNamed = 3;
  for (size_t i = 0; i < std::min(others.size(), kNamed); ++i)
    text += (i ? ", " : "; as the cost model has them: ") + others[i];
  if (others.size() > kNamed)
    text += llvm::formatv(" and {0} more", others.size() - kNamed).str();
  for (const CorrectedLink &link : *links)
    text += llvm::formatv("; {0} to {1} at {2:f2} MB/s, given {3:f2}", link.from, link.to,
                          link.bytesPerSecond / 1e6, link.givenBytesPerSecond / 1e6)
                .str();
  emitRemark(module.getLoc(), text);
  return success();
}

} // namespace of
