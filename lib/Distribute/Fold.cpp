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

Key ownKey(const DistNetwork &network, const DistEdges &edges, size_t n) {
  const DistNode &node = network.nodes()[n];
  Key key{int64_t(node.operands.size()), int64_t(node.results.size()), node.times,
          isPerMicro(node.op)};
  append(key, node.mesh.getAsOpaquePointer());
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

Key nextKey(const DistNetwork &network, const DistEdges &edges, size_t n,
            const std::vector<uint32_t> &colours) {
  const DistNode &node = network.nodes()[n];
  Key key{colours[n]};
  for (unsigned i = 0; i < node.operands.size(); ++i)
    if (auto from = edges.producer(n, i))
      key.insert(key.end(), {colours[from->node], from->result});
  for (unsigned r = 0; r < node.results.size(); ++r) {
    SmallVector<std::pair<int64_t, int64_t>> users;
    for (const DistUse &use : edges.users(n, r))
      users.push_back({colours[use.node], use.operand});
    llvm::sort(users);
    key.push_back(-1);
    for (auto [colour, operand] : users)
      key.insert(key.end(), {colour, operand});
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
                                  const FoldLimits &limits) {
  std::vector<uint32_t> colours;
  Numbering first;
  for (size_t n = 0; n < network.nodes().size(); ++n)
    colours.push_back(first.of(ownKey(network, edges, n)));
  for (size_t count = first.size();;) {
    Numbering numbers;
    std::vector<uint32_t> finer;
    for (size_t n = 0; n < network.nodes().size(); ++n)
      finer.push_back(numbers.of(nextKey(network, edges, n, colours)));
    if (numbers.size() == count || numbers.size() > limits.colours ||
        pairsOf(network, finer) > limits.pairs)
      return colours;
    colours = std::move(finer);
    count = numbers.size();
  }
}

} // namespace of
