#include "lib/Distribute/ChoiceSeconds.h"

#include "lib/Cost/StepCost.h"
#include "lib/Distribute/Fold.h"
#include "lib/Distribute/HostCopies.h"
#include "lib/Distribute/Versions.h"

#include <functional>
#include <limits>

using namespace mlir;

namespace of {

bool isPerMicro(Operation *op) { return isa<MicroOp>(op->getParentOp()) && !isa<YieldOp>(op); }

/// Combinations of ways that are all tried; of more the values are settled one after the other.
static constexpr size_t mostTogether = 256;

namespace {

using Loads = std::vector<MeshSeconds>; ///< by mesh; seconds of all micro-batches

class Adder {
public:
  Adder(const DistNetwork &network, const DistChoice &choice, const RecomputeChoice &levels)
      : network(network), choice(choice), levels(levels), edges(network), meshes(network),
        loads(meshes.list().size()), isUsed(loads.size()) {
    for (auto [g, level] : llvm::enumerate(levels))
      for (Operation *op : network.recompute()->again(g, level))
        again.insert(op);
    for (const DistNode &node : network.nodes())
      microBatches = std::max(microBatches, node.times);
    for (size_t n = 0; n < network.nodes().size(); ++n) {
      addNode(n);
      for (unsigned r = 0; r < node(n).results.size(); ++r)
        addMoves(n, r);
    }
    if (llvm::is_contained(levels, Recompute::Host))
      for (auto &[mesh, total] : HostCopies(network).totals(choice, levels))
        add(mesh, /*isMicro=*/true, total.longer);
    settle();
  }

  std::vector<std::pair<MeshAttr, MeshSeconds>> seconds(int64_t microBatches) const {
    std::vector<std::pair<MeshAttr, MeshSeconds>> out;
    for (size_t mesh = 0; mesh < loads.size(); ++mesh)
      if (isUsed[mesh])
        out.push_back({meshes.list()[mesh], {loads[mesh].micro / microBatches, loads[mesh].step}});
    return out;
  }

  VersionOrders orders() const {
    VersionOrders out;
    for (const Tied &value : tied)
      for (unsigned need : value.ways[value.taken].order)
        out[value.value].push_back(value.needs[need]);
    return out;
  }

private:
  /// A value whose versions can be had in several ways that cost the same in all.
  struct Tied {
    Value value;
    SmallVector<DistAttr> needs;
    SmallVector<VersionWay> ways;
    bool isMicro;
    size_t taken = 0;
  };

  const DistNode &node(size_t n) const { return network.nodes()[n]; }
  const DistOption &option(size_t n) const { return node(n).options[choice[n]]; }

  void add(MeshAttr mesh, bool isMicro, double seconds) {
    const unsigned at = meshes.indexOf(mesh);
    isUsed[at] = true;
    (isMicro ? loads[at].micro : loads[at].step) += seconds;
  }

  // With the boxings of free values that cannot be made as they are needed.
  void addNode(size_t n) {
    const bool isMicro = isPerMicro(node(n).op);
    const int runs = node(n).variable.empty() && again.contains(node(n).op) ? 2 : 1;
    add(node(n).mesh, isMicro, runs * node(n).times * option(n).seconds);
    for (unsigned i = 0; i < node(n).operands.size(); ++i) {
      if (edges.producer(n, i))
        continue;
      Value v = node(n).operands[i]->get();
      const DistValue &info = network.value(v);
      add(node(n).mesh, isMicro,
          network.moveSeconds(v, distAttr(info.mesh, info.candidates[0]),
                              distAttr(node(n).mesh, option(n).operands[i])));
    }
  }

  void addMoves(size_t n, unsigned r) {
    Value v = node(n).results[r];
    llvm::SetVector<DistAttr> needs;
    for (const DistUse &use : edges.users(n, r))
      needs.insert(distAttr(node(use.node).mesh, option(use.node).operands[use.operand]));
    DistAttr made = distAttr(node(n).mesh, option(n).results[r]);
    const bool isMicro = isPerMicro(node(n).op);
    if (addTied(v, made, needs.getArrayRef(), isMicro))
      return;
    for (auto [from, to] : versionMoves(network, v, made, needs.getArrayRef()))
      add(to.getMesh(), isMicro, network.moveSeconds(v, from, to));
  }

  bool addTied(Value v, DistAttr made, ArrayRef<DistAttr> needs, bool isMicro) {
    SmallVector<unsigned> meshOf;
    for (DistAttr need : needs)
      meshOf.push_back(meshes.indexOf(need.getMesh()));
    if (needs.size() > mostOrderedNeeds || llvm::all_equal(meshOf))
      return false;
    SmallVector<VersionWay> ways =
        versionWays(network, v, made, needs, meshOf, meshes.list().size());
    if (ways.size() < 2)
      return false;
    for (unsigned mesh : meshOf)
      isUsed[mesh] = true;
    tied.push_back({v, llvm::to_vector(needs), std::move(ways), isMicro});
    return true;
  }

  // ---- Ways

  void addWay(const Tied &value, double sign) {
    for (auto [load, seconds] : llvm::zip(loads, value.ways[value.taken].seconds))
      (value.isMicro ? load.micro : load.step) += sign * seconds;
  }

  double period() const { return stepSeconds(seconds(microBatches), microBatches); }

  // `values` in turn take each of their ways, all combinations; the best stays.
  void settle(MutableArrayRef<Tied> values) {
    std::vector<size_t> taken, best;
    double least = std::numeric_limits<double>::infinity();
    const Loads before = loads;
    std::function<void(size_t)> choose = [&](size_t i) {
      if (i == values.size()) {
        loads = before;
        taken.clear();
        for (const Tied &value : values) {
          addWay(value, 1);
          taken.push_back(value.taken);
        }
        if (const double now = period(); best.empty() || now < least * (1 - 1e-12)) {
          least = now;
          best = taken;
        }
        return;
      }
      for (values[i].taken = 0; values[i].taken < values[i].ways.size(); ++values[i].taken)
        choose(i + 1);
    };
    choose(0);
    loads = before;
    for (auto [value, way] : llvm::zip(values, best)) {
      value.taken = way;
      addWay(value, 1);
    }
  }

  void settle() {
    size_t combinations = 1;
    for (const Tied &value : tied)
      combinations = std::min(combinations * value.ways.size(), mostTogether + 1);
    if (combinations <= mostTogether)
      return settle(tied);
    for (Tied &value : tied)
      settle(MutableArrayRef(value));
  }

  const DistNetwork &network;
  const DistChoice &choice;
  const RecomputeChoice &levels;
  DistEdges edges;
  DistMeshes meshes;
  int64_t microBatches = 1;
  llvm::DenseSet<Operation *> again; ///< done a second time
  Loads loads;
  std::vector<char> isUsed; ///< by mesh
  std::vector<Tied> tied;
};

} // namespace

std::vector<std::pair<MeshAttr, MeshSeconds>> secondsByMesh(const DistNetwork &network,
                                                            const DistChoice &choice,
                                                            const RecomputeChoice &levels,
                                                            int64_t microBatches) {
  return Adder(network, choice, levels).seconds(microBatches);
}

VersionOrders versionOrders(const DistNetwork &network, const DistChoice &choice,
                            const RecomputeChoice &levels) {
  if (llvm::all_equal(llvm::map_range(network.nodes(), [](const DistNode &n) { return n.mesh; })))
    return VersionOrders();
  return Adder(network, choice, levels).orders();
}

double stepSeconds(const std::vector<std::pair<MeshAttr, MeshSeconds>> &meshes,
                   int64_t microBatches) {
  std::vector<StageTime> stages;
  double step = 0;
  for (auto &[mesh, seconds] : meshes) {
    stages.push_back({seconds.micro, 0});
    step = std::max(step, seconds.step);
  }
  return pipelineSeconds(stages, microBatches) + step;
}

} // namespace of
