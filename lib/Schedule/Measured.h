// Durations of a profile in place of the cost model's, where a task has the name and the work of
// one that was measured; and what became of the profile, for people. Owned by one run of
// of-schedule.
#pragma once

#include "lib/Schedule/TaskCost.h"

namespace of {

class Measured {
public:
  /// Without a profile nothing changes and nothing is reported.
  explicit Measured(std::optional<Profile> profile) : profile(std::move(profile)) {}

  TaskSeconds refine(const std::string &program, const TaskInfo &task, TaskSeconds estimate);

  /// A remark at the module: how many tasks were taken, which were not, which links the cluster has
  /// from the profile. An error if there was no use for any of it.
  mlir::LogicalResult report(mlir::ModuleOp module) const;

private:
  std::optional<Profile> profile;
  size_t tasks = 0, taken = 0;
  std::vector<std::string> others; ///< not taken, of programs that were measured
};

} // namespace of
