#include "lib/Distribute/Fold.h"

#include "lib/Distribute/ChoiceSeconds.h"

#include <map>

using namespace mlir;

namespace of {

// ---- Edges

DistEdges::DistEdges(const DistNetwork &network) : network(network) {
  for (auto [n, node] : llvm::enumerate(network.nodes())) {
    uses.emplace_back(node.results.size());
    for (auto [r, result] : llvm::enumerate(node.results))
      made[result] = {n, r};
  }
  for (auto [n, node] : llvm::enumerate(network.nodes()))
    for (unsigned i = 0; i < node.operands.size(); ++i)
      if (auto from = producer(n, i))
        uses[from->node][from->result].push_back({n, i});
}

std::optional<DistEdges::Producer> DistEdges::producer(size_t node, unsigned operand) const {
  auto it = made.find(network.nodes()[node].operands[operand]->get());
  if (it == made.end())
    return std::nullopt;
  return Producer{it->second.first, it->second.second};
}

// ---- Meshes

DistMeshes::DistMeshes(const DistNetwork &network) : cluster(network.onCluster()) {
  for (const DistNode &node : network.nodes())
    if (number.try_emplace(node.mesh, 0).second)
      meshes.push_back(node.mesh);
  llvm::sort(meshes, [](MeshAttr l, MeshAttr r) { return l.getDevices() < r.getDevices(); });
  std::map<Key, int64_t> kindOf;
  for (auto [i, mesh] : llvm::enumerate(meshes)) {
    number[mesh] = i;
    kinds.push_back(meshes.size() == 1
                        ? 0
                        : kindOf.try_emplace(keyOf({unsigned(i)}), kindOf.size()).first->second);
  }
}

DistMeshes::Key DistMeshes::keyOf(ArrayRef<unsigned> of) const {
  Key key;
  std::vector<int64_t> devices;
  for (unsigned i : of) {
    const MeshAttr mesh = meshes[i];
    for (auto [axis, size] : llvm::zip(mesh.getAxes(), mesh.getShape())) {
      key.push_back(reinterpret_cast<int64_t>(axis.getAsOpaquePointer()));
      key.push_back(size);
    }
    key.push_back(-1);
    devices.insert(devices.end(), mesh.getDevices().begin(), mesh.getDevices().end());
  }
  const std::vector<int64_t> like = cluster.signatureOf(devices);
  key.insert(key.end(), like.begin(), like.end());
  return key;
}

int64_t DistMeshes::relationOf(unsigned from, unsigned to) const {
  if (from == to)
    return 0;
  auto [at, isNew] = known.try_emplace({from, to}, 0);
  if (isNew) {
    Key key = keyOf({from, to});
    key.push_back(int64_t(to) - int64_t(from));
    at->second = relations.try_emplace(std::move(key), relations.size() + 1).first->second;
  }
  return at->second;
}

// ---- Colours

namespace {

/// What tells nodes apart, as numbers.
using Key = std::vector<int64_t>;

/// Small numbers for keys, in order of appearance.
class Numbering {
public:
  uint32_t of(const Key &key) { return numbers.try_emplace(key, numbers.size()).first->second; }
  size_t size() const { return numbers.size(); }

private:
  std::map<Key, uint32_t> numbers;
};

void append(Key &key, const NdSbp &sbp) {
  for (Sbp s : sbp)
    key.push_back(int64_t(s.kind) * 256 + s.dim);
}

void append(Key &key, const void *pointer) { key.push_back(reinterpret_cast<int64_t>(pointer)); }

// A value that is made anew for each user: what it can be made as is the op's own matter.
void appendFree(Key &key, Operation *op) {
  append(key, op->getName().getAsOpaquePointer());
  append(key, op->getResult(0).getType().getAsOpaquePointer());
}

Key ownKey(const DistNetwork &network, const DistEdges &edges, const DistMeshes &meshes, size_t n) {
  const DistNode &node = network.nodes()[n];
  Key key{int64_t(node.operands.size()), int64_t(node.results.size()), node.times,
          isPerMicro(node.op), meshes.kindOf(meshes.indexOf(node.mesh))};
  for (auto [i, operand] : llvm::enumerate(node.operands)) {
    append(key, operand->get().getType().getAsOpaquePointer());
    if (!edges.producer(n, i))
      appendFree(key, operand->get().getDefiningOp());
  }
  for (Value result : node.results)
    append(key, result.getType().getAsOpaquePointer());
  for (const DistOption &option : node.options) {
    for (const NdSbp &sbp : llvm::concat<const NdSbp>(option.operands, option.made, option.results))
      append(key, sbp);
    int64_t bits;
    std::memcpy(&bits, &option.seconds, sizeof bits);
    key.push_back(bits);
  }
  return key;
}

Key nextKey(const DistNetwork &network, const DistEdges &edges, const DistMeshes &meshes, size_t n,
            const std::vector<uint32_t> &colours) {
  const DistNode &node = network.nodes()[n];
  const unsigned home = meshes.indexOf(node.mesh);
  auto meshOf = [&](size_t other) { return meshes.indexOf(network.nodes()[other].mesh); };
  Key key{colours[n]};
  for (unsigned i = 0; i < node.operands.size(); ++i)
    if (auto from = edges.producer(n, i))
      key.insert(key.end(),
                 {colours[from->node], from->result, meshes.relationOf(meshOf(from->node), home)});
  for (unsigned r = 0; r < node.results.size(); ++r) {
    SmallVector<std::array<int64_t, 3>> users;
    for (const DistUse &use : edges.users(n, r))
      users.push_back({colours[use.node], use.operand, meshes.relationOf(home, meshOf(use.node))});
    llvm::sort(users);
    key.push_back(-1);
    for (const std::array<int64_t, 3> &user : users)
      key.insert(key.end(), user.begin(), user.end());
  }
  return key;
}

size_t pairsOf(const DistNetwork &network, const std::vector<uint32_t> &colours) {
  size_t pairs = 0, seen = 0;
  for (size_t n = 0; n < colours.size(); ++n)
    if (colours[n] == seen) { // the first of its colour
      const DistNode &node = network.nodes()[n];
      pairs +=
          node.options.size() * node.options.size() * std::max<size_t>(node.operands.size(), 1);
      ++seen;
    }
  return pairs;
}

} // namespace

std::vector<uint32_t> foldColours(const DistNetwork &network, const DistEdges &edges,
                                  const DistMeshes &meshes, const FoldLimits &limits) {
  std::vector<uint32_t> colours;
  Numbering first;
  for (size_t n = 0; n < network.nodes().size(); ++n)
    colours.push_back(first.of(ownKey(network, edges, meshes, n)));
  for (size_t count = first.size();;) {
    Numbering numbers;
    std::vector<uint32_t> finer;
    for (size_t n = 0; n < network.nodes().size(); ++n)
      finer.push_back(numbers.of(nextKey(network, edges, meshes, n, colours)));
    if (numbers.size() == count || numbers.size() > limits.colours ||
        pairsOf(network, finer) > limits.pairs)
      return colours;
    colours = std::move(finer);
    count = numbers.size();
  }
}

} // namespace of
