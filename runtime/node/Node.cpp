#include "runtime/node/Node.h"

#include "runtime/data/FindFile.h"
#include "runtime/data/ThrottledReader.h"
#include "runtime/node/LocalBodies.h"

#include <algorithm>
#include <sys/prctl.h>
#include <thread>

namespace of::rt {

namespace {
constexpr std::chrono::milliseconds kWatchEvery(20);
constexpr size_t kTraceEvents = 1 << 18;

/// Kernel objects that the segments of a role use.
void markObjects(const plan::Role &role, std::vector<bool> &used) {
  for (const plan::RoleProgram *program : *role.programs())
    for (const plan::Task *task : *program->tasks())
      if (const plan::Segment *segment = task->body_as_Segment())
        for (const plan::Call *call : *segment->calls())
          if (call->object() >= 0 && static_cast<size_t>(call->object()) < used.size())
            used[static_cast<size_t>(call->object())] = true;
}

/// Whether a task, as it is predicted, is over about when a message of its own would have left.
bool isBrief(const plan::Task &task) {
  constexpr double kSystemCallSeconds = 3e-6;
  if (task.body_type() == plan::Body::Send)
    return true; // what it takes is the push itself
  const plan::Receive *receive = task.body_as_Receive();
  const double seconds = task.seconds() - (receive ? receive->network_seconds() : 0);
  return task.seconds() > 0 && seconds <= kSystemCallSeconds;
}

/// Tells this run from others whose messages might still be on their way: the same number on all
/// nodes, as they have the same cards.
uint32_t generationOf(const std::vector<ChunkCard> &cards) {
  uint32_t hash = 2166136261u; // FNV-1a
  for (const ChunkCard &card : cards)
    for (const char c : card)
      hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash;
}
} // namespace

Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::create(const plan::Plan &plan, NodeOptions options) {
  if (options.node >= plan.nodes()->size())
    return Status(Code::InvalidArgument, "the plan has nodes 0 to " +
                                             std::to_string(plan.nodes()->size() - 1) + ", not " +
                                             std::to_string(options.node));
  OF_ASSIGN(NodeMemory memory, NodeMemory::allocate(plan, options.node));
  std::unique_ptr<Node> node(new Node(plan, std::move(options), std::move(memory)));
  OF_TRY(node->makeSchedule());
  OF_TRY(node->loadObjects());
  for (uint32_t d = 0; d < plan.devices()->size(); ++d)
    if (plan.devices()->Get(d)->node() == node->options_.node)
      OF_TRY(node->addDevice(d));
  return node;
}

Status Node::makeSchedule() {
  ScheduleRequest request;
  request.stopAfterSteps = options_.stopAfterSteps;
  if (!options_.resumePath.empty()) {
    OF_ASSIGN(resume_, openCheckpoint(options_.resumePath));
    if (!resume_->info())
      return Status(Code::InvalidArgument,
                    resume_->path() +
                        " holds weights but no manifest; start from it with --weights");
    request.resumeAtStep = resume_->info()->step;
    if (const SnapshotInfo &info = *resume_->info();
        info.seed != plan_.seed() || info.batch != plan_.batch())
      return Status(Code::InvalidArgument,
                    resume_->path() + " was made with seed " + std::to_string(info.seed) +
                        " and batch " + std::to_string(info.batch) + ", the plan has " +
                        std::to_string(plan_.seed()) + " and " + std::to_string(plan_.batch()) +
                        "; the data order would not continue");
    OF_TRY(loadVariables(plan_, memory_, options_.node, *resume_));
  }
  OF_ASSIGN(schedule_, rt::makeSchedule(plan_, request));
  return checkFolder();
}

/// A run that left later checkpoints in the folder of this one would be resumed instead of it, and
/// they would be taken for the newest when old ones are deleted.
Status Node::checkFolder() const {
  const bool writes = std::any_of(schedule_.begin(), schedule_.end(), [&](const ProgramEntry &e) {
    return plan_.programs()->Get(e.program)->kind() == plan::ProgramKind::Snapshot;
  });
  if (options_.node != 0 || options_.outDir.empty() || !writes)
    return Status::ok();
  const uint64_t first = schedule_.front().firstStep;
  const std::string folder = options_.outDir + "/checkpoints";
  const std::optional<uint64_t> latest = latestStep(folder);
  if (!latest || *latest <= first)
    return Status::ok();
  return Status(Code::InvalidArgument,
                folder + " has a checkpoint of step " + std::to_string(*latest) +
                    ", this run begins at step " + std::to_string(first) +
                    "; go on from it with --resume, or name another folder with --out");
}

std::vector<std::string> Node::folders() const {
  std::vector<std::string> out;
  if (!options_.dataDir.empty())
    out.push_back(options_.dataDir);
  out.push_back(".");
  return out;
}

Result<const BatchReader *> Node::readerOf(uint32_t dataset) {
  if (!plan_.datasets() || dataset >= plan_.datasets()->size())
    return Status(Code::Corrupt, "a read task names data set " + std::to_string(dataset) +
                                     ", which the plan does not have");
  readers_.resize(plan_.datasets()->size());
  if (!readers_[dataset]) {
    OF_ASSIGN(readers_[dataset], BatchReader::open(*plan_.datasets()->Get(dataset), folders()));
    if (options_.readRowsPerSecond > 0)
      readers_[dataset] = std::make_unique<ThrottledReader>(std::move(readers_[dataset]),
                                                            options_.readRowsPerSecond);
  }
  return static_cast<const BatchReader *>(readers_[dataset].get());
}

Result<const Checkpoint *> Node::weights() {
  if (!weights_) {
    std::string path = options_.weightsPath;
    if (path.empty() && (!plan_.initial() || plan_.initial()->size() == 0))
      return Status(
          Code::InvalidArgument,
          "the plan loads weights; name the checkpoint or .safetensors file with --weights");
    if (path.empty()) {
      std::vector<std::string> places = folders();
      places.insert(places.begin(), options_.planDir.empty() ? "." : options_.planDir);
      OF_ASSIGN(path, findFile(plan_.initial()->str(), places));
    }
    OF_ASSIGN(weights_, openWeights(plan_, path));
  }
  return static_cast<const Checkpoint *>(weights_.get());
}

Status Node::loadObjects() {
  const size_t count = plan_.objects() ? plan_.objects()->size() : 0;
  std::vector<bool> used(count, false);
  for (uint32_t d = 0; d < plan_.devices()->size(); ++d)
    if (plan_.devices()->Get(d)->node() == options_.node) {
      OF_ASSIGN(const RoleInstance instance, roleOf(plan_, d));
      markObjects(*instance.role, used);
    }
  objects_.resize(count);
  for (uint32_t i = 0; i < count; ++i)
    if (used[i]) {
      const plan::KernelObject &object = *plan_.objects()->Get(i);
      OF_ASSIGN(objects_[i], KernelObject::load(object.isa()->str(), object.data()->data(),
                                                object.data()->size()));
    }
  return Status::ok();
}

bool Node::maySpin() const {
  uint32_t threads = 0;
  for (const plan::Device *device : *plan_.devices())
    if (plan_.nodes()->Get(device->node())->host() == plan_.nodes()->Get(options_.node)->host())
      threads += device->threads();
  return threads <= std::thread::hardware_concurrency();
}

Status checkDeviceKind(const plan::Plan &plan, uint32_t device) {
  const std::string kind = plan.devices()->Get(device)->kind()->str();
  return kind == "cpu"
             ? Status::ok()
             : Status(Code::Refused,
                      "device " + std::to_string(device) + " is of kind '" + kind +
                          "', this build runs 'cpu'; compile for a cluster of CPU devices");
}

Status Node::addDevice(uint32_t id) {
  const plan::Device &entry = *plan_.devices()->Get(id);
  OF_TRY(checkDeviceKind(plan_, id));
  OF_ASSIGN(const RoleInstance instance, roleOf(plan_, id));
  auto state = std::make_unique<DeviceState>();
  state->id = id;
  OF_ASSIGN(state->tables, buildTables(plan_, id));
  CpuDeviceConfig config;
  config.threads = std::max(1u, entry.threads());
  config.maySpin = maySpin();
  for (uint32_t c = 0; c < instance.role->chunks()->size(); ++c)
    config.chunks.push_back(memory_.base(id, c));
  for (const auto &object : objects_)
    config.objects.push_back(object.get());
  if (instance.role->columns())
    for (const plan::Column *column : *instance.role->columns()) {
      if (instance.row >= column->values()->size())
        return Status(Code::Corrupt, "a column of role " + instance.role->name()->str() +
                                         " has no row " + std::to_string(instance.row));
      config.columns.push_back(column->values()->Get(instance.row));
    }
  state->device = std::make_unique<CpuDevice>(std::move(config));
  devices_.push_back(std::move(state));
  return Status::ok();
}

Status Node::connect(const std::vector<ChunkCard> &cards, Transport *transport, GatherFn gather) {
  const uint32_t host = plan_.nodes()->Get(options_.node)->host();
  for (uint32_t n = 0; n < cards.size() && n < plan_.nodes()->size(); ++n)
    if (n != options_.node && plan_.nodes()->Get(n)->host() == host)
      if (const Status status = memory_.mapPeer(plan_, cards[n]); !status.isOk())
        return status.withContext("node " + plan_.nodes()->Get(n)->name()->str());
  SnapshotsConfig snapshots;
  snapshots.folder = options_.outDir.empty() ? "" : options_.outDir + "/checkpoints";
  snapshots.planDigest = options_.planDigest;
  snapshots.node = options_.node;
  snapshots.keep = options_.keepCheckpoints;
  snapshots.gather = std::move(gather);
  snapshots_ = std::make_unique<Snapshots>(plan_, std::move(snapshots), *disk_);
  std::vector<WorkerPlace> places;
  for (const auto &device : devices_)
    for (uint32_t w = 0; w < device->tables.workers.size(); ++w)
      places.push_back({device->id, w, &device->tables.workers[w]});
  if (options_.trace)
    trace_ = std::make_unique<Trace>(plan_, options_.node, places, kTraceEvents);
  if (options_.profile)
    profile_ = std::make_unique<Profile>(plan_, options_.node, places);
  std::vector<MessageObserver *> observers;
  if (trace_)
    observers.push_back(trace_.get());
  if (profile_)
    observers.push_back(profile_.get());
  router_ = std::make_unique<Router>(plan_, options_.node, generationOf(cards), places, transport,
                                     std::move(observers));
  control_ = std::make_unique<RunControl>(static_cast<uint32_t>(places.size()));
  uint32_t id = 0;
  for (const auto &device : devices_)
    for (uint32_t w = 0; w < device->tables.workers.size(); ++w)
      OF_TRY(addWorker(*device, w, id++));
  return Status::ok();
}

Status Node::addWorker(DeviceState &device, uint32_t worker, uint32_t id) {
  WorkerConfig config;
  config.id = id;
  config.place = {device.id, worker, &device.tables.workers[worker]};
  config.plan = &plan_;
  config.device = device.device.get();
  config.maySpin = maySpin();
  config.trace = trace_.get();
  config.profile = profile_.get();
  for (const ProgramTable &table : device.tables.workers[worker]) {
    OF_ASSIGN(ProgramBodies bodies, makeBodies(device, worker, table));
    config.programs.push_back(std::move(bodies));
  }
  workers_.push_back(std::make_unique<Worker>(std::move(config), *router_, *control_));
  return Status::ok();
}

Result<ProgramBodies> Node::makeBodies(DeviceState &device, uint32_t worker,
                                       const ProgramTable &table) {
  OF_ASSIGN(const RoleInstance instance, roleOf(plan_, device.id));
  const plan::RoleProgram &program = *instance.role->programs()->Get(table.program);
  const TaskPlace place{&plan_, &memory_, &table, device.id, 0};
  ProgramBodies bodies;
  for (const InputEntry &input : table.inputs)
    bodies.inputs.push_back(slotRange(place, device.id, program, input.reg));
  for (const OutputEntry &output : table.outputs)
    bodies.outputs.push_back(slotRange(place, device.id, program, output.reg));
  for (uint32_t t = 0; t < table.tasks.size(); ++t) {
    auto body = makeBody(device, worker, table, t);
    if (!body.isOk())
      return body.status().withContext("device " + std::to_string(device.id));
    if (table.tasks[t].kind == BodyKind::Receive)
      bodies.mayOffer =
          bodies.mayOffer || static_cast<ReceiveBody *>(body->get())->mayLandInPlace();
    bodies.tasks.push_back(std::move(*body));
    bodies.brief.push_back(isBrief(*program.tasks()->Get(table.tasks[t].planTask)));
  }
  return bodies;
}

Result<std::unique_ptr<Body>> Node::makeBody(DeviceState &device, uint32_t worker,
                                             const ProgramTable &table, uint32_t index) {
  OF_ASSIGN(const RoleInstance instance, roleOf(plan_, device.id));
  const plan::Task &task =
      *instance.role->programs()->Get(table.program)->tasks()->Get(table.tasks[index].planTask);
  const TaskPlace place{&plan_, &memory_, &table, device.id, index};
  switch (task.body_type()) {
  case plan::Body::Segment: {
    if (options_.timedCompute > 0)
      return std::unique_ptr<Body>(new TimedBody(task, options_.timedCompute));
    auto segment = device.device->prepare(*task.body_as_Segment(), worker);
    if (!segment.isOk())
      return segment.status().withContext("task " + describe(task));
    return std::unique_ptr<Body>(new SegmentBody(std::move(*segment)));
  }
  case plan::Body::Send: {
    OF_ASSIGN(std::unique_ptr<Body> body, SendBody::create(place));
    return body;
  }
  case plan::Body::Receive: {
    OF_ASSIGN(std::unique_ptr<Body> body, ReceiveBody::create(place));
    return body;
  }
  case plan::Body::Copy:
    return std::unique_ptr<Body>(new CopyBody(*task.body_as_Copy()));
  case plan::Body::CheckFinite:
    return std::unique_ptr<Body>(new CheckFiniteBody(*task.body_as_CheckFinite()));
  case plan::Body::Metric: {
    const plan::Metric &metric = *task.body_as_Metric();
    return std::unique_ptr<Body>(new MetricBody(metric, metric.emitter() == device.id, sink_));
  }
  case plan::Body::Read: {
    OF_ASSIGN(const BatchReader *reader, readerOf(task.body_as_Read()->dataset()));
    return ReadBody::create(place, *reader);
  }
  case plan::Body::Output: {
    OF_ASSIGN(OutputFile * file, outputOf(*task.body_as_Output(), device.id));
    return std::unique_ptr<Body>(new OutputBody(file));
  }
  case plan::Body::Write:
    return WriteBody::create(place, *snapshots_, control_->stopFlag());
  case plan::Body::Load: {
    if (resume_) // Init is left out of the schedule
      return LoadBody::create(place, *resume_);
    OF_ASSIGN(const Checkpoint *file, weights());
    return LoadBody::create(place, *file);
  }
  default:
    return Status(Code::Corrupt, "task " + describe(task) + " has a body this build does not know");
  }
}

Result<OutputFile *> Node::outputOf(const plan::Output &output, uint32_t device) {
  const auto wanted = options_.outputs.find(output.name()->str());
  if (wanted == options_.outputs.end() || output.emitter() != device)
    return static_cast<OutputFile *>(nullptr);
  OF_ASSIGN(std::unique_ptr<OutputFile> file,
            OutputFile::create(wanted->second, dtypeOf(output.dtype()), shapeOf(output.shape()),
                               forwardSamples(plan_)));
  outputs_.push_back(std::move(file));
  return outputs_.back().get();
}

void Node::programEnded(const ProgramEntry &entry) {
  MetricRecord end;
  end.entry = entry;
  sink_.put(end);
  if (plan_.programs()->Get(entry.program)->kind() == plan::ProgramKind::Snapshot)
    snapshots_->handOver(entry.firstStep);
}

void Node::report(Reporter &reporter) {
  std::lock_guard<std::mutex> lock(reportMutex_);
  sink_.take(records_);
  if (const Status status = reporter.take(records_); !status.isOk())
    control_->fail(status);
}

void Node::runWorker(Worker &worker) {
  ::prctl(PR_SET_NAME, "of-worker"); // for top, perf and debuggers
  worker.run(schedule_);
  std::lock_guard<std::mutex> lock(endMutex_);
  running_.fetch_sub(1, std::memory_order_release);
  allEnded_.notify_one();
}

/// Until it is time to look again, or the last worker ends.
void Node::awaitWatch() {
  if (running_.load(std::memory_order_acquire) == 0) // the last snapshot is being written
    return std::this_thread::sleep_for(kWatchEvery);
  std::unique_lock<std::mutex> lock(endMutex_);
  allEnded_.wait_for(lock, kWatchEvery, [this] { return running_.load() == 0; });
}

void Node::watch(Reporter &reporter, const std::function<void()> &onWatch) {
  uint64_t beats = 0;
  int64_t lastMove = nowNs();
  auto working = [this] {
    return running_.load(std::memory_order_acquire) != 0 ||
           (snapshots_->busy() && !control_->stopped());
  };
  while (working()) {
    awaitWatch();
    onWatch();
    report(reporter);
    if (control_->beats() != beats) {
      beats = control_->beats();
      lastMove = nowNs();
    } else if (nowNs() - lastMove > options_.stallNs) {
      lastMove = nowNs();
      reporter.finishLine();
      control_->askForWaits();
    }
  }
  report(reporter);
}

Status Node::writeTrace() const {
  if (!trace_ || options_.outDir.empty())
    return Status::ok();
  return trace_->write(options_.outDir + "/trace-" + std::to_string(options_.node) + ".json",
                       clock_());
}

bool Node::emitsMetrics() const {
  for (const auto &device : devices_) {
    const auto instance = roleOf(plan_, device->id);
    if (!instance.isOk())
      continue;
    for (const plan::RoleProgram *program : *instance->role->programs())
      for (const plan::Task *task : *program->tasks())
        if (const plan::Metric *metric = task->body_as_Metric();
            metric && metric->emitter() == device->id)
          return true;
  }
  return false;
}

Status Node::run(const std::function<void(const Status &)> &onFail,
                 const std::function<void()> &onWatch) {
  ReporterOptions options;
  options.terminal = options_.terminal;
  options.json = options_.json;
  options.append = !options_.resumePath.empty();
  if (!options_.outDir.empty() && emitsMetrics()) {
    options.metricsPath = options_.outDir + "/metrics.jsonl";
    options.eventsFolder = options_.tensorBoard ? options_.outDir : "";
  }
  Reporter reporter(plan_, trainingSteps(schedule_, plan_), options);
  OF_TRY(reporter.open());

  control_->onFail = onFail;
  control_->onProgramEnd = [this](const ProgramEntry &entry) { programEnded(entry); };
  records_.reserve(kMetricRecords);
  auto flush = [this, &reporter] { report(reporter); };
  snapshots_->start(flush, [this](const Status &status) {
    if (!control_->stopped()) // else it is only told why the run ends
      control_->fail(status.withContext("checkpoint"));
  });
  running_ = static_cast<uint32_t>(workers_.size());
  std::vector<std::thread> threads;
  for (const auto &worker : workers_)
    threads.emplace_back([this, &worker] { runWorker(*worker); });
  watch(reporter, onWatch);
  for (std::thread &thread : threads)
    thread.join();
  snapshots_->finish();
  OF_TRY(writeTrace());
  OF_TRY(control_->error());
  for (const auto &output : control_->stopped() ? decltype(outputs_)() : std::move(outputs_))
    OF_TRY(output->finish());
  return Status::ok();
}

void Node::askHalt(std::function<void(uint64_t)> onPromise) {
  control_->onPromise = std::move(onPromise);
  control_->askHalt();
}

void Node::haltAt(uint64_t step) {
  control_->haltAt({step, endAfter(plan_, schedule_, step, !options_.outDir.empty())});
}

std::optional<uint64_t> Node::endedAt() const {
  const RunControl::Halt *halt = control_->halt();
  return halt && halt->step < totalSteps() ? std::optional<uint64_t>(halt->step) : std::nullopt;
}

void Node::stop() {
  if (control_)
    control_->stop();
  sink_.close();
}

} // namespace of::rt
