// of-assign-placements
//
//   before   of.variable @w : tensor<8x4xf32> "parameter" trainable {of.stage = 1 : i64}
//            %y = of.matmul %x, %w {of.stage = 1 : i64} : ...
//            %l = of.reduce_sum %y dims [0, 1] : ...
//   after    of.variable @w ... {of.placement = #mesh_stage1, of.stage = 1 : i64}
//            %y = of.matmul %x, %w {of.placement = #mesh_stage1, of.stage = 1 : i64} : ...
//            %l = of.reduce_sum %y dims [0, 1] {of.placement = #mesh_stage1} : ...
#include "lib/Config/Attributes.h"
#include "lib/Distribute/Passes.h"
#include "lib/Distribute/Placement.h"
#include "lib/Train/Blocks.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {
namespace {

struct AssignPlacementsPass : PassWrapper<AssignPlacementsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AssignPlacementsPass)
  StringRef getArgument() const override { return "of-assign-placements"; }
  StringRef getDescription() const override { return "Places every op on the mesh of its stage"; }

  void runOnOperation() override {
    FailureOr<Job> job = jobOf(getOperation());
    FailureOr<Cluster> cluster = clusterOf(getOperation());
    if (failed(job) || failed(cluster))
      return signalPassFailure();
    FailureOr<SmallVector<MeshAttr>> meshes = stageMeshes(getOperation(), *job, *cluster);
    if (failed(meshes))
      return signalPassFailure();
    if (hasBlocks(getOperation()))
      return placeAll((*meshes)[0]);
    llvm::StringMap<int64_t> variableStages;
    for (VariableOp variable : getOperation().getOps<VariableOp>()) {
      auto stage = variable->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName);
      int64_t at = stage ? stage.getInt() : 0;
      variableStages[variable.getSymName()] = at;
      variable->setAttr(placementAttrName, (*meshes)[at]);
    }
    for (ProgramOp program : getOperation().getOps<ProgramOp>())
      place(program, variableStages, *meshes);
  }

  // Blocks are no stages yet: the search makes some of them.
  void placeAll(MeshAttr mesh) {
    getOperation().walk([&](Operation *op) {
      if (isa<VariableOp>(op) || (op->getParentOfType<ProgramOp>() && !isa<MicroOp, YieldOp>(op)))
        op->setAttr(placementAttrName, mesh);
    });
  }

  void place(ProgramOp program, const llvm::StringMap<int64_t> &variableStages,
             ArrayRef<MeshAttr> meshes) {
    StageAnalysis stages(program, variableStages);
    program.getBody().walk([&](Operation *op) {
      if (!isa<MicroOp, YieldOp>(op))
        op->setAttr(placementAttrName, meshes[stages.stageOf(op)]);
    });
  }
};

} // namespace

std::unique_ptr<Pass> createAssignPlacementsPass() {
  return std::make_unique<AssignPlacementsPass>();
}

} // namespace of
