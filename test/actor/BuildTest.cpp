#include "runtime/actor/Build.h"
#include "test/support/PlanBuilder.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

/// io: read -> x; compute: use x and the variable w, write w in place; one constant c.
struct Small {
  Small() {
    b.device(b.node(0));
    b.placement({0});
    train = b.program("train", plan::ProgramKind::Train, 2);
    RoleBuilder r(b, {0});
    compute = r.stream("compute", plan::StreamKind::Compute, 0);
    io = r.stream("io", plan::StreamKind::Io, 1);
    r.chunk(1024);
    x = r.newReg(train, "x", 64, 3);
    w = r.reg(train, "w", 512, 64, 1, 1);
    c = r.reg(train, "c", 576, 64, 1, 1);
    read = &r.task(train, "read", io, {}, {x}, 2);
    addCall(*read, 0, "f", {});
    use = &r.task(train, "use", compute, {x, w, c}, {}, 2);
    addCall(*use, 0, "f", {});
    addCall(*use, 0, "g", {});
    update = &r.task(train, "update", compute, {w}, {w});
    addCall(*update, 0, "f", {});
    use->inputs[0] = plan::Port(x, 1, 0);
    use->inputs[1] = plan::Port(w, 2, -1);
    program = b.plan.roles[0]->programs[0].get();
  }

  Result<DeviceTables> build() {
    bytes = b.finish();
    return buildTables(*plan::GetPlan(bytes.data()), 0);
  }
  /// The error, which names the task.
  void refused(const std::string &task, const std::string &why) {
    const Status status = build().status();
    INFO(status.message());
    REQUIRE(status.code() == Code::Corrupt);
    REQUIRE(status.message().find(task) != std::string::npos);
    REQUIRE(status.message().find(why) != std::string::npos);
  }

  PlanBuilder b;
  uint32_t train = 0, compute = 0, io = 0, x = 0, w = 0, c = 0;
  plan::TaskT *read = nullptr, *use = nullptr, *update = nullptr;
  plan::RoleProgramT *program = nullptr;
  std::vector<uint8_t> bytes;
};

} // namespace

TEST_CASE("tables hold the ports, links and orders of a device's workers") {
  Small small;
  auto tables = small.build();
  INFO(tables.status().message());
  REQUIRE(tables.isOk());
  REQUIRE(tables->workers.size() == 2);
  const ProgramTable &compute = tables->workers[0][0], &io = tables->workers[1][0];
  REQUIRE(compute.order == std::vector<uint32_t>{0, 0, 1});
  REQUIRE(io.order == std::vector<uint32_t>{0, 0});

  const TaskEntry &use = compute.tasks[0];
  REQUIRE(use.numInputs == 3);
  REQUIRE(compute.inputs[0].producer.worker == 1);
  REQUIRE(compute.inputs[0].slots == 3);
  REQUIRE(compute.inputs[1].period == 2);
  REQUIRE(compute.inputs[1].initial == 1);
  REQUIRE_FALSE(compute.inputs[1].self);
  REQUIRE(compute.inputs[2].constant);
  REQUIRE(compute.inputs[3].self); // update reads what it writes
  REQUIRE(compute.events[use.firstEvent].call == 0);
  REQUIRE(compute.events[use.firstEvent].port == 0);
  REQUIRE(compute.events[use.firstEvent + 1].call == kAtEnd);

  REQUIRE(io.links.size() == 1);
  REQUIRE(io.links[0].consumer.worker == 0);
  REQUIRE(io.links[0].consumer.index == 0);
  REQUIRE(compute.outputs[0].numLinks == 2); // use and update itself
}

TEST_CASE("a plan that does not hold together is refused with the task's name") {
  Small small;
  SECTION("two writers") {
    small.use->outputs.emplace_back(small.x, 1, -1);
    small.refused("use", "second writer of register x");
  }
  SECTION("a period that does not divide the firings") {
    small.use->inputs[1] = plan::Port(small.w, 3, -1);
    small.refused("use", "period 3");
  }
  SECTION("a register that does not exist") {
    small.update->inputs[0] = plan::Port(99, 1, -1);
    small.refused("update", "register 99");
  }
  SECTION("more initial versions than slots") {
    small.program->registers[small.w]->initial = 2;
    small.refused("use", "2 initial versions");
  }
  SECTION("an order that does not match the firings") {
    small.program->orders[1]->tasks.erase(small.program->orders[1]->tasks.begin());
    small.refused("use", "fires 2 times");
  }
  SECTION("a task in no order") {
    small.program->orders[0]->tasks.clear();
    small.refused("read", "stands in no order");
  }
  SECTION("a task in another stream's order") {
    small.read->stream = small.compute;
    small.refused("task 0", "not of that stream");
  }
  SECTION("an empty register that nobody writes") {
    small.program->registers[small.c]->initial = 0;
    small.refused("use", "nobody writes");
  }
  SECTION("an exchange that does not exist") {
    small.update->body.Set(plan::SendT());
    small.refused("update", "exchange");
  }
}

TEST_CASE("a device without a role is named") {
  Small small;
  small.b.device(0);
  small.bytes = small.b.finish();
  const Status status = buildTables(*plan::GetPlan(small.bytes.data()), 1).status();
  REQUIRE(status.code() == Code::Corrupt);
  REQUIRE(status.message().find("device 1") != std::string::npos);
}

TEST_CASE("an exchange's peers are the devices whose parts overlap") {
  PlanBuilder b;
  const uint32_t node = b.node(0);
  for (int d = 0; d < 5; ++d)
    b.device(node);
  // Thirds of six elements on devices 0, 1, 2 become halves on 4, 3.
  const uint32_t thirds = b.placement({0, 1, 2}), halves = b.placement({4, 3});
  b.program("train", plan::ProgramKind::Train, 1);
  const uint32_t exchange =
      b.exchange(plan::DType::F32, {6}, b.layout(thirds, plan::SbpKind::Split),
                 b.layout(halves, plan::SbpKind::Split));
  const std::vector<uint8_t> bytes = b.finish();
  ExchangePeers peers(*plan::GetPlan(bytes.data()));
  using Devices = std::vector<uint32_t>;
  const std::vector<Devices> takers = {{4}, {3, 4}, {3}, {}, {}};
  const std::vector<Devices> givers = {{}, {}, {}, {1, 2}, {0, 1}};
  for (uint32_t device = 0; device < takers.size(); ++device) {
    INFO("device " << device);
    const DeviceList taking = peers.of(exchange, device, true),
                     giving = peers.of(exchange, device, false);
    CHECK(Devices(taking.begin(), taking.end()) == takers[device]);
    CHECK(Devices(giving.begin(), giving.end()) == givers[device]);
  }
}
