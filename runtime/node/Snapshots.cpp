#include "runtime/node/Snapshots.h"

#include "runtime/node/Inference.h"

#include <cstring>
#include <filesystem>
#include <set>

namespace of::rt {

namespace {
/// How often a worker that waits for the last snapshot looks whether it is safe.
constexpr std::chrono::microseconds kLook(100);
} // namespace

Box variableBox(const plan::Plan &plan, const plan::Variable &variable, uint32_t device) {
  const Layout layout = layoutOf(plan, *variable.layout());
  return boxAt(shapeOf(variable.shape()), layout, layout.placement.pointOf(device));
}

std::vector<TensorInfo> planTensors(const plan::Plan &plan) {
  std::vector<TensorInfo> out;
  if (plan.variables())
    for (const plan::Variable *variable : *plan.variables())
      out.push_back(
          {variable->name()->str(), dtypeOf(variable->dtype()), shapeOf(variable->shape())});
  return out;
}

Snapshots::~Snapshots() { finish(); }

uint32_t Snapshots::addPart(uint32_t variable, const Box &box) {
  constexpr size_t alignment = 64;
  Part part;
  part.variable = variable;
  part.box = box;
  part.offset = bytes_;
  part.bytes = static_cast<size_t>(box.elements()) *
               sizeOf(dtypeOf(plan_.variables()->Get(variable)->dtype()));
  parts_.push_back(part);
  bytes_ += (part.bytes + alignment - 1) / alignment * alignment;
  return static_cast<uint32_t>(parts_.size() - 1);
}

void Snapshots::start(std::function<void()> flush, std::function<void(const Status &)> onError) {
  memory_.reset(new std::byte[bytes_]);
  flush_ = std::move(flush);
  onError_ = std::move(onError);
  thread_ = std::thread([this] { loop(); });
}

Status Snapshots::await(const std::atomic<bool> &stopped) {
  if (config_.folder.empty())
    return Status(Code::InvalidArgument,
                  "the job takes snapshots; name a folder for them with --out");
  while (busy() && !stopped.load(std::memory_order_relaxed))
    std::this_thread::sleep_for(kLook);
  return Status::ok();
}

void Snapshots::put(uint32_t part, const void *data) {
  std::memcpy(memory_.get() + parts_[part].offset, data, parts_[part].bytes);
}

void Snapshots::handOver(uint64_t step) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (state_.load() == State::Failed)
      return;
    step_ = step;
    state_.store(State::Whole, std::memory_order_release);
  }
  changed_.notify_one();
}

void Snapshots::finish() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable())
    thread_.join();
}

void Snapshots::loop() {
  while (true) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || state_.load() == State::Whole; });
      if (state_.load() != State::Whole)
        return;
    }
    const Status status = writeAll();
    state_.store(status.isOk() ? State::Free : State::Failed, std::memory_order_release);
    if (!status.isOk())
      return onError_(status);
  }
}

Status Snapshots::writeAll() {
  if (!writer_) {
    SnapshotConfig config;
    config.folder = config_.folder;
    config.tensors = planTensors(plan_);
    config.node = config_.node;
    OF_ASSIGN(writer_, SnapshotWriter::create(config, disk_));
  }
  OF_TRY(writer_->begin(step_));
  for (const Part &part : parts_)
    OF_TRY(writer_->writePart(part.variable, part.box, memory_.get() + part.offset));
  OF_ASSIGN(const std::string digest, writer_->finishLocal());
  flush_();
  OF_ASSIGN(const std::vector<std::string> digests, config_.gather(digest));
  if (config_.node != 0)
    return Status::ok();
  SnapshotInfo info;
  info.job = plan_.job()->str();
  info.planDigest = config_.planDigest;
  info.step = step_;
  info.seed = plan_.seed();
  info.batch = plan_.batch();
  OF_TRY(writer_->commit(info, digests));
  return config_.keep > 0 ? rotateCheckpoints(config_.folder, step_, config_.keep, disk_)
                          : Status::ok();
}

Result<std::unique_ptr<Checkpoint>> openCheckpoint(const std::string &path) {
  for (const std::string &folder : {path + "/checkpoints", path})
    if (std::filesystem::is_directory(folder)) {
      OF_ASSIGN(const std::string latest, latestCheckpoint(folder));
      if (!latest.empty())
        return Checkpoint::open(latest);
    }
  return Checkpoint::open(path);
}

Result<std::unique_ptr<Checkpoint>> openWeights(const plan::Plan &plan, const std::string &path) {
  std::set<uint32_t> loaded;
  for (const plan::Role *role : *plan.roles())
    for (const plan::RoleProgram *program : *role->programs())
      for (const plan::Task *task : *program->tasks())
        if (const plan::Load *load = task->body_as_Load())
          loaded.insert(load->variables()->begin(), load->variables()->end());
  const std::vector<TensorInfo> all = planTensors(plan);
  std::vector<TensorInfo> wanted;
  for (const uint32_t variable : loaded)
    wanted.push_back(all[variable]);
  OF_ASSIGN(std::unique_ptr<Checkpoint> weights, openCheckpoint(path));
  // A plan that runs forward has no use for what training left beside the parameters.
  OF_TRY(weights->match(wanted, isForward(plan) ? weights->tensors() : all));
  return weights;
}

Status loadVariables(const plan::Plan &plan, const NodeMemory &memory, uint32_t node,
                     const Checkpoint &checkpoint) {
  OF_TRY(checkpoint.match(planTensors(plan)));
  OF_TRY(checkpoint.verify(node, plan.nodes()->size()));
  for (uint32_t d = 0; d < plan.devices()->size(); ++d) {
    if (plan.devices()->Get(d)->node() != node)
      continue;
    OF_ASSIGN(const RoleInstance instance, roleOf(plan, d));
    if (!instance.role->variables())
      continue;
    for (const plan::VariablePart *part : *instance.role->variables()) {
      const plan::Variable &variable = *plan.variables()->Get(part->variable());
      const Box box = variableBox(plan, variable, d);
      if (!box.empty())
        OF_TRY(checkpoint.read(variable.name()->str(), box,
                               memory.base(d, part->chunk()) + part->offset()));
    }
  }
  return Status::ok();
}

} // namespace of::rt
