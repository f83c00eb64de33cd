// Tables written by hand for the tests of the machine, and a driver that runs several machines with
// tokens in flight.
#pragma once

#include "runtime/actor/Machine.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <random>

namespace of::rt::test {

/// Fills the table of one worker; ports and links across workers are joined by `connect`.
class TableBuilder {
public:
  explicit TableBuilder(ProgramTable &table) : t(table) {}

  uint32_t task(BodyKind kind, uint32_t firings = 1) {
    TaskEntry entry;
    entry.kind = kind;
    entry.firings = firings;
    entry.firstInput = static_cast<uint32_t>(t.inputs.size());
    entry.firstOutput = static_cast<uint32_t>(t.outputs.size());
    entry.firstEvent = static_cast<uint32_t>(t.events.size());
    t.tasks.push_back(entry);
    t.ends.emplace_back().firstEdge = static_cast<uint32_t>(t.edges.size());
    return static_cast<uint32_t>(t.tasks.size() - 1);
  }
  /// Ports and edges belong to the task added last.
  uint32_t input(uint32_t slots, uint32_t initial = 0, uint32_t period = 1, int32_t call = kAtEnd) {
    InputEntry entry;
    entry.slots = slots;
    entry.initial = initial;
    entry.period = period;
    entry.call = call;
    t.inputs.push_back(entry);
    TaskEntry &task = t.tasks.back();
    ++task.numInputs;
    task.window = task.numInputs == 1 ? slots : std::min(task.window, slots);
    const uint32_t port = static_cast<uint32_t>(t.inputs.size() - 1);
    event({call, false, port});
    return port;
  }
  uint32_t output(uint32_t slots, uint32_t initial = 0, uint32_t period = 1,
                  int32_t call = kAtEnd) {
    OutputEntry entry;
    entry.slots = slots;
    entry.initial = initial;
    entry.period = period;
    entry.call = call;
    t.outputs.push_back(entry);
    ++t.tasks.back().numOutputs;
    const uint32_t port = static_cast<uint32_t>(t.outputs.size() - 1);
    event({call, true, port});
    return port;
  }
  uint32_t edge(Path path, uint32_t src, uint32_t dst, uint32_t window) {
    EdgeEntry entry;
    entry.key.srcDevice = src;
    entry.key.dstDevice = dst;
    entry.path = path;
    entry.isSend = t.tasks.back().kind == BodyKind::Send;
    entry.task = static_cast<uint32_t>(t.tasks.size() - 1);
    entry.window = window;
    t.edges.push_back(entry);
    ++t.ends.back().numEdges;
    if (entry.isSend && t.ends.back().numEdges == 1) {
      t.ends.back().firstOpen = t.openCounters;
      t.openCounters += t.tasks.back().window;
    }
    return static_cast<uint32_t>(t.edges.size() - 1);
  }
  void stream(const std::vector<uint32_t> &order) {
    t.streams.push_back(
        {0, static_cast<uint32_t>(t.order.size()), static_cast<uint32_t>(order.size())});
    for (uint32_t task : order)
      t.tasks[task].stream = static_cast<uint32_t>(t.streams.size() - 1);
    t.order.insert(t.order.end(), order.begin(), order.end());
  }
  /// `event`.

private:
  void event(PortEvent e) {
    TaskEntry &task = t.tasks.back();
    t.events.push_back(e);
    ++task.numEvents;
    std::stable_sort(t.events.begin() + task.firstEvent, t.events.end(),
                     [](const PortEvent &a, const PortEvent &b) { return a.call < b.call; });
  }

  ProgramTable &t;
};

/// Joins an output to its readers; call once per output, in any order.
inline void connect(std::vector<WorkerTables> &workers, Peer out,
                    const std::vector<Peer> &readers) {
  ProgramTable &from = workers[out.worker][0];
  from.outputs[out.index].firstLink = static_cast<uint32_t>(from.links.size());
  from.outputs[out.index].numLinks = static_cast<uint32_t>(readers.size());
  for (const Peer &reader : readers) {
    InputEntry &entry = workers[reader.worker][0].inputs[reader.index];
    entry.producer = {out.worker, static_cast<uint32_t>(from.links.size())};
    for (const TaskEntry &task : from.tasks)
      if (reader.worker == out.worker && out.index >= task.firstOutput &&
          out.index < task.firstOutput + task.numOutputs && reader.index >= task.firstInput &&
          reader.index < task.firstInput + task.numInputs)
        entry.self = true;
    from.links.push_back({reader, entry.self});
  }
}

/// A reuse edge. The gates of one task, and the signals of one task, are to be added in a row.
inline void addReuse(std::vector<WorkerTables> &workers, Peer from, Peer to, uint32_t lag) {
  ProgramTable &source = workers[from.worker][0], &target = workers[to.worker][0];
  TaskEntry &first = source.tasks[from.index], &second = target.tasks[to.index];
  if (second.numGates++ == 0)
    second.firstGate = static_cast<uint32_t>(target.gates.size());
  if (first.numSignals++ == 0)
    first.firstSignal = static_cast<uint32_t>(source.signals.size());
  source.signals.push_back({{to.worker, static_cast<uint32_t>(target.gates.size())}});
  target.gates.push_back({lag, from, 0});
}

/// Runs the machines of some workers, delivering their tokens in FIFO order per pair, in a random
/// interleaving. Each worker is taken for a device of its own where edges are concerned.
class Board {
public:
  Board(std::vector<WorkerTables> &workers, unsigned seed) : workers_(workers), random_(seed) {
    for (uint32_t w = 0; w < workers.size(); ++w)
      machines_.push_back(std::make_unique<Machine>(workers[w], w));
    queues_.resize(workers.size() * workers.size());
    landings_.resize(workers.size());
  }

  Machine &machine(uint32_t w) { return *machines_[w]; }

  void enter(uint64_t iterations) {
    for (uint32_t w = 0; w < machines_.size(); ++w)
      enter(w, iterations);
  }
  void enter(uint32_t w, uint64_t iterations) {
    Sink sink(*this, w);
    machines_[w]->enter(0, iterations, sink);
  }

  /// Called with (worker, firing) when a body runs.
  std::function<void(uint32_t, const Firing &)> onFire = [](uint32_t, const Firing &) {};

  /// One random move; false if there is none.
  bool move() {
    std::vector<std::function<void()>> moves;
    for (uint32_t w = 0; w < machines_.size(); ++w) {
      if (machines_[w]->entered())
        for (uint32_t s = 0; s < machines_[w]->table().streams.size(); ++s)
          moves.push_back([this, w, s] { fire(w, s); });
      for (uint32_t from = 0; from < machines_.size(); ++from)
        if (!queue(from, w).empty())
          moves.push_back([this, from, w] { deliver(from, w); });
      for (size_t i = 0; i < landings_[w].size(); ++i)
        moves.push_back([this, w, i] { land(w, i); });
    }
    std::shuffle(moves.begin(), moves.end(), random_);
    for (auto &m : moves) {
      progressed_ = false;
      m();
      if (progressed_)
        return true;
    }
    return false;
  }
  void run() {
    while (move()) {
    }
  }
  bool finished() const {
    return std::all_of(machines_.begin(), machines_.end(),
                       [](const auto &m) { return m->finished(); });
  }
  void leave() {
    for (auto &m : machines_) {
      const Status status = m->leave();
      INFO(status.message());
      REQUIRE(status.isOk());
    }
  }

private:
  struct Sink final : ActionSink {
    Sink(Board &board, uint32_t worker) : board(board), worker(worker) {}
    void act(const Action &action) override { board.route(worker, action); }
    Board &board;
    uint32_t worker;
  };

  std::deque<Token> &queue(uint32_t from, uint32_t to) {
    return queues_[from * machines_.size() + to];
  }

  void fire(uint32_t w, uint32_t s) {
    Firing firing;
    if (!machines_[w]->tryStart(s, firing))
      return;
    progressed_ = true;
    onFire(w, firing);
    Sink sink(*this, w);
    machines_[w]->finish(s, sink);
  }
  void deliver(uint32_t from, uint32_t to) {
    progressed_ = true;
    const Token token = queue(from, to).front();
    queue(from, to).pop_front();
    give(to, token);
  }
  /// The bytes of a push arrive: the destination sees Landed, the source PushDone, each in its own
  /// time.
  void land(uint32_t w, size_t i) {
    progressed_ = true;
    const Token token = landings_[w][i];
    landings_[w].erase(landings_[w].begin() + static_cast<long>(i));
    give(w, token);
  }
  void give(uint32_t w, const Token &token) {
    Sink sink(*this, w);
    const Status status = machines_[w]->onToken(token, sink);
    INFO(status.message());
    REQUIRE(status.isOk());
  }
  uint32_t edgeOf(uint32_t worker, const EdgeKey &key) const {
    const auto &edges = workers_[worker][0].edges;
    for (uint32_t e = 0; e < edges.size(); ++e)
      if (edges[e].key == key)
        return e;
    FAIL("no such edge");
    return 0;
  }
  void route(uint32_t w, const Action &a) {
    using K = Action::Kind;
    if (a.peer.worker != kNone) {
      queue(w, a.peer.worker)
          .push_back({localToken(a.kind), a.entry, a.program, a.peer.index, a.sequence});
      return;
    }
    const EdgeKey key = workers_[w][0].edges[a.index].key;
    const uint32_t other = key.srcDevice == w ? key.dstDevice : key.srcDevice;
    const uint32_t index = edgeOf(other, key);
    if (a.kind == K::Push) {
      landings_[other].push_back({Token::Kind::Landed, a.entry, a.program, index, a.sequence});
      landings_[w].push_back({Token::Kind::PushDone, a.entry, a.program, a.index, a.sequence});
      return;
    }
    const auto kind = a.kind == K::Ready ? Token::Kind::Ready
                      : a.kind == K::Ack ? Token::Kind::Ack
                                         : Token::Kind::Grant;
    queue(w, other).push_back({kind, a.entry, a.program, index, a.sequence});
  }

  std::vector<WorkerTables> &workers_;
  std::mt19937 random_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::deque<Token>> queues_;
  std::vector<std::vector<Token>> landings_;
  bool progressed_ = false;
};

} // namespace of::rt::test
