#include "lib/Physical/BackwardSplit.h"

#include "lib/Cost/ComputeCost.h"

#include <map>

using namespace mlir;

namespace of {

/// A step must be expected to be shorter by this part.
static constexpr double kWorth = 0.02;

FailureOr<BackwardSplit> BackwardSplit::of(ModuleOp module) {
  BackwardSplit out;
  if (!module->hasAttr(jobAttrName) || !module->hasAttr(clusterAttrName))
    return out;
  FailureOr<config::Node> job = treeOf(module, jobAttrName, jobKeys());
  FailureOr<Cluster> cluster = clusterOf(module);
  if (failed(job) || failed(cluster))
    return failure();
  const std::string &word = config::get(config::get(*job, "parallel"), "split_backward").text;
  out.choice = word == "always" ? Choice::Always : word == "never" ? Choice::Never : Choice::Auto;
  out.cluster = std::move(*cluster);
  return out;
}

double BackwardSplit::secondsOf(const PhysicalItem &item) const {
  auto parts = [](TypeRange types) {
    return llvm::map_to_vector(types, [](Type type) { return localTypeAt(type, 0); });
  };
  const MeshAttr mesh = distOf(item.op->getResult(0)).getMesh();
  const ClusterDevice &device = cluster.devices[mesh.getDevices().front()];
  double seconds = 0;
  for (Operation &op : cast<task::KernelOp>(item.op).getBody().front().without_terminator())
    seconds = std::max(seconds, computeSeconds(&op, parts(op.getOperandTypes()),
                                               parts(op.getResultTypes()), device));
  return seconds;
}

// While a pipeline of p groups of devices fills and drains, a device waits (p - 1) (F + B); with
// gradients W put off, (p - 1) (F + B - W) or less.
bool BackwardSplit::pays(SegmentLabels &labels) const {
  const SmallVector<PhysicalItem *> late = labels.unawaited();
  if (choice == Choice::Never || late.empty() || labels.micros < 2)
    return false;
  if (choice == Choice::Always)
    return true;
  using Devices = std::vector<int64_t>;
  std::map<Devices, double> all, put;
  auto devicesOf = [](const PhysicalItem &item) {
    const auto ids = distOf(item.op->getResult(0)).getMesh().getDevices();
    return Devices(ids.begin(), ids.end());
  };
  for (const PhysicalItem &item : labels.items)
    if (item.micro && isa<task::KernelOp>(item.op))
      all[devicesOf(item)] += secondsOf(item);
  for (const PhysicalItem *item : late)
    put[devicesOf(*item)] += secondsOf(*item);
  double busiest = 0, least = 0;
  for (auto &[devices, seconds] : all)
    busiest = std::max(busiest, seconds);
  for (auto &[devices, seconds] : put)
    least = least == 0 ? seconds : std::min(least, seconds);
  const double waits = static_cast<double>(all.size() - 1);
  return waits * least > kWorth * (static_cast<double>(labels.micros) + waits) * busiest;
}

} // namespace of
