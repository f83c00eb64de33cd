// What does it cost to fire an actor? Empty bodies, so the time is tryStart plus finish, with its
// tokens.
//
//   same-thread    a chain of tasks on one worker; oneTBB's flow graph for the same chain beside it
//   actors         the same with 100 to 1,000,000 actors
//   all-to-all     layers of two tasks that read both results of the layer before, on two threads;
//                  oneTBB's flow graph beside it
//   cross-thread   producer and consumer on two workers, through the node's router; two bare cache
//                  lines that two threads hand to each other beside it
//
// Every line is the median of seven runs, peers in turn with each other. What one thread does is
// measured in its own processor time. Two threads are measured in batches short enough to fit into
// a time slice, and the tenth of the batches that was disturbed least counts: so the figures hold
// on a machine that does other things beside.
#include "runtime/actor/Build.h"
#include "runtime/node/Router.h"
#include "test/support/PlanBuilder.h"

#include <tbb/flow_graph.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <thread>

using namespace of;
using namespace of::rt;

namespace {

constexpr int kRuns = 7;

struct Sink final : ActionSink {
  std::function<void(const Action &)> on = [](const Action &) { std::abort(); };
  void act(const Action &action) override { on(action); }
};

/// Nanoseconds per item of each function, medians of runs in turn.
std::vector<double> medians(const std::vector<std::function<double()>> &peers) {
  std::vector<std::vector<double>> all(peers.size());
  for (int run = 0; run < kRuns; ++run)
    for (size_t p = 0; p < peers.size(); ++p)
      all[p].push_back(peers[p]());
  std::vector<double> out;
  for (auto &times : all) {
    std::sort(times.begin(), times.end());
    out.push_back(times[times.size() / 2]);
  }
  return out;
}

double nowNs(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

double nsOf(uint64_t items, const std::function<void()> &work) {
  const double start = nowNs(CLOCK_THREAD_CPUTIME_ID);
  work();
  return (nowNs(CLOCK_THREAD_CPUTIME_ID) - start) / static_cast<double>(items);
}

/// Wall time of batches of items; per item, of the batch that only a tenth are faster than.
class Batches {
public:
  void item() {
    if (++items_ % kBatch != 0)
      return;
    const double now = nowNs(CLOCK_MONOTONIC);
    times_.push_back((now - last_) / kBatch);
    last_ = now;
  }
  double bestTenth() {
    std::sort(times_.begin(), times_.end());
    return times_[times_.size() / 10];
  }

private:
  static constexpr uint64_t kBatch = 200;
  uint64_t items_ = 0;
  double last_ = nowNs(CLOCK_MONOTONIC);
  std::vector<double> times_;
};

/// A chain of `tasks` tasks on one stream, joined by registers of two slots.
WorkerTables chain(uint32_t tasks) {
  WorkerTables tables(1);
  ProgramTable &t = tables[0];
  for (uint32_t i = 0; i < tasks; ++i) {
    TaskEntry entry;
    entry.kind = BodyKind::Segment;
    entry.firstInput = static_cast<uint32_t>(t.inputs.size());
    entry.firstOutput = static_cast<uint32_t>(t.outputs.size());
    entry.firstEvent = static_cast<uint32_t>(t.events.size());
    if (i > 0) {
      InputEntry in;
      in.slots = 2;
      in.producer = {0, i - 1};
      t.inputs.push_back(in);
      t.events.push_back({kAtEnd, false, i - 1});
      entry.numInputs = 1;
    }
    if (i + 1 < tasks) {
      OutputEntry out;
      out.slots = 2;
      out.firstLink = i;
      out.numLinks = 1;
      t.outputs.push_back(out);
      t.links.push_back({{0, i}, false});
      t.events.push_back({kAtEnd, true, i});
      entry.numOutputs = 1;
    }
    entry.numEvents = entry.numInputs + entry.numOutputs;
    t.tasks.push_back(entry);
    t.order.push_back(i);
  }
  t.streams.push_back({0, 0, tasks});
  return tables;
}

double fireChain(const WorkerTables &tables, uint64_t firings) {
  const uint64_t tasks = tables[0].tasks.size(),
                 iterations = std::max<uint64_t>(8, firings / tasks); // entering is not firing
  Machine machine(tables, 0);
  Sink sink;
  auto once = [&](uint64_t count) {
    machine.enter(0, count, sink);
    Firing firing;
    while (!machine.finished())
      if (machine.tryStart(0, firing))
        machine.finish(0, sink);
    if (!machine.leave().isOk())
      std::abort();
  };
  once(1);
  return nsOf(iterations * tasks, [&] { once(iterations); });
}

double fireTbb(uint32_t tasks, uint64_t firings) {
  using Node = tbb::flow::continue_node<tbb::flow::continue_msg>;
  const tbb::global_control one(tbb::global_control::max_allowed_parallelism, 1);
  tbb::flow::graph graph;
  std::vector<std::unique_ptr<Node>> nodes;
  for (uint32_t i = 0; i < tasks; ++i) {
    nodes.push_back(std::make_unique<Node>(graph, [](const tbb::flow::continue_msg &) {}));
    if (i > 0)
      tbb::flow::make_edge(*nodes[i - 1], *nodes[i]);
  }
  auto once = [&] {
    nodes[0]->try_put(tbb::flow::continue_msg());
    graph.wait_for_all();
  };
  once();
  return nsOf(firings / tasks * tasks, [&] {
    for (uint64_t i = 0; i < firings / tasks; ++i)
      once();
  });
}

/// One device, a producer and a consumer on a worker each.
std::vector<uint8_t> twoWorkers(uint32_t slots) {
  of::test::PlanBuilder b;
  b.device(b.node(0));
  b.program("train", plan::ProgramKind::Train, 1);
  of::test::RoleBuilder r(b, {0});
  r.chunk(4096);
  const uint32_t reg = r.newReg(0, "x", 64, slots);
  of::test::setEmptySegment(
      r.task(0, "make", r.stream("a", plan::StreamKind::Compute, 0), {}, {reg}));
  of::test::setEmptySegment(
      r.task(0, "take", r.stream("b", plan::StreamKind::Compute, 1), {reg}, {}));
  return b.finish();
}

/// As runtime/node/Worker.cpp: tokens, streams, again.
template <typename Body>
void drive(Router &router, Machine &machine, uint32_t id, uint64_t iterations, Batches &batches,
           const Body &body) {
  Sink sink;
  sink.on = [&](const Action &action) {
    if (!router.act(id, action).isOk())
      std::abort();
  };
  machine.enter(0, iterations, sink);
  Token token;
  Firing firing;
  while (!machine.finished()) {
    bool moved = false;
    if (!router.poll(moved).isOk())
      std::abort();
    while (router.receive(id, token))
      if (!machine.onToken(token, sink).isOk())
        std::abort();
    if (machine.tryStart(0, firing)) {
      body();
      machine.finish(0, sink);
      batches.item();
    }
  }
}

/// Nanoseconds of a firing of the first of two workers.
template <typename Body>
double fireOnTwo(const std::vector<uint8_t> &bytes, uint64_t iterations, const Body &body) {
  const plan::Plan &plan = *plan::GetPlan(bytes.data());
  const auto tables = buildTables(plan, 0);
  if (!tables.isOk())
    std::abort();
  Router router(plan, 0, 1, {{0, 0, &tables->workers[0]}, {0, 1, &tables->workers[1]}}, nullptr,
                std::vector<MessageObserver *>{});
  Machine first(tables->workers[0], 0), second(tables->workers[1], 1);
  Batches mine, its;
  std::thread other([&] { drive(router, second, 1, iterations, its, body); });
  drive(router, first, 0, iterations, mine, body);
  other.join();
  return mine.bestTenth();
}

double fireAcross(uint32_t slots, uint64_t versions) {
  return fireOnTwo(twoWorkers(slots), versions, [] {});
}

void spin(double ns) {
  const double end = nowNs(CLOCK_MONOTONIC) + ns;
  while (nowNs(CLOCK_MONOTONIC) < end) {
  }
}

/// One device, a task of each of two layers on each of two workers; each reads both results of the
/// layer before, the first layer those of the iteration before.
std::vector<uint8_t> twoWide() {
  of::test::PlanBuilder b;
  b.device(b.node(0));
  b.program("train", plan::ProgramKind::Train, 1);
  of::test::RoleBuilder r(b, {0});
  r.chunk(4096);
  const uint32_t streams[] = {r.stream("a", plan::StreamKind::Compute, 0),
                              r.stream("b", plan::StreamKind::Compute, 1)};
  uint32_t results[2][2]; // [layer][worker]
  for (uint32_t layer : {0u, 1u})
    for (uint32_t worker : {0u, 1u})
      results[layer][worker] = r.reg(0, "x", r.space(128), 64, 2, layer);
  for (uint32_t layer : {0u, 1u})
    for (uint32_t worker : {0u, 1u})
      of::test::setEmptySegment(r.task(0, "t", streams[worker],
                                       {results[1 - layer][0], results[1 - layer][1]},
                                       {results[layer][worker]}));
  return b.finish();
}

double fireTwoWide(double bodyNs, uint64_t layers) {
  return fireOnTwo(twoWide(), layers / 2, [bodyNs] { spin(bodyNs); });
}

double fireTwoWideTbb(double bodyNs, uint64_t layers) {
  using Node = tbb::flow::continue_node<tbb::flow::continue_msg>;
  const tbb::global_control two(tbb::global_control::max_allowed_parallelism, 2);
  tbb::flow::graph graph;
  Batches batches;
  std::vector<std::unique_ptr<Node>> nodes;
  for (uint64_t i = 0; i < 2 * layers; ++i) {
    const bool counts = i % 2 == 0;
    nodes.push_back(std::make_unique<Node>(graph, [&, counts](const tbb::flow::continue_msg &) {
      spin(bodyNs);
      if (counts)
        batches.item();
    }));
    for (uint64_t before = i / 2 * 2; before > 0 && before + 2 > i / 2 * 2; --before)
      tbb::flow::make_edge(*nodes[before - 1], *nodes[i]);
  }
  nodes[0]->try_put(tbb::flow::continue_msg());
  nodes[1]->try_put(tbb::flow::continue_msg());
  graph.wait_for_all();
  return batches.bestTenth();
}

/// Two cache lines: here a number goes up, there it is answered.
double pingPong(uint64_t rounds) {
  struct alignas(64) Line {
    std::atomic<uint64_t> value{0};
  };
  Line there, back;
  Batches batches;
  std::thread other([&] {
    for (uint64_t i = 1; i <= rounds; ++i) {
      while (there.value.load(std::memory_order_acquire) != i) {
      }
      back.value.store(i, std::memory_order_release);
    }
  });
  for (uint64_t i = 1; i <= rounds; ++i) {
    there.value.store(i, std::memory_order_release);
    while (back.value.load(std::memory_order_acquire) != i) {
    }
    batches.item();
  }
  other.join();
  return batches.bestTenth();
}

void print(const char *what, double ns, const char *peer, double peerNs) {
  std::printf("%-34s %8.1f ns   %5.2f x %s (%.1f ns)\n", what, ns, ns / peerNs, peer, peerNs);
}

} // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  constexpr uint64_t kFirings = 1'000'000, kVersions = 20'000;
  const WorkerTables hundred = chain(100);
  const auto same = medians(
      {[&] { return fireChain(hundred, kFirings); }, [] { return fireTbb(100, kFirings / 10); }});
  print("same thread, 100 actors", same[0], "oneTBB", same[1]);

  std::vector<std::function<double()>> sizes;
  std::vector<WorkerTables> chains;
  for (const uint32_t actors : {100u, 1'000u, 10'000u, 100'000u, 1'000'000u})
    chains.push_back(chain(actors));
  for (const WorkerTables &tables : chains)
    sizes.push_back([&tables] { return fireChain(tables, kFirings); });
  const auto flat = medians(sizes);
  for (size_t i = 0; i < flat.size(); ++i)
    print(("  " + std::to_string(chains[i][0].tasks.size()) + " actors").c_str(), flat[i],
          "100 actors", flat[0]);

  const auto across =
      medians({[] { return fireAcross(1, kVersions); }, [] { return fireAcross(4, kVersions); },
               [] { return pingPong(kVersions); }});
  for (const double bodyNs : {1e3, 5e3, 20e3}) {
    const uint64_t layers = static_cast<uint64_t>(4e7 / bodyNs);
    const auto wide = medians({[&] { return fireTwoWide(bodyNs, layers); },
                               [&] { return fireTwoWideTbb(bodyNs, layers); }});
    std::printf(
        "two-wide all-to-all, %2.0f us bodies     %3.0f %% of two threads busy   oneTBB %3.0f "
        "%%\n",
        bodyNs / 1e3, 100 * bodyNs / wide[0], 100 * bodyNs / wide[1]);
  }
  print("two threads, 1 slot, round trip", across[0], "two cache lines", across[2]);
  print("two threads, 4 slots, per version", across[1], "two cache lines", across[2]);
  return 0;
}
