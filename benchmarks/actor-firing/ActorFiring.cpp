// What does it cost to fire an actor? One worker, a chain of tasks on one or several streams, empty
// bodies: the time is tryStart plus finish, with its tokens. TBB's flow graph takes 62 to 100 ns
// per node for the same.
#include "runtime/actor/Machine.h"

#include <benchmark/benchmark.h>

using namespace of::rt;

namespace {

struct NoActions final : ActionSink {
  void act(const Action &) override { std::abort(); } // everything is on one worker
};

/// A chain of `tasks` tasks, dealt to `streams` streams, joined by registers of `slots` slots.
WorkerTables chain(uint32_t tasks, uint32_t streams, uint32_t slots) {
  WorkerTables tables(1);
  ProgramTable &t = tables[0];
  for (uint32_t i = 0; i < tasks; ++i) {
    TaskEntry entry;
    entry.kind = BodyKind::Segment;
    entry.stream = i % streams;
    entry.firstInput = static_cast<uint32_t>(t.inputs.size());
    entry.firstOutput = static_cast<uint32_t>(t.outputs.size());
    entry.firstEvent = static_cast<uint32_t>(t.events.size());
    if (i > 0) {
      InputEntry in;
      in.slots = slots;
      in.producer = {0, i - 1};
      t.inputs.push_back(in);
      t.events.push_back({kAtEnd, false, i - 1});
      entry.numInputs = 1;
    }
    if (i + 1 < tasks) {
      OutputEntry out;
      out.slots = slots;
      out.firstLink = i;
      out.numLinks = 1;
      t.outputs.push_back(out);
      t.links.push_back({{0, i}, false});
      t.events.push_back({kAtEnd, true, i});
      entry.numOutputs = 1;
    }
    entry.numEvents = entry.numInputs + entry.numOutputs;
    t.tasks.push_back(entry);
  }
  for (uint32_t s = 0; s < streams; ++s) {
    StreamEntry stream{s, static_cast<uint32_t>(t.order.size()), 0};
    for (uint32_t i = s; i < tasks; i += streams) {
      t.order.push_back(i);
      ++stream.orderLength;
    }
    t.streams.push_back(stream);
  }
  return tables;
}

void fire(benchmark::State &state) {
  const uint32_t tasks = static_cast<uint32_t>(state.range(0)),
                 streams = static_cast<uint32_t>(state.range(1));
  const WorkerTables tables = chain(tasks, streams, 2);
  Machine machine(tables, 0);
  NoActions sink;
  constexpr uint64_t kIterations = 1000;
  for (auto _ : state) {
    machine.enter(0, kIterations, sink);
    Firing firing;
    while (!machine.finished())
      for (uint32_t s = 0; s < streams; ++s)
        if (machine.tryStart(s, firing))
          machine.finish(s, sink);
    if (!machine.leave().isOk())
      state.SkipWithError("tokens are not where they were");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kIterations * tasks));
}

} // namespace

BENCHMARK(fire)->Args({10, 1})->Args({100, 1})->Args({100, 2})->Args({100, 4});
BENCHMARK_MAIN();
