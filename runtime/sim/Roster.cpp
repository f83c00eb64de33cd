#include "runtime/sim/Roster.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace of::rt {

class Roster::Builder {
public:
  explicit Builder(Roster &out)
      : plan_(out.plan_), out_(out), distance_(preparedDistanceOf(out.plan_)) {}
  Status build();

private:
  /// Where the end of an exchange lies on the devices of a role.
  struct Place {
    uint32_t worker = kNone; ///< of the device
    uint32_t end = kNone;    ///< which of the role's ends of exchanges it is
  };
  using Places = std::map<uint32_t, Place>; ///< by role
  /// The ends of one exchange in one program.
  struct Ends {
    Places sends, receives;
  };
  /// An end of an edge, and between which of the devices that take part it passes.
  struct Edge {
    uint32_t src, dst;
    Distance distance;
    uint64_t at;  ///< in out_.ends_
    EdgeEnd self; ///< as the other end knows it
    auto way() const { return std::tie(src, dst, distance); }
    bool operator<(const Edge &other) const { return way() < other.way(); }
  };
  using Edges = std::vector<Edge>;
  /// Those that pass between the same two devices.
  struct Like {
    const Edge *first, *last;
    size_t size() const { return static_cast<size_t>(last - first); }
  };

  Status addRoles();
  void addWorkers(uint32_t device);
  Status connect(uint32_t program, uint32_t exchange, const Ends &ends);
  Result<Edges> edgesOf(uint32_t program, uint32_t exchange, const Ends &ends, bool isSend) const;
  static Like likeFrom(const Edges &edges, size_t first);
  Status lead(uint32_t exchange, const Like &sends, const Like &receives);
  void lead(const Like &from, const Like &to);
  Status noTask(uint32_t exchange, uint32_t device, uint32_t peer, bool isSend) const;
  uint32_t nodeOf(uint32_t device) const { return plan_.devices()->Get(device)->node(); }
  bool takesPart(uint32_t device) const { return out_.classes_.standIn[device] == device; }
  std::string nameOf(uint32_t exchange) const {
    return plan_.exchanges()->Get(exchange)->name()->str();
  }

  const plan::Plan &plan_;
  Roster &out_;
  const DistanceFn distance_;
  std::vector<uint32_t> roleOf_;                       ///< by device
  std::vector<std::vector<RoleEnd>> roleEnds_;         ///< by role, in the order of its tables
  std::vector<std::vector<uint32_t>> firstEdge_;       ///< by device and end of its role
  std::map<std::pair<uint32_t, uint32_t>, Ends> ends_; ///< by program and exchange
};

/// With the tables of the first device of each.
Status Roster::Builder::addRoles() {
  for (uint32_t r = 0; r < plan_.roles()->size(); ++r) {
    const plan::Role &role = *plan_.roles()->Get(r);
    OF_ASSIGN(DeviceTables tables, buildTables(plan_, role.instances()->Get(0), out_.peers_));
    std::vector<RoleEnd> &roleEnds = roleEnds_.emplace_back();
    for (uint32_t w = 0; w < tables.workers.size(); ++w)
      for (ProgramTable &table : tables.workers[w]) {
        static_cast<EdgeTable &>(table) = EdgeTable();
        if (!out_.knows_[table.program])
          continue;
        const auto &tasks = *role.programs()->Get(table.program)->tasks();
        for (const TaskEntry &task : table.tasks)
          if (const uint32_t exchange = exchangeOf(*tasks[task.planTask]); exchange != kNone) {
            const bool isSend = task.kind == BodyKind::Send;
            Ends &ends = ends_[{table.program, exchange}];
            (isSend ? ends.sends : ends.receives)[r] = {w, static_cast<uint32_t>(roleEnds.size())};
            roleEnds.push_back({w, table.program, exchange, isSend});
          }
      }
    out_.roles_.push_back({&role, std::move(tables)});
  }
  return Status::ok();
}

void Roster::Builder::addWorkers(uint32_t device) {
  const uint32_t role = roleOf_[device], node = nodeOf(device),
                 first = static_cast<uint32_t>(out_.workers_.size());
  const std::vector<WorkerTables> &workers = out_.roles_[role].tables.workers;
  out_.firstWorker_[device] = first;
  for (uint32_t w = 0; w < workers.size(); ++w) {
    out_.ofNode_[node].push_back(first + w);
    out_.workers_.push_back({device, w, node, role, out_.classes_.onNode[device]});
  }
  std::vector<uint32_t> edges(workers.size() * out_.programs_, 0); // by worker and program
  for (const RoleEnd &end : roleEnds_[role]) {
    uint32_t &count = edges[end.worker * out_.programs_ + end.program];
    firstEdge_[device].push_back(count);
    count += std::as_const(out_.peers_).of(end.exchange, device, end.isSend).size();
  }
  for (uint32_t count : edges)
    out_.firstEnd_.push_back(out_.firstEnd_.back() + count);
}

Status Roster::Builder::noTask(uint32_t exchange, uint32_t device, uint32_t peer,
                               bool isSend) const {
  const auto [gives, to] = isSend ? std::pair(" gives", " to") : std::pair(" takes", " from");
  return Status(Code::Corrupt, "device " + std::to_string(device) + gives +
                                   " a piece of exchange " + nameOf(exchange) + to + " device " +
                                   std::to_string(peer) +
                                   ", which has no task for it; the plan is damaged");
}

/// Of all devices that take part, by way; those of one way in the order of their devices' tables.
Result<Roster::Builder::Edges> Roster::Builder::edgesOf(uint32_t program, uint32_t exchange,
                                                        const Ends &ends, bool isSend) const {
  const Places &own = isSend ? ends.sends : ends.receives;
  const Places &others = isSend ? ends.receives : ends.sends;
  Edges out;
  for (const auto &[role, place] : own)
    for (uint32_t device : *out_.roles_[role].role->instances()) {
      if (!takesPart(device))
        continue;
      const uint32_t worker = out_.firstWorker_[device] + place.worker;
      uint32_t edge = firstEdge_[device][place.end];
      for (uint32_t peer : std::as_const(out_.peers_).of(exchange, device, isSend)) {
        if (!others.count(roleOf_[peer]))
          return noTask(exchange, device, peer, isSend);
        const Distance distance = distance_(device, peer);
        const bool isElsewhere = distance > Distance::SameNode;
        const uint32_t other = out_.classes_.standIn[peer];
        const uint64_t at = out_.firstEnd_[worker * out_.programs_ + program] + edge;
        out.push_back({isSend ? device : other, isSend ? other : device, distance, at,
                       EdgeEnd{worker, edge++, isElsewhere, false}});
      }
    }
  std::stable_sort(out.begin(), out.end());
  return out;
}

Roster::Builder::Like Roster::Builder::likeFrom(const Edges &edges, size_t first) {
  const Edge *from = edges.data() + first;
  return {from, std::find_if(from, edges.data() + edges.size(),
                             [&](const Edge &edge) { return edge.way() != from->way(); })};
}

/// What passes along them passes at once, so that it does not matter which leads to which.
void Roster::Builder::lead(const Like &from, const Like &to) {
  for (size_t i = 0; i < from.size(); ++i) {
    EdgeEnd &end = out_.ends_[from.first[i].at];
    end =
        i < to.size() ? to.first[i].self : EdgeEnd{kNone, 0, from.first[i].self.isElsewhere, false};
    for (size_t j = i + from.size(); j < to.size(); j += from.size()) {
      end.hasMore = true;
      out_.more_[from.first[i].at].push_back(to.first[j].self);
    }
  }
}

Status Roster::Builder::lead(uint32_t exchange, const Like &sends, const Like &receives) {
  const auto all = [&](const Like &edges, uint32_t device) {
    return edges.size() * out_.classes_.size[device];
  };
  const Edge &edge = *sends.first;
  if (edge.way() != receives.first->way() || all(sends, edge.src) != all(receives, edge.dst))
    return Status(Code::Internal, "exchange " + nameOf(exchange) +
                                      " does not look alike at both ends, on devices like " +
                                      std::to_string(edge.src) + " and " +
                                      std::to_string(edge.dst));
  lead(sends, receives);
  lead(receives, sends);
  return Status::ok();
}

Status Roster::Builder::connect(uint32_t program, uint32_t exchange, const Ends &ends) {
  OF_ASSIGN(const Edges sends, edgesOf(program, exchange, ends, true));
  OF_ASSIGN(const Edges receives, edgesOf(program, exchange, ends, false));
  size_t s = 0, r = 0;
  while (s < sends.size() && r < receives.size()) {
    const Like from = likeFrom(sends, s), to = likeFrom(receives, r);
    OF_TRY(lead(exchange, from, to));
    s += from.size();
    r += to.size();
  }
  return s == sends.size() && r == receives.size()
             ? Status::ok()
             : Status(Code::Internal,
                      "exchange " + nameOf(exchange) + " has ends that lead nowhere");
}

Status Roster::Builder::build() {
  out_.programs_ = plan_.programs()->size();
  out_.ofNode_.resize(plan_.nodes()->size());
  out_.firstEnd_ = {0};
  OF_TRY(addRoles());
  const uint32_t devices = plan_.devices()->size();
  for (uint32_t device = 0; device < devices; ++device) {
    OF_ASSIGN(const RoleInstance instance, rt::roleOf(plan_, device));
    roleOf_.push_back(instance.roleIndex);
  }
  out_.classes_ =
      out_.isFolded_ ? likeDevices(plan_, roleOf_, roleEnds_, out_.peers_) : singleDevices(plan_);
  out_.firstWorker_.assign(devices, kNone);
  firstEdge_.resize(devices);
  for (uint32_t device = 0; device < devices; ++device)
    if (takesPart(device))
      addWorkers(device);
  out_.ends_.resize(out_.firstEnd_.back());
  for (const auto &[key, ends] : ends_)
    OF_TRY(connect(key.first, key.second, ends));
  return Status::ok();
}

Result<std::unique_ptr<const Roster>> Roster::make(const plan::Plan &plan, std::vector<bool> knows,
                                                   bool isFolded) {
  std::unique_ptr<Roster> out(new Roster(plan));
  out->isFolded_ = isFolded;
  out->knows_ = std::move(knows);
  OF_TRY(Builder(*out).build());
  return std::unique_ptr<const Roster>(std::move(out));
}

Result<std::unique_ptr<const Roster>> Roster::of(const plan::Plan &plan) {
  return make(plan, std::vector<bool>(plan.programs()->size(), true), false);
}

Result<std::unique_ptr<const Roster>> Roster::folded(const plan::Plan &plan,
                                                     const std::vector<uint32_t> &programs) {
  std::vector<bool> knows(plan.programs()->size(), false);
  for (uint32_t program : programs)
    knows[program] = true;
  return make(plan, std::move(knows), true);
}

EdgeTable Roster::edgesOf(const RosterWorker &worker, uint32_t program) const {
  return knows(program) ? buildEdges(plan_, worker.device, *roles_[worker.role].role,
                                     tablesOf(worker)[program], peers_)
                        : EdgeTable();
}

std::string Roster::describe(const RosterWorker &worker, uint32_t program, const Wait &wait) const {
  ProgramTable table;
  static_cast<TaskTable &>(table) = tablesOf(worker)[program];
  static_cast<EdgeTable &>(table) = edgesOf(worker, program);
  return rt::describe(plan_, worker.device, table, wait);
}

} // namespace of::rt
