#include "runtime/schema/Verify.h"
#include "runtime/actor/Build.h"
#include "runtime/sim/Simulation.h"
#include "test/node/ToyPlan.h"

#include <catch2/catch.hpp>

#include <functional>
#include <random>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

/// The toy job on two hosts, with all that the rules are about.
struct Good {
  Good() : toy(options(), OF_TOY_KERNELS) {}
  static ToyOptions options() {
    ToyOptions o;
    o.hostOfNode = {0, 0, 1};
    o.micros = 2;
    o.snapshotEvery = 25;
    return o;
  }
  Status verify() const {
    const std::vector<uint8_t> bytes = toy.finish();
    return verifyPlan(*plan::GetPlan(bytes.data()));
  }
  plan::PlanT &plan() { return toy.b.plan; }
  plan::RoleT &role() { return *plan().roles[0]; }
  plan::RoleProgramT &train() { return *role().programs[toy.train]; }
  plan::TaskT &task(const std::string &name) {
    for (auto &program : role().programs)
      for (auto &task : program->tasks)
        if (task->name == name)
          return *task;
    throw std::runtime_error("no task " + name);
  }
  plan::RegisterT &reg(const std::string &name) {
    for (auto &r : train().registers)
      if (r->name == name)
        return *r;
    throw std::runtime_error("no register " + name);
  }
  plan::CallT &call(const std::string &task) {
    return *this->task(task).body.AsSegment()->calls[0];
  }

  ToyPlan toy;
};

struct Breach {
  const char *expected; ///< part of the message
  std::function<void(Good &)> make;
};

void refuseAll(const std::vector<Breach> &breaches) {
  for (const Breach &breach : breaches) {
    Good good;
    breach.make(good);
    const Status status = good.verify();
    INFO("expected: " << breach.expected << "\ngot: " << status.message());
    REQUIRE(status.code() == Code::Corrupt);
    REQUIRE(status.message().find(breach.expected) != std::string::npos);
  }
}

std::unique_ptr<plan::LoopT> loop(int32_t program, uint64_t count) {
  auto out = std::make_unique<plan::LoopT>();
  out->program = program;
  out->count = count;
  return out;
}

void addDataset(Good &g) {
  auto field = std::make_unique<plan::FieldT>();
  field->name = "image";
  field->files = {"images"};
  field->format = "idx";
  auto dataset = std::make_unique<plan::DatasetT>();
  dataset->name = "digits";
  dataset->fields.push_back(std::move(field));
  g.plan().datasets.push_back(std::move(dataset));
}

plan::ReadT read(Good &g, uint32_t dataset) {
  plan::ReadT body;
  body.dataset = dataset;
  body.global_rows = 8;
  body.layout = g.toy.b.layout(0, plan::SbpKind::Split);
  return body;
}

} // namespace

TEST_CASE("a good plan passes") {
  Good good;
  const Status status = good.verify();
  INFO(status.message());
  REQUIRE(status.isOk());
}

TEST_CASE("rules of cluster, placements and tensors") {
  refuseAll({
      {"no nodes or no devices", [](Good &g) { g.plan().nodes.clear(); }},
      {"device 0 is of node 9", [](Good &g) { g.plan().devices[0]->node = 9; }},
      {"is no UTF-8", [](Good &g) { g.plan().variables[2]->name = "w\xff"; }},
      {"is no UTF-8", [](Good &g) { g.plan().variables[2]->name = std::string("w\0", 2); }},
      {"is no UTF-8", [](Good &g) { g.plan().variables[2]->name = "\xed\xa0\x80"; }},
      {"has 4294967295 threads", [](Good &g) { g.plan().devices[0]->threads = ~0u; }},
      {"no kind or no threads", [](Good &g) { g.plan().devices[0]->threads = 0; }},
      {"placement 'p0' has a shape",
       [](Good &g) {
         g.plan().placements[0]->shape = {4000000000u, 4000000000u};
       }},
      {"devices for", [](Good &g) { g.plan().placements[0]->shape = {2}; }},
      {"names device 0", [](Good &g) { g.plan().placements[0]->devices[1] = 0; }},
      {"names device 7", [](Good &g) { g.plan().placements[0]->devices[1] = 7; }},
      {"moves nothing", [](Good &g) { g.plan().exchanges[0]->tensors.clear(); }},
      {"unknown dtype",
       [](Good &g) { g.plan().exchanges[0]->tensors[0]->dtype = static_cast<plan::DType>(77); }},
      {"no memory holds",
       [](Good &g) {
         g.plan().exchanges[0]->tensors[0]->shape = {1ll << 40, 1ll << 40};
       }},
      {"no memory holds", [](Good &g) { g.plan().variables[0]->shape = {-1}; }},
      {"placement 5", [](Good &g) { g.plan().exchanges[0]->tensors[0]->src->placement = 5; }},
      {"SBPs for 1 axes", [](Good &g) { g.plan().exchanges[0]->tensors[0]->dst->sbp.clear(); }},
      {"unknown kind",
       [](Good &g) {
         g.plan().exchanges[0]->tensors[0]->dst->sbp[0] =
             plan::Sbp(static_cast<plan::SbpKind>(9), 0);
       }},
      {"split along dim 3",
       [](Good &g) { g.plan().variables[1]->layout->sbp[0] = plan::Sbp(plan::SbpKind::Split, 3); }},
      {"is partial",
       [](Good &g) {
         g.plan().variables[0]->layout->sbp[0] = plan::Sbp(plan::SbpKind::PartialSum, 0);
       }},
      {"is partial", [](Good &g) { g.plan().exchanges[0]->tensors[0]->dtype = plan::DType::Bool; }},
      {"variable 'w' is there twice", [](Good &g) { g.plan().variables[1]->name = "w"; }},
      {"without files",
       [](Good &g) {
         addDataset(g);
         g.plan().datasets[0]->fields[0]->files.clear();
       }},
      {"no fields",
       [](Good &g) {
         addDataset(g);
         g.plan().datasets[0]->fields.clear();
       }},
  });
}

TEST_CASE("rules of programs and schedule") {
  refuseAll({
      {"0 programs", [](Good &g) { g.plan().programs.clear(); }},
      {"is there twice", [](Good &g) { g.plan().programs[1]->name = "init"; }},
      {"0 micro-batches", [](Good &g) { g.plan().programs[1]->micros = 0; }},
      {"data set 3", [](Good &g) { g.plan().programs[1]->dataset = 3; }},
      {"runs nothing", [](Good &g) { g.plan().schedule->body.clear(); }},
      {"runs program 9", [](Good &g) { g.plan().schedule->body[0]->program = 9; }},
      {"loop of 0 rounds", [](Good &g) { g.plan().schedule->body[0]->count = 0; }},
      {"more than 2^53",
       [](Good &g) {
         g.plan().schedule->count = 1ull << 40;
         g.plan().schedule->body.push_back(loop(0, 1ull << 40));
       }},
      {"turns to programs more than",
       [](Good &g) {
         g.plan().schedule->count = 1ull << 40;
         for (auto &round : g.plan().schedule->body)
           round->count = 1;
       }},
      {"turns to programs more than",
       [](Good &g) { g.plan().schedule->body.push_back(loop(-1, 1ull << 50)); }},
      {"an epoch has 9223372036854775808 steps",
       [](Good &g) { g.plan().epoch_steps = 1ull << 63; }},
      {"at depth",
       [](Good &g) {
         plan::LoopT *at = g.plan().schedule.get();
         for (int i = 0; i < 40; ++i) {
           at->body.push_back(loop(-1, 1));
           at = at->body.back().get();
         }
       }},
  });
}

TEST_CASE("rules of roles") {
  refuseAll({
      {"has no instance", [](Good &g) { g.role().instances.clear(); }},
      {"out of order",
       [](Good &g) {
         g.role().instances = {0, 2, 1};
       }},
      {"device 2 has no role",
       [](Good &g) {
         g.role().instances = {0, 1};
         for (auto &column : g.role().columns)
           column->values.pop_back();
       }},
      {"without one row", [](Good &g) { g.role().columns[0]->values.pop_back(); }},
      {"has 2 programs of 3", [](Good &g) { g.role().programs.pop_back(); }},
      {"on worker 9000", [](Good &g) { g.role().streams[0]->worker = 9000; }},
      {"of unknown kind",
       [](Good &g) { g.role().streams[0]->kind = static_cast<plan::StreamKind>(8); }},
      {"unknown memory",
       [](Good &g) { g.role().chunks[0]->memory = static_cast<plan::MemoryKind>(8); }},
      {"bytes", [](Good &g) { g.role().chunks[0]->bytes = 1ull << 60; }},
      {"part of variable 12", [](Good &g) { g.role().variables[0]->variable = 12; }},
      {"two parts of variable", [](Good &g) { g.role().variables[0]->variable = 1; }},
      {"variable 'w' has no place",
       [](Good &g) { g.role().variables.erase(g.role().variables.begin()); }},
      {"does not lie on device 2",
       [](Good &g) {
         g.plan().variables[0]->layout->placement = g.toy.b.placement({0, 1});
       }},
  });
}

TEST_CASE("rules of registers, ports and orders") {
  refuseAll({
      {"0 slots", [](Good &g) { g.reg("x").slots = 0; }},
      {"3 initial versions", [](Good &g) { g.reg("x").initial = 3; }},
      {"chunk 4", [](Good &g) { g.reg("x").chunk = 4; }},
      {"is of stream 9", [](Good &g) { g.task("batch").stream = 9; }},
      {"fires 3 times", [](Good &g) { g.task("batch").firings = 3; }},
      {"predicted duration", [](Good &g) { g.task("batch").seconds = -1; }},
      {"register 99", [](Good &g) { g.task("batch").outputs[0] = plan::Port(99, 1, -1); }},
      {"does not divide", [](Good &g) { g.task("batch").outputs[0] = plan::Port(1, 3, -1); }},
      {"does not divide", [](Good &g) { g.task("batch").outputs[0] = plan::Port(1, 0, -1); }},
      {"slots do not divide the 1 versions", [](Good &g) { g.reg("sum").initial = 1; }},
      {"after call 5 of 2", [](Good &g) { g.task("gradient").inputs[0] = plan::Port(1, 1, 5); }},
      {"after call -2 of 2", [](Good &g) { g.task("gradient").inputs[0] = plan::Port(1, 1, -2); }},
      {"after call 0 of 0", [](Good &g) { g.task("send").inputs[0] = plan::Port(3, 1, 0); }},
      {"second writer of register 'x'",
       [](Good &g) { g.task("batch").outputs[1] = plan::Port(1, 1, -1); }},
      {"which nobody writes",
       [](Good &g) {
         g.task("batch").outputs.pop_back();
         g.call("batch").buffers.pop_back();
       }},
      {"names task 1, which is not of that stream",
       [](Good &g) { g.train().orders[0]->tasks[0] = 1; }},
      {"names task 99", [](Good &g) { g.train().orders[0]->tasks[0] = 99; }},
      {"stands 1 times", [](Good &g) { g.train().orders[0]->tasks.pop_back(); }},
      {"is there twice",
       [](Good &g) {
         g.train().orders.push_back(std::make_unique<plan::OrderT>(*g.train().orders[0]));
       }},
      {"writes 2 versions of register x per iteration, task gradient reads 1",
       [](Good &g) { g.task("gradient").inputs[0] = plan::Port(1, 2, 0); }},
  });
}

TEST_CASE("rules of bodies") {
  refuseAll({
      {"unknown kind", [](Good &g) { g.task("metric").body.Reset(); }},
      {"without calls", [](Good &g) { g.task("update").body.AsSegment()->calls.clear(); }},
      {"neither a symbol", [](Good &g) { g.call("update").object = 8; }},
      {"neither a symbol", [](Good &g) { g.call("update").symbol.clear(); }},
      {"neither a symbol", [](Good &g) { g.call("update").object = -1; }},
      {"no tiles", [](Good &g) { g.call("update").tiles = 0; }},
      {"4294967295 tiles", [](Good &g) { g.call("update").tiles = ~0u; }},
      {"reads column 2", [](Good &g) { g.call("update").scalars = {2}; }},
      {"buffer of unknown kind",
       [](Good &g) {
         g.call("update").buffers[0] = plan::Buffer(static_cast<plan::BufferKind>(5), 0, 0, 4);
       }},
      {"uses chunk 3", [](Good &g) { g.call("update").buffers[0] = chunkBuffer(3, 0, 4); }},
      {"uses port 2", [](Good &g) { g.call("update").buffers[0] = inputBuffer(2, 4); }},
      {"uses bytes 32",
       [](Good &g) {
         g.call("update").buffers[0] = plan::Buffer(plan::BufferKind::Input, 0, 32, 64);
       }},
      {"uses bytes 18446744073709551615",
       [](Good &g) {
         g.call("update").buffers[0] = plan::Buffer(plan::BufferKind::Chunk, 0, ~0ull, 8);
       }},
      {"exchange 4", [](Good &g) { g.task("send").body.AsSend()->exchange = 4; }},
      {"0 inputs and 0 outputs", [](Good &g) { g.task("send").inputs.clear(); }},
      {"needs 64 bytes in register 'g'",
       [](Good &g) {
         g.reg("g").slot_bytes = 60;
         g.call("gradient").buffers[4] = outputBuffer(0, 8);
       }},
      {"does not lie",
       [](Good &g) { g.plan().exchanges[0]->tensors[0]->src->placement = g.toy.b.placement({0}); }},
      {"not shared to device 0", [](Good &g) { g.role().chunks[0]->shared = false; }},
      {"65 landing slots", [](Good &g) { g.task("receive").body.AsReceive()->landing_slots = 65; }},
      {"other hosts push",
       [](Good &g) { g.task("receive").body.AsReceive()->landing_slot_bytes = 8; }},
      {"in chunk 7", [](Good &g) { g.task("receive").body.AsReceive()->landing_chunk = 7; }},
      {"0 outputs, its body 2 and 0",
       [](Good &g) { g.task("metric").body.AsMetric()->names.push_back("x"); }},
      {"emitter 8", [](Good &g) { g.task("metric").body.AsMetric()->emitter = 8; }},
      {"a dim of 0",
       [](Good &g) {
         plan::OutputT body;
         body.name = "y";
         body.shape = {0};
         g.task("metric").body.Set(std::move(body));
       }},
      {"a batch without rows",
       [](Good &g) {
         plan::OutputT body;
         body.name = "y";
         g.task("metric").body.Set(std::move(body));
       }},
      {"needs 8 bytes in register 'loss'",
       [](Good &g) {
         g.task("metric").body.AsMetric()->dtype = plan::DType::F64;
         g.reg("loss").slot_bytes = 4;
       }},
      {"needs 400 bytes in register 'loss'",
       [](Good &g) {
         plan::CheckFiniteT body;
         body.elements = 100;
         g.task("metric").body.Set(std::move(body));
       }},
      {"1 inputs and 0 outputs, its body 2 and 2",
       [](Good &g) {
         plan::CopyT body;
         body.bytes = {4, 4};
         g.task("metric").body.Set(std::move(body));
       }},
      {"names variable 9", [](Good &g) { g.task("write").body.AsWrite()->variables[0] = 9; }},
      {"its body 0 and 1",
       [](Good &g) {
         plan::LoadT body;
         body.variables = {0};
         g.task("batch").body.Set(std::move(body));
       }},
      {"needs 8 bytes in register 'loss'",
       [](Good &g) {
         plan::WriteT body; // a counter of 8 bytes
         body.variables = {1};
         g.reg("loss").slot_bytes = 4;
         g.call("gradient").buffers[5] = outputBuffer(1, 4);
         g.task("metric").body.Set(std::move(body));
       }},
      {"needs 64 bytes in register 'sum'",
       [](Good &g) {
         plan::LoadT body;
         body.variables = {0};
         g.reg("sum").slot_bytes = 32;
         g.call("update").buffers[1] = inputBuffer(1, 32);
         g.task("receive").body.Set(std::move(body));
       }},
      {"data set 0", [](Good &g) { g.task("batch").body.Set(read(g, 0)); }},
      {"its body 0 and 1",
       [](Good &g) {
         addDataset(g);
         g.task("batch").body.Set(read(g, 0));
       }},
      {"neither split along its rows",
       [](Good &g) {
         addDataset(g);
         g.plan().datasets[0]->mask_field = true;
         g.task("batch").body.Set(read(g, 0));
         g.task("batch").body.AsRead()->layout->sbp[0] = plan::Sbp(plan::SbpKind::PartialSum, 0);
       }},
      {"reads 0 rows",
       [](Good &g) {
         addDataset(g);
         g.plan().datasets[0]->mask_field = true;
         g.task("batch").body.Set(read(g, 0));
         g.task("batch").body.AsRead()->global_rows = 0;
       }},
  });
}

TEST_CASE("rules of exchange ends") {
  refuseAll({
      {"same end of one exchange",
       [](Good &g) {
         plan::TaskT &metric = g.task("metric");
         plan::SendT body;
         metric.body.Set(std::move(body));
         g.reg("loss").slot_bytes = 64;
         g.call("gradient").buffers[5] = outputBuffer(1, 4);
         g.role().chunks[0]->bytes += 128;
         g.reg("loss").offset = g.role().chunks[0]->bytes - 128;
       }},
      {"has no task for its end", [](Good &g) { setEmptySegment(g.task("receive")); }},
  });
}

TEST_CASE("rules of memory") {
  refuseAll({
      {"register 'x' leaves chunk 0", [](Good &g) { g.reg("x").slots = 60000; }},
      {"register 'x' leaves chunk 0", [](Good &g) { g.reg("x").offset = ~0ull; }},
      {"register 'x' leaves chunk 0", [](Good &g) { g.reg("x").slot_bytes = 1ull << 63; }},
      {"variable 'w' leaves chunk 0", [](Good &g) { g.role().variables[0]->offset = 1ull << 40; }},
      {"the landing slots of task receive",
       [](Good &g) { g.task("receive").body.AsReceive()->landing_offset = 1ull << 50; }},
      {"register 'y' and register 'x' share bytes",
       [](Good &g) { g.reg("y").offset = g.reg("x").offset; }},
      {"register 'y' and the landing slots of task receive",
       [](Good &g) { g.task("receive").body.AsReceive()->landing_offset = g.reg("y").offset; }},
      {"share bytes", [](Good &g) { g.task("receive").body.AsReceive()->landing_offset = 0; }},
      {"register 'w' and register 'x' share bytes", [](Good &g) { g.reg("x").offset = 0; }},
      {"variable 'w' and register 'w' share bytes",
       [](Good &g) {
         g.reg("w").offset = 8;
         g.reg("w").slot_bytes = 64;
       }},
      {"variable 'w' and variable 'batches' share bytes",
       [](Good &g) { g.role().variables[1]->offset = 32; }},
      {"use variable 'batches' in place",
       [](Good &g) {
         g.call("update").buffers[1] = chunkBuffer(0, g.role().variables[1]->offset, 8);
       }},
      {"uses variable 'w' in place, which others use through register 'w'",
       [](Good &g) { g.call("update").buffers[0] = chunkBuffer(0, 0, 64); }},
      {"a temporary of call 'toy_update' of task update (model.mlir:5:1) and register 'x'",
       [](Good &g) { g.call("update").buffers[1] = chunkBuffer(0, g.reg("x").offset, 64); }},
      {"a temporary of call 'toy_update' of task update (model.mlir:5:1) and a temporary of call "
       "'toy_batch'",
       [](Good &g) {
         g.role().chunks[0]->bytes += 256; // two streams, the same temporary
         const uint64_t at = g.role().chunks[0]->bytes - 256;
         g.call("update").buffers[1] = chunkBuffer(0, at, 64);
         g.call("batch").buffers[0] = chunkBuffer(0, at + 32, 64);
       }},
  });
}

TEST_CASE("temporaries of one stream may share bytes") {
  Good good;
  good.role().chunks[0]->bytes += 256;
  const uint64_t at = good.role().chunks[0]->bytes - 256;
  good.call("update").buffers[1] = chunkBuffer(0, at, 64);
  good.call("gradient").buffers[0] = chunkBuffer(0, at + 32, 64);
  const Status status = good.verify();
  INFO(status.message());
  REQUIRE(status.isOk());
}

TEST_CASE("registers share bytes where the program orders their uses") {
  // a -> one -> b -> two -> c -> three: a and c, on one stream or with three on another.
  const bool apart = GENERATE(false, true);
  PlanBuilder b;
  b.device(b.node(0));
  b.program("train", plan::ProgramKind::Train, 1);
  RoleBuilder role(b, {0});
  const uint32_t main = role.stream("main", plan::StreamKind::Compute, 0),
                 side = role.stream("side", plan::StreamKind::Io, 1);
  role.chunk(0);
  const uint64_t place = role.space(128);
  const uint32_t x = role.reg(0, "a", place, 64), y = role.newReg(0, "b", 64),
                 z = role.reg(0, "c", place + 32, 64);
  for (auto [name, stream, in, out] :
       {std::tuple("zero", main, std::vector<uint32_t>{}, std::vector<uint32_t>{x}),
        {"one", main, {x}, {y}},
        {"two", main, {y}, {z}},
        {"three", apart ? side : main, {z}, {}}})
    setEmptySegment(role.task(0, name, stream, in, out));
  b.run(0, 1);
  auto memory = [&] {
    const std::vector<uint8_t> bytes = b.finish();
    const plan::Plan &plan = *plan::GetPlan(bytes.data());
    const Status structure = verifyStructure(plan);
    return structure.isOk() ? verifyMemory(plan) : structure;
  };
  auto &program = *role.role->programs[0];
  if (!apart) {
    REQUIRE(memory().message() == "");
    program.tasks[3]->inputs.emplace_back(x, 1, -1); // three needs a too
    REQUIRE(memory().message().find("nothing orders their uses") != std::string::npos);
    return;
  }
  REQUIRE(memory().message().find("register 'a' and register 'c' share bytes 32 to 64 of chunk 0, "
                                  "and nothing orders their uses") != std::string::npos);
  program.reuses.emplace_back(3, 0, 1); // zero waits for three of the iteration before
  REQUIRE(memory().message() == "");
  program.registers[x]->slots = 2; // of which one may be in use when c is written
  program.registers[x]->slot_bytes = 32;
  REQUIRE(memory().message() == "");        // but the order holds for all slots
  program.reuses[0] = plan::Reuse(3, 2, 1); // the next c, not the next a
  REQUIRE(memory().message().find("nothing orders their uses") != std::string::npos);
  program.reuses[0] = plan::Reuse(3, 0, 2);
  REQUIRE(memory().message().find("which is neither 0 nor 1") != std::string::npos);
  program.reuses[0] = plan::Reuse(4, 0, 1);
  REQUIRE(memory().message().find("names a task that does not exist") != std::string::npos);
}

TEST_CASE("a segment's result may lie where its temporaries were, and its input where they come") {
  // in -> call 0 (in to t), call 1 (t to out), call 2 (u): t may not share with out, which call 1
  // writes; in may share with u, in use after it was given back; out may share with none of them.
  PlanBuilder b;
  b.device(b.node(0));
  b.program("train", plan::ProgramKind::Train, 1);
  RoleBuilder role(b, {0});
  const uint32_t main = role.stream("main", plan::StreamKind::Compute, 0);
  role.chunk(0);
  const uint32_t in = role.newReg(0, "in", 64), out = role.newReg(0, "out", 64);
  const uint64_t t = role.space(64), u = role.space(64), v = role.space(128);
  setEmptySegment(role.task(0, "source", main, {}, {in}));
  plan::TaskT &task = role.task(0, "work", main, {in}, {out});
  const uint32_t object = b.object(std::vector<uint8_t>{1});
  addCall(task, object, "first",
          {inputBuffer(0, 64), chunkBuffer(0, t, 64), chunkBuffer(0, v, 64)});
  addCall(task, object, "second", {chunkBuffer(0, t, 64), outputBuffer(0, 64)});
  addCall(task, object, "third", {chunkBuffer(0, u, 64)});
  task.inputs[0] = plan::Port(in, 1, 0);
  task.outputs[0] = plan::Port(out, 1, 1);
  setEmptySegment(role.task(0, "sink", main, {out}, {}));
  b.run(0, 1);
  auto shares = [&](uint32_t reg, uint64_t offset) {
    plan::RegisterT &r = *role.role->programs[0]->registers[reg];
    const uint64_t before = std::exchange(r.offset, offset);
    const std::vector<uint8_t> bytes = b.finish();
    r.offset = before;
    const Status status = verifyMemory(*plan::GetPlan(bytes.data()));
    INFO(status.message());
    REQUIRE((status.isOk() || status.message().find("share bytes") != std::string::npos));
    return status.isOk();
  };
  REQUIRE(shares(in, u));
  REQUIRE_FALSE(shares(in, t));
  REQUIRE_FALSE(shares(in, v));
  REQUIRE(shares(out, v));
  REQUIRE_FALSE(shares(out, t));
  REQUIRE_FALSE(shares(out, u));
  role.role->programs[0]->registers[out]->slots = 2; // the other slot may be in use when v is not
  REQUIRE(shares(out, v)); // on one stream the sink is done before the next source
  role.role->programs[0]->tasks[1]->inputs[0] = plan::Port(in, 1, -1);
  REQUIRE_FALSE(shares(in, u)); // not given back before the end
}

TEST_CASE("two constant registers may be one variable") {
  Good good;
  const uint32_t twin = static_cast<uint32_t>(good.train().registers.size());
  auto copy = std::make_unique<plan::RegisterT>(good.reg("w"));
  copy->name = "w2";
  good.train().registers.push_back(std::move(copy));
  good.task("update").outputs.clear();
  good.call("update").buffers.pop_back();
  good.task("update").inputs[0] = plan::Port(twin, 1, -1);
  REQUIRE(certify(good.plan()).isOk());
  const Status status = good.verify();
  INFO(status.message());
  REQUIRE(status.isOk());
}

TEST_CASE("a certificate that does not hold is refused") {
  Good good;
  good.train().certificate->step_period = 1;
  const Status status = good.verify();
  REQUIRE(status.code() == Code::Refused);
  REQUIRE(status.message().find("program train: the certificate does not hold") == 0);
}

TEST_CASE("whatever a file holds, the verifier returns; what it accepts can run") {
  const Good good;
  const std::vector<uint8_t> bytes = good.toy.finish();
  // Not the kernel object, which is most of the file and no matter of the verifier.
  const uint8_t *code = plan::GetPlan(bytes.data())->objects()->Get(0)->data()->data();
  const size_t codeBytes = good.toy.b.plan.objects[0]->data.size();
  const uint32_t seed = 20240607;
  std::mt19937 random(seed);
  uint32_t read = 0, accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> altered = bytes;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      size_t at = random() % (bytes.size() - codeBytes);
      at += at >= static_cast<size_t>(code - bytes.data()) ? codeBytes : 0;
      altered[at] = static_cast<uint8_t>(random() % 4 == 0 ? random() : altered[at] ^ 1u);
    }
    flatbuffers::Verifier verifier(altered.data(), altered.size(), 64, 1u << 20);
    if (!plan::VerifyPlanBuffer(verifier))
      continue;
    ++read;
    const plan::Plan &plan = *plan::GetPlan(altered.data());
    if (!verifyPlan(plan).isOk())
      continue;
    ++accepted;
    for (uint32_t d = 0; d < plan.devices()->size(); ++d) {
      INFO("seed " << seed << " round " << round);
      REQUIRE(buildTables(plan, d).status().message() == "");
    }
    SimulationOptions options;
    for (uint32_t p = 0; p < plan.programs()->size(); ++p)
      options.schedule.push_back({p, 3});
    options.seed = static_cast<uint64_t>(round);
    options.maxDelayNs = 10;
    const auto simulated = simulate(plan, options);
    INFO("seed " << seed << " round " << round << " " << simulated.status().message());
    REQUIRE(simulated.isOk());
    REQUIRE(simulated->finished);
  }
  REQUIRE(read > 5000);
  REQUIRE(read - accepted > 1000);
}
