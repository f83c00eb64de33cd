#include "lib/Distribute/Options.h"

#include "lib/Cost/ComputeCost.h"

using namespace mlir;

namespace of {

OptionBuilder::OptionBuilder(DistNetwork &network, DistNode &node)
    : network(network), node(node), signatures(signaturesOf(node.op)) {
  if (auto sharding = dyn_cast<ShardingOpInterface>(node.op))
    rule = sharding.getShardingRule();
}

// ---- One axis

bool OptionBuilder::operandCanBe(unsigned operand, unsigned axis, Sbp sbp) const {
  const DistValue &value = network.value(node.operands[operand]->get());
  return !value.isFree &&
         llvm::any_of(value.candidates, [&](const NdSbp &c) { return c[axis] == sbp; });
}

// A square of a partial value is no product of the value as it is and of its sum.
bool OptionBuilder::isOneValueTwoWays(const Signature &s) const {
  for (auto [i, sbp] : llvm::enumerate(s.operands))
    for (auto [j, other] : llvm::enumerate(s.operands))
      if (sbp.isPartial() && sbp != other && node.operands[i]->get() == node.operands[j]->get())
        return true;
  return false;
}

// Whole values do not become partial, and what arrives from another mesh is whole.
bool OptionBuilder::isPossible(const Signature &s, unsigned axis) const {
  if (isOneValueTwoWays(s))
    return false;
  for (auto [i, sbp] : llvm::enumerate(s.operands))
    if (sbp.isPartial() &&
        (!operandCanBe(i, axis, sbp) || network.value(node.operands[i]->get()).mesh != node.mesh))
      return false;
  for (auto [result, sbp] : llvm::zip(node.results, s.results))
    if (sbp.isPartial() && getElementTypeOrSelf(result.getType()).isInteger(1))
      return false;
  return true;
}

bool OptionBuilder::isWished(const Signature &s, unsigned axis) const {
  if (s.results.empty())
    return false;
  auto wish = network.wishes.find(node.results[0]);
  return pin[axis] == s.results[0] ||
         (wish != network.wishes.end() && wish->second[axis] == s.results[0]);
}

bool OptionBuilder::isWanted(const Signature &s, unsigned axis) const {
  for (auto [i, sbp] : llvm::enumerate(s.operands))
    if (!sbp.isBroadcast() && operandCanBe(i, axis, sbp))
      return true;
  return !s.results.empty() && !s.results[0].isBroadcast() && isWished(s, axis);
}

// Operands that come split, however they are produced, and that the signature needs otherwise.
int64_t OptionBuilder::splitsUndone(const Signature &s, unsigned axis) const {
  int64_t count = 0;
  for (auto [i, sbp] : llvm::enumerate(s.operands)) {
    const DistValue &value = network.value(node.operands[i]->get());
    count += !value.isFree && llvm::all_of(value.candidates, [&, need = sbp](const NdSbp &c) {
      return c[axis].isSplit() && c[axis] != need;
    });
  }
  return count;
}

SmallVector<const Signature *> OptionBuilder::signaturesOn(unsigned axis, bool keepSplits) const {
  SmallVector<const Signature *> out{&signatures[0]};
  if (node.mesh.getShape()[axis] == 1)
    return out;
  for (const Signature &s : llvm::drop_begin(signatures))
    if ((network.boundary.isOpen || isWanted(s, axis)) && isPossible(s, axis))
      out.push_back(&s);
  if (!keepSplits || network.boundary.isOpen)
    return out;
  int64_t least = splitsUndone(*out[0], axis);
  for (const Signature *s : out)
    least = std::min(least, splitsUndone(*s, axis));
  llvm::erase_if(out, [&](const Signature *s) {
    return splitsUndone(*s, axis) > least && !isWished(*s, axis);
  });
  return out;
}

// ---- Pins

// A split or partial value must be one that the op itself declares; to be whole is always possible.
LogicalResult OptionBuilder::checkPin() const {
  for (auto [axis, sbp] : llvm::enumerate(pin)) {
    Sbp wanted = sbp.value_or(Sbp::broadcast());
    if (wanted.isBroadcast() ||
        llvm::any_of(signatures, [&](const Signature &s) { return s.results[0] == wanted; }))
      continue;
    InFlightDiagnostic diag = node.op->emitOpError("is pinned to ")
                              << toString(wanted) << " on mesh axis '"
                              << node.mesh.getAxes()[axis].getValue()
                              << "', which it cannot give; it accepts:";
    for (const Signature &s : signatures)
      diag << " " << toString(NdSbp(s.operands.begin(), s.operands.end())) << "->"
           << toString(NdSbp(s.results.begin(), s.results.end()));
    return diag;
  }
  return success();
}

bool OptionBuilder::meetsPin(const DistOption &option) const {
  for (auto [made, pinned] : llvm::zip(option.made[0], pin))
    if (pinned && pinned->isPartial() && made != *pinned)
      return false;
  return true;
}

// ---- All axes

// The runtime reduces a value in one go, so its partial axes are of one kind.
static bool isOneReduction(const NdSbp &sbp) {
  std::optional<SbpKind> kind;
  for (Sbp s : sbp)
    if (s.isPartial()) {
      if (kind && *kind != s.kind)
        return false;
      kind = s.kind;
    }
  return true;
}

// Even where the op wants it so. What is offered for choice leaves no device without a part.
bool OptionBuilder::splitsWell(const Joint &joint) const {
  SmallVector<int64_t> parts(rule.factors.size(), 1), even = parts;
  for (auto [axis, s] : llvm::enumerate(joint)) {
    if (s->factor >= 0)
      parts[s->factor] *= node.mesh.getShape()[axis];
    if (s->evenOnly)
      even[s->factor] *= node.mesh.getShape()[axis];
  }
  for (auto [factor, n, m] : llvm::zip(rule.factors, parts, even))
    if (factor.size % m || (network.boundary.isOpen && n > 1 && factor.size < n))
      return false;
  return true;
}

double OptionBuilder::secondsOf(const DistOption &option) const {
  auto local = [&](Value v, const NdSbp &sbp) {
    return localType(withDist(v.getType(), distAttr(node.mesh, sbp)));
  };
  SmallVector<RankedTensorType> operands, results;
  for (auto [operand, sbp] : llvm::zip(node.operands, option.operands))
    operands.push_back(local(operand->get(), sbp));
  for (auto [result, sbp] : llvm::zip(node.results, option.made))
    results.push_back(local(result, sbp));
  return computeSeconds(node.op, operands, results,
                        network.cluster->devices[node.mesh.getDevices()[0]]);
}

void OptionBuilder::addOption(const Joint &joint) {
  if (!splitsWell(joint))
    return;
  DistOption option;
  option.operands.resize(node.operands.size());
  option.made.resize(node.results.size());
  for (const Signature *s : joint) {
    for (auto [sbp, at] : llvm::zip(s->operands, option.operands))
      at.push_back(sbp);
    for (auto [sbp, at] : llvm::zip(s->results, option.made))
      at.push_back(sbp);
  }
  if (!llvm::all_of(option.made, isOneReduction))
    return;
  option.results = option.made;
  if (!node.results.empty()) {
    if (!meetsPin(option))
      return;
    option.results[0] = withPin(option.made[0], pin);
  }
  option.seconds = secondsOf(option);
  if (!node.results.empty() && option.results[0] != option.made[0])
    option.seconds += network.planner
                          ->move(node.results[0].getType(), distAttr(node.mesh, option.made[0]),
                                 distAttr(node.mesh, option.results[0]))
                          .seconds;
  node.options.push_back(std::move(option));
}

void OptionBuilder::addOptions(bool keepSplits) {
  SmallVector<Joint> joints{Joint()};
  for (unsigned axis = 0; axis < node.mesh.numAxes(); ++axis) {
    SmallVector<Joint> longer;
    for (const Joint &prefix : joints)
      for (const Signature *s : signaturesOn(axis, keepSplits)) {
        longer.push_back(prefix);
        longer.back().push_back(s);
      }
    joints = std::move(longer);
  }
  for (const Joint &joint : joints)
    addOption(joint);
}

LogicalResult OptionBuilder::build() {
  pin.resize(node.mesh.numAxes());
  if (!node.results.empty()) {
    FailureOr<Pin> given =
        pinOf(node.op, cast<RankedTensorType>(node.results[0].getType()), node.mesh);
    if (failed(given))
      return failure();
    pin = *given;
    if (failed(checkPin()))
      return failure();
  }
  auto known = network.optionsOf.find(key());
  if (known != network.optionsOf.end()) {
    node.options = known->second;
    return success();
  }
  addOptions(/*keepSplits=*/true);
  if (node.options.empty()) // the splits there are do not divide what they must
    addOptions(/*keepSplits=*/false);
  if (node.options.empty())
    return node.op->emitOpError("is pinned to be partial, but no operand is partial or can be "
                                "split so that its result is; pin it to S(dim) or B, or relax the "
                                "pins of its operands");
  if (network.boundary.isOpen)
    network.optionsOf[key()] = node.options;
  return success();
}

// What the options of an open network depend on: the op with its types, which operands are one
// value, and which of them come partial.
std::vector<const void *> OptionBuilder::key() const {
  std::vector<const void *> out{node.op->getName().getAsOpaquePointer(),
                                node.op->getAttrDictionary().getAsOpaquePointer()};
  auto number = [](uintptr_t n) { return reinterpret_cast<const void *>(n); };
  for (auto [i, operand] : llvm::enumerate(node.operands)) {
    Value v = operand->get();
    out.push_back(v.getType().getAsOpaquePointer());
    out.push_back(number(llvm::find_if(node.operands, [&](OpOperand *o) { return o->get() == v; }) -
                         node.operands.begin()));
    out.push_back(network.value(v).mesh.getAsOpaquePointer());
    uintptr_t partial = 0;
    for (unsigned axis = 0; axis < node.mesh.numAxes(); ++axis)
      for (SbpKind kind : {SbpKind::PartialSum, SbpKind::PartialMax, SbpKind::PartialMin})
        partial = 2 * partial + operandCanBe(i, axis, {kind, 0});
    out.push_back(number(partial));
  }
  for (Value result : node.results)
    out.push_back(result.getType().getAsOpaquePointer());
  return out;
}

} // namespace of
