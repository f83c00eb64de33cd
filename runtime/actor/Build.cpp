#include "runtime/actor/Build.h"

#include <algorithm>
#include <unordered_map>

namespace of::rt {

namespace {

/// Builds the tables of one program for all workers of a device.
class ProgramBuilder {
public:
  ProgramBuilder(const plan::Plan &plan, uint32_t device, const plan::Role &role, uint32_t program,
                 ExchangePeers &peers)
      : plan_(plan), device_(device), role_(role), program_(program),
        body_(*role.programs()->Get(program)), peers_(peers) {}

  Status build(DeviceTables &out);

private:
  struct Place {
    uint32_t worker = kNone, task = kNone, port = kNone;
  };

  ProgramTable &table(uint32_t worker) { return (*out_).workers[worker][program_]; }
  Status bad(const plan::Task &task, const std::string &what) const {
    return Status(Code::Corrupt, "task " + describe(task) + " of program " +
                                     std::to_string(program_) + ": " + what +
                                     "; the plan is damaged, compile it again");
  }
  Status addOrders();
  Status addTask(uint32_t planTask, uint32_t worker, uint32_t stream);
  Status addPorts(const plan::Task &task, uint32_t index, ProgramTable &t);
  Status checkPort(const plan::Task &task, const plan::Port &port) const;
  void addEvents(TaskEntry &entry, ProgramTable &t) const;
  Status connectRegisters();
  Status connectReuses();
  void connectInput(uint32_t worker, uint32_t input);

  const plan::Plan &plan_;
  uint32_t device_;
  const plan::Role &role_;
  uint32_t program_;
  const plan::RoleProgram &body_;
  ExchangePeers &peers_;
  DeviceTables *out_ = nullptr;
  std::vector<Place> producers_; ///< by register
  std::vector<Place> tasks_;     ///< by task of the plan
};

Status ProgramBuilder::build(DeviceTables &out) {
  out_ = &out;
  for (WorkerTables &worker : out.workers)
    worker[program_].program = program_;
  producers_.assign(body_.registers()->size(), Place());
  OF_TRY(addOrders());
  OF_TRY(connectRegisters());
  OF_TRY(connectReuses());
  for (uint32_t w = 0; w < out.workers.size(); ++w)
    static_cast<EdgeTable &>(table(w)) = buildEdges(plan_, device_, role_, table(w), peers_);
  return Status::ok();
}

Status ProgramBuilder::addOrders() {
  tasks_.assign(body_.tasks()->size(), Place());
  for (const plan::Order *order : *body_.orders()) {
    if (order->stream() >= role_.streams()->size())
      return Status(Code::Corrupt, "an order names stream " + std::to_string(order->stream()) +
                                       ", which the role does not have; the plan is damaged");
    const uint32_t worker = role_.streams()->Get(order->stream())->worker();
    ProgramTable &t = table(worker);
    const uint32_t stream = static_cast<uint32_t>(t.streams.size());
    t.streams.push_back(
        {order->stream(), static_cast<uint32_t>(t.order.size()), order->tasks()->size()});
    std::vector<uint32_t> count(tasks_.size(), 0); // by task of the plan
    for (uint32_t planTask : *order->tasks()) {
      if (planTask >= tasks_.size() || body_.tasks()->Get(planTask)->stream() != order->stream())
        return Status(Code::Corrupt, "the order of stream " + std::to_string(order->stream()) +
                                         " names task " + std::to_string(planTask) +
                                         ", which is not of that stream; the plan is damaged");
      if (tasks_[planTask].task == kNone) {
        tasks_[planTask] = {worker, static_cast<uint32_t>(t.tasks.size()), kNone};
        OF_TRY(addTask(planTask, worker, stream));
      }
      t.order.push_back(tasks_[planTask].task);
      ++count[planTask];
    }
    for (uint32_t i = 0; i < tasks_.size(); ++i)
      if (const plan::Task *task = body_.tasks()->Get(i); count[i] && task->firings() != count[i])
        return bad(*task, "stands " + std::to_string(count[i]) +
                              " times in its stream's order, but fires " +
                              std::to_string(task->firings()) + " times");
  }
  for (uint32_t i = 0; i < tasks_.size(); ++i)
    if (tasks_[i].task == kNone)
      return bad(*body_.tasks()->Get(i), "stands in no order");
  return Status::ok();
}

Status ProgramBuilder::addTask(uint32_t planTask, uint32_t worker, uint32_t stream) {
  const plan::Task &task = *body_.tasks()->Get(planTask);
  ProgramTable &t = table(worker);
  const uint32_t index = static_cast<uint32_t>(t.tasks.size());
  TaskEntry entry;
  entry.planTask = planTask;
  entry.stream = stream;
  entry.kind = static_cast<BodyKind>(task.body_type());
  entry.firings = task.firings();
  t.tasks.push_back(entry);
  OF_TRY(addPorts(task, index, t));
  addEvents(t.tasks[index], t);
  if (const uint32_t exchange = exchangeOf(task); exchange != kNone)
    peers_.learn(exchange);
  return Status::ok();
}

Status ProgramBuilder::checkPort(const plan::Task &task, const plan::Port &port) const {
  if (port.reg() >= body_.registers()->size())
    return bad(task,
               "has a port on register " + std::to_string(port.reg()) + ", which does not exist");
  const plan::Register &reg = *body_.registers()->Get(port.reg());
  if (reg.slots() == 0 || reg.initial() > reg.slots())
    return bad(task, "register " + reg.name()->str() + " has " + std::to_string(reg.slots()) +
                         " slots and " + std::to_string(reg.initial()) + " initial versions");
  if (reg.slots() > kMaxCount || port.period() > kMaxCount)
    return bad(task, "register " + reg.name()->str() + " has " + std::to_string(reg.slots()) +
                         " slots and a port of period " + std::to_string(port.period()) +
                         "; up to " + std::to_string(kMaxCount) + " are possible");
  if (port.period() == 0 || task.firings() % port.period() != 0)
    return bad(task, "the period " + std::to_string(port.period()) + " of its port on " +
                         reg.name()->str() + " does not divide its " +
                         std::to_string(task.firings()) + " firings");
  const bool exchange =
      task.body_type() == plan::Body::Send || task.body_type() == plan::Body::Receive;
  if (exchange && port.period() != 1)
    return bad(task, "an end of an exchange needs ports of period 1");
  return Status::ok();
}

Status ProgramBuilder::addPorts(const plan::Task &task, uint32_t index, ProgramTable &t) {
  const uint32_t worker = role_.streams()->Get(task.stream())->worker();
  auto atEnd = [](int32_t call) { return call < 0 ? kAtEnd : call; };
  TaskEntry &entry = t.tasks[index];
  entry.firstInput = static_cast<uint32_t>(t.inputs.size());
  entry.window = kNone;
  if (task.inputs())
    for (const plan::Port *port : *task.inputs()) {
      OF_TRY(checkPort(task, *port));
      const plan::Register &reg = *body_.registers()->Get(port->reg());
      InputEntry input;
      input.reg = port->reg();
      input.slots = reg.slots();
      input.initial = reg.initial();
      input.period = port->period();
      input.call = atEnd(port->call());
      t.inputs.push_back(input);
      entry.window = std::min(entry.window, reg.slots());
    }
  entry.numInputs = static_cast<uint32_t>(t.inputs.size()) - entry.firstInput;
  entry.window = entry.numInputs == 0 ? 1 : entry.window;
  entry.firstOutput = static_cast<uint32_t>(t.outputs.size());
  if (task.outputs())
    for (const plan::Port *port : *task.outputs()) {
      OF_TRY(checkPort(task, *port));
      const plan::Register &reg = *body_.registers()->Get(port->reg());
      if (producers_[port->reg()].task != kNone)
        return bad(task, "is the second writer of register " + reg.name()->str());
      producers_[port->reg()] = {worker, index, static_cast<uint32_t>(t.outputs.size())};
      OutputEntry output;
      output.reg = port->reg();
      output.slots = reg.slots();
      output.initial = reg.initial();
      output.period = port->period();
      output.call = atEnd(port->call());
      t.outputs.push_back(output);
    }
  entry.numOutputs = static_cast<uint32_t>(t.outputs.size()) - entry.firstOutput;
  if (entry.numInputs > kMaxCount || entry.numOutputs > kMaxCount)
    return bad(task, "has " + std::to_string(entry.numInputs) + " inputs and " +
                         std::to_string(entry.numOutputs) + " outputs; up to " +
                         std::to_string(kMaxCount) + " are possible");
  return Status::ok();
}

void ProgramBuilder::addEvents(TaskEntry &entry, ProgramTable &t) const {
  entry.firstEvent = static_cast<uint32_t>(t.events.size());
  for (uint32_t i = entry.firstInput; i < entry.firstInput + entry.numInputs; ++i)
    t.events.push_back({t.inputs[i].call, false, i});
  for (uint32_t o = entry.firstOutput; o < entry.firstOutput + entry.numOutputs; ++o)
    t.events.push_back({t.outputs[o].call, true, o});
  std::stable_sort(t.events.begin() + entry.firstEvent, t.events.end(),
                   [](const PortEvent &a, const PortEvent &b) { return a.call < b.call; });
  entry.numEvents = static_cast<uint32_t>(t.events.size()) - entry.firstEvent;
}

void ProgramBuilder::connectInput(uint32_t worker, uint32_t input) {
  InputEntry &entry = table(worker).inputs[input];
  const Place producer = producers_[entry.reg];
  if (producer.task == kNone) {
    entry.constant = true;
    return;
  }
  ProgramTable &from = table(producer.worker);
  const TaskEntry &writer = from.tasks[producer.task];
  entry.self = producer.worker == worker && input >= writer.firstInput &&
               input < writer.firstInput + writer.numInputs;
  entry.producer = {producer.worker, static_cast<uint32_t>(from.links.size())};
  from.links.push_back({{worker, input}, entry.self});
  ++from.outputs[producer.port].numLinks;
}

Status ProgramBuilder::connectRegisters() {
  std::vector<std::vector<Peer>> readers(producers_.size()); // by register
  for (uint32_t w = 0; w < out_->workers.size(); ++w)
    for (uint32_t i = 0; i < table(w).inputs.size(); ++i)
      readers[table(w).inputs[i].reg].push_back({w, i});
  // Links of one output must lie together: visit outputs in order and collect their readers.
  for (uint32_t reg = 0; reg < producers_.size(); ++reg) {
    if (producers_[reg].task != kNone)
      table(producers_[reg].worker).outputs[producers_[reg].port].firstLink =
          static_cast<uint32_t>(table(producers_[reg].worker).links.size());
    for (const Peer &reader : readers[reg])
      connectInput(reader.worker, reader.index);
  }
  for (uint32_t w = 0; w < out_->workers.size(); ++w)
    for (const TaskEntry &task : table(w).tasks)
      for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
        if (const InputEntry &in = table(w).inputs[i];
            in.constant && (in.initial != 1 || in.slots != 1))
          return bad(*body_.tasks()->Get(task.planTask),
                     "reads register " + body_.registers()->Get(in.reg)->name()->str() +
                         ", which nobody writes; it needs one slot and one initial version, not " +
                         std::to_string(in.slots) + " and " + std::to_string(in.initial));
  return Status::ok();
}

/// Gates and signals of one task must lie together: tasks in order collect theirs.
Status ProgramBuilder::connectReuses() {
  const uint32_t count = body_.reuses() ? body_.reuses()->size() : 0;
  for (uint32_t i = 0; i < count; ++i)
    if (const plan::Reuse &edge = *body_.reuses()->Get(i);
        edge.from() >= tasks_.size() || edge.to() >= tasks_.size() || edge.lag() > 1)
      return Status(Code::Corrupt, "a reuse edge names a task that does not exist; the plan is "
                                   "damaged, compile it again");
  std::vector<Peer> gates(count);                                                 // by reuse edge
  std::vector<std::vector<uint32_t>> before(tasks_.size()), after(tasks_.size()); // by task
  for (uint32_t i = 0; i < count; ++i) {
    before[body_.reuses()->Get(i)->to()].push_back(i);
    after[body_.reuses()->Get(i)->from()].push_back(i);
  }
  for (uint32_t p = 0; p < tasks_.size(); ++p) {
    ProgramTable &t = table(tasks_[p].worker);
    TaskEntry &entry = t.tasks[tasks_[p].task];
    entry.firstGate = static_cast<uint32_t>(t.gates.size());
    for (uint32_t i : before[p]) {
      const plan::Reuse &edge = *body_.reuses()->Get(i);
      gates[i] = {tasks_[p].worker, static_cast<uint32_t>(t.gates.size())};
      t.gates.push_back(
          {edge.lag(), {tasks_[edge.from()].worker, tasks_[edge.from()].task}, edge.from()});
    }
    entry.numGates = static_cast<uint32_t>(t.gates.size()) - entry.firstGate;
  }
  for (uint32_t p = 0; p < tasks_.size(); ++p) {
    ProgramTable &t = table(tasks_[p].worker);
    TaskEntry &entry = t.tasks[tasks_[p].task];
    entry.firstSignal = static_cast<uint32_t>(t.signals.size());
    for (uint32_t i : after[p])
      t.signals.push_back({gates[i]});
    entry.numSignals = static_cast<uint32_t>(t.signals.size()) - entry.firstSignal;
  }
  return Status::ok();
}

void connectLocalEdges(uint32_t device, EdgeTable &t) {
  std::unordered_map<EdgeKey, uint32_t, EdgeKeyHash> sends; // from the device to itself
  for (uint32_t e = 0; e < t.edges.size(); ++e)
    if (t.edges[e].isSend && t.edges[e].key.dstDevice == device)
      sends.emplace(t.edges[e].key, e);
  for (uint32_t e = 0; e < t.edges.size(); ++e)
    if (t.edges[e].key.srcDevice == device && !t.edges[e].isSend)
      if (const auto it = sends.find(t.edges[e].key); it != sends.end()) {
        t.edges[e].local = it->second;
        t.edges[it->second].local = e;
      }
}

Status checkReceives(const plan::Plan &plan, const plan::RoleProgram &body) {
  for (const plan::Task *task : *body.tasks()) {
    const plan::Send *send = task->body_as_Send();
    const plan::Receive *receive = task->body_as_Receive();
    const uint32_t exchanges = plan.exchanges() ? plan.exchanges()->size() : 0;
    if ((send && send->exchange() >= exchanges) || (receive && receive->exchange() >= exchanges))
      return Status(Code::Corrupt,
                    "task " + describe(*task) + " names an exchange that does not exist");
    if (receive && (receive->landing_slots() == 0 || receive->landing_slots() > 64))
      return Status(Code::Corrupt, "task " + describe(*task) + " has " +
                                       std::to_string(receive->landing_slots()) +
                                       " landing slots; 1 to 64 are possible");
  }
  return Status::ok();
}

} // namespace

void ExchangePeers::Side::fill(std::vector<std::pair<uint32_t, uint32_t>> pairs) {
  std::sort(pairs.begin(), pairs.end());
  for (const auto &[device, peer] : pairs) {
    if (devices.empty() || devices.back() != device) {
      devices.push_back(device);
      first.push_back(static_cast<uint32_t>(peers.size()));
    }
    peers.push_back(peer);
  }
  first.push_back(static_cast<uint32_t>(peers.size()));
}

DeviceList ExchangePeers::Side::of(uint32_t device) const {
  const auto it = std::lower_bound(devices.begin(), devices.end(), device);
  if (it == devices.end() || *it != device)
    return {};
  const size_t place = static_cast<size_t>(it - devices.begin());
  return {peers.data() + first[place], peers.data() + first[place + 1]};
}

void ExchangePeers::learn(uint32_t exchange) {
  const auto [it, isNew] = known_.try_emplace(exchange);
  if (!isNew)
    return;
  auto pairs = exchangePairs(plan_, *plan_.exchanges()->Get(exchange));
  it->second.takers.fill(pairs);
  for (auto &[src, dst] : pairs)
    std::swap(src, dst);
  it->second.givers.fill(std::move(pairs));
}

DeviceList ExchangePeers::of(uint32_t exchange, uint32_t device, bool isSend) const {
  const Sides &sides = known_.at(exchange);
  return (isSend ? sides.takers : sides.givers).of(device);
}

uint32_t exchangeOf(const plan::Task &task) {
  if (const plan::Send *send = task.body_as_Send())
    return send->exchange();
  const plan::Receive *receive = task.body_as_Receive();
  return receive ? receive->exchange() : kNone;
}

EdgeTable buildEdges(const plan::Plan &plan, uint32_t device, const plan::Role &role,
                     const TaskTable &table, const ExchangePeers &peers) {
  EdgeTable out;
  const plan::RoleProgram &program = *role.programs()->Get(table.program);
  const DistanceFn distance = distanceOf(plan);
  for (uint32_t index = 0; index < table.tasks.size(); ++index) {
    const plan::Task &task = *program.tasks()->Get(table.tasks[index].planTask);
    EndEntry &end = out.ends.emplace_back();
    end.firstEdge = static_cast<uint32_t>(out.edges.size());
    const uint32_t exchange = exchangeOf(task);
    if (exchange == kNone)
      continue;
    const plan::Receive *receive = task.body_as_Receive();
    for (uint32_t peer : peers.of(exchange, device, !receive)) {
      EdgeEntry edge;
      edge.key.program = static_cast<uint16_t>(table.program);
      edge.key.exchange = exchange;
      edge.key.srcDevice = receive ? peer : device;
      edge.key.dstDevice = receive ? device : peer;
      edge.path = distance(device, peer) == Distance::Remote ? Path::Pushed : Path::Shared;
      edge.isSend = !receive;
      edge.task = index;
      edge.window = receive ? receive->landing_slots() : table.tasks[index].window;
      out.edges.push_back(edge);
    }
    end.numEdges = static_cast<uint32_t>(out.edges.size()) - end.firstEdge;
    if (!receive) {
      end.firstOpen = out.openCounters;
      out.openCounters += table.tasks[index].window;
    }
  }
  connectLocalEdges(device, out);
  return out;
}

Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device) {
  ExchangePeers peers(plan);
  return buildTables(plan, device, peers);
}

Result<DeviceTables> buildTables(const plan::Plan &plan, uint32_t device, ExchangePeers &peers) {
  OF_ASSIGN(const RoleInstance instance, roleOf(plan, device));
  const plan::Role &role = *instance.role;
  if (role.programs()->size() != plan.programs()->size())
    return Status(Code::Corrupt,
                  "role " + role.name()->str() + " has " + std::to_string(role.programs()->size()) +
                      " programs, the plan has " + std::to_string(plan.programs()->size()));
  uint32_t workers = 1;
  for (const plan::Stream *stream : *role.streams())
    workers = std::max(workers, stream->worker() + 1);
  DeviceTables out;
  out.workers.assign(workers, WorkerTables(plan.programs()->size()));
  for (uint32_t p = 0; p < plan.programs()->size(); ++p) {
    OF_TRY(checkReceives(plan, *role.programs()->Get(p)));
    OF_TRY(ProgramBuilder(plan, device, role, p, peers).build(out));
  }
  return out;
}

} // namespace of::rt
