#include "test/sim/faults/Values.h"

#include "runtime/actor/Build.h"

namespace of::test {

Values::Values(const plan::Plan &plan, std::vector<uint64_t> iterations)
    : plan_(plan), peers_(plan), iterations_(std::move(iterations)) {
  for (uint32_t d = 0; d < plan.devices()->size(); ++d) {
    const auto instance = rt::roleOf(plan, d);
    programs_.push_back(instance->role->programs()->Get(0));
    const plan::RoleProgram &program = *programs_.back();
    std::vector<Writer> writers(program.registers()->size());
    for (uint32_t t = 0; t < program.tasks()->size(); ++t) {
      const plan::Task &task = *program.tasks()->Get(t);
      for (uint32_t o = 0; task.outputs() && o < task.outputs()->size(); ++o) {
        const plan::Port &port = *task.outputs()->Get(o);
        writers[port.reg()] = {static_cast<int32_t>(t), o, port.period()};
      }
    }
    writers_.push_back(std::move(writers));
  }
}

const std::vector<std::pair<uint32_t, uint32_t>> &Values::sources(uint32_t device, uint32_t task) {
  const auto [it, isNew] = sources_.try_emplace(keyOf(0, device, task, 0));
  if (!isNew)
    return it->second;
  const uint32_t exchange = programs_[device]->tasks()->Get(task)->body_as_Receive()->exchange();
  for (const uint32_t source : peers_.of(exchange, device, false)) {
    const auto &tasks = *programs_[source]->tasks();
    for (uint32_t t = 0; t < tasks.size(); ++t)
      if (const plan::Send *send = tasks.Get(t)->body_as_Send();
          send && send->exchange() == exchange)
        it->second.emplace_back(source, t);
  }
  return it->second;
}

uint64_t Values::version(uint32_t entry, uint32_t device, uint32_t reg, uint64_t v) {
  const uint64_t key = keyOf(entry, device, reg, v);
  if (const auto it = versions_.find(key); it != versions_.end())
    return it->second;
  const plan::RoleProgram &program = *programs_[device];
  const Writer &writer = writerOf(device, reg);
  const uint64_t initial = program.registers()->Get(reg)->initial();
  uint64_t value = 0;
  if (writer.task < 0 || (v < initial && entry == 0)) {
    value = mix(mix(device + 101, reg + 1), writer.task < 0 ? 0 : v);
  } else {
    const uint64_t firings = program.tasks()->Get(static_cast<uint32_t>(writer.task))->firings();
    if (v < initial) {
      const uint64_t total = iterations_[entry - 1] * firings / writer.period;
      value = version(entry - 1, device, reg, total + v);
    } else {
      for (uint32_t phase = 0; phase < writer.period; ++phase)
        value = written(value,
                        fired(entry, device, static_cast<uint32_t>(writer.task),
                              (v - initial) * writer.period + phase),
                        writer.port, phase);
    }
  }
  return versions_[key] = value;
}

uint64_t Values::fired(uint32_t entry, uint32_t device, uint32_t task, uint64_t k) {
  const uint64_t key = keyOf(entry, device, task, k);
  if (const auto it = firings_.find(key); it != firings_.end())
    return it->second;
  const plan::Task &body = *programs_[device]->tasks()->Get(task);
  uint64_t value = start(device, task, k);
  for (uint32_t i = 0; body.inputs() && i < body.inputs()->size(); ++i) {
    const plan::Port &port = *body.inputs()->Get(i);
    value = mix(value, version(entry, device, port.reg(), k / port.period()));
  }
  if (body.body_as_Receive())
    for (const auto &[source, send] : sources(device, task)) {
      const plan::Port &port = *programs_[source]->tasks()->Get(send)->inputs()->Get(0);
      value = mix(value, version(entry, source, port.reg(), k / port.period()));
    }
  return firings_[key] = value;
}

} // namespace of::test
