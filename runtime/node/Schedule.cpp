#include "runtime/node/Schedule.h"

namespace of::rt {

namespace {

plan::ProgramKind kindOf(const plan::Plan &plan, const ProgramEntry &entry) {
  return plan.programs()->Get(entry.program)->kind();
}

Status flatten(const plan::Plan &plan, const plan::Loop &loop, std::vector<ProgramEntry> &out) {
  if (loop.program() >= 0) {
    if (static_cast<uint32_t>(loop.program()) >= plan.programs()->size())
      return Status(Code::Corrupt, "the schedule names program " + std::to_string(loop.program()) +
                                       ", which the plan does not have");
    ProgramEntry entry;
    entry.program = static_cast<uint32_t>(loop.program());
    entry.iterations = loop.count();
    out.push_back(entry);
    return Status::ok();
  }
  for (uint64_t i = 0; i < loop.count(); ++i)
    if (loop.body())
      for (const plan::Loop *child : *loop.body())
        OF_TRY(flatten(plan, *child, out));
  return Status::ok();
}

void numberSteps(const plan::Plan &plan, std::vector<ProgramEntry> &entries) {
  uint64_t step = 0;
  for (ProgramEntry &entry : entries) {
    entry.firstStep = step;
    // Evaluation and snapshot after the last step of an epoch belong to that epoch.
    const bool train = kindOf(plan, entry) == plan::ProgramKind::Train;
    const uint64_t counted = train || step == 0 ? step : step - 1;
    entry.epoch = plan.epoch_steps() ? counted / plan.epoch_steps() : 0;
    if (train)
      step += entry.iterations;
  }
}

std::vector<ProgramEntry> dropDone(const plan::Plan &plan, std::vector<ProgramEntry> entries,
                                   uint64_t step) {
  size_t next = 0;
  while (next < entries.size()) {
    ProgramEntry &entry = entries[next];
    const bool train = kindOf(plan, entry) == plan::ProgramKind::Train;
    const uint64_t end = entry.firstStep + (train ? entry.iterations : 0);
    if (end > step || (end == step && !train && step > 0))
      break;
    ++next;
  }
  if (next < entries.size() && entries[next].firstStep < step) {
    entries[next].iterations -= step - entries[next].firstStep;
    entries[next].firstStep = step;
  }
  for (size_t i = next; i < entries.size() && entries[i].firstStep == step; ++i) {
    if (kindOf(plan, entries[i]) == plan::ProgramKind::Train)
      break;
    if (kindOf(plan, entries[i]) == plan::ProgramKind::Snapshot)
      next = i + 1;
  }
  entries.erase(entries.begin(), entries.begin() + static_cast<long>(next));
  return entries;
}

std::vector<ProgramEntry> stopAt(const plan::Plan &plan, std::vector<ProgramEntry> entries,
                                 uint64_t steps) {
  for (size_t i = 0; i < entries.size(); ++i) {
    ProgramEntry &entry = entries[i];
    if (kindOf(plan, entry) != plan::ProgramKind::Train)
      continue;
    if (entry.firstStep >= steps) {
      entries.resize(i);
      break;
    }
    entry.iterations = std::min(entry.iterations, steps - entry.firstStep);
  }
  // What follows a shortened entry happens after fewer steps.
  uint64_t step = entries.empty() ? 0 : entries.front().firstStep;
  for (ProgramEntry &entry : entries) {
    entry.firstStep = step;
    if (kindOf(plan, entry) == plan::ProgramKind::Train)
      step += entry.iterations;
  }
  return entries;
}

} // namespace

Result<std::vector<ProgramEntry>> makeSchedule(const plan::Plan &plan,
                                               const ScheduleRequest &request) {
  std::vector<ProgramEntry> entries;
  OF_TRY(flatten(plan, *plan.schedule(), entries));
  numberSteps(plan, entries);
  if (request.resumeAtStep) {
    if (const uint64_t total = trainingSteps(entries, plan); *request.resumeAtStep > total)
      return Status(Code::InvalidArgument, "the checkpoint is of step " +
                                               std::to_string(*request.resumeAtStep) +
                                               ", the job ends at step " + std::to_string(total) +
                                               "; raise its steps or epochs");
    entries = dropDone(plan, std::move(entries), *request.resumeAtStep);
  }
  if (request.stopAfterSteps)
    entries = stopAt(plan, std::move(entries), *request.stopAfterSteps);
  return entries;
}

std::vector<ProgramEntry> endAfter(const plan::Plan &plan, std::vector<ProgramEntry> schedule,
                                   uint64_t step, bool snapshot) {
  if (step >= trainingSteps(schedule, plan))
    return schedule;
  schedule = stopAt(plan, std::move(schedule), step);
  // Evaluations behind the last step have not begun anywhere.
  while (!schedule.empty() && kindOf(plan, schedule.back()) != plan::ProgramKind::Train)
    schedule.pop_back();
  for (uint32_t p = 0; p < plan.programs()->size() && snapshot; ++p)
    if (plan.programs()->Get(p)->kind() == plan::ProgramKind::Snapshot) {
      ProgramEntry entry;
      entry.program = p;
      entry.iterations = 1;
      entry.firstStep = step;
      entry.epoch = plan.epoch_steps() ? (step - 1) / plan.epoch_steps() : 0;
      schedule.push_back(entry);
      break;
    }
  return schedule;
}

uint64_t trainingSteps(const std::vector<ProgramEntry> &schedule, const plan::Plan &plan) {
  uint64_t steps = 0;
  for (const ProgramEntry &entry : schedule)
    if (kindOf(plan, entry) == plan::ProgramKind::Train)
      steps = entry.firstStep + entry.iterations;
  return steps;
}

} // namespace of::rt
