#include "lib/Distribute/Families.h"

using namespace mlir;

namespace of {

// ---- Names

llvm::ArrayRef<StringRef> familyNames() {
  static constexpr StringRef names[] = {"data", "zero", "tensor", "megatron"};
  return names;
}

// The first axes are for one thing, the others for the other.
static std::vector<AxisUses> mixed(unsigned axes, AxisUse l, AxisUse r) {
  std::vector<AxisUses> out;
  for (unsigned first = 1; first < axes; ++first)
    for (auto [outer, inner] : {std::pair(l, r), std::pair(r, l)}) {
      AxisUses uses(axes, inner);
      std::fill(uses.begin(), uses.begin() + first, outer);
      out.push_back(std::move(uses));
    }
  return out;
}

std::vector<AxisUses> familyUses(StringRef family, MeshAttr mesh) {
  const unsigned axes = mesh.numAxes();
  if (family == "data")
    return {AxisUses(axes, AxisUse::Data)};
  if (family == "zero")
    return {AxisUses(axes, AxisUse::Sharded)};
  if (family == "tensor")
    return {AxisUses(axes, AxisUse::Tensor)};
  return mixed(axes, AxisUse::Data, AxisUse::Tensor);
}

// ---- Rows of a batch

bool BatchDims::add(Value v, unsigned dim) {
  if (ofVariables.contains(v) || has(v, dim))
    return false;
  masks[v] |= uint64_t(1) << dim;
  return true;
}

bool BatchDims::spread(const DistNode &node, const ShardingRule &rule) {
  bool isNew = false;
  for (const Factor &factor : rule.factors) {
    SmallVector<std::pair<Value, int>> places;
    for (auto [operand, dim] : llvm::zip(node.operands, factor.operandDims))
      places.push_back({operand->get(), dim});
    for (auto [result, dim] : llvm::zip(node.results, factor.resultDims))
      places.push_back({result, dim});
    if (llvm::none_of(places, [&](auto at) { return at.second >= 0 && has(at.first, at.second); }))
      continue;
    for (auto [v, dim] : places)
      if (dim >= 0)
        isNew |= add(v, dim);
  }
  return isNew;
}

// What a yield passes on has the dims of what it takes.
static ShardingRule ruleOf(const DistNode &node) {
  if (auto sharding = dyn_cast<ShardingOpInterface>(node.op))
    return sharding.getShardingRule();
  ShardingRule rule;
  if (isa<YieldOp>(node.op))
    for (int dim = 0; dim < cast<RankedTensorType>(node.results[0].getType()).getRank(); ++dim)
      rule.factors.push_back({0, {dim}, {dim}});
  return rule;
}

BatchDims::BatchDims(const DistNetwork &network) {
  std::vector<ShardingRule> rules;
  for (const DistNode &node : network.nodes()) {
    rules.push_back(ruleOf(node));
    if (isa<GetOp>(node.op))
      ofVariables.insert(node.results.begin(), node.results.end());
    if (isa<ReadOp>(node.op))
      for (Value field : node.results)
        if (cast<RankedTensorType>(field.getType()).getRank() > 0)
          add(field, 0);
  }
  for (bool isNew = true; isNew;) {
    isNew = false;
    for (auto [node, rule] : llvm::zip(network.nodes(), rules))
      isNew |= spread(node, rule);
    for (auto [node, rule] : llvm::reverse(llvm::zip(network.nodes(), rules)))
      isNew |= spread(node, rule);
  }
}

// ---- Options

namespace {

/// What an option splits along one axis.
struct Split {
  bool rows = false;      ///< of the batch
  bool otherDims = false; ///< of values that have rows of the batch
  bool plain = false;     ///< values that have none
  bool hasRows = false;   ///< some value has rows of the batch

  void note(const BatchDims &batch, Value v, Sbp sbp) {
    hasRows |= batch.has(v);
    if (!sbp.isSplit())
      return;
    (batch.has(v, sbp.dim) ? rows : batch.has(v) ? otherDims : plain) = true;
  }
};

class Restriction {
public:
  Restriction(const DistNetwork &network, const AxisUses &uses) : batch(network), uses(uses) {}

  void apply(DistNode &node) const {
    llvm::erase_if(node.options.edit(),
                   [&](const DistOption &option) { return !allows(node, option); });
    if (isState(node))
      keepMostSplit(node);
  }

private:
  bool allows(const DistNode &node, const DistOption &option) const {
    for (unsigned axis = 0; axis < std::min<size_t>(uses.size(), node.mesh.numAxes()); ++axis)
      if (node.mesh.getShape()[axis] > 1 && !allowsOn(axis, node, option))
        return false;
    return true;
  }

  bool allowsOn(unsigned axis, const DistNode &node, const DistOption &option) const {
    const AxisUse use = uses[axis];
    Split split;
    for (auto [operand, sbp] : llvm::zip(node.operands, option.operands))
      split.note(batch, operand->get(), sbp[axis]);
    for (auto [result, sbp] : llvm::zip(node.results, option.results))
      split.note(batch, result, sbp[axis]);
    if (use == AxisUse::Tensor)
      return !split.rows;
    if (isa<ReadOp>(node.op) && !split.rows)
      return false;
    return !split.otherDims && !(split.plain && (use == AxisUse::Data || split.hasRows));
  }

  static bool isState(const DistNode &node) {
    if (node.variable.empty())
      return false;
    auto variable = node.op->getParentOfType<ModuleOp>().lookupSymbol<VariableOp>(node.variable);
    return variable && variable.getRole() == "state";
  }

  unsigned shardedAxes(const DistOption &option) const {
    const NdSbp &sbp = option.results.empty() ? option.operands[0] : option.results[0];
    unsigned count = 0;
    for (unsigned axis = 0; axis < std::min<size_t>(uses.size(), sbp.size()); ++axis)
      count += uses[axis] == AxisUse::Sharded && sbp[axis].isSplit();
    return count;
  }

  void keepMostSplit(DistNode &node) const {
    unsigned most = 0;
    for (const DistOption &option : node.options)
      most = std::max(most, shardedAxes(option));
    llvm::erase_if(node.options.edit(),
                   [&](const DistOption &option) { return shardedAxes(option) < most; });
  }

  const BatchDims batch;
  const AxisUses &uses;
};

} // namespace

DistNetwork restrictTo(const DistNetwork &network, const AxisUses &uses) {
  const Restriction restriction(network, uses);
  return network.with([&](DistNode &node) { restriction.apply(node); });
}

} // namespace of
