// What is left of constants when all nodes are lowered, and which parameters train.
#include "lib/Import/Onnx/Import.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace of::onnx {

static Value scalar(OpBuilder &b, Location loc, Attribute value) {
  auto typed = cast<TypedAttr>(value);
  OperationState state(loc, ConstantOp::getOperationName());
  state.addAttribute("value", typed);
  state.addTypes(RankedTensorType::get({}, typed.getType()));
  return b.create(state)->getResult(0);
}

static Value splatOf(OpBuilder &b, arith::ConstantOp op, DenseElementsAttr elements) {
  OperationState state(op.getLoc(), ConstantOp::getOperationName());
  state.addAttribute("value", elements.getSplatValue<Attribute>());
  state.addTypes(elements.getType());
  return b.create(state)->getResult(0);
}

// first + step i along the only dim that is longer than 1.
static Value countOf(OpBuilder &b, arith::ConstantOp op, DenseElementsAttr elements) {
  auto type = cast<RankedTensorType>(elements.getType());
  if (!type.getElementType().isSignlessInteger(64) && !type.getElementType().isSignlessInteger(32))
    return {};
  int64_t dim = -1;
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (type.getDimSize(i) > 1) {
      if (dim >= 0)
        return {};
      dim = i;
    }
  SmallVector<int64_t> values;
  for (const APInt &value : elements.getValues<APInt>())
    values.push_back(value.getSExtValue());
  if (values.size() < 2)
    return {};
  const int64_t step = static_cast<int64_t>(static_cast<uint64_t>(values[1]) - values[0]);
  for (size_t i = 2; i < values.size(); ++i)
    if (static_cast<int64_t>(static_cast<uint64_t>(values[i]) - values[i - 1]) != step)
      return {};
  Location loc = op.getLoc();
  Value out = IotaOp::create(b, loc, type, dim);
  if (step != 1)
    out = MulOp::create(b, loc, out, scalar(b, loc, b.getIntegerAttr(type.getElementType(), step)));
  if (values[0] != 0)
    out = AddOp::create(b, loc, out,
                        scalar(b, loc, b.getIntegerAttr(type.getElementType(), values[0])));
  return out;
}

// A parameter that nothing trains. Constants with the same elements share one.
static Value frozenOf(OpBuilder &b, arith::ConstantOp op, DenseElementsAttr elements,
                      llvm::StringSet<> &names, Weights &weights) {
  auto named = dyn_cast<NameLoc>(op.getLoc());
  std::string base = "constant." + (named ? named.getName().str() : std::string("value"));
  std::string name = base;
  for (int n = 2; !names.insert(name).second; ++n)
    name = base + "." + std::to_string(n);
  OperationState state(op.getLoc(), ParameterOp::getOperationName());
  state.addAttribute("name", b.getStringAttr(name));
  state.addAttribute("init", InitAttr::get(b.getContext(), InitKind::Constant,
                                           DenseF64ArrayAttr::get(b.getContext(), {0.0})));
  state.addAttribute("frozen", b.getUnitAttr());
  state.addTypes(elements.getType());
  weights.add(name, cast<RankedTensorType>(elements.getType()), readerOf(elements));
  return b.create(state)->getResult(0);
}

static void eraseDead(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

void materialiseConstants(func::FuncOp function, Weights &weights) {
  Block &block = function.getBody().front();
  eraseDead(block);
  llvm::StringSet<> names;
  for (ParameterOp op : block.getOps<ParameterOp>())
    names.insert(op.getName());
  llvm::DenseMap<Attribute, Value> frozen;
  for (auto op : llvm::make_early_inc_range(block.getOps<arith::ConstantOp>())) {
    auto elements = cast<DenseElementsAttr>(op.getValue());
    OpBuilder b(op);
    Value value;
    if (elements.isSplat() && elements.getNumElements())
      value = splatOf(b, op, elements);
    else
      value = countOf(b, op, elements);
    if (!value) {
      Value &known = frozen[elements];
      if (!known)
        known = frozenOf(b, op, elements, names, weights);
      value = known;
    }
    op.getResult().replaceAllUsesWith(value);
    op.erase();
  }
  names.clear();
  for (ParameterOp op : block.getOps<ParameterOp>())
    names.insert(op.getName());
  weights.keepOnly([&](StringRef name) { return names.contains(name); });
}

void freezeUnreached(func::FuncOp function) {
  llvm::DenseSet<Value> needed;
  Block &block = function.getBody().front();
  for (Operation &op : llvm::reverse(block)) {
    bool leads = isa<func::ReturnOp>(op) ||
                 llvm::any_of(op.getResults(), [&](Value v) { return needed.contains(v); });
    if (auto parameter = dyn_cast<ParameterOp>(op); parameter && !leads)
      parameter.setFrozen(true);
    for (Value operand : op.getOperands())
      if (leads && isa<FloatType>(getElementTypeOrSelf(operand.getType())))
        needed.insert(operand);
  }
}

} // namespace of::onnx
