#include "runtime/node/Worker.h"

#include "runtime/actor/Waits.h"
#include "runtime/device/cpu/TileTeam.h"
#include "runtime/node/Schedule.h"

#include <cstdio>
#include <thread>

namespace of::rt {

namespace {
constexpr uint32_t kYieldsCompute = 4000, kYieldsIo = 20;
constexpr std::chrono::microseconds kParkTime(200);
/// Rounds of brief steps without a look at the transport, which may be a system call.
constexpr uint32_t kRoundsUnseen = 3;
} // namespace

Worker::Worker(WorkerConfig config, Router &router, RunControl &control)
    : config_(std::move(config)), router_(router), control_(control),
      machine_(*config_.place.tables, config_.place.worker),
      backoff_(!config_.maySpin, config_.place.worker == 0 ? kYieldsCompute : kYieldsIo) {
  size_t inputs = 0, outputs = 0, streams = 0;
  for (const ProgramTable &table : *config_.place.tables) {
    inputs = std::max(inputs, table.inputs.size());
    outputs = std::max(outputs, table.outputs.size());
    streams = std::max(streams, table.streams.size());
  }
  inputAddresses_.resize(inputs);
  outputAddresses_.resize(outputs);
  streams_.resize(streams);
}

void Worker::act(const Action &action) {
  Status status;
  if (action.kind == Action::Kind::Push || action.kind == Action::Kind::Post) {
    const uint32_t task = machine_.taskOf(action.index);
    Body *body = bodies_->tasks[task].get();
    if (action.kind == Action::Kind::Push) {
      const SendBody::Bytes bytes =
          static_cast<SendBody *>(body)->pack(machine_, action.index, action.sequence);
      status = router_.push(config_.id, action, {bytes.data, bytes.bytes});
    } else {
      const ReceiveBody::Landing l =
          static_cast<ReceiveBody *>(body)->landing(action.index, action.sequence);
      status = router_.post(config_.id, action, {l.data, l.bytes});
    }
  } else {
    status = router_.act(config_.id, action);
  }
  if (!status.isOk() && actError_.isOk())
    actError_ = status;
}

/// Once something has moved, what follows from it comes first: mostly a send.
bool Worker::isLookDue(bool moving) {
  if (moving && roundsUnseen_ < kRoundsUnseen) {
    ++roundsUnseen_;
    return false;
  }
  roundsUnseen_ = 0;
  return true;
}

Status Worker::takeTokens(bool &moved, bool look) {
  if (look)
    OF_TRY(router_.poll(moved)); // first: what it finds is taken in this round
  Token token;
  while (router_.receive(config_.id, token)) {
    moved = true;
    OF_TRY(machine_.onToken(token, *this));
    if (token.kind == Token::Kind::Landed && bodies_->mayOffer)
      noteLanding(token);
  }
  return actError_;
}

/// Where the bytes of a Receive may land that waits for nothing else.
void Worker::offerRoom(uint32_t stream) {
  const Machine::Awaited awaited = machine_.awaited(stream);
  if (awaited.edge == kNone)
    return;
  auto *body = static_cast<ReceiveBody *>(bodies_->tasks[awaited.task].get());
  const ReceiveBody::Room *room = body->newRoom(awaited.edge, awaited.sequence);
  if (!room)
    return;
  const uint32_t port = machine_.table().tasks[awaited.task].firstOutput + room->output;
  const SlotRange &slots = bodies_->outputs[port];
  router_.offer(config_.id, static_cast<uint16_t>(machine_.table().program), awaited.edge,
                awaited.sequence,
                slots.base + machine_.nextOutputSlot(port) * slots.slotBytes + room->offset);
}

void Worker::noteLanding(const Token &token) {
  const uint32_t task = machine_.taskOf(token.index);
  static_cast<ReceiveBody *>(bodies_->tasks[task].get())
      ->noteLanding(token.index, token.sequence, router_.isInPlace(config_.id, token));
}

void Worker::begin(StreamRun &run) {
  const TaskEntry &task = machine_.table().tasks[run.firing.task];
  for (uint32_t i = task.firstInput; i < task.firstInput + task.numInputs; ++i)
    inputAddresses_[i] =
        bodies_->inputs[i].base + machine_.inputSlot(i) * bodies_->inputs[i].slotBytes;
  for (uint32_t o = task.firstOutput; o < task.firstOutput + task.numOutputs; ++o)
    outputAddresses_[o] =
        bodies_->outputs[o].base + machine_.outputSlot(o) * bodies_->outputs[o].slotBytes;
  run.active = true;
  run.step = 0;
  run.beginNs = config_.trace ? nowNs() : 0;
  run.stepsNs = 0;
}

Status Worker::runStep(Body &body, const StreamRun &run, const FiringContext &context) {
  if (!config_.trace || body.steps() == 1)
    return body.run(run.step, context);
  const int64_t beginThread = threadNs(), beginNs = nowNs();
  OF_TRY(body.run(run.step, context));
  const int64_t endNs = nowNs();
  config_.trace->kernel(config_.id, machine_.table().program, run.firing.task, run.step,
                        run.firing.index, beginNs, endNs, threadNs() - beginThread);
  return Status::ok();
}

Status Worker::advance(uint32_t stream, bool &moved) {
  StreamRun &run = streams_[stream];
  if (!run.active) {
    if (ending_ == Ending::Promised && !mayStart(stream))
      return Status::ok();
    if (!machine_.tryStart(stream, run.firing)) {
      if (bodies_->mayOffer)
        offerRoom(stream);
      return Status::ok();
    }
    begin(run);
  }
  moved = true;
  const TaskEntry &task = machine_.table().tasks[run.firing.task];
  Body &body = *bodies_->tasks[run.firing.task];
  FiringContext context;
  context.entry = entry_;
  context.slots = {inputAddresses_.data() + task.firstInput,
                   outputAddresses_.data() + task.firstOutput, run.firing.index, task.firings};
  if (!bodies_->brief[run.firing.task]) {
    roundsUnseen_ = kRoundsUnseen; // looked at after it
    OF_TRY(router_.flush());
  }
  const int64_t stepNs = config_.profile ? nowNs() : 0;
  OF_TRY(runStep(body, run, context));
  if (config_.profile)
    run.stepsNs += nowNs() - stepNs;
  if (++run.step < body.steps()) {
    machine_.passCall(stream, run.step - 1, *this);
    return actError_;
  }
  run.active = false;
  if (config_.trace)
    config_.trace->firing(config_.id, machine_.table().program, run.firing.task, run.firing.index,
                          run.beginNs, nowNs());
  if (config_.profile)
    config_.profile->task(config_.id, machine_.table().program, run.firing.task, run.stepsNs);
  machine_.finish(stream, *this);
  control_.beat(config_.id);
  return actError_;
}

Status Worker::idle(uint32_t rounds) {
  OF_TRY(router_.flush());
  switch (backoff_.after(rounds)) {
  case Backoff::Pause::None:
    break;
  case Backoff::Pause::Relax:
    relaxCpu();
    break;
  case Backoff::Pause::Yield: {
    const int64_t beganNs = nowNs();
    std::this_thread::yield();
    backoff_.noteYield(nowNs() - beganNs);
    break;
  }
  case Backoff::Pause::Nap:
    if (control_.waitRequests() != waitRequestsSeen_)
      reportWaits();
    router_.parker(config_.id).park(kParkTime);
  }
  return Status::ok();
}

Status Worker::runEntry(const ProgramEntry &entry) {
  entry_ = &entry;
  bodies_ = &config_.programs[entry.program];
  machine_.enter(entry.program, entry.iterations, *this);
  OF_TRY(actError_);
  const uint32_t streams = static_cast<uint32_t>(machine_.table().streams.size());
  uint32_t idleRounds = 0;
  bool moved = true; // what did not start before can start only once something has
  while (!machine_.finished() && !control_.stopped()) {
    const bool moving = moved || control_.haltAsked();
    moved = false;
    if (control_.haltAsked())
      heedHalt();
    OF_TRY(takeTokens(moved, isLookDue(moving)));
    for (uint32_t s = 0; s < streams && (moving || moved); ++s)
      OF_TRY(advance(s, moved));
    idleRounds = moved ? 0 : idleRounds + 1;
    if (!moved)
      OF_TRY(idle(idleRounds));
  }
  return control_.stopped() ? Status::ok() : machine_.leave();
}

Status Worker::awaitOthers(uint64_t index) {
  // Others may still need this node's transport to move.
  for (uint32_t rounds = 0; !control_.passed(index) && !control_.stopped(); ++rounds) {
    bool moved = false;
    if (control_.haltAsked())
      heedHalt();
    OF_TRY(takeTokens(moved));
    if (!moved)
      OF_TRY(idle(rounds));
  }
  return Status::ok();
}

void Worker::run(const std::vector<ProgramEntry> &schedule) {
  config_.device->enterThread();
  schedule_ = &schedule;
  for (index_ = 0; index_ < schedule_->size() && !control_.stopped(); ++index_) {
    Status status = runEntry((*schedule_)[index_]);
    if (status.isOk() && !control_.stopped()) {
      if (control_.arrive(*entry_))
        router_.wakeOthers(config_.id);
      status = awaitOthers(index_);
    }
    if (!status.isOk())
      control_.fail(status);
  }
  if (ending_ == Ending::No)
    control_.promise(trainingSteps(schedule, *config_.plan));
}

bool Worker::trains() const {
  return config_.plan->programs()->Get(entry_->program)->kind() == plan::ProgramKind::Train;
}

/// The first step whose end this worker can still make the end of the run, if it begins none from
/// holdAt_ on. One more than what it holds at, so that it cannot be past the end when it hears of
/// it.
uint64_t Worker::earliestEnd() const { return holdAt_ + 1 + machine_.grantedAhead(); }

bool Worker::mayStart(uint32_t stream) const {
  return !trains() || entry_->firstStep + machine_.nextIteration(stream) < holdAt_;
}

void Worker::heedHalt() {
  if (ending_ == Ending::No) {
    holdAt_ = entry_->firstStep;
    if (trains())
      holdAt_ += machine_.entered() ? machine_.begun() : entry_->iterations;
    ending_ = Ending::Promised;
    control_.promise(earliestEnd());
  }
  const RunControl::Halt *halt = control_.halt();
  if (ending_ != Ending::Promised || !halt)
    return;
  ending_ = Ending::Agreed;
  schedule_ = &halt->schedule;
  const uint64_t before = entry_->iterations;
  entry_ = &(*schedule_)[index_];
  if (machine_.entered() && entry_->iterations < before)
    machine_.shorten(entry_->iterations);
}

void Worker::reportWaits() {
  waitRequestsSeen_ = control_.waitRequests();
  if (!machine_.entered())
    return;
  for (const Wait &wait : machine_.waits())
    if (wait.kind != Wait::Kind::Done && wait.kind != Wait::Kind::Running)
      std::fprintf(stderr, "stalled: %s\n",
                   describe(*config_.plan, config_.place.device,
                            (*config_.place.tables)[machine_.table().program], wait)
                       .c_str());
}

} // namespace of::rt
