#include "test/distribute/optimal/Plan.h"

#include <numeric>

namespace of::test {
namespace {

Placement placementOn(int64_t first, std::vector<int64_t> shape) {
  Placement out{std::move(shape), {}};
  int64_t count = 1;
  for (int64_t size : out.shape)
    count *= size;
  out.devices.resize(count);
  std::iota(out.devices.begin(), out.devices.end(), first);
  return out;
}

// One axis, or any grid of two.
std::vector<std::vector<int64_t>> shapesOf(int64_t devices) {
  std::vector<std::vector<int64_t>> out{{devices}};
  for (int64_t inner = 2; inner < devices; ++inner)
    if (devices % inner == 0)
      out.push_back({devices / inner, inner});
  return out;
}

class StageEnumeration {
public:
  StageEnumeration(const TrainProgram &program, const Cluster &cluster)
      : program(program), cluster(cluster), devices(cluster.devices.size()) {
    extend({}, 0, 0);
  }
  std::vector<Plan> out;

private:
  bool isUniform() const {
    const ClusterDevice &first = cluster.devices[0];
    for (const ClusterDevice &device : cluster.devices)
      if (device.flopsF32 != first.flopsF32)
        return false;
    return true;
  }

  // Where devices are alike a stage has an equal part of a node, or whole nodes that deal evenly,
  // and begins at a multiple of its size. Else it has any devices that follow one another.
  bool isGroup(int64_t first, int64_t count) const {
    if (!isUniform())
      return true;
    const int64_t perNode = devices / int64_t(cluster.nodes.size());
    const bool isPart = perNode % count == 0;
    const bool areNodes = count % perNode == 0 && devices % count == 0;
    return (isPart || areNodes) && first % count == 0;
  }

  void extend(const Plan &plan, int64_t block, int64_t device) {
    if (block == program.blocks && device == devices)
      out.push_back(plan);
    for (int64_t count = 1; device + count <= devices; ++count)
      for (int64_t end = block + 1; isGroup(device, count) && end <= program.blocks; ++end)
        for (const std::vector<int64_t> &shape : shapesOf(count)) {
          Plan longer = plan;
          longer.meshes.push_back(placementOn(device, shape));
          longer.firstBlocks.push_back(block);
          extend(longer, end, device + count);
        }
  }

  const TrainProgram &program;
  const Cluster &cluster;
  const int64_t devices;
};

} // namespace

std::vector<Plan> plansOf(const TrainProgram &program, const Cluster &cluster,
                          const std::vector<int64_t> &given, bool withStages) {
  if (withStages)
    return StageEnumeration(program, cluster).out;
  std::vector<Plan> out;
  for (const std::vector<int64_t> &shape :
       given.empty() ? shapesOf(cluster.devices.size()) : std::vector<std::vector<int64_t>>{given})
    out.push_back({{placementOn(0, shape)}, {0}});
  return out;
}

} // namespace of::test
