#include "lib/Train/Variables.h"

#include "lib/Train/Autodiff.h"

using namespace mlir;

namespace of {

static FailureOr<Variable> variableOf(ParameterOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  Variable v(op.getName().str(), type, op.getFrozen() ? "buffer" : "parameter", !op.getFrozen(),
             op.getLoc());
  v.init = op.getInit();
  if (!op.getFrozen() && !isa<FloatType>(type.getElementType()))
    return op.emitOpError("'") << op.getName() << "' is " << type
                               << "; only floating-point parameters can be trained, freeze it";
  if (llvm::is_contained({"step", "init", "train", "eval", "snapshot", "train_data", "eval_data"},
                         op.getName()))
    return op.emitOpError("is named '")
           << op.getName() << "', which programs use for themselves; choose another name";
  StringRef fan = op.getFan().value_or("out_in");
  if (fan != "out_in" && fan != "in_out")
    return op.emitOpError("has fan '")
           << fan << "'; use out_in (dims are [out, in, ...]) or in_out";
  v.fanInFirst = fan == "in_out";
  v.pin = op->getAttrOfType<DictionaryAttr>(OfDialect::pinAttrName);
  v.gradPin = op->getAttrOfType<DictionaryAttr>(gradientPinAttrName);
  v.stage = op->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName);
  return v;
}

FailureOr<VariableTable> VariableTable::ofModel(func::FuncOp model) {
  VariableTable table;
  for (ParameterOp op : model.getOps<ParameterOp>()) {
    if (table.find(op.getName()))
      continue;
    FailureOr<Variable> variable = variableOf(op);
    if (failed(variable))
      return failure();
    table.declare(*variable);
  }
  return table;
}

const Variable &VariableTable::declare(Variable variable) {
  index[variable.name] = variables.size();
  variables.push_back(std::move(variable));
  return variables.back();
}

const Variable *VariableTable::find(StringRef name) const {
  auto it = index.find(name);
  return it == index.end() ? nullptr : &variables[it->second];
}

void VariableTable::emit(OpBuilder &b) const {
  for (const Variable &v : variables) {
    auto op = VariableOp::create(b, v.loc, v.name, v.type, v.role, v.trainable);
    if (v.pin)
      op->setAttr(OfDialect::pinAttrName, v.pin);
    if (v.stage)
      op->setAttr(OfDialect::stageAttrName, v.stage);
  }
}

} // namespace of
