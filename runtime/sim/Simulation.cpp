#include "runtime/sim/Simulation.h"

#include "runtime/actor/Machine.h"
#include "runtime/actor/Waits.h"
#include "runtime/sim/EventQueue.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <unordered_map>

namespace of::rt {

namespace {

/// Several tokens of one kind that a firing sends along edges that follow each other are one event.
struct SimEvent {
  enum class Kind : uint8_t {
    CallEnd,  ///< `index`: stream; `sequence`: call
    BodyEnd,  ///< `index`: stream
    Token,    ///< of the same device, at `index`
    Sent,     ///< tokens to the other ends of `count` edges from `index` on
    PushDone, ///< at edge `index`
    Landed,   ///< at the other end of edge `index`
    Pushed,   ///< both, of `count` edges from `index` on
  };
  int64_t atNs = 0;
  uint64_t sequence = 0;
  uint32_t worker = 0; ///< index in the simulation: of the stream, the token or these ends
  uint32_t index = 0;
  uint16_t program = 0;
  uint16_t count = 1;
  uint8_t entry = 0;
  Kind kind = Kind::BodyEnd;
  Token::Kind token = Token::Kind::Ready;
};
static_assert(sizeof(SimEvent) == 32, "two in a cache line");

class Simulator {
public:
  Simulator(const Roster &roster, const SimulationOptions &options)
      : roster_(roster), plan_(roster.plan()), options_(options), random_(options.seed),
        network_(plan_,
                 options.linkBytesPerSecond > 0 ? Network::Mode::Throttled
                 : options.streamsShareWorkers  ? Network::Mode::Predicted
                                                : Network::Mode::Untimed,
                 options.linkBytesPerSecond),
        sink_(*this) {}

  Result<SimulationResult> run();

private:
  /// Notes what the machine of a worker asks for.
  struct Sink final : ActionSink {
    explicit Sink(Simulator &owner) : simulator(owner) {}
    void act(const Action &action) override { simulator.act(worker, action); }
    Sink &of(uint32_t index) {
      worker = index;
      return *this;
    }
    Simulator &simulator;
    uint32_t worker = 0;
  };
  /// What a stream has begun: steps that end with a call after which ports move, and the rest.
  struct Body {
    int32_t step = 0, steps = 0; ///< the next, and how many
    int32_t calls = 1;
    int64_t durationNs = 0;
  };
  /// What the simulation needs of a task at each of its firings.
  struct TaskLook {
    int64_t durationNs = 0;
    uint32_t stream = 0; ///< of the role
    int32_t steps = 1, calls = 1;
    uint32_t exchange = kNone; ///< that it is an end of
  };
  struct Use {
    int64_t busyNs = 0;
    uint64_t firings = 0;
  };
  struct alignas(64) Worker {
    Worker(const std::vector<MachineProgram> &programs, uint32_t number)
        : machine(programs, number) {}
    Machine machine;
    bool isBusy = false;  ///< in a step of a body; only where streams share the worker
    bool left = false;    ///< the program of `entry`
    uint32_t running = 0; ///< bodies
    uint32_t nextStream = 0;
    uint32_t entry = 0; ///< of the schedule
    const TaskLook *looks = nullptr;
    Body *bodies = nullptr; ///< by stream of the table
    Use *uses = nullptr;    ///< by stream of the role
  };

  void build();
  std::vector<TaskLook> looksOf(const RosterRole &role, const ProgramTable &table) const;
  int64_t certifiedNs(const plan::RoleProgram &program, const ProgramTable &table,
                      const TaskEntry &task) const;
  void act(uint32_t from, const Action &action);
  void tell(uint32_t from, const Action &action, Token::Kind kind);
  void push(uint32_t from, const Action &action);
  /// When what this worker sends now reaches that one: behind everything that it has sent to it.
  int64_t arrivalNs(uint32_t from, uint32_t to);
  void countMessage(uint32_t from) {
    network_.message(roster_.workers()[from].node, roster_.workers()[from].count);
  }
  int64_t delay() { return options_.maxDelayNs > 0 ? draw(options_.maxDelayNs + 1) : 0; }
  int64_t draw(int64_t below) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(below));
  }
  void add(const SimEvent &event);
  void enter(uint32_t worker);
  Status settle(uint32_t worker);
  Status leaveAndEnter(uint32_t worker);
  void startBodies(uint32_t worker);
  bool startStream(uint32_t worker, uint32_t stream);
  void startBody(uint32_t worker, const Firing &firing);
  void startStep(uint32_t worker, uint32_t stream);
  int64_t durationOf(uint32_t worker, const TaskEntry &task, int64_t certified);
  int64_t readNs(uint32_t device, const plan::Read &read) const;
  Status handle(const SimEvent &event);
  Status arrive(uint32_t worker, const Token &token);
  Status arrive(const EdgeEnd &end, Token token);
  void startReceive(uint32_t worker, const Token &token);
  void addUses(uint32_t device, SimulationResult &out) const;
  SimulationResult result() const;

  const Roster &roster_;
  const plan::Plan &plan_;
  const SimulationOptions &options_;
  std::mt19937_64 random_;
  Network network_;
  Sink sink_;
  std::vector<Worker> workers_; ///< as in the roster
  std::vector<Body> bodies_;
  std::vector<Use> uses_;
  std::vector<std::vector<std::vector<std::vector<TaskLook>>>> looks_; ///< role, worker, program
  std::vector<uint32_t> left_;                        ///< by node: workers that have left
  std::unordered_map<uint64_t, int64_t> lastArrival_; ///< by (from, to)
  EventQueue<SimEvent> queue_;
};

/// Of the certified duration, what passes on the worker.
int64_t Simulator::certifiedNs(const plan::RoleProgram &program, const ProgramTable &table,
                               const TaskEntry &task) const {
  int64_t certified = program.certificate()->durations()->Get(task.planTask);
  if (task.kind == BodyKind::Receive)
    certified -= network_.networkNs(
        table.program, program.tasks()->Get(task.planTask)->body_as_Receive()->exchange(),
        certified);
  return std::max<int64_t>(1, certified);
}

std::vector<Simulator::TaskLook> Simulator::looksOf(const RosterRole &role,
                                                    const ProgramTable &table) const {
  std::vector<TaskLook> out;
  const plan::RoleProgram &program = *role.role->programs()->Get(table.program);
  for (const TaskEntry &task : table.tasks) {
    TaskLook look;
    look.durationNs = certifiedNs(program, table, task);
    look.exchange = exchangeOf(*program.tasks()->Get(task.planTask));
    look.stream = table.streams[task.stream].planStream;
    if (const plan::Segment *segment = program.tasks()->Get(task.planTask)->body_as_Segment())
      look.calls = static_cast<int32_t>(segment->calls()->size());
    // Ports that move inside the body do so after their calls, which are taken to be equally long.
    for (uint32_t e = task.firstEvent; e < task.firstEvent + task.numEvents; ++e)
      if (table.events[e].call != kAtEnd && table.events[e].call + 1 < look.calls)
        look.steps = std::max(look.steps, table.events[e].call + 2);
    out.push_back(look);
  }
  return out;
}

void Simulator::build() {
  for (const RosterRole &role : roster_.roles()) {
    auto &workers = looks_.emplace_back();
    for (const WorkerTables &tables : role.tables.workers) {
      auto &programs = workers.emplace_back();
      for (const ProgramTable &table : tables)
        programs.push_back(looksOf(role, table));
    }
  }
  const auto streamsOf = [&](const RosterWorker &worker) {
    return roster_.roles()[worker.role].role->streams()->size();
  };
  size_t streams = 0;
  for (const RosterWorker &worker : roster_.workers())
    streams += streamsOf(worker);
  bodies_.resize(streams);
  uses_.resize(streams);
  workers_.reserve(roster_.workers().size());
  streams = 0;
  for (const RosterWorker &worker : roster_.workers()) {
    std::vector<EdgeTable> edges;
    std::vector<MachineProgram> programs;
    for (const ProgramTable &table : roster_.tablesOf(worker))
      edges.push_back(roster_.edgesOf(worker, table.program));
    for (const ProgramTable &table : roster_.tablesOf(worker))
      programs.push_back({&table, &edges[table.program]});
    Worker &added = workers_.emplace_back(programs, worker.number);
    added.bodies = &bodies_[streams];
    added.uses = &uses_[streams];
    streams += streamsOf(worker);
  }
  left_.assign(plan_.nodes()->size(), 0);
}

/// Together with the newest event, if that is of the same firing and along the edges before.
void Simulator::add(const SimEvent &event) {
  using Kind = SimEvent::Kind;
  if (event.kind == Kind::Sent || event.kind == Kind::Pushed)
    if (SimEvent *newest = queue_.newest(event.atNs);
        newest && newest->atNs == event.atNs && newest->count != UINT16_MAX &&
        newest->worker == event.worker && newest->kind == event.kind &&
        newest->index + newest->count == event.index && newest->sequence == event.sequence &&
        newest->token == event.token && newest->program == event.program &&
        newest->entry == event.entry) {
      ++newest->count;
      return;
    }
  queue_.push(event);
}

int64_t Simulator::arrivalNs(uint32_t from, uint32_t to) {
  if (options_.maxDelayNs == 0)
    return queue_.nowNs();
  int64_t &last = lastArrival_[uint64_t(from) << 32 | to];
  last = std::max(last, queue_.nowNs() + delay());
  return last;
}

void Simulator::act(uint32_t from, const Action &action) {
  using K = Action::Kind;
  if (action.peer.worker == kNone)
    return action.kind == K::Push    ? push(from, action)
           : action.kind == K::Ready ? tell(from, action, Token::Kind::Ready)
           : action.kind == K::Ack   ? tell(from, action, Token::Kind::Ack)
                                     : tell(from, action, Token::Kind::Grant);
  const uint32_t to = roster_.firstWorker(roster_.workers()[from].device) + action.peer.worker;
  add({arrivalNs(from, to), action.sequence, to, action.peer.index, action.program, 1, action.entry,
       SimEvent::Kind::Token, localToken(action.kind)});
}

void Simulator::tell(uint32_t from, const Action &action, Token::Kind kind) {
  const int64_t atNs =
      options_.maxDelayNs == 0
          ? queue_.nowNs()
          : arrivalNs(from, roster_.ends(from, action.program)[action.index].worker);
  add({atNs, action.sequence, from, action.index, action.program, 1, action.entry,
       SimEvent::Kind::Sent, kind});
}

void Simulator::push(uint32_t from, const Action &action) {
  const RosterWorker &worker = roster_.workers()[from];
  const EdgeEnd &end = roster_.ends(from, action.program)[action.index];
  const uint32_t task = workers_[from].machine.taskOf(action.index);
  EdgeKey key;
  key.program = action.program;
  key.exchange = workers_[from].looks[task].exchange;
  key.srcDevice = worker.device;
  if (options_.linkBytesPerSecond > 0) // bytes count
    key.dstDevice = roster_.workers()[end.worker].device;
  countMessage(from);
  const int64_t leftNs = network_.push(key, action.sequence, queue_.nowNs());
  SimEvent event{leftNs,       action.sequence,        from,
                 action.index, action.program,         1,
                 action.entry, SimEvent::Kind::Pushed, Token::Kind::Landed};
  if (options_.maxDelayNs == 0)
    return add(event);
  event.kind = SimEvent::Kind::PushDone;
  event.atNs = leftNs + delay();
  add(event);
  event.kind = SimEvent::Kind::Landed;
  event.atNs = leftNs + delay();
  add(event);
}

int64_t Simulator::readNs(uint32_t device, const plan::Read &read) const {
  const Layout layout = layoutOf(plan_, *read.layout());
  const Shape rows{static_cast<int64_t>(read.global_rows())};
  const Box box = boxAt(rows, layout, layout.placement.pointOf(device));
  return std::llround(static_cast<double>(box.elements()) / options_.readRowsPerSecond * 1e9);
}

int64_t Simulator::durationOf(uint32_t index, const TaskEntry &task, int64_t certified) {
  if (task.kind == BodyKind::Read && options_.readRowsPerSecond > 0) {
    const RosterWorker &worker = roster_.workers()[index];
    const plan::RoleProgram &program = *roster_.roles()[worker.role].role->programs()->Get(
        workers_[index].machine.table().program);
    certified = std::max<int64_t>(
        1, readNs(worker.device, *program.tasks()->Get(task.planTask)->body_as_Read()));
  }
  if (!options_.randomDurations)
    return certified;
  const int64_t eighths = int64_t(1) << draw(7); // 1/8 to 8
  return std::max<int64_t>(1, certified * eighths / 8 + draw(certified + 1));
}

void Simulator::startBody(uint32_t index, const Firing &firing) {
  Worker &worker = workers_[index];
  const TaskLook &look = worker.looks[firing.task];
  int64_t duration = look.durationNs;
  if (options_.randomDurations || options_.readRowsPerSecond > 0)
    duration = durationOf(index, worker.machine.table().tasks[firing.task], duration);
  Use &use = worker.uses[look.stream];
  use.busyNs += duration;
  ++use.firings;
  ++worker.running;
  if (options_.observe)
    options_.observe({roster_.workers()[index].device, worker.entry,
                      worker.machine.table().tasks[firing.task].planTask, firing.index,
                      queue_.nowNs(), queue_.nowNs() + duration});
  worker.bodies[firing.stream] = {0, look.steps, look.calls, duration};
}

/// The next step of the stream's body ends with a call after which ports move, or with the body.
void Simulator::startStep(uint32_t index, uint32_t stream) {
  Body &body = workers_[index].bodies[stream];
  const auto endOf = [&](int32_t step) {
    return step + 1 == body.steps ? body.durationNs : body.durationNs * (step + 1) / body.calls;
  };
  const bool isLast = body.step + 1 == body.steps;
  const int64_t lastsNs = endOf(body.step) - (body.step == 0 ? 0 : endOf(body.step - 1));
  add({queue_.nowNs() + lastsNs, static_cast<uint64_t>(body.step), index, stream, 0, 1, 0,
       isLast ? SimEvent::Kind::BodyEnd : SimEvent::Kind::CallEnd, Token::Kind::Ready});
  ++body.step;
}

/// Begins or continues a body of this stream, if that is possible.
bool Simulator::startStream(uint32_t index, uint32_t stream) {
  Worker &worker = workers_[index];
  const bool isRunning = worker.bodies[stream].step < worker.bodies[stream].steps;
  Firing firing;
  if (isRunning ? !options_.streamsShareWorkers : !worker.machine.tryStart(stream, firing))
    return false;
  if (!isRunning)
    startBody(index, firing);
  if (options_.streamsShareWorkers) {
    worker.isBusy = true;
    const uint32_t next = stream + 1;
    worker.nextStream = next == worker.machine.table().streams.size() ? 0 : next;
  }
  startStep(index, stream);
  return true;
}

/// A thread takes turns between the bodies that its streams have begun, step by step; streams of
/// their own begin whenever they can.
void Simulator::startBodies(uint32_t index) {
  Worker &worker = workers_[index];
  const uint32_t streams = static_cast<uint32_t>(worker.machine.table().streams.size());
  for (uint32_t i = 0, stream = worker.nextStream; i < streams && !worker.isBusy; ++i) {
    startStream(index, stream);
    stream = stream + 1 == streams ? 0 : stream + 1;
  }
}

void Simulator::enter(uint32_t index) {
  Worker &worker = workers_[index];
  const RosterWorker &role = roster_.workers()[index];
  const SimulationEntry &entry = options_.schedule[worker.entry];
  worker.left = false;
  worker.looks = looks_[role.role][role.number][entry.program].data();
  worker.machine.enter(entry.program, entry.iterations, sink_.of(index));
}

/// All workers of a node leave a program before any of them enters the next.
Status Simulator::leaveAndEnter(uint32_t index) {
  OF_TRY(workers_[index].machine.leave());
  workers_[index].left = true;
  const uint32_t node = roster_.workers()[index].node;
  const std::vector<uint32_t> &others = roster_.workersOf(node);
  if (++left_[node] != others.size())
    return Status::ok();
  left_[node] = 0;
  for (uint32_t w : others)
    ++workers_[w].entry;
  if (workers_[index].entry == options_.schedule.size())
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
  if (!worker.machine.entered())
    return Status::ok();
  startBodies(index);
  return worker.running == 0 && worker.machine.finished() ? leaveAndEnter(index) : Status::ok();
}

/// All that this token can start is the Receive that it comes to: a worker that is not busy has
/// started whatever else can start.
void Simulator::startReceive(uint32_t index, const Token &token) {
  Worker &worker = workers_[index];
  if (worker.isBusy || !worker.machine.entered())
    return;
  const TaskTable &table = worker.machine.table();
  if (table.program == token.program)
    startStream(index, table.tasks[worker.machine.taskOf(token.index)].stream);
}

Status Simulator::arrive(uint32_t index, const Token &token) {
  Worker &worker = workers_[index];
  const uint64_t openSends = worker.machine.openSends();
  OF_TRY(worker.machine.onToken(token, sink_.of(index)));
  switch (token.kind) {
  case Token::Kind::Ready:
  case Token::Kind::Landed:
    startReceive(index, token);
    return Status::ok();
  case Token::Kind::Grant: // a push may follow, and that is no body
    return Status::ok();
  case Token::Kind::Ack:
  case Token::Kind::PushDone: // nothing moves before the last of them
    return openSends == worker.machine.openSends() ? Status::ok() : settle(index);
  default:
    return settle(index);
  }
}

/// At the other end of an edge, or at what it stands for.
Status Simulator::arrive(const EdgeEnd &end, Token token) {
  if (end.worker == kNone)
    return Status::ok();
  token.index = end.edge;
  OF_TRY(arrive(end.worker, token));
  if (end.hasMore)
    for (const EdgeEnd &further : roster_.moreOf(end)) {
      token.index = further.edge;
      OF_TRY(arrive(further.worker, token));
    }
  return Status::ok();
}

Status Simulator::handle(const SimEvent &event) {
  using Kind = SimEvent::Kind;
  Worker &worker = workers_[event.worker];
  const auto ends = [&] { return roster_.ends(event.worker, event.program) + event.index; };
  Token token{event.token, event.entry, event.program, event.index, event.sequence};
  switch (event.kind) {
  case Kind::CallEnd:
    worker.isBusy = false;
    worker.machine.passCall(event.index, static_cast<int32_t>(event.sequence),
                            sink_.of(event.worker));
    if (!options_.streamsShareWorkers)
      startStep(event.worker, event.index);
    return settle(event.worker);
  case Kind::BodyEnd:
    worker.isBusy = false;
    --worker.running;
    worker.machine.finish(event.index, sink_.of(event.worker));
    return settle(event.worker);
  case Kind::Token:
    return arrive(event.worker, token);
  case Kind::Sent:
  case Kind::Landed:
    for (const EdgeEnd *end = ends(), *last = end + event.count; end != last; ++end) {
      if (end->isElsewhere && event.kind == Kind::Sent)
        countMessage(event.worker);
      OF_TRY(arrive(*end, token));
    }
    return Status::ok();
  case Kind::PushDone:
    token.kind = Token::Kind::PushDone;
    return arrive(event.worker, token);
  case Kind::Pushed:
    for (uint32_t e = 0; e < event.count; ++e) {
      token.kind = Token::Kind::PushDone;
      token.index = event.index + e;
      OF_TRY(arrive(event.worker, token));
      token.kind = Token::Kind::Landed;
      OF_TRY(arrive(ends()[e], token));
    }
    return Status::ok();
  }
  return Status::ok();
}

void Simulator::addUses(uint32_t device, SimulationResult &out) const {
  const uint32_t first = roster_.firstWorker(roster_.classes().standIn[device]);
  const RosterWorker &standIn = roster_.workers()[first];
  const auto &streams = *roster_.roles()[standIn.role].role->streams();
  for (uint32_t s = 0; s < streams.size(); ++s) {
    const Use &use = workers_[first + streams[s]->worker()].uses[s];
    out.streams.push_back(
        {device, streams[s]->worker(), streams[s]->name()->str(), use.busyNs, use.firings});
  }
}

SimulationResult Simulator::result() const {
  SimulationResult out;
  out.endNs = queue_.nowNs();
  for (uint32_t node : roster_.classes().nodeStandIn)
    out.nodes.push_back(network_.uses()[node]);
  for (uint32_t device = 0; device < plan_.devices()->size(); ++device)
    addUses(device, out);
  out.finished = true;
  for (uint32_t w = 0; w < workers_.size(); ++w) {
    const Worker &worker = workers_[w];
    if (worker.entry == options_.schedule.size())
      continue;
    out.finished = false;
    for (const Wait &wait : worker.machine.waits())
      if (wait.kind != Wait::Kind::Done)
        out.waits.push_back(
            roster_.describe(roster_.workers()[w], worker.machine.table().program, wait));
  }
  return out;
}

Result<SimulationResult> Simulator::run() {
  build();
  if (!options_.schedule.empty()) {
    for (uint32_t w = 0; w < workers_.size(); ++w)
      enter(w);
    for (uint32_t w = 0; w < workers_.size(); ++w)
      OF_TRY(settle(w));
  }
  SimEvent event;
  while (queue_.pop(event))
    OF_TRY(handle(event));
  return result();
}

} // namespace

bool allowFolding(const SimulationOptions &options) {
  return !options.randomDurations && options.maxDelayNs == 0 && options.readRowsPerSecond == 0 &&
         options.linkBytesPerSecond == 0 && !options.observe;
}

Result<std::unique_ptr<const Roster>> rosterFor(const plan::Plan &plan,
                                                const SimulationOptions &options) {
  if (!allowFolding(options))
    return Roster::of(plan);
  std::vector<uint32_t> programs;
  for (const SimulationEntry &entry : options.schedule)
    programs.push_back(entry.program);
  return Roster::folded(plan, programs);
}

Result<SimulationResult> simulate(const Roster &roster, const SimulationOptions &options) {
  for (const SimulationEntry &entry : options.schedule)
    if (!roster.knows(entry.program))
      return Status(Code::Internal,
                    "the roster does not know program " +
                        roster.plan().programs()->Get(entry.program)->name()->str());
  if (roster.isFolded() && !allowFolding(options))
    return Status(Code::Internal, "a folded roster does not do for these options");
  return Simulator(roster, options).run();
}

Result<SimulationResult> simulate(const plan::Plan &plan, const SimulationOptions &options) {
  OF_ASSIGN(const std::unique_ptr<const Roster> roster, rosterFor(plan, options));
  return simulate(*roster, options);
}

} // namespace of::rt
