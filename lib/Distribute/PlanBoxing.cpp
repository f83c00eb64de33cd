// of-plan-boxing
//
//   before   %b = of.boxing %g : tensor<1024x1024xf32, [P]> to tensor<1024x1024xf32, [B]>
//   after    %s = of.boxing %g : tensor<1024x1024xf32, [P]> to tensor<1024x1024xf32, [S(0)]>
//            %b = of.boxing %s : tensor<1024x1024xf32, [S(0)]> to tensor<1024x1024xf32, [B]>
//
// Rounds through an axis lie on meshes of their own, `main` with `data = 8` cut into 4 x 2.
#include "lib/Distribute/BoxingPlanner.h"
#include "lib/Distribute/Passes.h"

#include "dialects/Of/Of.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {
namespace {

struct PlanBoxingPass : PassWrapper<PlanBoxingPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlanBoxingPass)
  StringRef getArgument() const override { return "of-plan-boxing"; }
  StringRef getDescription() const override {
    return "Expands boxings into the cheapest chains of single exchanges";
  }

  void runOnOperation() override {
    FailureOr<Cluster> cluster = clusterOf(getOperation());
    if (failed(cluster))
      return signalPassFailure();
    BoxingPlanner planner(*cluster);
    int64_t devices = cluster->devices.size();
    WalkResult walked = getOperation().walk([&](BoxingOp op) {
      for (Value v : {op.getInput(), op.getResult()})
        for (int64_t id : distOf(v).getMesh().getDevices())
          if (id >= devices) {
            op.emitOpError("lies on device ")
                << id << ", but the cluster has " << devices << " devices";
            return WalkResult::interrupt();
          }
      expand(op, planner);
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      signalPassFailure();
  }

  static MeshAttr meshOf(const Layout &step, DistAttr src, DistAttr dst) {
    for (MeshAttr mesh : {src.getMesh(), dst.getMesh()})
      if (step.placement == mesh.placement())
        return mesh;
    return cut(src.getMesh(), step.placement);
  }

  /// The mesh with one of its axes cut, as the placement has it.
  static MeshAttr cut(MeshAttr mesh, const Placement &placement) {
    ArrayRef<int64_t> shape = mesh.getShape(), finer = placement.shape;
    size_t more = finer.size() - shape.size(), axis = 0;
    while (shape[axis] == finer[axis] &&
           shape.drop_front(axis + 1) != finer.drop_front(axis + more + 1))
      ++axis;
    std::string name = (mesh.getName() + "." + mesh.getAxes()[axis].getValue()).str();
    SmallVector<StringAttr> axes(mesh.getAxes());
    axes.erase(axes.begin() + axis);
    for (size_t i = 0; i <= more; ++i) {
      axes.insert(axes.begin() + axis + i,
                  StringAttr::get(mesh.getContext(),
                                  mesh.getAxes()[axis].getValue() + "." + std::to_string(i)));
    }
    return MeshAttr::get(mesh.getContext(), name, axes, finer, mesh.getDevices());
  }

  static void expand(BoxingOp op, BoxingPlanner &planner) {
    DistAttr src = distOf(op.getInput()), dst = distOf(op.getResult());
    auto type = cast<RankedTensorType>(op.getType());
    const BoxingPath &path =
        planner.path(Shape(type.getShape().begin(), type.getShape().end()),
                     dtypeOf(type.getElementType()), src.layout(), dst.layout());
    OpBuilder b(op);
    Value value = op.getInput();
    for (const Layout &step : path.steps) {
      MeshAttr mesh = &step == &path.steps.back() ? dst.getMesh() : meshOf(step, src, dst);
      value = BoxingOp::create(
          b, op.getLoc(), withDist(type, DistAttr::get(op.getContext(), mesh, step.sbp)), value);
    }
    op.replaceAllUsesWith(value);
    op.erase();
  }
};

} // namespace

std::unique_ptr<Pass> createPlanBoxingPass() { return std::make_unique<PlanBoxingPass>(); }

} // namespace of
