#include "runtime/sim/Simulation.h"

#include "runtime/actor/Build.h"
#include "runtime/actor/Machine.h"
#include "runtime/actor/Waits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <tuple>

namespace of::rt {

namespace {

struct SimEvent {
  enum class Kind : uint8_t { CallEnd, BodyEnd, Arrival };
  int64_t atNs = 0;
  uint64_t number = 0; ///< of its creation: ties go to the older event
  Kind kind = Kind::Arrival;
  uint32_t worker = 0; ///< index in the simulation
  uint32_t stream = 0;
  int32_t call = 0;
  Token token;
  bool operator>(const SimEvent &o) const {
    return std::tie(atNs, number) > std::tie(o.atNs, o.number);
  }
};

class Simulator {
public:
  Simulator(const plan::Plan &plan, const SimulationOptions &options)
      : plan_(plan), options_(options), random_(options.seed),
        network_(plan,
                 options.linkBytesPerSecond > 0 ? Network::Mode::Throttled
                 : options.streamsShareWorkers  ? Network::Mode::Predicted
                                                : Network::Mode::Untimed,
                 options.linkBytesPerSecond) {}

  Result<SimulationResult> run();

private:
  struct Worker;
  /// Notes what its worker's machine asks for.
  struct Sink final : ActionSink {
    Sink(Simulator &owner, uint32_t index) : simulator(owner), worker(index) {}
    void act(const Action &action) override { simulator.act(worker, action); }
    Simulator &simulator;
    const uint32_t worker;
  };
  /// What a stream has begun: steps that end with a call after which ports move, and the rest.
  struct Body {
    int32_t step = 0, steps = 0; ///< the next, and how many
    int32_t calls = 1;
    int64_t durationNs = 0;
  };
  struct Worker {
    uint32_t device = 0, number = 0, node = 0;
    const WorkerTables *tables = nullptr;
    std::unique_ptr<Machine> machine;
    std::unique_ptr<Sink> sink;
    size_t entry = 0;     ///< of the schedule
    bool left = false;    ///< the program of that entry
    uint32_t running = 0; ///< bodies
    bool isBusy = false;  ///< in a step of one of them; only where streams share the worker
    uint32_t nextStream = 0;
    std::vector<Body> bodies;    ///< by stream of the table
    std::vector<StreamUse> uses; ///< by stream of the role
  };
  struct End {
    uint32_t worker = kNone, edge = kNone;
  };
  using EdgeId = std::tuple<uint16_t, uint32_t, uint32_t, uint32_t>;
  static EdgeId idOf(const EdgeKey &key) {
    return {key.program, key.exchange, key.srcDevice, key.dstDevice};
  }

  Status build();
  void act(uint32_t from, const Action &action);
  void send(uint32_t from, uint32_t to, const Token &token);
  void later(int64_t delayNs, uint32_t to, const Token &token);
  int64_t delay() { return options_.maxDelayNs > 0 ? draw(options_.maxDelayNs + 1) : 0; }
  int64_t draw(int64_t below) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(below));
  }
  void push(SimEvent event);
  void enter(uint32_t worker);
  Status settle(uint32_t worker);
  Status leaveAndEnter(uint32_t worker);
  void startBodies(uint32_t worker);
  void startBody(uint32_t worker, const Firing &firing);
  void startStep(uint32_t worker, uint32_t stream);
  int64_t durationOf(const Worker &worker, const TaskEntry &task);
  int32_t callsOf(const Worker &worker, const TaskEntry &task) const;
  int64_t readNs(const Worker &worker, const plan::Read &read) const;
  Status handle(const SimEvent &event);
  SimulationResult result() const;

  const plan::Plan &plan_;
  const SimulationOptions &options_;
  std::mt19937_64 random_;
  Network network_;
  std::vector<DeviceTables> tables_; ///< by device
  std::vector<uint32_t> firstWorker_;
  std::vector<Worker> workers_;
  std::map<EdgeId, End> sends_, receives_;
  std::map<std::pair<uint32_t, uint32_t>, int64_t> lastArrival_; ///< by (from, to)
  std::priority_queue<SimEvent, std::vector<SimEvent>, std::greater<SimEvent>> queue_;
  uint64_t created_ = 0;
  int64_t nowNs_ = 0;
};

Status Simulator::build() {
  ExchangePeers peers(plan_);
  for (uint32_t d = 0; d < plan_.devices()->size(); ++d) {
    OF_ASSIGN(DeviceTables tables, buildTables(plan_, d, peers));
    tables_.push_back(std::move(tables));
  }
  for (uint32_t d = 0; d < tables_.size(); ++d) {
    OF_ASSIGN(const RoleInstance instance, roleOf(plan_, d));
    firstWorker_.push_back(static_cast<uint32_t>(workers_.size()));
    for (uint32_t w = 0; w < tables_[d].workers.size(); ++w) {
      const uint32_t index = static_cast<uint32_t>(workers_.size());
      Worker worker;
      worker.device = d;
      worker.number = w;
      worker.node = plan_.devices()->Get(d)->node();
      worker.tables = &tables_[d].workers[w];
      worker.machine = std::make_unique<Machine>(*worker.tables, w);
      worker.sink = std::make_unique<Sink>(*this, index);
      for (const plan::Stream *stream : *instance.role->streams())
        worker.uses.push_back({d, w, stream->name()->str(), 0, 0});
      for (const ProgramTable &table : *worker.tables)
        for (uint32_t e = 0; e < table.edges.size(); ++e)
          (table.edges[e].isSend ? sends_ : receives_)[idOf(table.edges[e].key)] = {index, e};
      workers_.push_back(std::move(worker));
    }
  }
  return Status::ok();
}

void Simulator::push(SimEvent event) {
  event.number = created_++;
  queue_.push(event);
}

void Simulator::later(int64_t delayNs, uint32_t to, const Token &token) {
  SimEvent event;
  event.atNs = nowNs_ + delayNs;
  event.worker = to;
  event.token = token;
  push(event);
}

/// Behind everything that this worker has sent to that one.
void Simulator::send(uint32_t from, uint32_t to, const Token &token) {
  int64_t &last = lastArrival_[{from, to}];
  last = std::max(last, nowNs_ + delay());
  later(last - nowNs_, to, token);
}

void Simulator::act(uint32_t from, const Action &action) {
  using K = Action::Kind;
  using T = Token::Kind;
  const Worker &worker = workers_[from];
  if (action.peer.worker != kNone)
    return send(from, firstWorker_[worker.device] + action.peer.worker,
                {localToken(action.kind), action.entry, action.program, action.peer.index,
                 action.sequence});
  const EdgeEntry &edge = (*worker.tables)[action.program].edges[action.index];
  const auto &ends = edge.isSend ? receives_ : sends_;
  const End other = ends.at(idOf(edge.key)); // both ends are there: the plan is verified
  const Token token{T::Ready, action.entry, action.program, other.edge, action.sequence};
  if (action.kind == K::Push) {
    const int64_t leavesNs = network_.push(edge.key, action.sequence, nowNs_) - nowNs_;
    later(leavesNs + delay(), from,
          {T::PushDone, action.entry, action.program, action.index, action.sequence});
    later(leavesNs + delay(), other.worker,
          {T::Landed, token.entry, token.program, token.index, token.sequence});
    return;
  }
  network_.message(worker.device, workers_[other.worker].device);
  const T kind = action.kind == K::Ready ? T::Ready : action.kind == K::Ack ? T::Ack : T::Grant;
  send(from, other.worker, {kind, token.entry, token.program, token.index, token.sequence});
}

int64_t Simulator::readNs(const Worker &worker, const plan::Read &read) const {
  const Layout layout = layoutOf(plan_, *read.layout());
  const Shape rows{static_cast<int64_t>(read.global_rows())};
  const Box box = boxAt(rows, layout, layout.placement.pointOf(worker.device));
  return std::llround(static_cast<double>(box.elements()) / options_.readRowsPerSecond * 1e9);
}

int64_t Simulator::durationOf(const Worker &worker, const TaskEntry &task) {
  const auto instance = roleOf(plan_, worker.device);
  const plan::RoleProgram &program =
      *instance->role->programs()->Get(worker.machine->table().program);
  int64_t certified = program.certificate()->durations()->Get(task.planTask);
  if (task.kind == BodyKind::Receive)
    certified -= network_.networkNs(
        worker.machine->table().program,
        program.tasks()->Get(task.planTask)->body_as_Receive()->exchange(), certified);
  certified = std::max<int64_t>(1, certified);
  if (task.kind == BodyKind::Read && options_.readRowsPerSecond > 0)
    certified =
        std::max<int64_t>(1, readNs(worker, *program.tasks()->Get(task.planTask)->body_as_Read()));
  if (!options_.randomDurations)
    return certified;
  const int64_t eighths = int64_t(1) << draw(7); // 1/8 to 8
  return std::max<int64_t>(1, certified * eighths / 8 + draw(certified + 1));
}

int32_t Simulator::callsOf(const Worker &worker, const TaskEntry &task) const {
  const plan::RoleProgram &program =
      *roleOf(plan_, worker.device)->role->programs()->Get(worker.machine->table().program);
  const plan::Segment *segment = program.tasks()->Get(task.planTask)->body_as_Segment();
  return segment ? int32_t(segment->calls()->size()) : 1;
}

void Simulator::startBody(uint32_t index, const Firing &firing) {
  Worker &worker = workers_[index];
  const ProgramTable &table = worker.machine->table();
  const TaskEntry &task = table.tasks[firing.task];
  const int64_t duration = durationOf(worker, task);
  StreamUse &use = worker.uses[table.streams[firing.stream].planStream];
  use.busyNs += duration;
  ++use.firings;
  ++worker.running;
  if (options_.observe)
    options_.observe({worker.device, static_cast<uint32_t>(worker.entry), task.planTask,
                      firing.index, nowNs_, nowNs_ + duration});
  // Ports that move inside the body do so after their calls, which are taken to be equally long.
  Body body{0, 1, callsOf(worker, task), duration};
  for (uint32_t e = task.firstEvent; e < task.firstEvent + task.numEvents; ++e)
    if (table.events[e].call != kAtEnd && table.events[e].call + 1 < body.calls)
      body.steps = std::max(body.steps, table.events[e].call + 2);
  worker.bodies.resize(table.streams.size());
  worker.bodies[firing.stream] = body;
}

/// The next step of the stream's body ends with a call after which ports move, or with the body.
void Simulator::startStep(uint32_t index, uint32_t stream) {
  Worker &worker = workers_[index];
  Body &body = worker.bodies[stream];
  const auto endOf = [&](int32_t step) {
    return step + 1 == body.steps ? body.durationNs : body.durationNs * (step + 1) / body.calls;
  };
  SimEvent event;
  event.worker = index;
  event.stream = stream;
  event.call = body.step;
  event.kind = body.step + 1 == body.steps ? SimEvent::Kind::BodyEnd : SimEvent::Kind::CallEnd;
  event.atNs = nowNs_ + endOf(body.step) - (body.step == 0 ? 0 : endOf(body.step - 1));
  ++body.step;
  push(event);
}

/// A thread takes turns between the bodies that its streams have begun, step by step; streams of
/// their own begin whenever they can.
void Simulator::startBodies(uint32_t index) {
  Worker &worker = workers_[index];
  const uint32_t streams = static_cast<uint32_t>(worker.machine->table().streams.size());
  worker.bodies.resize(streams);
  for (uint32_t i = 0, first = worker.nextStream; i < streams; ++i) {
    if (options_.streamsShareWorkers && worker.isBusy)
      return;
    const uint32_t stream = (first + i) % streams;
    const bool isRunning = worker.bodies[stream].step < worker.bodies[stream].steps;
    Firing firing;
    if (isRunning ? !options_.streamsShareWorkers : !worker.machine->tryStart(stream, firing))
      continue;
    if (!isRunning)
      startBody(index, firing);
    if (options_.streamsShareWorkers) {
      worker.isBusy = true;
      worker.nextStream = (stream + 1) % streams;
    }
    startStep(index, stream);
  }
}

void Simulator::enter(uint32_t index) {
  Worker &worker = workers_[index];
  const SimulationEntry &entry = options_.schedule[worker.entry];
  worker.left = false;
  worker.machine->enter(entry.program, entry.iterations, *worker.sink);
}

/// All workers of a node leave a program before any of them enters the next.
Status Simulator::leaveAndEnter(uint32_t index) {
  Worker &worker = workers_[index];
  OF_TRY(worker.machine->leave());
  worker.left = true;
  std::vector<uint32_t> others;
  for (uint32_t w = 0; w < workers_.size(); ++w)
    if (workers_[w].node == worker.node) {
      if (!workers_[w].left)
        return Status::ok();
      others.push_back(w);
    }
  for (uint32_t w : others)
    ++workers_[w].entry;
  if (worker.entry == options_.schedule.size())
    return Status::ok();
  for (uint32_t w : others)
    enter(w);
  for (uint32_t w : others)
    OF_TRY(settle(w));
  return Status::ok();
}

/// Starts what can start, and leaves a program that is done.
Status Simulator::settle(uint32_t index) {
  Worker &worker = workers_[index];
  if (!worker.machine->entered())
    return Status::ok();
  startBodies(index);
  return worker.running == 0 && worker.machine->finished() ? leaveAndEnter(index) : Status::ok();
}

Status Simulator::handle(const SimEvent &event) {
  Worker &worker = workers_[event.worker];
  switch (event.kind) {
  case SimEvent::Kind::CallEnd:
    worker.isBusy = false;
    worker.machine->passCall(event.stream, event.call, *worker.sink);
    if (!options_.streamsShareWorkers)
      startStep(event.worker, event.stream);
    break;
  case SimEvent::Kind::BodyEnd:
    worker.isBusy = false;
    --worker.running;
    worker.machine->finish(event.stream, *worker.sink);
    break;
  case SimEvent::Kind::Arrival:
    OF_TRY(worker.machine->onToken(event.token, *worker.sink));
    break;
  }
  return settle(event.worker);
}

SimulationResult Simulator::result() const {
  SimulationResult out;
  out.endNs = nowNs_;
  out.nodes = network_.uses();
  out.finished = true;
  for (const Worker &worker : workers_) {
    const auto instance = roleOf(plan_, worker.device);
    for (uint32_t s = 0; s < worker.uses.size(); ++s)
      if (instance->role->streams()->Get(s)->worker() == worker.number)
        out.streams.push_back(worker.uses[s]);
    if (worker.entry == options_.schedule.size())
      continue;
    out.finished = false;
    for (const Wait &wait : worker.machine->waits())
      if (wait.kind != Wait::Kind::Done)
        out.waits.push_back(describe(plan_, worker.device, worker.machine->table(), wait));
  }
  return out;
}

Result<SimulationResult> Simulator::run() {
  OF_TRY(build());
  if (!options_.schedule.empty()) {
    for (uint32_t w = 0; w < workers_.size(); ++w)
      enter(w);
    for (uint32_t w = 0; w < workers_.size(); ++w)
      OF_TRY(settle(w));
  }
  while (!queue_.empty()) {
    const SimEvent event = queue_.top();
    queue_.pop();
    nowNs_ = event.atNs;
    OF_TRY(handle(event));
  }
  return result();
}

} // namespace

Result<SimulationResult> simulate(const plan::Plan &plan, const SimulationOptions &options) {
  return Simulator(plan, options).run();
}

} // namespace of::rt
