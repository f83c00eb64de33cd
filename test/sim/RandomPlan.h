// Random task graphs as plans: micro-batch and step tasks, holds, accumulators, in-place registers,
// rings with initial versions, exchanges between one to three devices or nodes that are alike,
// reuse edges, random slots and orders. About half of them deadlock.
//
//   step tasks before ──hold──▶ micro-batch tasks (shifted against each other) ──accumulate──▶ step
//   tasks after
#pragma once

#include "test/support/PlanBuilder.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <tuple>

namespace of::test {

/// The seeds of a test over random plans: OF_LIVENESS_GRAPHS of them, `graphs` if that is not set,
/// from OF_LIVENESS_SEED or 1 on. Printed.
struct RandomSeeds {
  explicit RandomSeeds(uint64_t graphs)
      : graphs(from("OF_LIVENESS_GRAPHS", graphs)), first(from("OF_LIVENESS_SEED", 1)) {
    std::cout << "graphs of seeds " << first << " to " << first + this->graphs - 1 << std::endl;
  }
  static std::string describe(uint64_t seed) {
    const std::string number = std::to_string(seed);
    return "graph of seed " + number +
           "; run it alone with OF_LIVENESS_GRAPHS=1 OF_LIVENESS_SEED=" + number;
  }

  const uint64_t graphs, first;

private:
  static uint64_t from(const char *variable, uint64_t otherwise) {
    const char *text = std::getenv(variable);
    return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
  }
};

class RandomPlan {
public:
  /// With `alike` nodes each is a host with as many devices of every role, one or two; otherwise
  /// there are up to three devices, with whatever nodes and roles.
  explicit RandomPlan(uint64_t seed, uint32_t alike = 0) : random_(seed) {
    if (alike > 0) {
      makeAlike(alike);
    } else {
      makeCluster();
      makeRoles();
    }
    const uint32_t before = below(3), micro = 2 + below(7), after = below(4);
    for (uint32_t i = 0; i < before; ++i)
      addItem(Phase::Before);
    for (uint32_t i = 0; i < micro; ++i)
      addItem(Phase::Micro);
    for (uint32_t i = 0; i < after; ++i)
      addItem(Phase::After);
    if (chance(30))
      addRing();
    makeOrders();
    addReuses();
    builder.run(0, 1);
  }

  PlanBuilder builder;
  uint32_t reuses = 0; ///< edges in all roles

private:
  enum class Phase { Before, Micro, After };
  /// A register that later tasks may read.
  struct Value {
    uint32_t reg = 0;
    Phase phase = Phase::Micro; ///< of its versions: one per micro-batch, or one per step
    uint32_t shift = 0;         ///< of the task that writes it
    bool constant = false;      ///< nobody writes it
  };
  struct Entry {
    plan::TaskT *task = nullptr;
    uint32_t index = 0, stream = 0;
    Phase phase = Phase::Micro;
    uint32_t position = 0; ///< among all items
    uint32_t shift = 0;    ///< micro-batches by which it runs behind
  };
  struct RoleState {
    RoleState(PlanBuilder &b, std::vector<uint32_t> devices) : role(b, devices) {}
    RoleBuilder role;
    std::vector<uint32_t> streams;
    std::vector<Value> values;
    std::vector<Entry> entries;
    uint32_t placement = 0;
    uint32_t weight = 0;
    bool updated = false;
  };

  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool chance(uint32_t percent) { return below(100) < percent; }

  void makeCluster() {
    const uint32_t devices = 1 + below(3);
    micros_ = 1 + below(6);
    uint32_t node = 0;
    for (uint32_t d = 0; d < devices; ++d) {
      if (d == 0 || chance(60))
        node = builder.node(chance(70) ? d : 0); // host
      builder.device(node);
    }
    builder.program("train", plan::ProgramKind::Train, micros_);
  }

  /// Deals the devices to roles.
  void makeRoles() {
    const uint32_t devices = static_cast<uint32_t>(builder.plan.devices.size());
    for (uint32_t d = 0; d < devices;) {
      std::vector<uint32_t> instances = {d++};
      while (d < devices && chance(50))
        instances.push_back(d++);
      addRole(instances);
    }
  }

  void makeAlike(uint32_t nodes) {
    micros_ = 1 + below(6);
    const uint32_t devices = 1 + below(3);
    for (uint32_t n = 0; n < nodes; ++n) {
      const uint32_t node = builder.node(n);
      for (uint32_t d = 0; d < devices; ++d)
        builder.device(node);
    }
    builder.program("train", plan::ProgramKind::Train, micros_);
    for (uint32_t d = 0; d < devices;) {
      const uint32_t end = std::min(devices, d + 1 + (chance(50) ? 1 : 0));
      std::vector<uint32_t> instances;
      for (uint32_t n = 0; n < nodes; ++n)
        for (uint32_t i = d; i < end; ++i)
          instances.push_back(n * devices + i);
      addRole(instances);
      d = end;
    }
  }

  /// With its streams and one variable.
  void addRole(const std::vector<uint32_t> &instances) {
    RoleState state(builder, instances);
    state.placement = builder.placement(instances);
    const uint32_t count = 1 + below(3);
    for (uint32_t s = 0; s < count; ++s)
      state.streams.push_back(
          state.role.stream("s" + std::to_string(s), plan::StreamKind::Compute, below(2)));
    state.role.chunk(0);
    state.weight = state.role.reg(0, "w", state.role.space(64), 64, 1, 1);
    const uint32_t constant = state.role.reg(0, "c", state.role.space(64), 64, 1, 1);
    state.values.push_back({constant, Phase::Before, 0, true});
    roles_.push_back(std::move(state));
  }

  uint32_t slots() { return chance(40) ? 1 : 1 + below(4); }
  std::string name(const char *kind) { return kind + std::to_string(items_); }

  plan::TaskT &addTask(RoleState &r, const std::string &name, Phase phase, uint32_t shift) {
    const uint32_t stream = r.streams[below(static_cast<uint32_t>(r.streams.size()))];
    const uint32_t index = static_cast<uint32_t>(r.role.role->programs[0]->tasks.size());
    plan::TaskT &task = r.role.task(0, name, stream, {}, {}, phase == Phase::Micro ? micros_ : 1);
    task.seconds = (1 + below(1000)) * 1e-9;
    r.entries.push_back({&task, index, stream, phase, items_, shift});
    return task;
  }

  /// An input port, if a task of this phase can read the value.
  static bool readable(const Value &value, Phase phase) {
    return value.constant || value.phase == phase || value.phase == Phase::Before ||
           (value.phase == Phase::After && phase == Phase::After);
  }
  plan::Port inputPort(const Value &value, Phase phase) const {
    const bool hold = !value.constant && phase == Phase::Micro && value.phase != Phase::Micro;
    return plan::Port(value.reg, hold ? micros_ : 1, -1);
  }

  const Value *pick(const RoleState &r, Phase phase) {
    std::vector<const Value *> able;
    for (const Value &value : r.values)
      if (readable(value, phase))
        able.push_back(&value);
    return able.empty() ? nullptr : able[below(static_cast<uint32_t>(able.size()))];
  }

  void addItem(Phase phase) {
    shift_ += phase == Phase::Micro && chance(25) ? 1 : 0;
    RoleState &r = roles_[below(static_cast<uint32_t>(roles_.size()))];
    const Value *sent = chance(35) ? pick(r, phase) : nullptr;
    const bool sameRate =
        sent && (sent->constant || (sent->phase == Phase::Micro) == (phase == Phase::Micro));
    if (sameRate)
      addExchange(r, *sent, phase);
    else
      addCompute(r, phase);
    ++items_;
  }

  void addCompute(RoleState &r, Phase phase) {
    plan::TaskT &task = addTask(r, name("t"), phase, shift_);
    setEmptySegment(task);
    uint32_t shift = shift_;
    std::vector<uint32_t> read;
    for (uint32_t i = below(3); i > 0; --i)
      if (const Value *value = pick(r, phase);
          value && std::find(read.begin(), read.end(), value->reg) == read.end()) {
        task.inputs.push_back(inputPort(*value, phase));
        shift = std::max(shift, value->shift);
        read.push_back(value->reg);
      }
    const bool update = phase == Phase::After && !r.updated && chance(60);
    if (update || chance(40)) {
      task.inputs.emplace_back(r.weight, task.firings, -1);
      if (update) {
        task.outputs.emplace_back(r.weight, 1, -1);
        r.updated = true;
      }
    }
    const bool accumulate = phase == Phase::Micro && chance(35);
    const uint32_t reg = r.role.newReg(0, name("r"), 64, slots());
    task.outputs.emplace_back(reg, accumulate ? micros_ : 1, chance(30) ? 0 : -1);
    r.entries.back().shift = shift;
    r.values.push_back({reg, accumulate ? Phase::After : phase, shift});
  }

  void addExchange(RoleState &r, const Value sent, Phase phase) {
    RoleState &to = roles_[below(static_cast<uint32_t>(roles_.size()))];
    constexpr plan::SbpKind kinds[] = {plan::SbpKind::Split, plan::SbpKind::Broadcast,
                                       plan::SbpKind::PartialSum};
    const uint32_t exchange =
        builder.exchange(plan::DType::F32, {items_ % 3 == 0 ? 2 : 16}, // some parts are empty
                         builder.layout(r.placement, kinds[below(3)]),
                         builder.layout(to.placement, kinds[below(2)]));
    const uint32_t sentShift = std::max(shift_, sent.shift);
    plan::SendT send;
    send.exchange = exchange;
    plan::TaskT &source = addTask(r, name("send"), phase, sentShift);
    source.inputs.emplace_back(sent.reg, 1, -1);
    source.body.Set(std::move(send));
    plan::ReceiveT receive;
    receive.exchange = exchange;
    receive.landing_slots = slots();
    receive.landing_slot_bytes = 512;
    receive.landing_offset = to.role.space(receive.landing_slot_bytes * receive.landing_slots);
    const uint32_t reg = to.role.newReg(0, name("x"), 64, slots());
    const uint32_t shift = sentShift + (chance(30) ? below(5) : 0); // or it lags behind
    plan::TaskT &sink = addTask(to, name("receive"), phase, shift);
    sink.outputs.emplace_back(reg, 1, -1);
    sink.body.Set(std::move(receive));
    to.values.push_back({reg, phase, shift});
  }

  /// A register that a later micro-batch task writes and an earlier one reads.
  void addRing() {
    RoleState &r = roles_[below(static_cast<uint32_t>(roles_.size()))];
    std::vector<plan::TaskT *> computes;
    for (const Entry &entry : r.entries)
      if (entry.phase == Phase::Micro && entry.task->body.AsSegment())
        computes.push_back(entry.task);
    if (computes.size() < 2)
      return;
    const size_t early = below(static_cast<uint32_t>(computes.size() - 1));
    std::vector<uint32_t> divisors; // of the versions of an iteration
    for (uint32_t n = 1; n <= micros_; ++n)
      if (micros_ % n == 0)
        divisors.push_back(n);
    const uint32_t ringSlots = divisors[below(static_cast<uint32_t>(divisors.size()))];
    const uint32_t initial = 1 + below(ringSlots);
    const uint32_t reg = r.role.newReg(0, "ring", 64, ringSlots);
    r.role.role->programs[0]->registers[reg]->initial = initial;
    computes[early]->inputs.emplace_back(reg, 1, -1);
    computes[early + 1 + below(static_cast<uint32_t>(computes.size() - early - 1))]
        ->outputs.emplace_back(reg, 1, -1);
  }

  /// Each stream fires by (phase, micro-batch + shift, position); sometimes two tasks stand the
  /// wrong way round, and seldom two entries are swapped.
  void makeOrders() {
    for (RoleState &r : roles_) {
      if (r.entries.size() > 1 && chance(25))
        std::swap(r.entries[below(static_cast<uint32_t>(r.entries.size()))].position,
                  r.entries[below(static_cast<uint32_t>(r.entries.size()))].position);
      for (auto &order : r.role.role->programs[0]->orders) {
        std::vector<std::pair<std::vector<uint32_t>, uint32_t>> list;
        for (const Entry &e : r.entries)
          for (uint32_t m = 0; e.stream == order->stream && m < e.task->firings; ++m)
            list.push_back({{static_cast<uint32_t>(e.phase), m + e.shift, e.position}, e.index});
        std::stable_sort(list.begin(), list.end(),
                         [](const auto &a, const auto &b) { return a.first < b.first; });
        for (size_t i = 0; i < list.size(); ++i)
          order->tasks[i] = list[i].second;
        if (list.size() > 1 && chance(3))
          std::swap(order->tasks[below(static_cast<uint32_t>(list.size()))],
                    order->tasks[below(static_cast<uint32_t>(list.size()))]);
      }
    }
  }

  /// Between any two tasks of a role: mostly onwards in this iteration or back in the next one,
  /// sometimes back at once.
  void addReuses() {
    for (RoleState &r : roles_) {
      const uint32_t tasks = static_cast<uint32_t>(r.entries.size());
      if (tasks < 2 || !chance(40))
        continue;
      for (uint32_t i = 1 + below(4); i > 0; --i) {
        const Entry *from = &r.entries[below(tasks)], *to = &r.entries[below(tasks)];
        const bool onwards =
            std::tuple(from->phase, from->position) < std::tuple(to->phase, to->position);
        uint32_t lag = onwards ? below(2) : 1;
        if (from->phase == Phase::Micro && to->phase == Phase::Micro && chance(90))
          lag = 1; // all micro-batches of one before the first of the other seldom works
        else if (!onwards && chance(10))
          lag = 0;
        r.role.role->programs[0]->reuses.emplace_back(from->index, to->index, lag);
        ++reuses;
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<RoleState> roles_;
  uint32_t micros_ = 1, items_ = 0, shift_ = 0;
};

} // namespace of::test
