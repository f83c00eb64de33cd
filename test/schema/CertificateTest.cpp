#include "runtime/schema/Certificate.h"
#include "runtime/schema/Circuit.h"
#include "runtime/schema/Dependencies.h"
#include "runtime/schema/Solve.h"
#include "test/support/PlanBuilder.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

constexpr double kNs = 1e-9;

/// One device, one program of `micros` micro-batches, two streams.
struct Job {
  explicit Job(uint32_t micros)
      : role((b.device(b.node(0)), b.program("train", plan::ProgramKind::Train, micros), b), {0}) {
    b.run(0, 1);
    compute = role.stream("compute", plan::StreamKind::Compute, 0);
    other = role.stream("other", plan::StreamKind::Transfer, 1);
    role.chunk(0);
  }
  plan::TaskT &task(const std::string &name, uint32_t stream, std::vector<uint32_t> in,
                    std::vector<uint32_t> out, uint32_t firings, double ns) {
    plan::TaskT &t = role.task(0, name, stream, in, out, firings);
    setEmptySegment(t);
    t.seconds = ns * kNs;
    return t;
  }
  plan::RoleProgramT &program() { return *role.role->programs[0]; }
  plan::CertificateT &certificate() { return *program().certificate; }
  Status check() const {
    const std::vector<uint8_t> bytes = b.finish();
    return checkCertificate(*plan::GetPlan(bytes.data()), 0);
  }

  PlanBuilder b;
  RoleBuilder role;
  uint32_t compute = 0, other = 0;
};

} // namespace

TEST_CASE("a chain of two streams runs at the pace of the slower one") {
  const uint32_t slots = GENERATE(1u, 2u, 3u);
  Job job(4);
  const uint32_t r = job.role.newReg(0, "r", 64, slots);
  job.task("read", job.other, {}, {r}, 4, 30);
  job.task("compute", job.compute, {r}, {}, 4, 50);
  REQUIRE(certify(job.b.plan).isOk());
  // With one slot they take turns: 30 + 50.
  REQUIRE(job.certificate().micro_period == (slots == 1 ? 80 : 50));
  REQUIRE(job.certificate().step_period == (slots == 1 ? 4 * 80 : 4 * 50));
  REQUIRE(job.certificate().offsets == std::vector<int64_t>{0, 30});
  REQUIRE(job.certificate().durations == std::vector<int64_t>{30, 50});
  REQUIRE(job.check().isOk());
}

TEST_CASE(
    "weights in place: the update waits for the last micro-batch, the next step for the update") {
  Job job(3);
  const uint32_t w = job.role.reg(0, "w", job.role.space(64), 64, 1, 1),
                 g = job.role.newReg(0, "g", 64, 1);
  plan::TaskT &grad = job.task("gradient", job.compute, {w}, {g}, 3, 10);
  grad.inputs[0] = plan::Port(w, 3, -1);
  grad.outputs[0] = plan::Port(g, 3, -1);
  job.task("update", job.other, {w, g}, {w}, 1, 7);
  REQUIRE(certify(job.b.plan).isOk());
  REQUIRE(job.certificate().micro_period == 10);
  REQUIRE(job.certificate().step_period == 37);
  REQUIRE(job.certificate().offsets == std::vector<int64_t>{0, 30});
  REQUIRE(job.check().isOk());
}

TEST_CASE("a violated inequality is named") {
  Job job(2);
  const uint32_t r = job.role.newReg(0, "r", 64, 2);
  job.task("read", job.other, {}, {r}, 2, 30);
  job.task("compute", job.compute, {r}, {}, 2, 50);
  REQUIRE(certify(job.b.plan).isOk());
  auto message = [&] {
    const Status status = job.check();
    REQUIRE(status.code() == Code::Refused);
    return status.message();
  };
  SECTION("too early") {
    job.certificate().offsets[1] = 29;
    REQUIRE(message().find("compute[0] waits for a version of register r from read[0], and would "
                           "start 1 ns too early") != std::string::npos);
  }
  SECTION("step period") {
    job.certificate().step_period = 99;
    REQUIRE(message().find("stands before it in the order of stream compute") != std::string::npos);
  }
  SECTION("micro period") {
    job.certificate().micro_period = 49;
    REQUIRE(message().find("compute[1]") != std::string::npos);
  }
  SECTION("no step period") {
    job.certificate().step_period = 0;
    message();
  }
  SECTION("negative micro period") {
    job.certificate().micro_period = -1;
    message();
  }
  SECTION("no duration") {
    job.certificate().durations[0] = 0;
    message();
  }
  SECTION("an offset is missing") {
    job.certificate().offsets.pop_back();
    message();
  }
  SECTION("numbers that do not add up in 64 bits") {
    job.certificate().offsets[0] = std::numeric_limits<int64_t>::max();
    message();
  }
}

TEST_CASE("a register whose reader comes after its writer needs as many slots") {
  Job job(3);
  const uint32_t slots = GENERATE(1u, 2u, 3u);
  const uint32_t r = job.role.newReg(0, "r", 64, slots);
  job.task("forward", job.compute, {}, {r}, 3, 5);
  job.task("backward", job.compute, {r}, {}, 3, 5); // the order is f f f b b b
  const Status status = certify(job.b.plan);
  if (slots == 3) {
    REQUIRE(status.isOk());
    REQUIRE(job.certificate().step_period == 30);
    return;
  }
  REQUIRE(status.code() == Code::Refused);
  const std::string text = status.message();
  INFO(text);
  REQUIRE(text.find("program train cannot run: these wait for each other") == 0);
  REQUIRE(text.find("waits for a free slot of register r (of " + std::to_string(slots) +
                    "), held by backward[0]") != std::string::npos);
  REQUIRE(text.find("order of stream compute") != std::string::npos);
}

TEST_CASE("one forward, one backward: the period of a pipeline's stage") {
  Job job(4);
  const uint32_t r = job.role.newReg(0, "r", 64, 3);
  job.task("forward", job.compute, {}, {r}, 4, 10);
  job.task("backward", job.compute, {r}, {}, 4, 20);
  job.program().orders[0]->tasks = {0, 0, 0, 1, 0, 1, 1, 1};
  REQUIRE(certify(job.b.plan).isOk());
  REQUIRE(job.certificate().micro_period == 30);
  REQUIRE(job.check().isOk());
  SECTION("and with one slot less it stalls") {
    job.program().registers[0]->slots = 2;
    REQUIRE(certify(job.b.plan).code() == Code::Refused);
    REQUIRE(job.check().message().find("cannot run") != std::string::npos);
  }
}

TEST_CASE("an order that runs but does not repeat has a time for each firing") {
  Job job(2);
  const uint32_t r = job.role.newReg(0, "r", 64, 2), s = job.role.newReg(0, "s", 64, 2);
  job.task("a", job.compute, {}, {r}, 2, 10);
  job.task("b", job.compute, {}, {s}, 2, 10);
  job.program().orders[0]->tasks = {0, 1, 1, 0};
  const std::vector<uint8_t> bytes = job.b.finish();
  const ProgramTasks tasks(*plan::GetPlan(bytes.data()), 0);
  auto solution = solveCertificate(tasks, {10, 10});
  REQUIRE(solution.isOk());
  REQUIRE(solution->found);
  REQUIRE(solution->ofFirings);
  REQUIRE(solution->microPeriod == 0);
  REQUIRE(solution->offsets == std::vector<int64_t>{0, 30, 10, 20});
  REQUIRE(certify(job.b.plan).isOk());
  REQUIRE(job.certificate().step_period >= 4);
  REQUIRE(job.check().isOk());
  SECTION("each of which is checked") {
    for (const size_t firing : {0, 1, 2, 3}) {
      const int64_t offset = job.certificate().offsets[firing];
      job.certificate().offsets[firing] += firing == 1 ? -1 : 1;
      INFO("firing " << firing);
      REQUIRE(job.check().message().find("which stands before it in the order of stream compute") !=
              std::string::npos);
      job.certificate().offsets[firing] = offset;
    }
  }
  SECTION("and that of the next iteration") {
    job.certificate().step_period -= 1;
    REQUIRE(job.check().code() == Code::Refused);
  }
  SECTION("without a period of the micro-batches") {
    job.certificate().micro_period = 1;
    REQUIRE(job.check().message().find("offsets of firings and a period of micro-batches") !=
            std::string::npos);
  }
  SECTION("and none may be missing") {
    job.certificate().offsets.pop_back();
    REQUIRE(job.check().message().find("nor one offset for each of its 4 firings") !=
            std::string::npos);
  }
}

TEST_CASE("a reuse edge is a dependency: onwards, or back in the next iteration") {
  Job job(1);
  const uint32_t r = job.role.newReg(0, "r", 64, 2);
  job.task("first", job.compute, {}, {r}, 1, 10);
  job.task("second", job.other, {r}, {}, 1, 20);
  job.task("third", job.compute, {}, {}, 1, 5);
  job.program().reuses.emplace_back(1, 2, 0); // third waits for second
  REQUIRE(certify(job.b.plan).isOk());
  REQUIRE(job.certificate().offsets == std::vector<int64_t>{0, 10, 30});
  REQUIRE(job.certificate().step_period == 35); // and with it the next first
  job.certificate().offsets[2] = 29;
  REQUIRE(job.check().message().find("third waits for second, whose memory it uses again") !=
          std::string::npos);
  job.program().reuses[0] = plan::Reuse(1, 0, 1); // first waits for second of the iteration before
  REQUIRE(certify(job.b.plan).isOk());
  REQUIRE(job.certificate().step_period == 30);
  job.program().reuses[0] = plan::Reuse(1, 0, 0);
  const Status stalled = certify(job.b.plan);
  REQUIRE(stalled.code() == Code::Refused);
  REQUIRE(stalled.message().find("first waits for second, whose memory it uses again") !=
          std::string::npos);
}

TEST_CASE("rates of writer and reader must agree") {
  Job job(2);
  const uint32_t r = job.role.newReg(0, "r", 64, 2);
  job.task("read", job.other, {}, {r}, 2, 30);
  job.task("sum", job.compute, {r}, {}, 1, 50);
  const Status status = certify(job.b.plan);
  REQUIRE(status.code() == Code::Corrupt);
  REQUIRE(status.message().find(
              "read writes 2 versions of register r per iteration, task sum reads 1") !=
          std::string::npos);
}

TEST_CASE("a ring of registers without an initial version stalls, with one it runs") {
  const uint32_t initial = GENERATE(0u, 1u);
  Job job(1);
  const uint32_t a = job.role.newReg(0, "a", 64, 2), b = job.role.newReg(0, "b", 64, 1);
  job.program().registers[b]->initial = initial;
  job.task("left", job.compute, {b}, {a}, 1, 10);
  job.task("right", job.other, {a}, {b}, 1, 20);
  const Status status = certify(job.b.plan);
  INFO(status.message());
  REQUIRE(status.isOk() == (initial == 1));
  if (initial == 1)
    REQUIRE(job.certificate().step_period == 30);
  else
    REQUIRE(status.message() == "program train cannot run: these wait for each other\n"
                                "  left waits for a version of register b from right\n"
                                "  right waits for a version of register a from left");
}

namespace {

/// Two devices of one role: each sends its part of a sum and receives the whole.
struct ExchangeJob {
  explicit ExchangeJob(bool remote, uint32_t slots, uint32_t landing, bool receiveFirst = false) {
    const std::vector<uint32_t> devices = {b.device(b.node(0)), b.device(b.node(remote ? 1 : 0))};
    b.run(b.program("train", plan::ProgramKind::Train, 4), 1);
    const uint32_t p = b.placement(devices);
    b.exchange(plan::DType::F32, {16}, b.layout(p, plan::SbpKind::PartialSum),
               b.layout(p, plan::SbpKind::Broadcast));
    RoleBuilder r(b, devices);
    const uint32_t compute = r.stream("compute", plan::StreamKind::Compute, 0),
                   out = r.stream("out", plan::StreamKind::Transfer, 1),
                   in = receiveFirst ? out : r.stream("in", plan::StreamKind::Transfer, 1);
    r.chunk(0);
    const uint32_t g = r.newReg(0, "g", 64, slots), sum = r.newReg(0, "sum", 64, 2);
    setEmptySegment(r.task(0, "gradient", compute, {}, {g}, 4));
    auto receive = [&] {
      plan::ReceiveT body;
      body.landing_slots = landing;
      body.landing_slot_bytes = 128;
      r.task(0, "receive", in, {}, {sum}, 4).body.Set(std::move(body));
    };
    if (receiveFirst)
      receive();
    r.task(0, "send", out, {g}, {}, 4).body.Set(plan::SendT());
    if (!receiveFirst)
      receive();
    setEmptySegment(r.task(0, "use", compute, {sum}, {}, 4));
    const double ns[] = {100, 3, 40, 20};
    for (auto &task : r.role->programs[0]->tasks)
      task->seconds = (task->name == "gradient"  ? ns[0]
                       : task->name == "send"    ? ns[1]
                       : task->name == "receive" ? ns[2]
                                                 : ns[3]) *
                      kNs;
    r.role->programs[0]->orders[0]->tasks = receiveFirst
                                                ? std::vector<uint32_t>{0, 3, 0, 3, 0, 3, 0, 3}
                                                : std::vector<uint32_t>{0, 0, 3, 0, 3, 0, 3, 3};
  }
  plan::RoleProgramT &program() { return *b.plan.roles[0]->programs[0]; }
  PlanBuilder b;
};

} // namespace

TEST_CASE("an exchange: the slot of the source is free when the destination has read it") {
  // gradient 100, use 20 on one stream; g is written, sent, received: 143 until its slot is free.
  ExchangeJob two(false, 2, 1), one(false, 1, 1);
  REQUIRE(certify(two.b.plan).isOk());
  REQUIRE(two.program().certificate->micro_period == 120);
  REQUIRE(certify(one.b.plan).isOk());
  REQUIRE(one.program().certificate->micro_period == 143);
  const std::vector<uint8_t> bytes = one.b.finish();
  REQUIRE(checkCertificate(*plan::GetPlan(bytes.data()), 0).isOk());
}

TEST_CASE("pushed pieces free the source's slot when a landing slot takes them") {
  // read 10 -> send 3 -> (other host) receive 40 -> use 100
  const bool remote = GENERATE(false, true);
  PlanBuilder b;
  const uint32_t from = b.device(b.node(0)), to = b.device(b.node(remote ? 1 : 0));
  b.run(b.program("train", plan::ProgramKind::Train, 8), 1);
  b.exchange(plan::DType::F32, {16}, b.layout(b.placement({from}), plan::SbpKind::Broadcast),
             b.layout(b.placement({to}), plan::SbpKind::Broadcast));
  RoleBuilder source(b, {from}), sink(b, {to});
  auto task = [](RoleBuilder &r, const char *name, uint32_t stream, std::vector<uint32_t> in,
                 std::vector<uint32_t> out, double ns) -> plan::TaskT & {
    plan::TaskT &t = r.task(0, name, stream, in, out, 8);
    t.seconds = ns * kNs;
    return t;
  };
  source.chunk(0);
  const uint32_t x = source.newReg(0, "x", 64, 1);
  setEmptySegment(task(source, "read", source.stream("io", plan::StreamKind::Io, 1), {}, {x}, 10));
  task(source, "send", source.stream("out", plan::StreamKind::Transfer, 1), {x}, {}, 3)
      .body.Set(plan::SendT());
  sink.chunk(0);
  const uint32_t y = sink.newReg(0, "y", 64, 1);
  const uint32_t in = sink.stream("in", plan::StreamKind::Transfer, 1);
  plan::ReceiveT receive;
  receive.landing_slots = 2;
  receive.landing_slot_bytes = 64;
  task(sink, "receive", in, {}, {y}, 40).body.Set(std::move(receive));
  setEmptySegment(task(sink, "use", in, {y}, {}, 100));
  b.plan.roles[1]->programs[0]->orders[0]->tasks = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  REQUIRE(certify(b.plan).isOk());
  const plan::CertificateT &left = *b.plan.roles[0]->programs[0]->certificate;
  REQUIRE(left.micro_period == 140);
  REQUIRE(left.step_period == 8 * 140);
  const std::vector<uint8_t> bytes = b.finish();
  const ProgramTasks tasks(*plan::GetPlan(bytes.data()), 0);
  auto firings = firingDependencies(tasks);
  REQUIRE(firings.isOk());
  bool read = false, granted = false;
  for (const FiringDependency &d : *firings) {
    read = read || d.kind == DependencyKind::SlotRead;
    if (d.kind != DependencyKind::SlotGrant)
      continue;
    granted = true;
    REQUIRE(tasks.name(d.from) == "role1/receive");
    REQUIRE(tasks.name(d.to) == "role0/read");
    REQUIRE(d.toFiring - d.fromFiring == 3); // one slot of x and two landing slots
  }
  REQUIRE(read == !remote);
  REQUIRE(granted == remote);
}

TEST_CASE("a Receive before its Send in one stream stalls") {
  ExchangeJob job(true, 2, 2, true);
  const Status status = certify(job.b.plan);
  REQUIRE(status.code() == Code::Refused);
  INFO(status.message());
  REQUIRE(status.message().find("receive[3] waits for exchange x0 from send[3]") !=
          std::string::npos);
}

TEST_CASE("a missing end of an exchange is named") {
  ExchangeJob job(false, 2, 1);
  auto &program = job.program();
  for (auto &task : program.tasks)
    if (task->name == "receive")
      setEmptySegment(*task);
  const Status status = certify(job.b.plan);
  REQUIRE(status.code() == Code::Corrupt);
  REQUIRE(status.message().find("exchange x0 moves from device") != std::string::npos);
}
