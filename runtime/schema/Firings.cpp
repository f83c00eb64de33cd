#include "runtime/schema/Firings.h"

#include "runtime/schema/PlanView.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace of::rt {

namespace {

constexpr uint32_t kNoNode = std::numeric_limits<uint32_t>::max();

/// A Send and a Receive between which pieces move, on at least one pair of devices of their roles.
struct ExchangeEdge {
  uint32_t send = kNoNode, receive = kNoNode;
  bool pushed = false;
  int64_t landingSlots = 1;
  bool operator<(const ExchangeEdge &o) const {
    return std::tie(send, receive, pushed) < std::tie(o.send, o.receive, o.pushed);
  }
  bool operator==(const ExchangeEdge &o) const {
    return send == o.send && receive == o.receive && pushed == o.pushed;
  }
};

class Enumerator {
public:
  explicit Enumerator(const ProgramTasks &tasks)
      : tasks_(tasks), plan_(tasks.plan()), distance_(distanceOf(plan_)) {}
  Result<std::vector<FiringDependency>> run();

private:
  using Kind = DependencyKind;
  struct Use {
    uint32_t node = kNoNode;
    const plan::Port *port = nullptr;
  };

  void add(Kind kind, uint32_t from, int64_t fromFiring, uint32_t to, int64_t toFiring,
           uint32_t subject, uint32_t via) {
    out_.push_back({from, to, fromFiring, toFiring, kind, subject, via});
  }
  Status bad(const std::string &what) const {
    return Status(Code::Corrupt, "program " +
                                     plan_.programs()->Get(tasks_.program())->name()->str() + ": " +
                                     what + "; the plan is damaged, compile it again");
  }
  Status collectEdges();
  Status addEdge(uint32_t exchange, uint32_t src, uint32_t dst);
  void addOrders(uint32_t role);
  Status addRegisters(uint32_t role);
  Status addReader(uint32_t reg, const plan::Register &entry, const Use &writer, const Use &reader);
  void addSendSlots(uint32_t reg, const Use &writer, uint32_t send, int64_t version,
                    int64_t toFiring);
  void addSendWindows();
  void addReuses(uint32_t role);

  const ProgramTasks &tasks_;
  const plan::Plan &plan_;
  const DistanceFn distance_;
  std::vector<FiringDependency> out_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> sends_, receives_; ///< by (exchange, role)
  std::vector<uint32_t> roleOfDevice_;
  std::map<uint32_t, std::vector<ExchangeEdge>> edges_; ///< by node of the Send
};

Status Enumerator::addEdge(uint32_t exchange, uint32_t src, uint32_t dst) {
  const auto send = sends_.find({exchange, roleOfDevice_[src]});
  const auto receive = receives_.find({exchange, roleOfDevice_[dst]});
  if (send == sends_.end() || receive == receives_.end())
    return bad("exchange " + plan_.exchanges()->Get(exchange)->name()->str() +
               " moves from device " + std::to_string(src) + " to device " + std::to_string(dst) +
               ", but device " + std::to_string(send == sends_.end() ? src : dst) +
               " has no task for its end");
  if (tasks_.firings(send->second) != tasks_.firings(receive->second))
    return bad("task " + tasks_.name(send->second) + " sends " +
               std::to_string(tasks_.firings(send->second)) + " times per iteration, task " +
               tasks_.name(receive->second) + " receives " +
               std::to_string(tasks_.firings(receive->second)) + " times");
  ExchangeEdge edge;
  edge.send = send->second;
  edge.receive = receive->second;
  edge.pushed = distance_(src, dst) == Distance::Remote;
  edge.landingSlots = tasks_[edge.receive].body->body_as_Receive()->landing_slots();
  edges_[edge.send].push_back(edge);
  return Status::ok();
}

Status Enumerator::collectEdges() {
  roleOfDevice_.assign(plan_.devices()->size(), 0);
  for (uint32_t r = 0; r < plan_.roles()->size(); ++r)
    for (uint32_t device : *plan_.roles()->Get(r)->instances())
      roleOfDevice_[device] = r;
  std::vector<bool> used(plan_.exchanges() ? plan_.exchanges()->size() : 0, false);
  for (uint32_t n = 0; n < tasks_.size(); ++n) {
    const plan::Send *send = tasks_[n].body->body_as_Send();
    const plan::Receive *receive = tasks_[n].body->body_as_Receive();
    if (!send && !receive)
      continue;
    const uint32_t exchange = send ? send->exchange() : receive->exchange();
    used[exchange] = true;
    const auto [it, fresh] = (send ? sends_ : receives_).insert({{exchange, tasks_[n].role}, n});
    if (!fresh)
      return bad("tasks " + tasks_.name(it->second) + " and " + tasks_.name(n) +
                 " are the same end of one exchange");
  }
  for (uint32_t x = 0; x < used.size(); ++x)
    if (used[x])
      for (const auto &[src, dst] : exchangePairs(plan_, *plan_.exchanges()->Get(x)))
        OF_TRY(addEdge(x, src, dst));
  for (auto &[send, list] : edges_) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    const uint32_t exchange = tasks_[send].body->body_as_Send()->exchange();
    for (const ExchangeEdge &edge : list)
      for (int64_t f = 0; f < tasks_.firings(send); ++f)
        add(Kind::Exchange, send, f, edge.receive, f, exchange, send);
  }
  return Status::ok();
}

void Enumerator::addOrders(uint32_t role) {
  const plan::RoleProgram &program = tasks_.roleProgram(role);
  std::vector<int64_t> fired(program.tasks()->size(), 0);
  for (const plan::Order *order : *program.orders()) {
    const auto &list = *order->tasks();
    if (list.size() == 0)
      continue;
    for (uint32_t i = 0; i + 1 < list.size(); ++i) {
      const uint32_t from = tasks_.node(role, list[i]), to = tasks_.node(role, list[i + 1]);
      const int64_t fromFiring = fired[list[i]]++;
      add(Kind::Order, from, fromFiring, to, fired[list[i + 1]], order->stream(), from);
    }
    const uint32_t last = tasks_.node(role, list[list.size() - 1]),
                   first = tasks_.node(role, list[0]);
    add(Kind::Order, last, tasks_.firings(last) - 1, first, tasks_.firings(first), order->stream(),
        last);
  }
}

void Enumerator::addSendSlots(uint32_t reg, const Use &writer, uint32_t send, int64_t version,
                              int64_t toFiring) {
  for (const ExchangeEdge &edge : edges_[send])
    if (edge.pushed)
      add(Kind::SlotGrant, edge.receive, version - edge.landingSlots, writer.node, toFiring, reg,
          send);
    else
      add(Kind::SlotRead, edge.receive, version, writer.node, toFiring, reg, send);
}

Status Enumerator::addReader(uint32_t reg, const plan::Register &entry, const Use &writer,
                             const Use &reader) {
  const int64_t slots = entry.slots(), initial = entry.initial();
  const int64_t writes = writer.port->period(), reads = reader.port->period();
  const int64_t versions = tasks_.firings(writer.node) / writes;
  if (tasks_.firings(reader.node) / reads != versions)
    return bad("task " + tasks_.name(writer.node) + " writes " + std::to_string(versions) +
               " versions of register " + entry.name()->str() + " per iteration, task " +
               tasks_.name(reader.node) + " reads " +
               std::to_string(tasks_.firings(reader.node) / reads));
  for (int64_t v = 0; v < versions; ++v) {
    add(Kind::Version, writer.node, (v + 1) * writes - 1, reader.node, (v + initial) * reads, reg,
        writer.node);
    if (reader.node == writer.node)
      continue; // in place
    const int64_t toFiring = (v + slots - initial) * writes;
    add(Kind::Slot, reader.node, (v + 1) * reads - 1, writer.node, toFiring, reg, reader.node);
    if (tasks_[reader.node].body->body_as_Send())
      addSendSlots(reg, writer, reader.node, v, toFiring);
  }
  return Status::ok();
}

Status Enumerator::addRegisters(uint32_t role) {
  const plan::RoleProgram &program = tasks_.roleProgram(role);
  std::vector<Use> writers(program.registers()->size());
  for (uint32_t t = 0; t < program.tasks()->size(); ++t)
    if (const auto *ports = program.tasks()->Get(t)->outputs())
      for (const plan::Port *port : *ports)
        writers[port->reg()] = {tasks_.node(role, t), port};
  for (uint32_t t = 0; t < program.tasks()->size(); ++t)
    if (const auto *ports = program.tasks()->Get(t)->inputs())
      for (const plan::Port *port : *ports)
        if (const Use &writer = writers[port->reg()]; writer.node != kNoNode)
          OF_TRY(addReader(port->reg(), *program.registers()->Get(port->reg()), writer,
                           {tasks_.node(role, t), port}));
  return Status::ok();
}

void Enumerator::addSendWindows() {
  for (const auto &[send, list] : edges_) {
    const plan::Task &task = *tasks_[send].body;
    int64_t window = kNoNode;
    if (task.inputs())
      for (const plan::Port *port : *task.inputs())
        window = std::min<int64_t>(
            window, tasks_.roleProgram(tasks_[send].role).registers()->Get(port->reg())->slots());
    if (!task.inputs() || task.inputs()->size() == 0)
      window = 1;
    const uint32_t exchange = task.body_as_Send()->exchange();
    for (const ExchangeEdge &edge : list)
      for (int64_t f = 0; f < task.firings(); ++f)
        add(edge.pushed ? Kind::SendGrant : Kind::SendRead, edge.receive,
            f - window - (edge.pushed ? edge.landingSlots : 0), send, f, exchange, send);
  }
}

void Enumerator::addReuses(uint32_t role) {
  const auto *reuses = tasks_.roleProgram(role).reuses();
  for (uint32_t i = 0; reuses && i < reuses->size(); ++i) {
    const plan::Reuse &edge = *reuses->Get(i);
    const uint32_t from = tasks_.node(role, edge.from()), to = tasks_.node(role, edge.to());
    const int64_t last = tasks_.firings(from) - 1, first = int64_t(edge.lag()) * tasks_.firings(to);
    if (!tasks_[from].body->body_as_Send()) {
      add(Kind::Reuse, from, last, to, first, i, from);
      continue;
    }
    // A Send lets go of its inputs in the order of its firings, the last one last.
    add(Kind::Reuse, from, last, to, first, i, from);
    for (const ExchangeEdge &out : edges_[from])
      add(out.pushed ? Kind::ReuseGrant : Kind::ReuseRead, out.receive,
          last - (out.pushed ? out.landingSlots : 0), to, first, i, from);
  }
}

Result<std::vector<FiringDependency>> Enumerator::run() {
  OF_TRY(collectEdges());
  for (uint32_t r = 0; r < plan_.roles()->size(); ++r) {
    addOrders(r);
    OF_TRY(addRegisters(r));
    addReuses(r);
  }
  addSendWindows();
  return std::move(out_);
}

std::string firingName(const ProgramTasks &tasks, uint32_t node, int64_t firing) {
  std::string out = tasks.name(node);
  const int64_t firings = tasks.firings(node);
  if (firings > 1)
    out += "[" + std::to_string(((firing % firings) + firings) % firings) + "]";
  return out;
}

} // namespace

ProgramTasks::ProgramTasks(const plan::Plan &plan, uint32_t program)
    : plan_(plan), program_(program) {
  for (uint32_t r = 0; r < plan.roles()->size(); ++r) {
    firstOfRole_.push_back(size());
    const auto &tasks = *roleProgram(r).tasks();
    for (uint32_t t = 0; t < tasks.size(); ++t)
      entries_.push_back({r, t, tasks[t]});
  }
}

std::string ProgramTasks::name(uint32_t node) const {
  const Entry &entry = entries_[node];
  const std::string task = entry.body->name()->str();
  return plan_.roles()->size() > 1 ? plan_.roles()->Get(entry.role)->name()->str() + "/" + task
                                   : task;
}

Result<std::vector<FiringDependency>> firingDependencies(const ProgramTasks &tasks) {
  return Enumerator(tasks).run();
}

std::string describe(const ProgramTasks &tasks, const FiringDependency &d) {
  using Kind = DependencyKind;
  const std::string from = firingName(tasks, d.from, d.fromFiring);
  const std::string waits = firingName(tasks, d.to, d.toFiring) + " waits for ";
  const plan::Plan &plan = tasks.plan();
  const plan::Role &role = *plan.roles()->Get(tasks[d.to].role);
  switch (d.kind) {
  case Kind::Order:
    return waits + from + ", which stands before it in the order of stream " +
           role.streams()->Get(d.subject)->name()->str();
  case Kind::Exchange:
    return waits + "exchange " + plan.exchanges()->Get(d.subject)->name()->str() + " from " + from;
  case Kind::SendRead:
    return waits + from + ", which has yet to read an earlier firing";
  case Kind::SendGrant:
    return waits + from + ", which has yet to free a landing slot for an earlier firing";
  case Kind::Reuse:
    return waits + from + ", whose memory it uses again";
  case Kind::ReuseRead:
  case Kind::ReuseGrant:
    return waits + tasks.name(d.via) + ", whose memory it uses again and which waits until " +
           from + (d.kind == Kind::ReuseRead ? " has read it" : " frees a landing slot");
  default:
    break;
  }
  const plan::Register &reg = *tasks.roleProgram(tasks[d.to].role).registers()->Get(d.subject);
  if (d.kind == Kind::Version)
    return waits + "a version of register " + reg.name()->str() + " from " + from;
  const std::string slot = "a free slot of register " + reg.name()->str() + " (of " +
                           std::to_string(reg.slots()) + "), held by ";
  if (d.kind == Kind::Slot)
    return waits + slot + from;
  return waits + slot + tasks.name(d.via) + " until " + from +
         (d.kind == Kind::SlotRead ? " has read it" : " frees a landing slot");
}

} // namespace of::rt
