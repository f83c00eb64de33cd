#include "runtime/actor/Machine.h"

#include <algorithm>
#include <cassert>

namespace of::rt {

namespace {
uint16_t next(uint16_t slot, uint16_t slots) {
  const uint16_t after = static_cast<uint16_t>(slot + 1);
  return after == slots ? 0 : after;
}

uint16_t narrow(uint32_t number) {
  assert(number <= kMaxCount && "Build.cpp refuses larger ones");
  return static_cast<uint16_t>(number);
}

bool isEnd(const TaskEntry &task) {
  return task.kind == BodyKind::Send || task.kind == BodyKind::Receive;
}

const char *nameOf(Token::Kind kind) {
  constexpr const char *names[] = {"register-ready", "register-ack", "released", "ready", "ack",
                                   "grant",          "push-done",    "landed"};
  return names[static_cast<size_t>(kind)];
}
} // namespace

Machine::Machine(const WorkerTables &tables, uint32_t worker)
    : Machine(
          [&] {
            std::vector<MachineProgram> programs;
            for (const ProgramTable &table : tables)
              programs.push_back({&table, &table});
            return programs;
          }(),
          worker) {}

Machine::Machine(const std::vector<MachineProgram> &programs, uint32_t worker)
    : worker_(worker), states_(programs.size()) {
  for (size_t i = 0; i < programs.size(); ++i) {
    const TaskTable &t = *programs[i].tasks;
    ProgramState &s = states_[i];
    tables_.push_back(&t);
    s.inputs.resize(t.inputs.size());
    s.inputCounts.resize(t.inputs.size());
    s.outputs.resize(t.outputs.size());
    s.published.resize(t.outputs.size());
    s.links.resize(t.links.size());
    s.linkCounts.resize(t.links.size());
    s.gates.resize(t.gates.size());
    s.released.resize(t.signals.size());
    s.tasks.resize(t.tasks.size());
    s.ends.resize(t.tasks.size());
    s.streams.resize(t.streams.size());
    setConstants(t, s);
    setEdges(*programs[i].edges, s);
  }
}

/// What stays as it is from entry to entry.
void Machine::setConstants(const TaskTable &table, ProgramState &state) const {
  for (size_t i = 0; i < table.tasks.size(); ++i) {
    const TaskEntry &entry = table.tasks[i];
    TaskState &task = state.tasks[i];
    task.firstInput = entry.firstInput;
    task.firstOutput = entry.firstOutput;
    task.numInputs = narrow(entry.numInputs);
    task.numOutputs = narrow(entry.numOutputs);
    task.isSend = entry.kind == BodyKind::Send;
    task.isPlain = entry.numGates == 0 && entry.numSignals == 0 && !isEnd(entry);
    for (uint32_t e = entry.firstEvent; e < entry.firstEvent + entry.numEvents; ++e)
      task.hasCalls = task.hasCalls || table.events[e].call != kAtEnd;
  }
  for (size_t i = 0; i < table.inputs.size(); ++i) {
    const InputEntry &entry = table.inputs[i];
    InputState &input = state.inputs[i];
    input.link = entry.producer.index;
    input.slots = narrow(entry.slots);
    input.period = narrow(entry.period);
    input.constant = entry.constant;
    input.self = entry.self;
    input.isForeign = entry.producer.worker != worker_;
  }
  for (size_t o = 0; o < table.outputs.size(); ++o) {
    const OutputEntry &entry = table.outputs[o];
    OutputState &output = state.outputs[o];
    output.firstLink = entry.firstLink;
    output.numLinks = narrow(entry.numLinks);
    output.slots = narrow(entry.slots);
    output.period = narrow(entry.period);
  }
  for (size_t l = 0; l < table.links.size(); ++l) {
    const LinkEntry &entry = table.links[l];
    state.links[l].input = entry.consumer.index;
    state.links[l].self = entry.self;
    state.links[l].isForeign = entry.consumer.worker != worker_;
  }
}

void Machine::setEdges(const EdgeTable &table, ProgramState &state) {
  state.edges.resize(table.edges.size());
  state.earlyTokens.resize(table.edges.size());
  state.open.resize(table.openCounters);
  for (size_t i = 0; i < table.ends.size(); ++i) {
    state.ends[i].firstEdge = table.ends[i].firstEdge;
    state.ends[i].numEdges = table.ends[i].numEdges;
    state.ends[i].firstOpen = table.ends[i].firstOpen;
  }
  for (size_t e = 0; e < table.edges.size(); ++e) {
    const EdgeEntry &entry = table.edges[e];
    EdgeState &edge = state.edges[e];
    edge.task = entry.task;
    edge.local = entry.local;
    edge.window = narrow(entry.window);
    edge.path = entry.path;
    edge.isSend = entry.isSend;
  }
}

void Machine::reset(const TaskTable &table, ProgramState &state) {
  for (size_t i = 0; i < table.inputs.size(); ++i) {
    const InputEntry &entry = table.inputs[i];
    InputCounts counts;
    counts.received = state.inputCounts[i].early;
    InputState &fresh = state.inputs[i];
    fresh.phase = fresh.slot = fresh.nextSlot = 0;
    fresh.available = static_cast<uint16_t>(entry.initial + counts.received);
    state.inputCounts[i] = counts;
  }
  for (size_t i = 0; i < table.outputs.size(); ++i) {
    const OutputEntry &entry = table.outputs[i];
    OutputState &fresh = state.outputs[i];
    fresh.phase = fresh.slot = 0;
    fresh.nextSlot = static_cast<uint16_t>(entry.initial % entry.slots);
    state.published[i] = 0;
    for (uint32_t l = entry.firstLink; l < entry.firstLink + entry.numLinks; ++l) {
      LinkCounts counts;
      counts.acked = state.linkCounts[l].early;
      state.links[l].credit = static_cast<uint16_t>(entry.slots - entry.initial + counts.acked);
      state.linkCounts[l] = counts;
    }
  }
  for (size_t i = 0; i < table.tasks.size(); ++i) {
    state.ends[i].retired = state.ends[i].missing = 0;
    state.ends[i].total = iterations_ * table.tasks[i].firings;
  }
  for (size_t i = 0; i < state.edges.size(); ++i) {
    EdgeState &fresh = state.edges[i];
    fresh.done = 0;
    fresh.received = state.earlyTokens[i];
    state.earlyTokens[i] = 0;
    state.ends[fresh.task].missing += edgeReady(fresh) ? 0 : 1;
  }
  for (size_t g = 0; g < table.gates.size(); ++g) {
    GateState fresh;
    fresh.received = state.gates[g].early;
    fresh.available = table.gates[g].initial + fresh.received;
    fresh.total = iterations_;
    state.gates[g] = fresh;
  }
  state.released.assign(table.signals.size(), 0);
  for (const TaskEntry &task : table.tasks)
    for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
      state.inputCounts[i].total = iterations_ * task.firings / table.inputs[i].period;
  for (TaskState &task : state.tasks)
    task.fired = 0;
  std::fill(state.open.begin(), state.open.end(), 0);
  state.streams.assign(table.streams.size(), StreamState());
  for (size_t i = 0; i < table.streams.size(); ++i) {
    state.streams[i].firstOrder = table.streams[i].firstOrder;
    state.streams[i].orderLength = table.streams[i].orderLength;
  }
}

void Machine::enter(uint32_t program, uint64_t iterations, ActionSink &sink) {
  assert(!current_ && "enter while a program is running");
  current_ = tables_[program];
  state_ = &states_[program];
  iterations_ = iterations;
  openStreams_ = 0;
  openSends_ = 0;
  openTokens_ = 0;
  tasks_ = current_->tasks.data();
  inputs_ = state_->inputs.data();
  outputs_ = state_->outputs.data();
  links_ = state_->links.data();
  edges_ = state_->edges.data();
  ends_ = state_->ends.data();
  taskStates_ = state_->tasks.data();
  streamStates_ = state_->streams.data();
  order_ = current_->order.data();
  events_ = current_->events.data();
  ++state_->entry;
  reset(*current_, *state_);
  if (iterations == 0)
    return;
  for (size_t s = 0; s < current_->streams.size(); ++s) {
    state_->streams[s].done = current_->streams[s].orderLength == 0;
    openStreams_ += state_->streams[s].done ? 0 : 1;
  }
  for (size_t i = 0; i < current_->inputs.size(); ++i) {
    const InputEntry &entry = current_->inputs[i];
    const InputCounts &counts = state_->inputCounts[i];
    if (!entry.constant && entry.producer.worker != worker_)
      openTokens_ += static_cast<int64_t>(counts.total - counts.received);
  }
  for (const LinkCounts &link : state_->linkCounts)
    openTokens_ -= static_cast<int64_t>(link.acked);
  for (size_t g = 0; g < current_->gates.size(); ++g)
    if (current_->gates[g].from.worker != worker_)
      openTokens_ += static_cast<int64_t>(state_->gates[g].total - state_->gates[g].received);
  for (uint32_t e = 0; e < state_->edges.size(); ++e) {
    const EdgeState &entry = edges_[e];
    if (entry.isSend || entry.path != Path::Pushed)
      continue;
    for (uint64_t v = 0; v < entry.window && v < ends_[entry.task].total; ++v)
      emit(Action::Kind::Post, e, v, sink);
  }
}

/// Whether a Receive may take the next version of this edge.
bool Machine::edgeReady(const EdgeState &edge) {
  return edge.path == Path::Shared ? edge.received > edge.done
                                   : (edge.landed >> (edge.done % edge.window)) & 1;
}

bool Machine::edgesReady(const TaskEntry &task, Wait *why) const {
  const size_t index = static_cast<size_t>(&task - tasks_);
  if (task.kind == BodyKind::Send) {
    if (taskStates_[index].fired - ends_[index].retired < task.window)
      return true;
    if (why)
      why->kind = Wait::Kind::SendOpen;
    return false;
  }
  if (ends_[index].missing == 0)
    return true;
  for (uint32_t e = 0; why && e < ends_[index].numEdges; ++e) {
    const uint32_t edge = ends_[index].firstEdge + e;
    if (edgeReady(edges_[edge]))
      continue;
    why->kind = Wait::Kind::EdgeNotReady;
    why->index = edge;
    break;
  }
  return false;
}

bool Machine::portsReady(const TaskState &task, Wait *why) const {
  for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i) {
    const InputState &state = inputs_[i];
    if (state.phase != 0 || state.available != 0 || state.constant)
      continue;
    if (why) {
      why->kind = Wait::Kind::InputEmpty;
      why->index = i;
      why->peer = current_->inputs[i].producer;
    }
    return false;
  }
  for (uint32_t o = task.firstOutput; o < task.firstOutput + task.numOutputs; ++o) {
    const OutputState &state = outputs_[o];
    if (state.phase != 0)
      continue;
    for (uint32_t l = state.firstLink; l < state.firstLink + state.numLinks; ++l) {
      if (links_[l].self || links_[l].credit != 0)
        continue;
      if (why) {
        why->kind = Wait::Kind::OutputFull;
        why->index = o;
        why->peer = current_->links[l].consumer;
      }
      return false;
    }
  }
  return true;
}

bool Machine::ready(uint32_t index, Wait *why) const {
  const TaskState &task = taskStates_[index];
  if (!portsReady(task, why))
    return false;
  if (task.isPlain)
    return true;
  const TaskEntry &entry = tasks_[index];
  return (!isEnd(entry) || edgesReady(entry, why)) &&
         (entry.numGates == 0 || gatesOpen(entry, why));
}

bool Machine::gatesOpen(const TaskEntry &task, Wait *why) const {
  if (taskStates_[&task - tasks_].fired % task.firings != 0)
    return true; // opened for this iteration
  for (uint32_t g = task.firstGate; g < task.firstGate + task.numGates; ++g) {
    if (state_->gates[g].available != 0)
      continue;
    if (why) {
      why->kind = Wait::Kind::GateShut;
      why->index = g;
      why->peer = current_->gates[g].from;
    }
    return false;
  }
  return true;
}

Machine::Awaited Machine::awaited(uint32_t stream) const {
  const StreamState &ss = streamStates_[stream];
  if (ss.running || ss.done)
    return {};
  Awaited out;
  out.task = order_[ss.firstOrder + ss.position];
  const TaskState &task = taskStates_[out.task];
  if (task.isPlain || task.isSend)
    return {};
  const TaskEntry &entry = tasks_[out.task];
  if (entry.kind != BodyKind::Receive || !portsReady(task, nullptr) || !gatesOpen(entry, nullptr))
    return {};
  const EndState &end = ends_[out.task];
  for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e) {
    if (edgeReady(edges_[e]))
      continue;
    // More than one: what the others wait for may still use the task's memory.
    if (out.edge != kNone || edges_[e].path != Path::Pushed)
      return {};
    out.edge = e;
    out.sequence = edges_[e].done;
  }
  return out;
}

bool Machine::tryStart(uint32_t stream, Firing &firing) {
  StreamState &ss = streamStates_[stream];
  if (ss.running || ss.done)
    return false;
  const uint32_t index = order_[ss.firstOrder + ss.position];
  if (!ready(index, nullptr))
    return false;
  const TaskState &task = taskStates_[index];
  takeTokens(task);
  if (!task.isPlain && task.fired % tasks_[index].firings == 0)
    for (uint32_t g = 0; g < tasks_[index].numGates; ++g)
      --state_->gates[tasks_[index].firstGate + g].available;
  ss.running = true;
  ss.task = index;
  if (task.hasCalls) {
    ss.event = tasks_[index].firstEvent;
    ss.endEvent = ss.event + tasks_[index].numEvents;
  }
  firing = {index, stream, task.fired};
  return true;
}

void Machine::takeTokens(const TaskState &task) {
  for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i) {
    InputState &state = inputs_[i];
    if (state.phase != 0 || state.constant)
      continue;
    --state.available;
    state.slot = state.nextSlot;
    state.nextSlot = next(state.nextSlot, state.slots);
  }
  for (uint32_t o = task.firstOutput; o < task.firstOutput + task.numOutputs; ++o) {
    OutputState &output = outputs_[o];
    if (output.phase != 0)
      continue;
    output.slot = output.nextSlot;
    output.nextSlot = next(output.nextSlot, output.slots);
    for (uint32_t l = output.firstLink; l < output.firstLink + output.numLinks; ++l)
      links_[l].credit -= links_[l].self ? 0 : 1;
  }
}

void Machine::passCall(uint32_t stream, int32_t call, ActionSink &sink) {
  StreamState &ss = streamStates_[stream];
  if (taskStates_[ss.task].hasCalls)
    movePorts(ss, call, sink);
}

void Machine::movePorts(StreamState &ss, int32_t call, ActionSink &sink) {
  const TaskState &task = taskStates_[ss.task];
  for (; ss.event < ss.endEvent && events_[ss.event].call <= call; ++ss.event) {
    const PortEvent &event = events_[ss.event];
    if (event.isOutput)
      moveOutput(event.port, sink);
    else
      moveInput(task, event.port, sink);
  }
}

void Machine::moveOutput(uint32_t output, ActionSink &sink) {
  OutputState &out = outputs_[output];
  if (++out.phase != out.period)
    return;
  out.phase = 0;
  publish(output, sink);
}

void Machine::moveInput(const TaskState &task, uint32_t input, ActionSink &sink) {
  InputState &state = inputs_[input];
  if (++state.phase != state.period)
    return;
  state.phase = 0;
  if (!task.isSend) // it acknowledges when its last destination is done
    acknowledge(input, sink);
}

void Machine::acknowledge(uint32_t input, ActionSink &sink) {
  const InputState &state = inputs_[input];
  if (state.constant || state.self)
    return;
  if (!state.isForeign)
    ++links_[state.link].credit;
  else
    sink.act({Action::Kind::RegisterAck, state_->entry, static_cast<uint16_t>(current_->program),
              kNone, current_->inputs[input].producer, state_->inputCounts[input].acked++});
}

void Machine::publish(uint32_t output, ActionSink &sink) {
  const OutputState &state = outputs_[output];
  bool isForeign = false; // the sequence counts for other workers alone
  for (uint32_t l = state.firstLink; l < state.firstLink + state.numLinks; ++l) {
    const LinkState &link = links_[l];
    if (!link.isForeign) {
      ++inputs_[link.input].available;
      continue;
    }
    isForeign = true;
    ++openTokens_; // until its acknowledgement
    sink.act({Action::Kind::RegisterReady, state_->entry, static_cast<uint16_t>(current_->program),
              kNone, current_->links[l].consumer, state_->published[output]});
  }
  if (isForeign)
    ++state_->published[output];
}

/// An iteration of the task is over.
void Machine::release(const TaskEntry &task, ActionSink &sink) {
  for (uint32_t s = task.firstSignal; s < task.firstSignal + task.numSignals; ++s) {
    const Peer gate = current_->signals[s].gate;
    if (gate.worker == worker_)
      ++state_->gates[gate.index].available;
    else
      sink.act({Action::Kind::Released, state_->entry, static_cast<uint16_t>(current_->program),
                kNone, gate, state_->released[s]++});
  }
}

void Machine::emit(Action::Kind kind, uint32_t edge, uint64_t sequence, ActionSink &sink) const {
  sink.act({kind, state_->entry, static_cast<uint16_t>(current_->program), edge, Peer(), sequence});
}

void Machine::finish(uint32_t stream, ActionSink &sink) {
  StreamState &ss = streamStates_[stream];
  TaskState &task = taskStates_[ss.task];
  if (task.hasCalls) {
    movePorts(ss, kAtEnd, sink);
  } else {
    for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
      moveInput(task, i, sink);
    for (uint32_t o = task.firstOutput; o < task.firstOutput + task.numOutputs; ++o)
      moveOutput(o, sink);
  }
  if (task.isPlain)
    ++task.fired;
  else
    finishEnd(task, tasks_[ss.task], sink);

  ss.running = false;
  if (++ss.position != ss.orderLength)
    return;
  ss.position = 0;
  if (++ss.iteration != iterations_)
    return;
  ss.done = true;
  --openStreams_;
}

/// The end of an exchange, or of a reuse edge.
void Machine::finishEnd(TaskState &task, const TaskEntry &entry, ActionSink &sink) {
  if (entry.kind == BodyKind::Send)
    fireSend(entry, sink);
  else if (entry.kind == BodyKind::Receive)
    fireReceive(ends_[&entry - tasks_], sink);
  ++task.fired;
  if (entry.kind == BodyKind::Send)
    retire(entry, sink);
  else if (entry.numSignals != 0 && task.fired % entry.firings == 0)
    release(entry, sink);
}

void Machine::fireSend(const TaskEntry &task, ActionSink &sink) {
  const uint32_t index = static_cast<uint32_t>(&task - tasks_);
  const uint64_t sequence = taskStates_[index].fired;
  ++openSends_;
  const EndState &end = ends_[index];
  state_->open[end.firstOpen + sequence % task.window] = end.numEdges;
  for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e) {
    EdgeState &state = edges_[e];
    if (state.path == Path::Shared) {
      if (state.local != kNone)
        takeReady(edges_[state.local]);
      else
        emit(Action::Kind::Ready, e, sequence, sink);
    } else if (state.received > sequence) { // the landing slot is granted
      ++state.done;
      emit(Action::Kind::Push, e, sequence, sink);
    }
  }
}

void Machine::fireReceive(EndState &end, ActionSink &sink) {
  for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e) {
    EdgeState &state = edges_[e];
    const uint64_t sequence = state.done++;
    if (state.path == Path::Pushed)
      state.landed &= ~(uint64_t(1) << (sequence % state.window));
    end.missing += edgeReady(state) ? 0 : 1;
    if (state.path == Path::Pushed) {
      if (sequence + state.window < end.total)
        emit(Action::Kind::Post, e, sequence + state.window, sink);
    } else if (state.local != kNone) {
      edgeDone(edges_[state.local].task, sequence, sink);
    } else {
      emit(Action::Kind::Ack, e, sequence, sink);
    }
  }
}

/// One more version of an edge of this host.
void Machine::takeReady(EdgeState &edge) {
  if (edge.received == edge.done)
    --ends_[edge.task].missing;
  ++edge.received;
}

void Machine::edgeDone(uint32_t send, uint64_t sequence, ActionSink &sink) {
  const TaskEntry &task = tasks_[send];
  --state_->open[ends_[send].firstOpen + sequence % task.window];
  retire(task, sink);
}

void Machine::retire(const TaskEntry &task, ActionSink &sink) {
  const size_t index = static_cast<size_t>(&task - tasks_);
  EndState &end = ends_[index];
  uint64_t &retired = end.retired;
  while (retired < taskStates_[index].fired &&
         state_->open[end.firstOpen + retired % task.window] == 0) {
    for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
      acknowledge(i, sink);
    ++retired;
    --openSends_;
    if (task.numSignals != 0 && retired % task.firings == 0)
      release(task, sink);
  }
}

Status Machine::outOfOrder(const Token &token, uint64_t expected) const {
  return Status(Code::Internal,
                std::string("token out of order: ") + nameOf(token.kind) + " for entry " +
                    std::to_string(token.index) + " of program " + std::to_string(token.program) +
                    " carries sequence " + std::to_string(token.sequence) + ", expected " +
                    std::to_string(expected) + "; a message was lost, repeated or reordered");
}

Status Machine::stray(const Token &token) const {
  return Status(Code::Internal, std::string("token out of order: ") + nameOf(token.kind) +
                                    " for entry " + std::to_string(token.index) + " of program " +
                                    std::to_string(token.program) + " belongs to run " +
                                    std::to_string(token.entry) + " of the program, not to " +
                                    std::to_string(states_[token.program].entry) +
                                    "; a message was lost, repeated or reordered");
}

Status Machine::misplaced(const Token &token) const {
  return Status(Code::Internal, std::string("token out of order: ") + nameOf(token.kind) +
                                    " for edge " + std::to_string(token.index) + " of program " +
                                    std::to_string(token.program) +
                                    ", whose end takes none; a message was damaged");
}

Machine::Standing Machine::standingOf(const Token &token, bool current) const {
  const uint8_t entry = states_[token.program].entry;
  if (token.entry == entry)
    return current ? Standing::Current : Standing::Stray;
  return token.entry == static_cast<uint8_t>(entry + 1) ? Standing::Early : Standing::Stray;
}

template <typename Counter>
Status Machine::count(const Token &token, Counter &counter, bool isFull) const {
  if (token.sequence != counter || isFull)
    return outOfOrder(token, counter);
  ++counter;
  return Status::ok();
}

Status Machine::takeEdgeToken(const Token &token, Standing standing, ActionSink &sink) {
  const bool isReady = token.kind == Token::Kind::Ready;
  EdgeState &state = states_[token.program].edges[token.index];
  if (state.isSend == isReady || (state.path == Path::Shared) != isReady)
    return misplaced(token);
  if (standing == Standing::Early) {
    uint16_t &early = states_[token.program].earlyTokens[token.index];
    return count(token, early, early == kMaxCount);
  }
  if (token.sequence != state.received || state.received == ends_[state.task].total)
    return outOfOrder(token, state.received);
  if (isReady) {
    takeReady(state);
    return Status::ok();
  }
  ++state.received;
  const uint64_t fired = taskStates_[state.task].fired; // push what waits for it
  if (fired > state.done)
    emit(Action::Kind::Push, token.index, state.done++, sink);
  return Status::ok();
}

Status Machine::takeRegisterReady(const Token &token, Standing standing) {
  InputCounts &state = states_[token.program].inputCounts[token.index];
  if (standing == Standing::Early)
    return count(token, state.early, false);
  OF_TRY(count(token, state.received, state.received == state.total));
  ++inputs_[token.index].available;
  --openTokens_;
  return Status::ok();
}

Status Machine::takeRegisterAck(const Token &token, Standing standing) {
  LinkCounts &state = states_[token.program].linkCounts[token.index];
  if (standing == Standing::Early)
    return count(token, state.early, false);
  OF_TRY(count(token, state.acked, false));
  ++links_[token.index].credit;
  --openTokens_;
  return Status::ok();
}

Status Machine::takeReleased(const Token &token, Standing standing) {
  GateState &state = states_[token.program].gates[token.index];
  if (standing == Standing::Early)
    return count(token, state.early, false);
  OF_TRY(count(token, state.received, state.received == state.total));
  ++state.available;
  --openTokens_;
  return Status::ok();
}

Status Machine::onToken(const Token &token, ActionSink &sink) {
  const bool current = current_ && current_->program == token.program;
  const Standing standing = standingOf(token, current);
  if (standing == Standing::Stray)
    return stray(token);
  if (token.kind == Token::Kind::Ready || token.kind == Token::Kind::Grant)
    return takeEdgeToken(token, standing, sink);
  if (token.kind == Token::Kind::RegisterReady)
    return takeRegisterReady(token, standing);
  if (token.kind == Token::Kind::RegisterAck)
    return takeRegisterAck(token, standing);
  if (token.kind == Token::Kind::Released)
    return takeReleased(token, standing);
  // What answers something done in this entry can only come within it.
  if (standing != Standing::Current)
    return stray(token);
  switch (token.kind) {
  case Token::Kind::Ack: {
    EdgeState &state = edges_[token.index];
    if (token.sequence != state.done || token.sequence >= taskStates_[state.task].fired)
      return outOfOrder(token, state.done);
    ++state.done;
    edgeDone(state.task, token.sequence, sink);
    return Status::ok();
  }
  case Token::Kind::PushDone: {
    const EdgeState &state = edges_[token.index];
    if (token.sequence >= state.done)
      return outOfOrder(token, state.done);
    edgeDone(state.task, token.sequence, sink);
    return Status::ok();
  }
  case Token::Kind::Landed: {
    EdgeState &state = edges_[token.index];
    if (state.path != Path::Pushed || state.isSend)
      return misplaced(token);
    const uint64_t bit = uint64_t(1) << (token.sequence % state.window);
    if (token.sequence < state.done || token.sequence >= state.done + state.window ||
        (state.landed & bit))
      return outOfOrder(token, state.done);
    state.landed |= bit;
    if (token.sequence == state.done)
      --ends_[state.task].missing;
    return Status::ok();
  }
  default:
    return Status(Code::Internal,
                  "unknown token kind " + std::to_string(static_cast<int>(token.kind)));
  }
}

uint64_t Machine::begun() const {
  uint64_t out = 0;
  for (const StreamState &stream : state_->streams)
    out = std::max(out, stream.iteration + (stream.running || stream.position != 0 ? 1 : 0));
  return out;
}

uint64_t Machine::grantedAhead() const {
  uint64_t out = 0;
  for (size_t p = 0; p < states_.size(); ++p)
    for (const EdgeState &edge : states_[p].edges)
      if (edge.path == Path::Pushed)
        out = std::max<uint64_t>(out, 1 + edge.window / tables_[p]->tasks[edge.task].firings);
  return out;
}

void Machine::shorten(uint64_t iterations) {
  assert(iterations <= iterations_ && iterations >= begun());
  const uint64_t less = iterations_ - iterations;
  iterations_ = iterations;
  for (size_t i = 0; i < current_->tasks.size(); ++i)
    ends_[i].total -= less * tasks_[i].firings;
  for (const TaskEntry &task : current_->tasks)
    for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i) {
      const uint64_t tokens = less * task.firings / current_->inputs[i].period;
      state_->inputCounts[i].total -= tokens;
      if (!inputs_[i].constant && inputs_[i].isForeign)
        openTokens_ -= static_cast<int64_t>(tokens);
    }
  // A stream may stand at the new end already.
  for (uint32_t s = 0; s < current_->streams.size(); ++s) {
    StreamState &stream = streamStates_[s];
    if (stream.done || stream.iteration != iterations_)
      continue;
    stream.done = true;
    --openStreams_;
  }
}

uint32_t Machine::sendSlot(uint32_t port, uint64_t sequence) const {
  return static_cast<uint32_t>(sequence % current_->inputs[port].slots);
}

Status Machine::leave() {
  const TaskTable &table = *current_;
  auto broken = [&](const char *what, size_t index) {
    return Status(Code::Internal, "program " + std::to_string(table.program) + " ended with " +
                                      what + " " + std::to_string(index) +
                                      " not at its initial marking; the plan is inconsistent");
  };
  for (size_t i = 0; i < table.inputs.size(); ++i) {
    const InputState &state = state_->inputs[i];
    if (!table.inputs[i].constant &&
        (state.available != table.inputs[i].initial || state.phase != 0))
      return broken("input", i);
  }
  for (size_t o = 0; o < table.outputs.size(); ++o) {
    const OutputEntry &entry = table.outputs[o];
    for (uint32_t l = entry.firstLink; l < entry.firstLink + entry.numLinks; ++l)
      if (!table.links[l].self && state_->links[l].credit != entry.slots - entry.initial)
        return broken("link", l);
  }
  for (size_t g = 0; g < table.gates.size(); ++g)
    if (state_->gates[g].available != table.gates[g].initial)
      return broken("gate", g);
  for (size_t e = 0; e < state_->edges.size(); ++e)
    if (edges_[e].done != ends_[edges_[e].task].total && iterations_ != 0 &&
        edges_[e].local == kNone)
      return broken("edge", e);
  current_ = nullptr;
  state_ = nullptr;
  return Status::ok();
}

void Machine::openAnswers(std::vector<Wait> &out) const {
  Wait wait;
  wait.kind = Wait::Kind::EdgeUnanswered;
  for (uint32_t e = 0; e < state_->edges.size(); ++e) {
    const EdgeState &state = edges_[e];
    wait.task = state.task;
    wait.stream = tasks_[state.task].stream;
    wait.index = e;
    // Shared: acknowledgements; pushed: grants, which pushes follow at once.
    if (state.isSend && state.local == kNone && state.done < taskStates_[state.task].fired)
      out.push_back(wait);
  }
  if (openStreams_ != 0)
    return; // a version may be in use
  wait.kind = Wait::Kind::LinkUnanswered;
  for (const TaskEntry &task : current_->tasks)
    for (uint32_t o = task.firstOutput; o < task.firstOutput + task.numOutputs; ++o) {
      const OutputEntry &entry = current_->outputs[o];
      wait.task = static_cast<uint32_t>(&task - tasks_);
      wait.stream = task.stream;
      for (uint32_t l = entry.firstLink; l < entry.firstLink + entry.numLinks; ++l) {
        wait.index = o;
        wait.peer = current_->links[l].consumer;
        if (!links_[l].self && links_[l].credit != entry.slots - entry.initial)
          out.push_back(wait);
      }
    }
}

std::vector<Wait> Machine::waits() const {
  std::vector<Wait> out;
  if (!current_)
    return out;
  for (uint32_t s = 0; s < current_->streams.size(); ++s) {
    const StreamState &ss = state_->streams[s];
    Wait wait;
    wait.stream = s;
    if (!ss.done) {
      wait.task = current_->order[current_->streams[s].firstOrder + ss.position];
      wait.kind = Wait::Kind::Running;
      if (!ss.running)
        ready(wait.task, &wait);
    }
    out.push_back(wait);
  }
  openAnswers(out);
  return out;
}

} // namespace of::rt
