#include "runtime/sim/Roster.h"

#include <algorithm>
#include <map>

namespace of::rt {

class Roster::Builder {
public:
  explicit Builder(Roster &out) : plan_(out.plan_), out_(out) {}
  Status build();

private:
  /// Where the end of an exchange lies on the devices of a role.
  struct Place {
    uint32_t worker = kNone; ///< of the device
    uint32_t end = kNone;    ///< which of the role's ends of exchanges it is
  };
  /// The ends of one exchange in one program, by role.
  struct Ends {
    std::map<uint32_t, Place> sends, receives;
  };

  Status addRoles();
  void addWorkers(uint32_t device, uint32_t role);
  Status connect(uint32_t program, uint32_t exchange, const Ends &ends);
  EdgeEnd &endOf(uint32_t device, uint32_t program, const Place &place, uint32_t index) {
    const uint32_t worker = out_.firstWorker_[device] + place.worker;
    return out_.ends_[out_.firstEnd_[worker * out_.programs_ + program] +
                      firstEdge_[device][place.end] + index];
  }
  uint32_t nodeOf(uint32_t device) const { return plan_.devices()->Get(device)->node(); }
  /// fn(worker of the device, program, exchange, whether it sends) for all ends of a role, in
  /// the order of its tables.
  template <typename Fn> void forEachEnd(uint32_t role, Fn fn) const;
  /// fn(device, place) for all devices of these roles, ascending.
  template <typename Fn> void forEachDevice(const std::map<uint32_t, Place> &ends, Fn fn) const;

  const plan::Plan &plan_;
  Roster &out_;
  std::vector<uint32_t> roleOf_;                       ///< by device
  std::vector<std::vector<uint32_t>> firstEdge_;       ///< by device and end of its role
  std::map<std::pair<uint32_t, uint32_t>, Ends> ends_; ///< by program and exchange
};

template <typename Fn> void Roster::Builder::forEachEnd(uint32_t role, Fn fn) const {
  const std::vector<WorkerTables> &workers = out_.roles_[role].tables.workers;
  for (uint32_t w = 0; w < workers.size(); ++w)
    for (const ProgramTable &table : workers[w]) {
      const auto &tasks = *out_.roles_[role].role->programs()->Get(table.program)->tasks();
      for (const TaskEntry &task : table.tasks)
        if (const uint32_t exchange = exchangeOf(*tasks[task.planTask]); exchange != kNone)
          fn(w, table.program, exchange, task.kind == BodyKind::Send);
    }
}

template <typename Fn>
void Roster::Builder::forEachDevice(const std::map<uint32_t, Place> &ends, Fn fn) const {
  std::vector<std::pair<uint32_t, const Place *>> devices;
  for (const auto &[role, place] : ends)
    for (uint32_t device : *out_.roles_[role].role->instances())
      devices.emplace_back(device, &place);
  std::sort(devices.begin(), devices.end());
  for (const auto &[device, place] : devices)
    fn(device, *place);
}

/// With the tables of the first device of each.
Status Roster::Builder::addRoles() {
  for (uint32_t r = 0; r < plan_.roles()->size(); ++r) {
    const plan::Role &role = *plan_.roles()->Get(r);
    OF_ASSIGN(DeviceTables tables, buildTables(plan_, role.instances()->Get(0), out_.peers_));
    for (WorkerTables &worker : tables.workers)
      for (ProgramTable &table : worker)
        static_cast<EdgeTable &>(table) = EdgeTable();
    out_.roles_.push_back({&role, std::move(tables)});
    uint32_t end = 0;
    forEachEnd(r, [&](uint32_t worker, uint32_t program, uint32_t exchange, bool isSend) {
      Ends &ends = ends_[{program, exchange}];
      (isSend ? ends.sends : ends.receives)[r] = {worker, end++};
    });
  }
  return Status::ok();
}

void Roster::Builder::addWorkers(uint32_t device, uint32_t role) {
  const std::vector<WorkerTables> &workers = out_.roles_[role].tables.workers;
  const uint32_t node = nodeOf(device), first = static_cast<uint32_t>(out_.workers_.size());
  out_.firstWorker_.push_back(first);
  for (uint32_t w = 0; w < workers.size(); ++w) {
    out_.ofNode_[node].push_back(first + w);
    out_.workers_.push_back({device, w, node, role});
  }
  std::vector<uint32_t> edges(workers.size() * out_.programs_, 0); // by worker and program
  std::vector<uint32_t> &firstEdge = firstEdge_.emplace_back();
  forEachEnd(role, [&](uint32_t worker, uint32_t program, uint32_t exchange, bool isSend) {
    uint32_t &count = edges[worker * out_.programs_ + program];
    firstEdge.push_back(count);
    count += std::as_const(out_.peers_).of(exchange, device, isSend).size();
  });
  for (uint32_t count : edges)
    out_.firstEnd_.push_back(out_.firstEnd_.back() + count);
}

/// Sources in ascending order, as the edges of a destination are.
Status Roster::Builder::connect(uint32_t program, uint32_t exchange, const Ends &ends) {
  const std::string name = plan_.exchanges()->Get(exchange)->name()->str();
  std::map<uint32_t, uint32_t> taken; // by destination
  Status status;
  forEachDevice(ends.sends, [&](uint32_t src, const Place &place) {
    uint32_t given = 0;
    for (uint32_t dst : std::as_const(out_.peers_).of(exchange, src, true)) {
      const auto it = ends.receives.find(roleOf_[dst]);
      if (it == ends.receives.end()) {
        status =
            Status(Code::Corrupt, "device " + std::to_string(dst) + " takes a piece of " +
                                      "exchange " + name + " from device " + std::to_string(src) +
                                      ", but has no task for it; the plan is damaged");
        return;
      }
      uint32_t &index = taken[dst];
      EdgeEnd &send = endOf(src, program, place, given),
              &receive = endOf(dst, program, it->second, index);
      send = {out_.firstWorker_[dst] + it->second.worker, firstEdge_[dst][it->second.end] + index,
              nodeOf(src) != nodeOf(dst)};
      receive = {out_.firstWorker_[src] + place.worker, firstEdge_[src][place.end] + given,
                 nodeOf(src) != nodeOf(dst)};
      ++given;
      ++index;
    }
  });
  forEachDevice(ends.receives, [&](uint32_t dst, const Place &) {
    if (const uint32_t all = std::as_const(out_.peers_).of(exchange, dst, false).size();
        taken[dst] != all)
      status = Status(Code::Corrupt, "device " + std::to_string(dst) + " takes exchange " + name +
                                         " from " + std::to_string(all) + " devices, of which " +
                                         std::to_string(all - taken[dst]) +
                                         " have no task for it; the plan is damaged");
  });
  return status;
}

Status Roster::Builder::build() {
  out_.programs_ = plan_.programs()->size();
  out_.ofNode_.resize(plan_.nodes()->size());
  out_.firstEnd_ = {0};
  OF_TRY(addRoles());
  for (uint32_t device = 0; device < plan_.devices()->size(); ++device) {
    OF_ASSIGN(const RoleInstance instance, rt::roleOf(plan_, device));
    roleOf_.push_back(instance.roleIndex);
    addWorkers(device, instance.roleIndex);
  }
  out_.ends_.resize(out_.firstEnd_.back());
  for (const auto &[key, ends] : ends_)
    OF_TRY(connect(key.first, key.second, ends));
  return Status::ok();
}

Result<std::unique_ptr<const Roster>> Roster::of(const plan::Plan &plan) {
  std::unique_ptr<Roster> out(new Roster(plan));
  OF_TRY(Builder(*out).build());
  return std::unique_ptr<const Roster>(std::move(out));
}

std::string Roster::describe(const RosterWorker &worker, uint32_t program, const Wait &wait) const {
  ProgramTable table;
  static_cast<TaskTable &>(table) = tablesOf(worker)[program];
  static_cast<EdgeTable &>(table) = edgesOf(worker, program);
  return rt::describe(plan_, worker.device, table, wait);
}

} // namespace of::rt
