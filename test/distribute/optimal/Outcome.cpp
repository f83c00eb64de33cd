#include "test/distribute/optimal/Outcome.h"

#include "lib/Cost/ComputeCost.h"

#include <map>

using namespace mlir;

namespace of::test {
namespace {

struct Work {
  double micro = 0, step = 0;
};

MeshAttr meshOf(Operation *op) {
  return distOf(op->getNumResults() ? op->getResult(0) : op->getOperand(0)).getMesh();
}

SmallVector<RankedTensorType> localTypes(ValueRange values) {
  SmallVector<RankedTensorType> out;
  for (Value v : values)
    out.push_back(localType(v.getType()));
  return out;
}

double secondsOfOp(Operation *op, const Cluster &cluster, BoxingPlanner &planner) {
  if (isa<GetOp, SetOp, MicroOp, YieldOp>(op))
    return 0;
  const ClusterDevice &device = cluster.devices[meshOf(op).getDevices()[0]];
  if (isa<ReadOp>(op)) {
    double bytes = 0;
    for (RankedTensorType type : localTypes(op->getResults()))
      bytes += 2.0 * type.getNumElements() * sizeOf(dtypeOf(type.getElementType()));
    return bytes / device.bytesPerSecond;
  }
  if (auto boxing = dyn_cast<BoxingOp>(op)) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    return planner
        .path(Shape(type.getShape().begin(), type.getShape().end()), dtypeOf(type.getElementType()),
              distOf(op->getOperand(0)).layout(), distOf(op->getResult(0)).layout())
        .seconds;
  }
  return computeSeconds(op, localTypes(op->getOperands()), localTypes(op->getResults()), device);
}

} // namespace

double secondsOf(ModuleOp module, const Cluster &cluster, BoxingPlanner &planner) {
  std::map<int64_t, Work> works; ///< by the first device of the mesh
  int64_t microBatches = 1;
  for (ProgramOp program : module.getOps<ProgramOp>()) {
    program.getBody().walk([&](Operation *op) {
      if (auto micro = dyn_cast<MicroOp>(op))
        microBatches = micro.getCount();
      if (isa<MicroOp, YieldOp>(op))
        return;
      Work &work = works[meshOf(op).getDevices()[0]];
      (isa<MicroOp>(op->getParentOp()) ? work.micro : work.step) +=
          secondsOfOp(op, cluster, planner);
    });
  }
  double sum = 0, most = 0, step = 0;
  for (auto &[device, work] : works) {
    sum += work.micro;
    most = std::max(most, work.micro);
    step = std::max(step, work.step);
  }
  return sum + double(microBatches - 1) * most + step;
}

} // namespace of::test
