#include "lib/Train/Autodiff.h"

#include "dialects/Of/Of.h"
#include "lib/Train/Decompose.h"
#include "lib/Train/Formula.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace of {

DictionaryAttr dualPin(DictionaryAttr pin) {
  NamedAttrList dual;
  for (NamedAttribute axis : pin) {
    StringRef sbp = cast<StringAttr>(axis.getValue()).getValue();
    StringRef of = sbp == "B" ? "P" : sbp == "P" ? "B" : sbp;
    dual.set(axis.getName(), StringAttr::get(pin.getContext(), of));
  }
  return dual.getDictionary(pin.getContext());
}

void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        eraseDeadOps(inner);
    if (isOpTriviallyDead(&op))
      op.erase();
  }
}

namespace {

class Differentiator {
public:
  Differentiator(Value output, Value seed, ValueRange wrt)
      : block(output.getParentBlock()), b(OpBuilder::atBlockEnd(block)) {
    findActive(output, wrt);
    gradients[output] = seed;
  }

  LogicalResult run() {
    SmallVector<Operation *> order;
    for (Operation &op : *block)
      if (active.contains(&op))
        order.push_back(&op);
    for (Operation *op : llvm::reverse(order))
      if (failed(differentiate(op)))
        return failure();
    return success();
  }

  /// The finished gradient of a value that no op of the block defines.
  Value gradientOf(Value value, Location loc) {
    auto it = gradients.find(value);
    if (it == gradients.end())
      return {};
    if (Operation *op = value.getDefiningOp())
      applyPin(op, value);
    return gradients[value];
  }

private:
  // Ops on a path from `wrt` to `output` over floating-point values.
  void findActive(Value output, ValueRange wrt) {
    reached.insert(wrt.begin(), wrt.end());
    for (Operation &op : *block)
      if (llvm::any_of(op.getOperands(), [&](Value v) { return reached.contains(v); }))
        for (Value result : op.getResults())
          if (isa<FloatType>(getElementTypeOrSelf(result.getType())))
            reached.insert(result);
    llvm::DenseSet<Value> needed{output};
    for (Operation &op : llvm::reverse(*block)) {
      if (llvm::none_of(op.getResults(), [&](Value v) { return needed.contains(v); }))
        continue;
      needed.insert(op.operand_begin(), op.operand_end());
      if (llvm::any_of(op.getResults(), [&](Value v) { return reached.contains(v); }))
        active.insert(&op);
    }
  }

  LogicalResult differentiate(Operation *op) {
    SmallVector<Value> resultGradients;
    for (Value result : op->getResults()) {
      if (gradients.contains(result))
        applyPin(op, result);
      resultGradients.push_back(gradients.lookup(result));
    }
    if (llvm::none_of(resultGradients, [](Value g) { return static_cast<bool>(g); }))
      return success(); // a stopped gradient further down
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      return op->emitOpError("has no gradient, but the loss depends on parameters through it");
    SmallVector<Value> operandGradients(op->getNumOperands());
    LogicalResult built = success();
    tagNewOps(
        block, [&] { built = differentiable.buildGradient(b, resultGradients, operandGradients); },
        [&](Operation *made) { tag(made, op); });
    if (failed(built))
      return failure();
    for (auto [operand, gradient] : llvm::zip(op->getOperands(), operandGradients))
      if (gradient && reached.contains(operand) && failed(accumulate(op, operand, gradient)))
        return failure();
    return success();
  }

  LogicalResult accumulate(Operation *op, Value operand, Value gradient) {
    if (gradient.getType() != operand.getType())
      return op->emitOpError("gives a gradient of type ")
             << gradient.getType() << " for an operand of type " << operand.getType();
    Value &sum = gradients[operand];
    if (sum)
      tagNewOps(
          block, [&] { gradient = AddOp::create(b, op->getLoc(), sum, gradient); },
          [&](Operation *made) { tag(made, op); });
    sum = gradient;
    return success();
  }

  void tag(Operation *made, Operation *op) {
    made->setLoc(derivedLoc(op->getLoc(), "grad"));
    if (Attribute stage = op->getAttr(OfDialect::stageAttrName))
      made->setAttr(OfDialect::stageAttrName, stage);
  }

  // Gives the gradient of `value`, a result of `op`, its own pin or the dual of the value's. All
  // uses of the value were seen, so its gradient is complete; an add passes one gradient to both
  // operands, and then the pin must not reach the other.
  void applyPin(Operation *op, Value value) {
    auto pin = op->getAttrOfType<DictionaryAttr>(OfDialect::pinAttrName);
    auto own = op->getAttrOfType<DictionaryAttr>(gradientPinAttrName);
    if ((!pin && !own) || op->getResult(0) != value)
      return;
    DictionaryAttr dual = own ? own : dualPin(pin);
    Value gradient = gradients[value];
    int64_t sharers =
        llvm::count_if(gradients, [&](auto &entry) { return entry.second == gradient; });
    tagNewOps(
        block, [&] { gradients[value] = pinValue(b, gradient, dual, sharers > 1); },
        [&](Operation *made) { tag(made, op); });
    auto text = [](Attribute attr) {
      std::string s;
      llvm::raw_string_ostream(s) << attr;
      return s;
    };
    remark::analysis(op->getLoc(), remark::RemarkOpts::name("GradientPin").category("train"))
        << "value pinned to " << (pin ? text(pin) : "nothing") << ", its gradient to "
        << text(dual);
  }

  Block *block;
  OpBuilder b;
  llvm::DenseSet<Value> reached; ///< floating-point values that depend on `wrt`
  llvm::DenseSet<Operation *> active;
  llvm::DenseMap<Value, Value> gradients;
};

} // namespace

FailureOr<SmallVector<Value>> buildGradients(Value output, Value seed, ValueRange wrt) {
  Differentiator differentiator(output, seed, wrt);
  if (failed(differentiator.run()))
    return failure();
  SmallVector<Value> out;
  for (Value value : wrt)
    out.push_back(differentiator.gradientOf(value, value.getLoc()));
  return out;
}

} // namespace of
