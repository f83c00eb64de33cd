#include "tools/of-plan/SimulatedTrace.h"

#include "runtime/actor/Build.h"
#include "runtime/actor/TraceEvents.h"
#include "runtime/checkpoint/Export.h"

#include <cerrno>
#include <cstring>
#include <vector>

namespace of::planTool {

namespace trace = rt::trace;

namespace {

/// Where a task of a role's program stands in the tables of a device.
struct Place {
  const rt::ProgramTable *table = nullptr;
  const rt::TaskEntry *task = nullptr;
};

class TraceFile {
public:
  TraceFile(const plan::Plan &plan, std::FILE *file) : plan_(plan), file_(file), peers_(plan) {}

  Status begin(const std::vector<rt::SimulationEntry> &schedule) {
    for (uint32_t node = 0; node < plan_.nodes()->size(); ++node)
      trace::beginNode(file_, plan_, node, node == 0);
    for (uint32_t device = 0; device < plan_.devices()->size(); ++device)
      OF_TRY(add(device));
    for (const rt::SimulationEntry &entry : schedule)
      programs_.push_back(entry.program);
    return Status::ok();
  }

  void add(const rt::SimulatedFiring &f) {
    const uint32_t node = plan_.devices()->Get(f.device)->node(), program = programs_[f.entry];
    const Place place = places_[f.device][program][f.task];
    const plan::Task &task = *roles_[f.device]->programs()->Get(program)->tasks()->Get(f.task);
    const double beginUs = trace::microseconds(f.beginNs),
                 durationUs = trace::microseconds(f.endNs - f.beginNs);
    trace::firing(file_, node, f.device,
                  {plan_.programs()->Get(program)->name()->c_str(), &task, -1, f.index, beginUs,
                   durationUs, 0});
    trace::arrows(file_, plan_, *place.table, *place.task, f.entry, f.index,
                  beginUs + durationUs / 2, node, trace::trackOf(f.device, task.stream()));
  }

  void end() { std::fprintf(file_, "\n],\"droppedEvents\":0}\n"); }

private:
  /// Names the tracks of a device, and finds its tasks.
  Status add(uint32_t device) {
    OF_ASSIGN(const rt::RoleInstance instance, rt::roleOf(plan_, device));
    roles_.push_back(instance.role);
    const uint32_t node = plan_.devices()->Get(device)->node();
    for (uint32_t s = 0; s < instance.role->streams()->size(); ++s)
      trace::nameTrack(file_, *instance.role, node, device, s);
    OF_ASSIGN(rt::DeviceTables tables, rt::buildTables(plan_, device, peers_));
    tables_.push_back(std::move(tables));
    std::vector<std::vector<Place>> &programs = places_.emplace_back();
    for (const plan::RoleProgram *program : *instance.role->programs())
      programs.emplace_back(program->tasks()->size());
    for (const rt::WorkerTables &worker : tables_.back().workers)
      for (const rt::ProgramTable &table : worker)
        for (const rt::TaskEntry &task : table.tasks)
          programs[table.program][task.planTask] = {&table, &task};
    return Status::ok();
  }

  const plan::Plan &plan_;
  std::FILE *const file_;
  rt::ExchangePeers peers_;
  std::vector<uint32_t> programs_; ///< by entry of the schedule
  std::vector<const plan::Role *> roles_;
  std::vector<rt::DeviceTables> tables_;                ///< by device
  std::vector<std::vector<std::vector<Place>>> places_; ///< by device, program and task
};

} // namespace

Result<rt::SimulationResult> simulateTraced(const rt::Roster &roster, rt::SimulationOptions options,
                                            const std::string &path) {
  rt::SimulationResult result;
  const auto failed = [&] {
    return Status(Code::Io, "cannot write the trace " + path + ": " + std::strerror(errno));
  };
  OF_TRY(rt::writeAside(path, [&](const std::string &aside) -> Status {
    std::FILE *file = std::fopen(aside.c_str(), "w");
    if (!file)
      return failed();
    const auto simulateInto = [&]() -> Status {
      TraceFile trace(roster.plan(), file);
      OF_TRY(trace.begin(options.schedule));
      options.observe = [&](const rt::SimulatedFiring &firing) { trace.add(firing); };
      OF_ASSIGN(result, rt::simulate(roster, options));
      trace.end();
      return Status::ok();
    };
    const Status status = simulateInto();
    const bool isWritten = !std::ferror(file) & (std::fclose(file) == 0);
    return status.isOk() && !isWritten ? failed() : status;
  }));
  return result;
}

} // namespace of::planTool
