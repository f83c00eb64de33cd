#include "lib/Distribute/Placement.h"

#include "lib/Cost/StageGroups.h"
#include "lib/Train/Blocks.h"

#include <numeric>

using namespace mlir;

namespace of {

// ---- Meshes

static LogicalResult checkStages(ModuleOp module, int64_t count) {
  LogicalResult ok = success();
  if (hasBlocks(module))
    return ok;
  module.walk([&](Operation *op) {
    auto stage = op->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName);
    if (!stage || (stage.getInt() >= 0 && stage.getInt() < count))
      return;
    op->emitOpError("is placed on stage ")
        << stage.getInt() << ", but the job has " << count << (count == 1 ? " stage" : " stages")
        << "; stages are numbered from 0";
    ok = failure();
  });
  return ok;
}

// Stages the job names, or those that a model written with of.stage uses.
static int64_t countStages(ModuleOp module, const Job &job) {
  if (hasBlocks(module))
    return 1;
  if (!job.parallel.stages.empty())
    return job.parallel.stages.size() + 1;
  int64_t count = 1;
  module.walk([&](Operation *op) {
    if (auto stage = op->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName))
      count = std::max(count, stage.getInt() + 1);
  });
  return count;
}

MeshAttr meshOn(MLIRContext *context, StringRef name, const MeshShape &shape, int64_t first) {
  SmallVector<StringAttr> axes;
  SmallVector<int64_t> sizes;
  int64_t points = 1;
  for (auto &[axis, size] : shape) {
    axes.push_back(StringAttr::get(context, axis));
    sizes.push_back(size);
    points *= size;
  }
  SmallVector<int64_t> ids(points);
  std::iota(ids.begin(), ids.end(), first);
  return MeshAttr::get(context, name, axes, sizes, ids);
}

static std::string stageName(int64_t stage, int64_t stages) {
  return stages == 1 ? "main" : "stage" + std::to_string(stage);
}

// Stages of one group are on one mesh.
static SmallVector<MeshAttr> dealMeshes(MLIRContext *context, int64_t stages, const MeshShape &mesh,
                                        int64_t groups) {
  SmallVector<MeshAttr> meshes;
  for (int64_t stage = 0; stage < stages; ++stage) {
    const int64_t group = stage % groups;
    const int64_t first = meshes.empty() ? 0 : group * meshes[0].numDevices();
    meshes.push_back(meshOn(context, stageName(group, stages), mesh, first));
  }
  return meshes;
}

SmallVector<MeshAttr> dealMeshes(MLIRContext *context, int64_t stages, const MeshShape &mesh) {
  return dealMeshes(context, stages, mesh, stages);
}

FailureOr<SmallVector<MeshAttr>> stageMeshes(ModuleOp module, const Job &job,
                                             const Cluster &cluster) {
  int64_t stages = countStages(module, job), devices = cluster.devices.size(), points = 1;
  if (failed(checkStages(module, stages)))
    return failure();
  MeshShape mesh = job.parallel.mesh;
  if (mesh.empty())
    mesh.push_back({"data", stagePoints(stages, devices)});
  for (auto &[axis, size] : mesh)
    points *= size;
  if (const std::optional<int64_t> groups = stageGroups(stages, devices, points))
    return dealMeshes(module.getContext(), stages, mesh, *groups);
  return module.emitError("the mesh of the job spans ")
         << points << " devices for each of " << stages << (stages == 1 ? " stage" : " stages")
         << ", but the cluster has " << devices
         << "; change parallel.mesh or the cluster, or let the stages be a multiple of the groups "
            "of devices, to which they are dealt in turn";
}

// ---- Stages

std::optional<int64_t> StageAnalysis::known(Operation *op) const {
  auto it = stages.find(op);
  return it == stages.end() ? std::nullopt : std::optional(it->second);
}

// A result of of.micro lies where the value lies that its region yields.
std::optional<int64_t> StageAnalysis::known(Value value) const {
  Operation *op = value.getDefiningOp();
  if (auto micro = dyn_cast_or_null<MicroOp>(op)) {
    auto yield = cast<YieldOp>(micro.getBody().front().getTerminator());
    return known(yield.getValues()[cast<OpResult>(value).getResultNumber()]);
  }
  return op ? known(op) : std::nullopt;
}

std::optional<int64_t> StageAnalysis::firstUser(Value value) const {
  std::optional<int64_t> first;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    std::optional<int64_t> at =
        isa<YieldOp>(user) ? firstUser(user->getParentOp()->getResult(use.getOperandNumber()))
                           : known(user);
    if (at && (!first || *at < *first))
      first = at;
  }
  return first;
}

std::optional<int64_t> StageAnalysis::given(Operation *op) const {
  if (auto get = dyn_cast<GetOp>(op))
    return variableStages.lookup(get.getVariable());
  if (auto set = dyn_cast<SetOp>(op))
    return variableStages.lookup(set.getVariable());
  if (auto stage = op->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName))
    return stage.getInt();
  return std::nullopt;
}

StageAnalysis::StageAnalysis(ProgramOp program, const llvm::StringMap<int64_t> &variableStages)
    : variableStages(variableStages) {
  SmallVector<Operation *> order;
  program.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (!isa<MicroOp, YieldOp>(op))
      order.push_back(op);
  });
  for (Operation *op : order) {
    std::optional<int64_t> stage = given(op);
    if (!stage)
      for (Value operand : op->getOperands())
        if (std::optional<int64_t> at = known(operand))
          stage = std::max(stage.value_or(0), *at);
    if (stage)
      stages[op] = *stage;
  }
  for (Operation *op : llvm::reverse(order)) {
    if (known(op))
      continue;
    std::optional<int64_t> stage;
    for (Value result : op->getResults())
      if (std::optional<int64_t> at = firstUser(result); at && (!stage || *at < *stage))
        stage = at;
    stages[op] = stage.value_or(0);
  }
}

} // namespace of
