#include "lib/Schedule/TaskCost.h"

#include "lib/Cost/ComputeCost.h"
#include "lib/Cost/ExchangeShares.h"

using namespace mlir;

namespace of {

static double bytesOf(TypeRange types) {
  double bytes = 0;
  for (Type type : types)
    bytes += partBytes(type);
  return bytes;
}

KernelWork workOf(task::KernelOp kernel, int64_t point) {
  auto parts = [&](TypeRange types) {
    return llvm::map_to_vector(types, [&](Type type) { return localTypeAt(type, point); });
  };
  KernelWork whole;
  int64_t ops = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    KernelWork work = workOf(&op, parts(op.getOperandTypes()), parts(op.getResultTypes()));
    whole.flops += work.flops;
    whole.aligned &= work.aligned;
    if (ops++ == 0 || work.dtype == DType::F64)
      whole.dtype = work.dtype;
    whole.routine = work.routine; // a library call is alone in its kernel
    whole.outputs = work.outputs;
  }
  whole.bytes =
      bytesOf(kernel.getInputs().getTypes()) + bytesOf(TypeRange(kernel.getResultTypes()));
  return whole;
}

ProfiledWork workOf(const TaskInfo &task) {
  ProfiledWork work;
  if (auto segment = dyn_cast<task::SegmentOp>(task.op))
    for (auto kernel : segment.getBody().front().getOps<task::KernelOp>())
      work.flops += workOf(kernel, 0).flops;
  for (const TaskInfo::Port &port : llvm::concat<const TaskInfo::Port>(task.inputs, task.outputs))
    work.bytes += double(alignedBytes(partBytes(port.reg.getType())));
  return work;
}

static TaskSeconds exchangeSeconds(task::ExchangeOp exchange, const Cluster &cluster) {
  TaskSeconds seconds;
  for (auto [in, out] : llvm::zip(exchange.getInputs(), exchange.getOutputs())) {
    auto type = cast<RankedTensorType>(in.getType());
    const Shape shape(type.getShape().begin(), type.getShape().end());
    const DType dtype = dtypeOf(type.getElementType());
    const Layout src = distOf(in).layout(), dst = distOf(out).layout();
    const ExchangeShares shares = exchangeShares(cluster, shape, dtype, src, dst);
    seconds.network += shares.networkSeconds;
    seconds.worker += shares.networkSeconds > 0
                          ? shares.deviceSeconds
                          : exchangeCost(cluster, shape, dtype, src, dst).seconds;
  }
  return seconds;
}

static double secondsOn(const TaskInfo &task, const Cluster &cluster, const ClusterDevice &device) {
  if (auto segment = dyn_cast<task::SegmentOp>(task.op)) {
    double seconds = device.launchSeconds;
    for (auto kernel : segment.getBody().front().getOps<task::KernelOp>())
      seconds += kernelSeconds(workOf(kernel, 0), device);
    return seconds;
  }
  double bytes = 0;
  for (const TaskInfo::Port &port : llvm::concat<const TaskInfo::Port>(task.inputs, task.outputs))
    bytes += partBytes(port.reg.getType());
  if (auto write = dyn_cast<task::WriteOp>(task.op))
    for (Attribute name : write.getVariables())
      bytes += partBytes(SymbolTable::lookupNearestSymbolFrom<VariableOp>(
                             write->getParentOfType<ModuleOp>(), cast<FlatSymbolRefAttr>(name))
                             .getType());
  return device.launchSeconds + bytes / device.bytesPerSecond;
}

TaskSeconds secondsOf(const TaskInfo &task, const Cluster &cluster) {
  if (task.end == TaskInfo::End::Receive)
    return exchangeSeconds(cast<task::ExchangeOp>(task.op), cluster);
  double slowest = 0;
  for (int64_t id : task.mesh.getDevices()) {
    const ClusterDevice &device = cluster.devices[id];
    double seconds =
        task.end == TaskInfo::End::Send ? device.launchSeconds : secondsOn(task, cluster, device);
    slowest = std::max(slowest, seconds);
  }
  return {slowest, 0};
}

} // namespace of
