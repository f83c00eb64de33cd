#include "test/sim/faults/World.h"

#include "runtime/actor/Waits.h"

namespace of::test {

using namespace rt;

namespace {
constexpr uint64_t kMostSteps = 1'000'000; // some thousand are usual
constexpr int64_t kMostNs = 120'000'000'000;
} // namespace

struct World::Worker final : ActionSink {
  Worker(World &world, uint32_t index, uint32_t id)
      : world(world), index(index), id(id), place(world.ground_.workers[index]),
        machine(*place.tables, place.number), running(place.table->streams.size()) {}
  void act(const Action &action) override { world.act(*this, action); }

  World &world;
  const uint32_t index; ///< in the ground
  const uint32_t id;    ///< of its node
  const Ground::Worker &place;
  Machine machine;
  std::vector<std::optional<Firing>> running;                          ///< by stream
  std::vector<uint32_t> event = std::vector<uint32_t>(running.size()); ///< next, by stream
  uint32_t bodies = 0, nextStream = 0;
  bool woken = false, left = false;
};

struct World::Node {
  std::unique_ptr<Router> router;
  std::vector<Worker *> workers;
  uint32_t entry = 0;
  bool done = false, doneInTime = false;
  bool stopped = false; ///< the verdict is known
  Status error;
};

World::World(Ground &ground, const Scenario &scenario)
    : ground_(ground), scenario_(scenario), random_(scenario.seed + 1),
      clock_(ground.exposure.nodes),
      network_(clock_, scenario, ground.exposure.nodes, [this](uint32_t node) { wake(node); }),
      council_(clock_, ground.exposure.nodes, scenario.seed,
               [this](uint32_t node, const Status &) { nodes_[node]->stopped = true; }),
      store_(ground) {
  network_.onLeft = [this](const EdgeKey &edge, uint64_t sequence) { store_.left(edge, sequence); };
  network_.onRepeated = [this](uint32_t node) { repeatedInTime_ = !nodes_[node]->done; };
  for (uint32_t n = 0; n < ground.exposure.nodes; ++n) {
    nodes_.push_back(std::make_unique<Node>());
    std::vector<WorkerPlace> places;
    for (uint32_t w = 0; w < ground.workers.size(); ++w) {
      const Ground::Worker &place = ground.workers[w];
      if (place.node != n)
        continue;
      workers_.push_back(std::make_unique<Worker>(*this, w, static_cast<uint32_t>(places.size())));
      nodes_[n]->workers.push_back(workers_.back().get());
      places.push_back({place.device, place.number, place.tables});
    }
    nodes_[n]->router = std::make_unique<Router>(ground.plan(), n, 7, places, &network_.port(n),
                                                 std::vector<MessageObserver *>());
  }
}

World::~World() = default;

void World::wake(uint32_t node) {
  for (Worker *worker : nodes_[node]->workers) {
    if (worker->woken)
      continue;
    worker->woken = true;
    clock_.at(node, aWhile(40), [this, worker] { turn(*worker); });
  }
}

void World::check(Worker &worker, const Status &status) {
  Node &node = *nodes_[worker.place.node];
  if (status.isOk() || !node.error.isOk())
    return;
  node.error = status;
  council_.report(worker.place.node, status);
}

/// Mostly all that is there, now and then only one.
bool World::takeTokens(Worker &worker) {
  Router &router = *nodes_[worker.place.node]->router;
  const bool one = random_() % 4 == 0;
  bool moved = false;
  Token token;
  while (router.receive(worker.id, token)) {
    moved = true;
    check(worker, worker.machine.onToken(token, worker));
    if (one)
      break;
  }
  check(worker, router.poll(moved));
  return moved;
}

void World::turn(Worker &worker) {
  Node &node = *nodes_[worker.place.node];
  worker.woken = false;
  if (!node.error.isOk() || node.done || node.stopped)
    return;
  strike();
  if (clock_.dead(worker.place.node))
    return;
  bool moved = takeTokens(worker);
  if (worker.machine.entered() && node.error.isOk()) {
    while (startOne(worker))
      moved = true;
    if (worker.bodies == 0 && worker.machine.finished())
      leave(worker);
  }
  if (moved)
    wake(worker.place.node);
}

bool World::startOne(Worker &worker) {
  if (scenario_.sharedWorkers && worker.bodies > 0)
    return false;
  const uint32_t streams = static_cast<uint32_t>(worker.running.size());
  for (uint32_t i = 0; i < streams; ++i) {
    const uint32_t stream = (worker.nextStream + i) % streams;
    Firing firing;
    if (worker.running[stream] || !worker.machine.tryStart(stream, firing))
      continue;
    worker.nextStream = stream + 1;
    worker.running[stream] = firing;
    worker.event[stream] = worker.place.table->tasks[firing.task].firstEvent;
    ++worker.bodies;
    store_.begin(worker.index, worker.machine, firing);
    schedule(worker, firing);
    return true;
  }
  return false;
}

void World::schedule(Worker &worker, const Firing &firing) {
  const TaskEntry &task = worker.place.table->tasks[firing.task];
  const uint32_t stream = firing.stream;
  int64_t atNs = 0;
  int32_t lastCall = -1;
  for (uint32_t e = task.firstEvent; e < task.firstEvent + task.numEvents; ++e) {
    const int32_t call = worker.place.table->events[e].call;
    if (call == kAtEnd || call == lastCall)
      continue;
    lastCall = call;
    atNs += aWhile(500);
    clock_.at(worker.place.node, atNs,
              [this, &worker, stream, call] { passCall(worker, stream, call); });
  }
  clock_.at(worker.place.node, atNs + aWhile(1000),
            [this, &worker, stream] { end(worker, stream); });
}

void World::passCall(Worker &worker, uint32_t stream, int32_t call) {
  const Firing &firing = *worker.running[stream];
  const TaskEntry &task = worker.place.table->tasks[firing.task];
  uint32_t &next = worker.event[stream];
  while (next < task.firstEvent + task.numEvents && worker.place.table->events[next].call <= call)
    store_.move(worker.index, worker.machine, firing, worker.place.table->events[next++]);
  if (call == kAtEnd)
    return;
  worker.machine.passCall(stream, call, worker);
  wake(worker.place.node);
}

void World::end(Worker &worker, uint32_t stream) {
  strike();
  if (clock_.dead(worker.place.node))
    return;
  passCall(worker, stream, kAtEnd);
  const Firing firing = *worker.running[stream];
  if (worker.place.table->tasks[firing.task].kind == BodyKind::Receive)
    store_.received(worker.index, firing, [this](const void *slot) { network_.landingRead(slot); });
  worker.running[stream].reset();
  --worker.bodies;
  worker.machine.finish(stream, worker);
  wake(worker.place.node);
}

void World::act(Worker &worker, const Action &action) {
  Router &router = *nodes_[worker.place.node]->router;
  if (action.kind == Action::Kind::Push)
    check(worker, router.push(worker.id, action,
                              {store_.source(worker.index, action.index, action.sequence), 8}));
  else if (action.kind == Action::Kind::Post)
    check(worker, router.post(worker.id, action,
                              {store_.landing(worker.index, action.index, action.sequence), 8}));
  else
    check(worker, router.act(worker.id, action));
}

/// All workers of a node leave an entry before any of them enters the next.
void World::leave(Worker &worker) {
  check(worker, worker.machine.leave());
  worker.left = true;
  Node &node = *nodes_[worker.place.node];
  if (!std::all_of(node.workers.begin(), node.workers.end(), [](Worker *w) { return w->left; }))
    return;
  ++node.entry;
  node.done = node.entry == ground_.iterations.size();
  if (node.done)
    council_.done(worker.place.node);
  else
    enterAll(node);
}

void World::enterAll(Node &node) {
  for (Worker *worker : node.workers) {
    worker->left = false;
    store_.enter(worker->index, node.entry);
  }
  for (Worker *worker : node.workers)
    clock_.at(worker->place.node, aWhile(200), [this, worker] { enter(*worker); });
}

void World::enter(Worker &worker) {
  Node &node = *nodes_[worker.place.node];
  if (!node.error.isOk() || node.stopped)
    return;
  worker.machine.enter(0, ground_.iterations[node.entry], worker);
  wake(worker.place.node);
}

void World::strike() {
  const uint64_t step = steps_++;
  if (step == scenario_.at) {
    if (scenario_.kind == FaultKind::Pause || scenario_.kind == FaultKind::Stop)
      clock_.pause(scenario_.node, scenario_.lengthNs);
    if (scenario_.kind == FaultKind::Kill || scenario_.kind == FaultKind::KillTwo)
      kill(scenario_.node);
    if (scenario_.kind == FaultKind::KillTwo)
      clock_.at(scenario_.other, scenario_.lengthNs, [this] { kill(scenario_.other); });
  }
}

void World::kill(uint32_t node) {
  nodes_[node]->doneInTime = nodes_[node]->done;
  council_.kill(node);
}

/// Nothing is under way, and nobody will notice anything.
bool World::stalled() const {
  const bool mayBeSilent = scenario_.kind == FaultKind::Stop && clock_.nowNs() < 30'000'000'000;
  return clock_.idle() && !council_.pending() && !mayBeSilent &&
         !std::all_of(nodes_.begin(), nodes_.end(), [](const auto &n) { return n->done; });
}

/// A node that is done looks at nothing any more.
bool World::hasUnread(Node &node) {
  bool moved = false;
  Token token;
  const Status status = node.router->poll(moved);
  for (const Worker *worker : node.workers)
    moved = moved || node.router->receive(worker->id, token);
  return moved || !status.isOk();
}

Outcome World::run() {
  for (auto &node : nodes_)
    enterAll(*node);
  bool stands = false;
  while (!council_.over() && !stands && clock_.nowNs() < kMostNs && steps_ < kMostSteps &&
         clock_.step())
    stands = stalled();
  Outcome out;
  for (uint32_t n = 0; n < nodes_.size(); ++n)
    out.nodes.push_back({nodes_[n]->done, clock_.dead(n), nodes_[n]->doneInTime, nodes_[n]->error});
  out.stalled = stands;
  out.verdict = council_.verdict();
  out.discord = stands ? "" : council_.judge();
  for (const auto &worker : workers_)
    if (!clock_.dead(worker->place.node))
      for (const Wait &wait : worker->machine.waits())
        if (wait.kind != Wait::Kind::Done && wait.kind != Wait::Kind::Running)
          out.waits.push_back(
              describe(ground_.plan(), worker->place.device, *worker->place.table, wait));
  out.violation = steps_ == kMostSteps          ? "the run does not end"
                  : !store_.violation().empty() ? store_.violation()
                                                : network_.violation();
  out.exposure = {ground_.exposure.nodes, network_.messages(), network_.pushes(), steps_};
  out.struckExchange = network_.struckExchange();
  out.struckNode = network_.struckNode();
  out.repeatedInTime = repeatedInTime_;
  out.unread = hasUnread(*nodes_[out.struckNode]);
  return out;
}

} // namespace of::test
