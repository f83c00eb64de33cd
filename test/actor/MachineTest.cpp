#include "test/actor/Tables.h"

#include <memory>

using namespace of;
using namespace of::rt;
using namespace of::rt::test;

namespace {

std::vector<WorkerTables> emptyTables(uint32_t workers) {
  return std::vector<WorkerTables>(workers, WorkerTables(1));
}

/// Worker 0 produces, worker `reader` consumes.
std::vector<WorkerTables> chain(uint32_t slots, uint32_t reader) {
  auto tables = emptyTables(reader + 1);
  TableBuilder a(tables[0][0]), b(tables[reader][0]);
  const uint32_t producer = a.task(BodyKind::Read);
  a.output(slots);
  const uint32_t consumer = b.task(BodyKind::Segment);
  b.input(slots);
  a.stream({producer});
  b.stream({consumer});
  connect(tables, {0, 0}, {{reader, 0}});
  return tables;
}

} // namespace

TEST_CASE("a reader sees every version in order, whatever the slots and the interleaving") {
  const uint32_t slots = GENERATE(1u, 2u, 3u);
  const uint32_t reader = GENERATE(0u, 1u);
  const unsigned seed = GENERATE(take(20, random(0u, 1u << 30)));
  auto tables = chain(slots, reader);
  Board board(tables, seed);
  std::vector<uint64_t> memory(slots, ~0ull);
  uint64_t read = 0;
  board.onFire = [&](uint32_t w, const Firing &firing) {
    if (w == 0 && board.machine(0).table().tasks[firing.task].kind == BodyKind::Read) {
      memory[board.machine(0).outputSlot(0)] = firing.index;
      REQUIRE(firing.index - read < slots); // never ahead by more than the credit
    } else {
      REQUIRE(memory[board.machine(w).inputSlot(0)] == firing.index);
      ++read;
    }
  };
  for (int entry = 0; entry < 3; ++entry) {
    read = 0;
    board.enter(7);
    board.run();
    REQUIRE(board.finished());
    REQUIRE(read == 7);
    board.leave();
  }
}

TEST_CASE("hold and accumulate edges join the step to its micro-batches") {
  // step task W holds a value for M firings of micro task F; F accumulates M firings into one
  // version for U.
  const uint32_t M = 4;
  auto tables = emptyTables(1);
  TableBuilder b(tables[0][0]);
  const uint32_t w = b.task(BodyKind::Segment);
  b.output(1);
  const uint32_t f = b.task(BodyKind::Segment, M);
  b.input(1, 0, M);
  b.output(1, 0, M);
  const uint32_t u = b.task(BodyKind::Segment);
  b.input(1);
  b.stream({w, f, f, f, f, u});
  connect(tables, {0, 0}, {{0, 0}});
  connect(tables, {0, 1}, {{0, 1}});
  Board board(tables, 1);
  std::vector<uint32_t> fired;
  board.onFire = [&](uint32_t, const Firing &firing) { fired.push_back(firing.task); };
  board.enter(2);
  board.run();
  REQUIRE(board.finished());
  REQUIRE(fired == std::vector<uint32_t>{w, f, f, f, f, u, w, f, f, f, f, u});
  board.leave();
}

// A variable that one worker updates in place and another reads.
static auto variableInPlace() {
  auto tables = emptyTables(2);
  TableBuilder a(tables[0][0]), b(tables[1][0]);
  const uint32_t update = a.task(BodyKind::Segment);
  a.input(1, 1); // its own old value
  a.output(1, 1);
  a.stream({update});
  const uint32_t forward = b.task(BodyKind::Segment);
  b.input(1, 1);
  b.stream({forward});
  connect(tables, {0, 0}, {{0, 0}, {1, 0}});
  return tables;
}

TEST_CASE("a variable is written in place after its other readers") {
  auto tables = variableInPlace();
  const unsigned seed = GENERATE(take(20, random(0u, 1u << 30)));
  Board board(tables, seed);
  uint64_t version = 0, reads = 0;
  board.onFire = [&](uint32_t worker, const Firing &firing) {
    if (worker == 0) {
      REQUIRE(reads == firing.index + 1); // the reader had the old version
      ++version;
    } else {
      REQUIRE(version == firing.index);
      ++reads;
    }
  };
  board.enter(5);
  board.run();
  REQUIRE(board.finished());
  board.leave();
}

TEST_CASE("a port moves its token after its call") {
  auto tables = emptyTables(1);
  TableBuilder b(tables[0][0]);
  const uint32_t p = b.task(BodyKind::Segment);
  b.output(1, 0, 1, 0); // published after call 0
  b.output(1);          // at the end
  const uint32_t early = b.task(BodyKind::Segment);
  b.input(1);
  const uint32_t late = b.task(BodyKind::Segment);
  b.input(1);
  b.stream({p});
  b.stream({early});
  b.stream({late});
  connect(tables, {0, 0}, {{0, 0}});
  connect(tables, {0, 1}, {{0, 1}});
  Board board(tables, 1);
  Machine &m = board.machine(0);
  struct : ActionSink {
    void act(const Action &) override { FAIL("no other worker here"); }
  } sink;
  m.enter(0, 1, sink);
  Firing firing;
  REQUIRE(m.tryStart(0, firing));
  REQUIRE_FALSE(m.tryStart(1, firing));
  m.passCall(0, 0, sink);
  REQUIRE(m.tryStart(1, firing));
  REQUIRE_FALSE(m.tryStart(2, firing));
  REQUIRE(m.waits()[2].kind == Wait::Kind::InputEmpty);
  m.finish(0, sink);
  REQUIRE(m.tryStart(2, firing));
  m.finish(1, sink);
  m.finish(2, sink);
  REQUIRE(m.finished());
  REQUIRE(m.leave().isOk());
}

TEST_CASE("a constant is never waited for and never acknowledged") {
  auto tables = emptyTables(1);
  TableBuilder b(tables[0][0]);
  const uint32_t t = b.task(BodyKind::Segment);
  const uint32_t port = b.input(1, 1);
  tables[0][0].inputs[port].constant = true;
  b.stream({t});
  Board board(tables, 1);
  board.enter(100);
  board.run();
  REQUIRE(board.finished());
  board.leave();
}

namespace {

/// Worker 0: produce, send to workers 1..n. Workers 1..n: receive, use.
std::vector<WorkerTables> fanOut(Path path, uint32_t readers, uint32_t slots, uint32_t window) {
  auto tables = emptyTables(readers + 1);
  TableBuilder a(tables[0][0]);
  const uint32_t produce = a.task(BodyKind::Segment);
  a.output(slots);
  const uint32_t send = a.task(BodyKind::Send);
  a.input(slots);
  for (uint32_t r = 1; r <= readers; ++r)
    a.edge(path, 0, r, slots);
  a.stream({produce});
  a.stream({send});
  connect(tables, {0, 0}, {{0, 0}});
  for (uint32_t r = 1; r <= readers; ++r) {
    TableBuilder b(tables[r][0]);
    const uint32_t receive = b.task(BodyKind::Receive);
    b.output(1);
    b.edge(path, 0, r, window);
    const uint32_t use = b.task(BodyKind::Segment);
    b.input(1);
    b.stream({receive});
    b.stream({use});
    connect(tables, {r, 0}, {{r, 0}});
  }
  return tables;
}

} // namespace

TEST_CASE("an exchange hands every version to every destination and takes the slot back last") {
  const Path path = GENERATE(Path::Shared, Path::Pushed);
  const uint32_t slots = GENERATE(1u, 2u), window = GENERATE(1u, 3u);
  const unsigned seed = GENERATE(take(25, random(0u, 1u << 30)));
  const uint32_t readers = 3, iterations = 6;
  auto tables = fanOut(path, readers, slots, window);
  Board board(tables, seed);
  std::vector<uint64_t> received(readers + 1, 0);
  uint64_t produced = 0;
  board.onFire = [&](uint32_t w, const Firing &firing) {
    if (w != 0) {
      if (board.machine(w).table().tasks[firing.task].kind == BodyKind::Receive) {
        REQUIRE(received[w] < produced);
        ++received[w];
      }
      return;
    }
    if (firing.task != 0)
      return;
    if (path == Path::Shared) // a slot is written again only when all have read it
      for (uint32_t r = 1; r <= readers; ++r)
        REQUIRE(produced - received[r] < slots);
    ++produced;
  };
  for (int entry = 0; entry < 2; ++entry) {
    produced = 0;
    received.assign(readers + 1, 0);
    board.enter(iterations);
    board.run();
    REQUIRE(board.finished());
    REQUIRE(received == std::vector<uint64_t>{0, iterations, iterations, iterations});
    board.leave();
  }
}

TEST_CASE("a reuse edge holds the first firing of an iteration until the last of another task") {
  const uint32_t M = 3, lag = GENERATE(0u, 1u), other = GENERATE(0u, 1u);
  const unsigned seed = GENERATE(take(20, random(0u, 1u << 30)));
  auto tables = emptyTables(other + 1);
  TableBuilder a(tables[0][0]), b(tables[other][0]);
  const uint32_t from = a.task(BodyKind::Segment, M);
  a.stream({from, from, from});
  const uint32_t to = b.task(BodyKind::Segment, 2);
  b.stream({to, to});
  addReuse(tables, {0, from}, {other, to}, lag);
  Board board(tables, seed);
  for (int entry = 0; entry < 3; ++entry) {
    uint64_t before = 0, after = 0;
    board.onFire = [&](uint32_t w, const Firing &firing) {
      if (w == 0 && firing.task == from)
        ++before;
      else
        REQUIRE(before + lag * M >= (after++ / 2 + 1) * M);
    };
    board.enter(5);
    board.run();
    REQUIRE(board.finished());
    REQUIRE(before == 5 * M);
    REQUIRE(after == 5 * 2);
    board.leave();
  }
}

TEST_CASE("a reuse edge from a Send waits until every destination has read") {
  const Path path = GENERATE(Path::Shared, Path::Pushed);
  const unsigned seed = GENERATE(take(40, random(0u, 1u << 30)));
  auto tables = emptyTables(2); // worker 1 is another device
  TableBuilder a(tables[0][0]), b(tables[1][0]);
  const uint32_t source = a.task(BodyKind::Segment);
  a.output(2);
  const uint32_t send = a.task(BodyKind::Send);
  a.input(2);
  a.edge(path, 0, 1, 2);
  const uint32_t next = a.task(BodyKind::Segment);
  a.stream({source});
  a.stream({send});
  a.stream({next});
  connect(tables, {0, 0}, {{0, 0}});
  addReuse(tables, {0, send}, {0, next}, 0);
  const uint32_t receive = b.task(BodyKind::Receive);
  b.output(1);
  b.edge(path, 0, 1, 1);
  b.stream({receive});
  Board board(tables, seed);
  uint64_t received = 0, went = 0;
  board.onFire = [&](uint32_t w, const Firing &firing) {
    if (w == 1)
      ++received;
    else if (firing.task == next)
      // What is pushed has left when a landing slot, of which there is one, took it.
      REQUIRE(++went <= received + (path == Path::Pushed ? 1 : 0));
  };
  board.enter(6);
  board.run();
  REQUIRE(board.finished());
  REQUIRE(went == 6);
  board.leave();
}

TEST_CASE("tokens of the next entry wait until it is entered") {
  const Path path = GENERATE(Path::Shared, Path::Pushed);
  const unsigned seed = GENERATE(take(10, random(0u, 1u << 30)));
  auto tables = fanOut(path, 1, 2, 2);
  Board board(tables, seed);
  // One side enters alone: the source runs ahead until its credits are out, or the destination
  // grants.
  const uint32_t first = GENERATE(0u, 1u);
  for (int entry = 0; entry < 2; ++entry) {
    board.enter(first, 5);
    board.run();
    REQUIRE_FALSE(board.finished());
    board.enter(1 - first, 5);
    board.run();
    REQUIRE(board.finished());
    board.leave();
  }
}

TEST_CASE("a reader may give back an initial version before the producer has entered") {
  auto tables = variableInPlace();
  Board board(tables, 1);
  for (int entry = 0; entry < 3; ++entry) {
    board.enter(1, 4); // the reader alone
    board.run();
    board.enter(0, 4);
    board.run();
    REQUIRE(board.finished());
    board.leave();
  }
}

TEST_CASE("a token of an earlier entry is not taken for one of the next") {
  auto tables = fanOut(Path::Shared, 1, 2, 2);
  Board board(tables, 1);
  struct : ActionSink {
    void act(const Action &) override {}
  } sink;
  board.enter(1);
  board.run();
  REQUIRE(board.finished());
  board.leave();
  Machine &receiver = board.machine(1);
  REQUIRE(receiver.onToken({Token::Kind::Ready, 1, 0, 0, 0}, sink).code() == Code::Internal);
  REQUIRE(receiver.onToken({Token::Kind::Ready, 2, 0, 0, 0}, sink).isOk()); // a neighbour is ahead
  REQUIRE(receiver.onToken({Token::Kind::Ready, 3, 0, 0, 1}, sink).code() == Code::Internal);
}

TEST_CASE("a shut gate is named") {
  auto tables = emptyTables(1);
  TableBuilder b(tables[0][0]);
  const uint32_t first = b.task(BodyKind::Segment), second = b.task(BodyKind::Segment);
  b.stream({first});
  b.stream({second});
  addReuse(tables, {0, first}, {0, second}, 0);
  Board board(tables, 1);
  board.enter(1);
  const std::vector<Wait> waits = board.machine(0).waits();
  REQUIRE(waits[1].kind == Wait::Kind::GateShut);
  REQUIRE(waits[1].peer.index == first);
}

TEST_CASE("what keeps a program from ending is named") {
  auto tables = fanOut(Path::Shared, 1, 2, 2);
  Board board(tables, 1);
  board.enter(0, 1); // the destination never comes
  board.run();
  const auto waits = board.machine(0).waits();
  const auto open = std::find_if(waits.begin(), waits.end(), [](const Wait &wait) {
    return wait.kind == Wait::Kind::EdgeUnanswered;
  });
  REQUIRE(open != waits.end());
  REQUIRE(open->index == 0);
}

TEST_CASE("a token that is repeated, lost or out of place is an error") {
  auto tables = fanOut(Path::Shared, 1, 2, 2);
  Board board(tables, 1);
  Machine &receiver = board.machine(1);
  struct : ActionSink {
    void act(const Action &) override {}
  } sink;
  receiver.enter(0, 5, sink);
  REQUIRE(receiver.onToken({Token::Kind::Ready, 1, 0, 0, 0}, sink).isOk());
  REQUIRE(receiver.onToken({Token::Kind::Ready, 1, 0, 0, 0}, sink).code() ==
          Code::Internal); // repeated
  REQUIRE(receiver.onToken({Token::Kind::Ready, 1, 0, 0, 2}, sink).code() ==
          Code::Internal); // one lost
  Machine &sender = board.machine(0);
  sender.enter(0, 5, sink);
  REQUIRE(sender.onToken({Token::Kind::Ack, 1, 0, 0, 0}, sink).code() ==
          Code::Internal); // nothing was sent
  REQUIRE(sender.onToken({Token::Kind::PushDone, 1, 0, 0, 0}, sink).code() == Code::Internal);
}

TEST_CASE("a Receive that waits for one pushed version says which") {
  auto tables = emptyTables(1);
  TableBuilder b(tables[0][0]);
  const uint32_t receive = b.task(BodyKind::Receive);
  b.output(2);
  const uint32_t shared = b.edge(Path::Shared, 1, 0, 1), first = b.edge(Path::Pushed, 2, 0, 1),
                 second = b.edge(Path::Pushed, 3, 0, 1);
  const uint32_t use = b.task(BodyKind::Segment);
  b.input(2);
  b.stream({receive});
  b.stream({use});
  connect(tables, {0, 0}, {{0, 0}});
  Machine machine(tables[0], 0);
  struct : ActionSink {
    void act(const Action &) override {}
  } sink;
  machine.enter(0, 3, sink);
  auto take = [&](Token::Kind kind, uint32_t edge, uint64_t sequence) {
    const Status status = machine.onToken({kind, 1, 0, edge, sequence}, sink);
    INFO(status.message());
    REQUIRE(status.isOk());
  };
  auto fire = [&](uint32_t stream) {
    Firing firing;
    REQUIRE(machine.tryStart(stream, firing));
    machine.finish(stream, sink);
  };
  REQUIRE(machine.awaited(0).edge == kNone); // three are missing
  take(Token::Kind::Landed, first, 0);
  REQUIRE(machine.awaited(0).edge == kNone); // two, of which one is read in place
  take(Token::Kind::Ready, shared, 0);
  REQUIRE(machine.awaited(0).task == receive);
  REQUIRE(machine.awaited(0).edge == second);
  REQUIRE(machine.awaited(0).sequence == 0);
  REQUIRE(machine.nextOutputSlot(0) == 0);
  REQUIRE(machine.awaited(1).edge == kNone); // no Receive
  take(Token::Kind::Landed, second, 0);
  REQUIRE(machine.awaited(0).edge == kNone); // none is missing
  fire(0);
  take(Token::Kind::Ready, shared, 1);
  take(Token::Kind::Landed, second, 1);
  REQUIRE(machine.awaited(0).edge == first);
  REQUIRE(machine.awaited(0).sequence == 1);
  REQUIRE(machine.nextOutputSlot(0) == 1);
  take(Token::Kind::Landed, first, 1);
  fire(0);
  take(Token::Kind::Ready, shared, 2);
  take(Token::Kind::Landed, first, 2);
  REQUIRE(machine.awaited(0).edge == kNone); // both slots are full
  fire(1);
  REQUIRE(machine.awaited(0).edge == second);
  REQUIRE(machine.nextOutputSlot(0) == 0);
}

TEST_CASE("a missing grant holds its input slot, not the stream") {
  auto tables = fanOut(Path::Pushed, 1, 2, 1);
  Board board(tables, 1);
  std::vector<Action> actions;
  struct Keep : ActionSink {
    explicit Keep(std::vector<Action> &out) : out(out) {}
    void act(const Action &a) override { out.push_back(a); }
    std::vector<Action> &out;
  } sink(actions);
  Machine &m = board.machine(0);
  m.enter(0, 3, sink);
  Firing firing;
  for (int i = 0; i < 2; ++i) {
    REQUIRE(m.tryStart(0, firing));
    m.finish(0, sink);
    REQUIRE(m.tryStart(1, firing));
    m.finish(1, sink);
  }
  REQUIRE(actions.empty());
  REQUIRE_FALSE(m.tryStart(0, firing)); // both slots are held
  REQUIRE(m.waits()[0].kind == Wait::Kind::OutputFull);
  REQUIRE(m.onToken({Token::Kind::Grant, 1, 0, 0, 0}, sink).isOk());
  REQUIRE(actions.size() == 1);
  REQUIRE(actions[0].kind == Action::Kind::Push);
  REQUIRE(m.onToken({Token::Kind::PushDone, 1, 0, 0, 0}, sink).isOk());
  REQUIRE(m.tryStart(0, firing));
}
