#include "lib/Distribute/JobLevels.h"

#include "lib/Cost/HostCost.h"

using namespace mlir;

namespace of {

std::optional<Recompute> levelOf(const JobParallel &parallel) {
  if (parallel.offload == "activations")
    return Recompute::Host;
  if (parallel.recompute == "none" && parallel.offload == "auto")
    return std::nullopt;
  return recomputeOf(parallel.recompute);
}

std::string contradicts(const JobParallel &parallel, Recompute level) {
  if (level == Recompute::Host ? parallel.offload == "none" : parallel.offload == "activations")
    return "offload: " + parallel.offload;
  const std::optional<Recompute> given = recomputeOf(parallel.recompute);
  const bool isFine =
      !given || level == *given || (level == Recompute::Host && *given == Recompute::None);
  return isFine ? "" : "recompute: " + parallel.recompute;
}

static bool mayUseHost(const Cluster &cluster, MeshAttr mesh) {
  return llvm::all_of(mesh.getDevices(), [&](int64_t device) {
    return !cluster.hopsToHost(device).empty() &&
           cluster.nodes[cluster.devices[device].node].memoryBytes > 0;
  });
}

RecomputeLevels levelsFor(const JobParallel &parallel, const Cluster &cluster, ProgramOp program,
                          const RecomputeGroups &groups, size_t group) {
  RecomputeLevels out{Recompute::None};
  if (parallel.recompute == "auto")
    out = groups.levelsOf(group);
  const RecomputeGroup &of = groups.groups()[group];
  int64_t micros = 1;
  for (MicroOp micro : program.getBody().getOps<MicroOp>())
    micros = micro.getCount();
  if (parallel.offload == "auto" && of.needed && of.mesh && micros == 1 &&
      mayUseHost(cluster, of.mesh))
    out.push_back(Recompute::Host);
  return out;
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
