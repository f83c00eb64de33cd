#include "runtime/node/Snapshots.h"

#include <filesystem>
#include <set>
#include <thread>

namespace of::rt {

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

Status Snapshots::begin(uint64_t step) {
  if (config_.folder.empty())
    return Status(Code::InvalidArgument,
                  "the job takes snapshots; name a folder for them with --out");
  if (!writer_) {
    std::error_code error;
    std::filesystem::create_directories(config_.folder, error);
    if (error)
      return Status(Code::Io, "cannot create " + config_.folder + ": " + error.message());
    SnapshotConfig config;
    config.folder = config_.folder;
    config.tensors = planTensors(plan_);
    config.node = config_.node;
    OF_ASSIGN(writer_, SnapshotWriter::create(config));
  }
  OF_TRY(writer_->begin(step));
  step_ = step;
  begun_.store(true);
  return Status::ok();
}

Status Snapshots::ensureBegun(uint64_t step, const std::atomic<bool> &stopped) {
  while (ended_.load(std::memory_order_acquire)) {
    if (stopped.load(std::memory_order_relaxed))
      return Status::ok();
    std::this_thread::yield();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  return begun_.load() ? Status::ok() : begin(step);
}

void Snapshots::programEnded(uint64_t step) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!begun_.load())
    step_ = step; // no device of this node holds a part; it still takes its place among the reports
  ended_.store(true, std::memory_order_release);
}

Status Snapshots::write(uint32_t variable, const Box &box, const void *data) {
  return writer_->writePart(variable, box, data);
}

Status Snapshots::finishPending() {
  if (!begun_.load())
    OF_TRY(begin(step_));
  OF_ASSIGN(const std::string digest, writer_->finishLocal());
  OF_ASSIGN(const std::vector<std::string> digests, config_.gather(digest));
  if (config_.node == 0) {
    SnapshotInfo info;
    info.job = plan_.job()->str();
    info.planDigest = config_.planDigest;
    info.step = step_;
    info.seed = plan_.seed();
    info.batch = plan_.batch();
    OF_ASSIGN(const std::string path, writer_->commit(info, digests));
    (void)path;
    if (config_.keep > 0)
      OF_TRY(rotateCheckpoints(config_.folder, config_.keep));
  }
  begun_.store(false);
  ended_.store(false, std::memory_order_release);
  return Status::ok();
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
  OF_TRY(weights->match(wanted, all));
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
