#include "lib/Distribute/MeshShapes.h"

using namespace mlir;

namespace of {

/// Up to here all grids are tried.
static constexpr int64_t kFewDevices = 16;

// Devices of each node, if the first `points` devices are whole nodes of equal size; else 0.
static int64_t devicesPerNode(const Cluster &cluster, int64_t points) {
  std::vector<int64_t> counts(cluster.nodes.size());
  for (int64_t i = 0; i < points; ++i)
    counts[cluster.devices[i].node]++;
  int64_t size = counts[cluster.devices[0].node];
  for (int64_t count : counts)
    if (count != 0 && count != size)
      return 0;
  return size;
}

std::vector<MeshShape> meshShapes(const Cluster &cluster, int64_t points) {
  std::vector<MeshShape> out{{{"data", points}}};
  int64_t perNode = devicesPerNode(cluster, points);
  bool hasNodes = perNode > 1 && perNode < points;
  if (hasNodes)
    out.push_back({{"node", points / perNode}, {"device", perNode}});
  if (points > kFewDevices)
    return out;
  for (int64_t inner = 2; inner < points; ++inner)
    if (points % inner == 0 && !(hasNodes && inner == perNode))
      out.push_back({{"outer", points / inner}, {"inner", inner}});
  return out;
}

void moveMeshes(ModuleOp module, ArrayRef<MeshAttr> from, ArrayRef<MeshAttr> to) {
  module.walk([&](Operation *op) {
    auto mesh = op->getAttrOfType<MeshAttr>(placementAttrName);
    if (mesh)
      op->setAttr(placementAttrName, to[llvm::find(from, mesh) - from.begin()]);
  });
}

} // namespace of
