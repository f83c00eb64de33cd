#include "lib/Distribute/ChoiceSeconds.h"

#include "lib/Cost/StepCost.h"
#include "lib/Distribute/Fold.h"
#include "lib/Distribute/HostCopies.h"
#include "lib/Distribute/Versions.h"

#include <map>

using namespace mlir;

namespace of {

bool isPerMicro(Operation *op) { return isa<MicroOp>(op->getParentOp()) && !isa<YieldOp>(op); }

namespace {

struct EarlierDevices {
  bool operator()(MeshAttr l, MeshAttr r) const { return l.getDevices() < r.getDevices(); }
};

class Adder {
public:
  Adder(const DistNetwork &network, const DistChoice &choice, const RecomputeChoice &levels)
      : network(network), choice(choice), levels(levels), edges(network) {
    for (auto [g, level] : llvm::enumerate(levels))
      for (Operation *op : network.recompute()->again(g, level))
        again.insert(op);
  }

  std::map<MeshAttr, MeshSeconds, EarlierDevices> run() {
    for (size_t n = 0; n < network.nodes().size(); ++n) {
      addNode(n);
      for (unsigned r = 0; r < network.nodes()[n].results.size(); ++r)
        addMoves(n, r);
    }
    if (llvm::is_contained(levels, Recompute::Host))
      for (auto &[mesh, total] : HostCopies(network).totals(choice, levels))
        add(mesh, /*isMicro=*/true, total.longer);
    return std::move(meshes);
  }

private:
  const DistNode &node(size_t n) const { return network.nodes()[n]; }
  const DistOption &option(size_t n) const { return node(n).options[choice[n]]; }

  void add(MeshAttr mesh, bool isMicro, double seconds) {
    (isMicro ? meshes[mesh].micro : meshes[mesh].step) += seconds;
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
    for (auto [from, to] : versionMoves(network, v, made, needs.getArrayRef()))
      add(to.getMesh(), isPerMicro(node(n).op), network.moveSeconds(v, from, to));
  }

  const DistNetwork &network;
  const DistChoice &choice;
  const RecomputeChoice &levels;
  DistEdges edges;
  llvm::DenseSet<Operation *> again; ///< done a second time
  std::map<MeshAttr, MeshSeconds, EarlierDevices> meshes;
};

} // namespace

std::vector<std::pair<MeshAttr, MeshSeconds>> secondsByMesh(const DistNetwork &network,
                                                            const DistChoice &choice,
                                                            const RecomputeChoice &levels,
                                                            int64_t microBatches) {
  std::vector<std::pair<MeshAttr, MeshSeconds>> out;
  for (auto &[mesh, seconds] : Adder(network, choice, levels).run())
    out.push_back({mesh, {seconds.micro / microBatches, seconds.step}});
  return out;
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
