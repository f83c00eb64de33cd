#include "test/sim/faults/Store.h"

namespace of::test {

using namespace rt;

namespace {
constexpr uint64_t kSpoiled = 0xdeadbeefdeadbeefull;
}

Store::Store(Ground &ground) : ground_(ground), workers_(ground.workers.size()) {
  for (uint32_t d = 0; d < ground.tables.size(); ++d) {
    const auto &registers = *ground.values->program(d).registers();
    memory_.emplace_back();
    for (uint32_t r = 0; r < registers.size(); ++r) {
      memory_.back().emplace_back(registers.Get(r)->slots(), kSpoiled);
      for (uint32_t v = 0; v < registers.Get(r)->initial(); ++v)
        memory_.back().back()[v] = ground.values->version(0, d, r, v);
    }
  }
  for (uint32_t w = 0; w < workers_.size(); ++w) {
    WorkerState &state = workers_[w];
    state.read.resize(table(w).streams.size(), std::vector<uint64_t>(table(w).inputs.size()));
    state.fired.resize(table(w).streams.size());
    for (const EdgeEntry &edge : table(w).edges)
      state.landings.emplace_back(edge.isSend ? 0 : edge.window, kSpoiled);
  }
}

void Store::broken(uint32_t worker, uint32_t task, uint64_t k, const std::string &what) {
  if (!violation_.empty())
    return;
  const Ground::Worker &place = ground_.workers[worker];
  const auto &tasks = *ground_.values->program(place.device).tasks();
  violation_ = "entry " + std::to_string(workers_[worker].entry) + ", device " +
               std::to_string(place.device) + ", task " +
               tasks.Get(table(worker).tasks[task].planTask)->name()->str() + ", firing " +
               std::to_string(k) + ": " + what;
}

void Store::enter(uint32_t worker, uint32_t entry) {
  WorkerState &state = workers_[worker];
  state.entry = entry;
  state.released.assign(table(worker).inputs.size(), 0);
  state.sending.assign(table(worker).tasks.size(), Sending());
}

uint64_t *Store::source(uint32_t worker, uint32_t edge, uint64_t sequence) {
  const TaskEntry &task = table(worker).tasks[table(worker).edges[edge].task];
  const InputEntry &input = table(worker).inputs[task.firstInput];
  return &slot(ground_.workers[worker].device, input.reg, sequence % input.slots);
}

uint64_t *Store::landing(uint32_t worker, uint32_t edge, uint64_t sequence) {
  std::vector<uint64_t> &slots = workers_[worker].landings[edge];
  return &slots[sequence % slots.size()];
}

uint64_t Store::readSource(uint32_t worker, uint32_t edge, uint64_t k) {
  const EdgeEntry &entry = table(worker).edges[edge];
  if (entry.path == Path::Pushed)
    return *landing(worker, edge, k);
  const Ground::End send = ground_.sends.at(entry.key);
  return *source(send.worker, send.edge, k);
}

void Store::begin(uint32_t worker, const Machine &machine, const Firing &firing) {
  WorkerState &state = workers_[worker];
  const Ground::Worker &place = ground_.workers[worker];
  const TaskEntry &task = table(worker).tasks[firing.task];
  const EndEntry &end = table(worker).ends[firing.task];
  const uint64_t k = firing.index;
  uint64_t value = Values::start(place.device, task.planTask, k);
  for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i) {
    const InputEntry &input = table(worker).inputs[i];
    const uint64_t read = slot(place.device, input.reg, machine.inputSlot(i));
    if (read != ground_.values->version(state.entry, place.device, input.reg, k / input.period))
      broken(worker, firing.task, k,
             "reads a wrong version of register " + std::to_string(input.reg));
    state.read[firing.stream][i] = read;
    value = mix(value, read);
  }
  if (task.kind == BodyKind::Receive)
    for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e)
      value = mix(value, readSource(worker, e, k));
  if (value != ground_.values->fired(state.entry, place.device, task.planTask, k))
    broken(worker, firing.task, k, "does not compute what it must");
  state.fired[firing.stream] = value;
  for (uint32_t o = task.firstOutput; o < task.firstOutput + task.numOutputs; ++o)
    claim(worker, firing.task, o, machine.outputSlot(o), k);
}

void Store::claim(uint32_t worker, uint32_t task, uint32_t output, uint32_t outputSlot,
                  uint64_t k) {
  const OutputEntry &out = table(worker).outputs[output];
  const uint32_t device = ground_.workers[worker].device;
  if (k % out.period != 0)
    return;
  const uint64_t version = out.initial + k / out.period;
  bool inPlace = false;
  for (uint32_t l = out.firstLink; l < out.firstLink + out.numLinks; ++l) {
    const LinkEntry &link = table(worker).links[l];
    inPlace = inPlace || link.self;
    const uint64_t released =
        workers_[ground_.firstWorker[device] + link.consumer.worker].released[link.consumer.index];
    if (!link.self && version >= out.slots && released + out.slots < version + 1)
      broken(worker, task, k,
             "register " + std::to_string(out.reg) + " is written while version " +
                 std::to_string(version - out.slots) + " is in use");
  }
  if (outputSlot != version % out.slots)
    broken(worker, task, k, "register " + std::to_string(out.reg) + " is written in a wrong slot");
  if (!inPlace)
    slot(device, out.reg, outputSlot) = kSpoiled;
}

void Store::move(uint32_t worker, const Machine &machine, const Firing &firing,
                 const PortEvent &event) {
  WorkerState &state = workers_[worker];
  const uint32_t device = ground_.workers[worker].device;
  const TaskEntry &task = table(worker).tasks[firing.task];
  if (event.isOutput) {
    const OutputEntry &out = table(worker).outputs[event.port];
    const uint32_t phase = static_cast<uint32_t>(firing.index % out.period);
    uint64_t &value = slot(device, out.reg, machine.outputSlot(event.port));
    value =
        Values::written(value, state.fired[firing.stream], event.port - task.firstOutput, phase);
    return;
  }
  const InputEntry &input = table(worker).inputs[event.port];
  if (!input.self && slot(device, input.reg, machine.inputSlot(event.port)) !=
                         state.read[firing.stream][event.port])
    broken(worker, firing.task, firing.index,
           "register " + std::to_string(input.reg) + " changed while it was read");
  // A Send gives back when its destinations have the bytes; some have none.
  const bool waits = task.kind == BodyKind::Send && table(worker).ends[firing.task].numEdges > 0;
  if (!waits && (firing.index + 1) % input.period == 0)
    ++state.released[event.port];
}

void Store::received(uint32_t worker, const Firing &firing,
                     const std::function<void(const void *)> &landingRead) {
  const TaskEntry &task = table(worker).tasks[firing.task];
  const EndEntry &end = table(worker).ends[firing.task];
  const uint64_t k = firing.index;
  const Ground::Worker &place = ground_.workers[worker];
  uint64_t value = Values::start(place.device, task.planTask, k);
  for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
    value = mix(value, workers_[worker].read[firing.stream][i]);
  for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e)
    value = mix(value, readSource(worker, e, k));
  if (value != workers_[worker].fired[firing.stream])
    broken(worker, firing.task, k, "what it receives changed while it was read");
  for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e) {
    const EdgeEntry &edge = table(worker).edges[e];
    if (edge.path == Path::Pushed) {
      *landing(worker, e, k) = kSpoiled;
      landingRead(landing(worker, e, k));
    } else {
      taken(edge.key, k);
    }
  }
}

void Store::left(const EdgeKey &edge, uint64_t sequence) { taken(edge, sequence); }

void Store::taken(const EdgeKey &edge, uint64_t sequence) {
  const Ground::End send = ground_.sends.at(edge);
  const uint32_t index = table(send.worker).edges[send.edge].task;
  const TaskEntry &task = table(send.worker).tasks[index];
  Sending &sending = workers_[send.worker].sending[index];
  ++sending.taken[sequence];
  while (true) {
    const auto first = sending.taken.find(sending.released);
    if (first == sending.taken.end() || first->second < table(send.worker).ends[index].numEdges)
      break;
    sending.taken.erase(first);
    ++sending.released;
    for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
      ++workers_[send.worker].released[i];
  }
}

} // namespace of::test
