#include "lib/Schedule/TaskCost.h"

#include "lib/Cost/ComputeCost.h"
#include "lib/Cost/ExchangeCost.h"
#include "lib/Cost/HostCost.h"
#include "lib/Schedule/FusedWork.h"
#include "lib/Schedule/OperandAges.h"

using namespace mlir;

namespace of {

static KernelWork libraryWork(Operation *op, int64_t point) {
  auto parts = [&](TypeRange types) {
    return llvm::map_to_vector(types, [&](Type type) { return localTypeAt(type, point); });
  };
  return workOf(op, parts(op->getOperandTypes()), parts(op->getResultTypes()));
}

KernelWork workOf(task::KernelOp kernel, int64_t point, bool ages) {
  Operation &first = kernel.getBody().front().front();
  KernelWork work =
      isa<LibraryOpInterface>(first) ? libraryWork(&first, point) : fusedWork(kernel, point);
  if (ages)
    work.ages = agesOf(kernel);
  return work;
}

ProfiledWork workOf(const TaskInfo &task) {
  ProfiledWork work;
  if (auto segment = dyn_cast<task::SegmentOp>(task.op))
    for (auto kernel : segment.getBody().front().getOps<task::KernelOp>())
      work.flops += workOf(kernel, 0, false).flops;
  for (const TaskInfo::Port &port : llvm::concat<const TaskInfo::Port>(task.inputs, task.outputs))
    work.bytes += double(alignedBytes(partBytes(port.reg.getType())));
  return work;
}

static TaskSeconds exchangeSeconds(task::ExchangeOp exchange, const Cluster &cluster) {
  ExchangeShares shares;
  for (auto [in, out] : llvm::zip(exchange.getInputs(), exchange.getOutputs())) {
    auto type = cast<RankedTensorType>(in.getType());
    const Shape shape(type.getShape().begin(), type.getShape().end());
    const int64_t bytes = elementsOf(shape) * sizeOf(dtypeOf(type.getElementType()));
    shares.add(
        exchangeLoads(cluster, shape, distOf(in).layout(), distOf(out).layout()).shares(bytes));
  }
  return {shares.device.seconds(), shares.network.seconds()};
}

// All devices that copy in the program share what lies between them and their hosts.
static double copySeconds(const TaskInfo &task, const Cluster &cluster) {
  llvm::SmallSetVector<int64_t, 16> copying;
  for (auto copy : task.op->getBlock()->getOps<task::CopyOp>()) {
    const auto devices = distOf(copy.getInputs()[0]).getMesh().getDevices();
    copying.insert(devices.begin(), devices.end());
  }
  const std::vector<int64_t> all(copying.begin(), copying.end());
  int64_t bytes = 0;
  for (Value input : cast<task::CopyOp>(task.op).getInputs())
    bytes += partBytes(input.getType());
  double slowest = 0;
  for (int64_t device : task.mesh.getDevices())
    slowest = std::max(slowest, HostPath(cluster, device, all).seconds(bytes));
  return slowest;
}

namespace {
/// What a task that exchanges nothing has to do, on whatever device.
struct TaskWork {
  bool isSegment = false;
  std::vector<KernelWork> kernels;
  double bytes = 0; ///< of one without kernels

  TaskWork(const TaskInfo &task, bool ages) : isSegment(isa<task::SegmentOp>(task.op)) {
    if (auto segment = dyn_cast<task::SegmentOp>(task.op)) {
      for (auto kernel : segment.getBody().front().getOps<task::KernelOp>())
        kernels.push_back(workOf(kernel, 0, ages));
      return;
    }
    for (const TaskInfo::Port &port : llvm::concat<const TaskInfo::Port>(task.inputs, task.outputs))
      bytes += partBytes(port.reg.getType());
    if (auto write = dyn_cast<task::WriteOp>(task.op)) {
      const SymbolTable symbols(write->getParentOfType<ModuleOp>());
      for (auto name : write.getVariables().getAsRange<FlatSymbolRefAttr>())
        bytes += partBytes(symbols.lookup<VariableOp>(name.getAttr()).getType());
    }
  }

  double secondsOn(const ClusterDevice &device) const {
    if (!isSegment)
      return device.launchSeconds + bytes / device.bytesPerSecond;
    double seconds = device.launchSeconds;
    for (const KernelWork &work : kernels)
      seconds += kernelSeconds(work, device);
    return seconds;
  }
};
} // namespace

TaskSeconds secondsOf(const TaskInfo &task, const Cluster &cluster) {
  if (task.end == TaskInfo::End::Receive)
    return exchangeSeconds(cast<task::ExchangeOp>(task.op), cluster);
  if (isa<task::CopyOp>(task.op))
    return {copySeconds(task, cluster), 0};
  double slowest = 0;
  if (task.end == TaskInfo::End::Send) {
    for (int64_t device : task.mesh.getDevices())
      slowest = std::max(slowest, cluster.devices[device].launchSeconds);
    return {slowest, 0};
  }
  const TaskWork work(task, llvm::any_of(task.mesh.getDevices(), [&](int64_t device) {
                        return hasAges(cluster.devices[device]);
                      }));
  for (int64_t device : task.mesh.getDevices())
    slowest = std::max(slowest, work.secondsOn(cluster.devices[device]));
  return {slowest, 0};
}

} // namespace of
