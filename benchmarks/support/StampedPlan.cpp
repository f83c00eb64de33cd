#include "benchmarks/support/StampedPlan.h"

#include "runtime/schema/PlanView.h"
#include "runtime/schema/Solve.h"

#include <fstream>
#include <iterator>
#include <numeric>
#include <stdexcept>

namespace of::bench {

namespace {

using test::addCall;
using test::chunkBuffer;

// Predictions, as compiled plans have them.
constexpr double kStampSeconds = 1e-7, kWorkSeconds = 1e-3, kCopyBytesPerSecond = 1e10;

std::vector<uint8_t> readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// What all of these plans have: nodes, programs, the schedule and the variable.
class StampedPlan {
public:
  explicit StampedPlan(const StampedOptions &options) : o(options) {
    for (uint32_t n = 0; n < o.nodes; ++n)
      devices.push_back(b.device(b.node(o.oneHost ? 0 : n)));
    all = b.placement(devices);
    object = b.object(readFile(o.kernels));
    init = b.program("init", plan::ProgramKind::Init);
    train = b.program("train", plan::ProgramKind::Train);
    check = b.program("check", plan::ProgramKind::Init);
    snapshot = b.program("snapshot", plan::ProgramKind::Snapshot);
    b.run(init, 1);
    b.run(train, o.iterations);
    b.run(check, 1);
    b.run(snapshot, 1);
    addVariable("stamps", o.iterations + 1);
    addVariable("wrong", 1);
  }

  uint32_t exchange(uint32_t from, plan::SbpKind fromKind, uint32_t to, plan::SbpKind toKind) {
    return b.exchange(plan::DType::F32, {static_cast<int64_t>(o.bytes / 4)},
                      b.layout(from, fromKind), b.layout(to, toKind));
  }

  plan::PlanT finish() {
    setLandings();
    if (const Status status = rt::certify(b.plan); !status.isOk())
      throw std::runtime_error(status.message());
    return std::move(b.plan);
  }

  const StampedOptions o;
  test::PlanBuilder b;
  std::vector<uint32_t> devices;
  uint32_t all = 0, object = 0, init = 0, train = 0, check = 0, snapshot = 0;

private:
  /// `elements` on each device.
  void addVariable(const std::string &name, uint64_t elements) {
    auto variable = std::make_unique<plan::VariableT>();
    variable->name = name;
    variable->dtype = plan::DType::I64;
    variable->shape = {static_cast<int64_t>(elements * o.nodes)};
    variable->layout = b.layout(all, plan::SbpKind::Split);
    b.plan.variables.push_back(std::move(variable));
  }

  /// Room for what other hosts push, as large as the rules of landing slots say.
  void setLandings() {
    const std::vector<uint8_t> bytes = b.finish();
    const plan::Plan &view = *plan::GetPlan(bytes.data());
    for (auto &role : b.plan.roles)
      for (auto &task : role->programs[train]->tasks)
        if (plan::ReceiveT *receive = task->body.AsReceive()) {
          uint64_t most = 0;
          for (const uint32_t device : role->instances)
            most = std::max(most, static_cast<uint64_t>(
                                      landingSlotBytes(rt::exchangeParts(view, receive->exchange),
                                                       device, rt::distanceOf(view))));
          receive->landing_slots =
              static_cast<uint32_t>(landingSlots(static_cast<int64_t>(most), 1));
          receive->landing_slot_bytes = most;
          receive->landing_offset = role->chunks[0]->bytes;
          role->chunks[0]->bytes += most * receive->landing_slots;
        }
  }
};

/// One role with its three streams.
class StampedRole {
public:
  StampedRole(StampedPlan &plan, const std::vector<uint32_t> &instances)
      : plan_(plan), r_(plan.b, instances),
        compute_(r_.stream("compute", plan::StreamKind::Compute, 0)),
        send_(r_.stream("send", plan::StreamKind::Transfer, 0)),
        receive_(r_.stream("receive", plan::StreamKind::Transfer, 0)),
        io_(r_.stream("write", plan::StreamKind::Io, 1)) {
    r_.chunk(0, plan.o.oneHost); // nobody else maps it otherwise
    stampBytes_ = (plan.o.iterations + 1) * 8;
    stamps_ = r_.space(stampBytes_);
    wrong_ = r_.space(8);
    for (const auto &[variable, offset] : {std::pair(0u, stamps_), std::pair(1u, wrong_)}) {
      auto part = std::make_unique<plan::VariablePartT>();
      part->variable = variable;
      part->offset = offset;
      r_.role->variables.push_back(std::move(part));
    }
    plan::WriteT write;
    write.variables = {0, 1};
    r_.task(plan.snapshot, "write", io_, {}, {}).body.Set(std::move(write));
    elements_ = column("elements", std::vector<int64_t>(instances.size(), elementsOf(plan)));
    device_ = column("device", {instances.begin(), instances.end()});
  }

  uint32_t reg(const std::string &name, uint64_t bytes) {
    return r_.newReg(plan_.train, name, bytes);
  }
  uint32_t whole(const std::string &name) { return reg(name, plan_.o.bytes); }

  /// Note the time and publish `x`.
  void stamp(uint32_t x) {
    const plan::Buffer stamps = chunkBuffer(0, stamps_, stampBytes_);
    addCall(r_.task(plan_.init, "fill", compute_, {}, {}), plan_.object, "bench_fill",
            {memoryOf(x), stamps}, {elements_, device_});
    plan::TaskT &stamp = r_.task(plan_.train, "stamp", compute_, {}, {x});
    addCall(stamp, plan_.object, "bench_stamp", {stamps});
    stamp.seconds = kStampSeconds;
  }
  /// Wait for `y`, which is in the end the sum over `terms` devices.
  void take(uint32_t y, int64_t terms) {
    plan::TaskT &take = r_.task(plan_.train, "take", compute_, {y}, {});
    addCall(take, plan_.object, "bench_none", {});
    take.seconds = kStampSeconds;
    const uint32_t sum = column("terms", std::vector<int64_t>(r_.role->instances.size(), terms));
    addCall(r_.task(plan_.check, "check", compute_, {}, {}), plan_.object, "bench_check",
            {memoryOf(y), chunkBuffer(0, wrong_, 8)}, {elements_, sum});
  }
  void measure(uint32_t x, uint32_t y, int64_t terms) {
    stamp(x);
    take(y, terms);
  }
  /// `count` tasks of so many time stamps; the register that the last one writes.
  uint32_t work(uint32_t from, uint32_t count, int64_t ticks) {
    const uint32_t each = column("ticks", std::vector<int64_t>(r_.role->instances.size(), ticks));
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t to = whole("result" + std::to_string(i));
      plan::TaskT &task = r_.task(plan_.train, "work" + std::to_string(i), compute_, {from}, {to});
      addCall(task, plan_.object, "bench_work",
              {test::inputBuffer(0, plan_.o.bytes), test::outputBuffer(0, plan_.o.bytes)},
              {elements_, each});
      task.seconds = kWorkSeconds;
      from = to;
    }
    return from;
  }
  void send(uint32_t exchange, uint32_t from) {
    plan::SendT body;
    body.exchange = exchange;
    r_.task(plan_.train, "send", send_, {from}, {}).body.Set(std::move(body));
  }
  void receive(uint32_t exchange, uint32_t to) {
    plan::ReceiveT body;
    body.exchange = exchange;
    plan::TaskT &task = r_.task(plan_.train, "receive", receive_, {}, {to});
    task.seconds = static_cast<double>(plan_.o.bytes) / kCopyBytesPerSecond + kStampSeconds;
    task.body.Set(std::move(body));
  }

private:
  static int64_t elementsOf(const StampedPlan &plan) {
    return static_cast<int64_t>(plan.o.bytes / 4);
  }
  uint32_t column(const std::string &name, std::vector<int64_t> values) {
    r_.column(name, std::move(values));
    return static_cast<uint32_t>(r_.role->columns.size() - 1);
  }
  plan::Buffer memoryOf(uint32_t reg) const {
    const plan::RegisterT &r = *r_.role->programs[plan_.train]->registers[reg];
    return chunkBuffer(0, r.offset, plan_.o.bytes);
  }

  StampedPlan &plan_;
  test::RoleBuilder r_;
  const uint32_t compute_, send_, receive_, io_;
  uint64_t stampBytes_ = 0, stamps_ = 0, wrong_ = 0;
  uint32_t elements_ = 0, device_ = 0; ///< columns
};

} // namespace

plan::PlanT allReducePlan(const StampedOptions &options, bool twoSteps) {
  using Kind = plan::SbpKind;
  StampedPlan p(options);
  StampedRole role(p, p.devices);
  const uint32_t x = role.whole("x"), y = role.whole("y");
  if (twoSteps) {
    const uint64_t elements = options.bytes / 4;
    const uint32_t share = role.reg("share", (elements + options.nodes - 1) / options.nodes * 4);
    const uint32_t scatter = p.exchange(p.all, Kind::PartialSum, p.all, Kind::Split);
    const uint32_t gather = p.exchange(p.all, Kind::Split, p.all, Kind::Broadcast);
    role.send(scatter, x);
    role.receive(scatter, share);
    role.send(gather, share);
    role.receive(gather, y);
  } else {
    const uint32_t sum = p.exchange(p.all, Kind::PartialSum, p.all, Kind::Broadcast);
    role.send(sum, x);
    role.receive(sum, y);
  }
  role.measure(x, y, options.nodes);
  return p.finish();
}

plan::PlanT tasksPlan(const StampedOptions &options, uint32_t tasks, int64_t ticks) {
  using Kind = plan::SbpKind;
  StampedPlan p(options);
  StampedRole role(p, p.devices);
  const uint32_t x = role.whole("x");
  role.stamp(x);
  uint32_t y = role.work(x, tasks, ticks);
  if (options.nodes > 1) {
    const uint32_t sum = p.exchange(p.all, Kind::PartialSum, p.all, Kind::Broadcast);
    role.send(sum, y);
    y = role.whole("y");
    role.receive(sum, y);
  }
  role.take(y, options.nodes);
  return p.finish();
}

plan::PlanT roundTripPlan(const StampedOptions &options) {
  using Kind = plan::SbpKind;
  StampedPlan p(options);
  const uint32_t here = p.b.placement({p.devices[0]}), there = p.b.placement({p.devices[1]});
  const uint32_t go = p.exchange(here, Kind::Broadcast, there, Kind::Broadcast),
                 back = p.exchange(there, Kind::Broadcast, here, Kind::Broadcast);
  StampedRole first(p, {p.devices[0]}), second(p, {p.devices[1]});
  const uint32_t x = first.whole("x"), y = first.whole("y"), z = second.whole("z");
  first.send(go, x);
  first.receive(back, y);
  first.measure(x, y, 1);
  second.receive(go, z);
  second.send(back, z);
  return p.finish();
}

} // namespace of::bench
