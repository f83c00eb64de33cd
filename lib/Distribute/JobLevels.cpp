#include "lib/Distribute/JobLevels.h"

#include "lib/Cost/HostCost.h"

using namespace mlir;

namespace of {

std::optional<Recompute> levelOf(const JobParallel &parallel) {
  return parallel.offload == "activations" ? Recompute::Host : recomputeOf(parallel.recompute);
}

LogicalResult checkOffload(ModuleOp module, const Job &job, const Cluster &cluster) {
  if (job.parallel.offload != "activations")
    return success();
  for (size_t device = 0; device < cluster.devices.size(); ++device)
    if (!reachesHost(cluster, device)) {
      const std::string &node = cluster.nodes[cluster.devices[device].node].name;
      return module.emitError("offload: activations: no path of the cluster leads from device '")
             << cluster.nameOf(device) << "' to the memory of its host; add {from: \"" << node
             << "\", to: \"" << node << ".host\", within: node, over: [...]} to its paths, or take "
             << "offload: none";
    }
  return success();
}

} // namespace of
