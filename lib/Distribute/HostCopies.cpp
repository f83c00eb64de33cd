#include "lib/Distribute/HostCopies.h"

#include "lib/Train/Blocks.h"

using namespace mlir;

namespace of {

/// The backward pass of a block to its forward pass: each product has two gradients.
static constexpr double backwardToForward = 2;

/// Of seconds that pass beside what is computed, the part that counts nevertheless: it takes some
/// of the same memory's bandwidth, and nothing is copied for nothing.
static constexpr double neverFree = 0.01;

bool HostCopies::isForward(size_t n) const {
  const DistNode &node = network.nodes()[n];
  return node.variable.empty() && node.op->hasAttr(forwardBlockAttrName);
}

HostCopies::HostCopies(const DistNetwork &network) : network(network) {
  if (!network.recompute() || llvm::none_of(network.levels(), [](const RecomputeLevels &levels) {
        return llvm::is_contained(levels, Recompute::Host);
      }))
    return;
  llvm::DenseMap<Operation *, size_t> position;
  llvm::SmallSetVector<int64_t, 16> devices;
  for (auto [n, node] : llvm::enumerate(network.nodes())) {
    devices.insert(node.mesh.getDevices().begin(), node.mesh.getDevices().end());
    if (isForward(n))
      position.try_emplace(node.op, n);
  }
  const std::vector<int64_t> copying(devices.begin(), devices.end());
  for (const RecomputeGroup &group : network.recompute()->groups()) {
    values.emplace_back();
    nodes.emplace_back();
    if (!group.needed)
      continue;
    for (Operation *op : group.ops) {
      auto at = position.find(op);
      if (at == position.end())
        continue;
      const DistNode &node = network.nodes()[at->second];
      nodes.back().push_back(at->second);
      for (auto [r, value] : llvm::enumerate(node.results))
        if (llvm::any_of(value.getUsers(), RecomputeGroups::isBackward))
          values.back().push_back({at->second, unsigned(r)});
      if (!paths.contains(node.mesh))
        paths.try_emplace(node.mesh, network.onCluster(), node.mesh.getDevices().front(), copying);
    }
  }
  auto fastest = [](const DistNode &node) -> const DistOption & {
    return *llvm::min_element(node.options, [](const DistOption &a, const DistOption &b) {
      return a.seconds < b.seconds;
    });
  };
  for (size_t n = 0; n < network.nodes().size(); ++n)
    if (isForward(n) && !network.nodes()[n].options.empty())
      forward[network.nodes()[n].mesh] += forwardSeconds(n, fastest(network.nodes()[n]));
  for (auto [leave, ops] : llvm::zip(values, nodes)) {
    HostSeconds &sum = least.emplace_back();
    for (const Leaving &value : leave)
      sum.copies += seconds(value, fastest(network.nodes()[value.node]));
    for (size_t n : ops)
      sum.forward += forwardSeconds(n, fastest(network.nodes()[n]));
  }
}

double HostCopies::forwardSeconds(size_t n, const DistOption &option) const {
  return double(network.nodes()[n].times) * option.seconds;
}

double HostCopies::seconds(const Leaving &value, const DistOption &option) const {
  const DistNode &node = network.nodes()[value.node];
  const int64_t bytes = partBytes(node.results[value.result].getType(),
                                  distAttr(node.mesh, option.results[value.result]));
  return double(node.times) * pathOf(node.mesh).seconds(bytes);
}

/// By how much something is longer for so many seconds with others beside them.
static double beyond(double seconds, double beside) {
  return std::max(seconds - beside, neverFree * seconds);
}

double HostCopies::longerPerSecond(size_t group, int64_t count) const {
  const HostSeconds &of = least[group];
  const MeshAttr mesh = network.recompute()->groups()[group].mesh;
  if (of.copies <= 0)
    return 0;
  const double all = double(count) * of.copies;
  return beyond(all, forward.lookup(mesh)) / all +
         beyond(of.copies, backwardToForward * of.forward) / of.copies;
}

llvm::MapVector<MeshAttr, HostCopies::Total>
HostCopies::totals(const DistChoice &choice, const RecomputeChoice &levels) const {
  llvm::MapVector<MeshAttr, Total> out;
  auto option = [&](size_t n) -> const DistOption & {
    return network.nodes()[n].options[choice[n]];
  };
  llvm::DenseMap<MeshAttr, double> beside;
  for (auto [g, level] : llvm::enumerate(levels)) {
    if (level != Recompute::Host || leaving(g).empty())
      continue;
    double copies = 0, work = 0;
    for (const Leaving &value : values[g])
      copies += seconds(value, option(value.node));
    for (size_t n : nodes[g])
      work += forwardSeconds(n, option(n));
    Total &total = out[network.recompute()->groups()[g].mesh];
    total.copies += 2 * copies;
    total.longer += beyond(copies, backwardToForward * work);
  }
  if (out.empty())
    return out;
  for (size_t n = 0; n < network.nodes().size(); ++n)
    if (isForward(n))
      beside[network.nodes()[n].mesh] += forwardSeconds(n, option(n));
  for (auto &[mesh, total] : out)
    total.longer += beyond(total.copies / 2, beside.lookup(mesh));
  return out;
}

} // namespace of
