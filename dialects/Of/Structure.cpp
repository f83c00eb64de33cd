// Parameters, variables, programs, micro-batches and boxing.
#include "dialects/Of/Of.h"

using namespace mlir;

namespace of {

// ---- What outlives a program ----

LogicalResult ParameterOp::verify() {
  if (getFan() && *getFan() != "in_out")
    return emitOpError() << "has fan \"" << *getFan()
                         << "\"; it may be \"in_out\", for a weight [in, out]";
  return success();
}

LogicalResult VariableOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getType());
  if (!type || !type.hasStaticShape())
    return emitOpError() << "has type " << getType() << "; a variable is a tensor of fixed shape";
  if (!llvm::is_contained({"parameter", "state", "buffer", "counter"}, getRole()))
    return emitOpError() << "has role \"" << getRole()
                         << "\"; it may be \"parameter\", \"state\", \"buffer\" or \"counter\"";
  return success();
}

LogicalResult DatasetOp::verify() {
  if (getSamples() < 1)
    return emitOpError("has ") << getSamples() << " samples; it needs at least one";
  return success();
}

// A program by itself, as passes are tested on, may lack the declarations of what it names; where
// they are there, they must fit.
static LogicalResult checkVariable(Operation *op, SymbolTableCollection &symbols,
                                   FlatSymbolRefAttr name, Type type) {
  Operation *found = symbols.lookupNearestSymbolFrom(op, name);
  auto variable = dyn_cast_or_null<VariableOp>(found);
  if (found && !variable)
    return op->emitOpError() << "names " << name << ", which is no variable";
  if (variable && !isCompatibleIgnoringDist(variable.getType(), type))
    return op->emitOpError() << "has type " << type << ", but variable " << name << " is "
                             << variable.getType();
  return success();
}

LogicalResult GetOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return checkVariable(*this, symbols, getVariableAttr(), getType());
}

LogicalResult SetOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return checkVariable(*this, symbols, getVariableAttr(), getValue().getType());
}

LogicalResult LoadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!symbols.lookupNearestSymbolFrom<VariableOp>(*this, getVariableAttr()))
    return emitOpError() << "names " << getVariableAttr() << ", which is no variable";
  return success();
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *found = symbols.lookupNearestSymbolFrom(*this, getDatasetAttr());
  auto dataset = dyn_cast_or_null<DatasetOp>(found);
  if (!found)
    return success();
  if (!dataset)
    return emitOpError() << "names " << getDatasetAttr() << ", which is no dataset";
  size_t values = dataset.getFields().size() + dataset.getMask();
  if (values != getNumResults())
    return emitOpError("has ") << getNumResults() << " results, but dataset " << getDatasetAttr()
                               << " gives " << values
                               << ": one per field, and the mask if it has one";
  return success();
}

// ---- The run ----

LogicalResult RunOp::verify() {
  if (getCount() < 1)
    return emitOpError("has count ") << getCount() << "; leave it out instead";
  return success();
}

// Programs of every rung are run, so only what surely is none is refused.
LogicalResult RunOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *found = symbols.lookupNearestSymbolFrom(*this, getProgramAttr());
  if (isa_and_nonnull<VariableOp, DatasetOp>(found))
    return emitOpError() << "names " << getProgramAttr() << ", which is no program";
  return success();
}

LogicalResult LoopOp::verify() {
  if (getCount() < 1)
    return emitOpError("has count ") << getCount() << "; leave it out instead";
  return success();
}

LogicalResult MetricOp::verify() {
  if (getNames().size() != getValues().size())
    return emitOpError("has ") << getNames().size() << " names for " << getValues().size()
                               << " values";
  for (Value value : getValues())
    if (cast<RankedTensorType>(value.getType()).getRank() != 0)
      return emitOpError("has a value of type ") << value.getType() << "; metrics are scalars";
  return success();
}

LogicalResult OutputOp::verify() {
  auto type = cast<RankedTensorType>(getValue().getType());
  if (type.getRank() == 0)
    return emitOpError("has a value of type ") << type << "; an output has a row per sample";
  return success();
}

// ---- Micro-batches, boxing ----

LogicalResult MicroOp::verify() {
  if (getCount() < 1)
    return emitOpError("has count ") << getCount() << "; a step has at least one micro-batch";
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (yield.getValues().getTypes() != getResultTypes())
    return emitOpError("has results whose types differ from what its region yields");
  return success();
}

LogicalResult BoxingOp::verify() {
  if (!distOf(getInput()) || !distOf(getResult()))
    return emitOpError("needs a distribution on its input and on its result");
  if (withoutDist(getInput().getType()) != withoutDist(getResult().getType()))
    return emitOpError("changes the shape or element type; it may change the distribution only");
  for (Sbp sbp : distOf(getResult()).getSbp())
    if (sbp.kind == SbpKind::PartialMax || sbp.kind == SbpKind::PartialMin)
      if (distOf(getInput()) != distOf(getResult()))
        return emitOpError("cannot produce a partial maximum or minimum");
  return success();
}

OpFoldResult BoxingOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

} // namespace of
