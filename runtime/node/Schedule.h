// The loop nest of a plan as the flat list of program entries that every worker walks.
//
// Pure: all nodes compute the same list from the plan and the same flags.
#pragma once

#include "runtime/node/Body.h"
#include "runtime/schema/plan_generated.h"

#include <optional>
#include <vector>

namespace of::rt {

struct ScheduleRequest {
  std::optional<uint64_t>
      stopAfterSteps;                   ///< training steps in total, counted from step 0 of the job
  std::optional<uint64_t> resumeAtStep; ///< training steps that a checkpoint has behind it
};

/// Corrupt if the nest names a program that does not exist; InvalidArgument if the checkpoint is
/// beyond the end of the job.
///
/// Resuming leaves out Init, the training that is done and what stood before it, up to and
/// including the snapshot taken at that step. Stopping early ends before the first training step
/// too many; evaluations and snapshots between are kept.
Result<std::vector<ProgramEntry>> makeSchedule(const plan::Plan &plan,
                                               const ScheduleRequest &request);

/// The schedule of a run that ends early, after `step`, with a snapshot where the plan has such a
/// program and `snapshot` allows it: entries that begin before are as they were. Unchanged if the
/// job ends no later anyway.
std::vector<ProgramEntry> endAfter(const plan::Plan &plan, std::vector<ProgramEntry> schedule,
                                   uint64_t step, bool snapshot);

/// Training steps of the whole job.
uint64_t trainingSteps(const std::vector<ProgramEntry> &schedule, const plan::Plan &plan);

} // namespace of::rt
