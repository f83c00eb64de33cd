#include "lib/Train/Program.h"

#include "lib/Train/Autodiff.h"
#include "lib/Train/Decompose.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace of {

ProgramWriter::ProgramWriter(OpBuilder &module, StringRef name, ProgramKind kind,
                             const VariableTable &variables, Location loc)
    : program(ProgramOp::create(module, loc, name, kind)), body(module.getContext()),
      variables(variables) {
  body.setInsertionPointToEnd(&program.getBody().emplaceBlock());
}

Value ProgramWriter::get(StringRef name) {
  Value &value = gets[name];
  if (value)
    return value;
  const Variable &v = *variables.find(name);
  OpBuilder b(program.getContext());
  Block &block = program.getBody().front();
  lastGet ? b.setInsertionPointAfter(lastGet) : b.setInsertionPointToStart(&block);
  auto op = GetOp::create(b, v.loc, v.type, FlatSymbolRefAttr::get(b.getContext(), name));
  if (v.pin)
    op->setAttr(OfDialect::pinAttrName, v.pin);
  if (v.gradPin)
    op->setAttr(gradientPinAttrName, v.gradPin);
  if (v.stage)
    op->setAttr(OfDialect::stageAttrName, v.stage);
  lastGet = op;
  return value = op.getResult();
}

void ProgramWriter::set(StringRef name, Value value) { sets[name] = value; }

void ProgramWriter::finish() {
  for (const Variable &v : variables.all())
    if (Value value = sets.lookup(v.name)) {
      auto op =
          SetOp::create(body, v.loc, FlatSymbolRefAttr::get(body.getContext(), v.name), value);
      if (v.stage)
        op->setAttr(OfDialect::stageAttrName, v.stage);
    }
}

// ---- The model in a program
// ----------------------------------------------------------------------------------------

// What an op of the model wants to be followed over the steps.
static LogicalResult noteRunning(TrainingModeOpInterface op, Operation *copy, ModelCopy &out) {
  for (const RunningState &state : op.getRunningStates()) {
    auto parameter = op->getOperand(state.stateOperand).getDefiningOp<ParameterOp>();
    if (!parameter || !parameter.getFrozen())
      return op->emitOpError("needs a frozen parameter as operand ")
             << state.stateOperand << ": its running statistics are kept in a variable";
    out.running.push_back(
        {parameter.getName().str(), copy->getResult(state.batchResult), state.momentum});
  }
  return success();
}

FailureOr<ModelCopy> copyModel(func::FuncOp model, OpBuilder &b, ValueRange arguments,
                               ProgramWriter &program, bool training, int64_t seed) {
  ModelCopy out;
  IRMapping map;
  map.map(model.getArguments(), arguments);
  for (Operation &op : model.getBody().front().without_terminator()) {
    if (auto parameter = dyn_cast<ParameterOp>(op)) {
      map.map(parameter.getResult(), program.get(parameter.getName()));
      continue;
    }
    Operation *copy = b.clone(op, map);
    if (auto random = dyn_cast<RandomOpInterface>(copy); random && training)
      random.setRandomStep(seed, program.get(stepVariable));
    auto mode = dyn_cast<TrainingModeOpInterface>(copy);
    if (!mode)
      continue;
    mode.setTrainingMode(training);
    if (training && failed(noteRunning(cast<TrainingModeOpInterface>(op), copy, out)))
      return failure();
  }
  for (Value result : model.getBody().front().getTerminator()->getOperands())
    out.results.push_back(map.lookup(result));
  return out;
}

// ---- Data
// ----------------------------------------------------------------------------------------------------------

static Type elementOf(const JobField &field, MLIRContext *context) {
  for (DType dtype : {DType::F32, DType::F64, DType::I8, DType::U8, DType::I32, DType::Bool})
    if (nameOf(dtype) == *field.dtype)
      return typeOf(dtype, context);
  return typeOf(DType::I64, context);
}

Batch readBatch(OpBuilder &b, Location loc, StringRef name, const JobDataset &dataset, int64_t rows,
                bool mask) {
  SmallVector<Type> types;
  for (const JobField &field : dataset.fields) {
    SmallVector<int64_t> shape{rows};
    shape.append(field.shape->begin(), field.shape->end());
    types.push_back(RankedTensorType::get(shape, elementOf(field, b.getContext())));
  }
  if (mask)
    types.push_back(RankedTensorType::get({rows}, b.getF32Type()));
  auto read = ReadOp::create(b, loc, types, FlatSymbolRefAttr::get(b.getContext(), name));
  Batch batch;
  for (auto [i, field] : llvm::enumerate(dataset.fields))
    batch[field.name] = read.getResult(i);
  if (mask)
    batch["mask"] = read.getResults().back();
  return batch;
}

SmallVector<Value> argumentsOf(OpBuilder &b, func::FuncOp model, const Job &job,
                               const Batch &batch) {
  SmallVector<Value> out;
  for (unsigned i = 0; i < model.getNumArguments(); ++i) {
    auto name = model.getArgAttrOfType<StringAttr>(i, "of.name");
    out.push_back(batch.lookup(job.fieldFor(name ? name.str() : "")));
    if (auto pin = model.getArgAttrOfType<DictionaryAttr>(i, OfDialect::pinAttrName))
      out.back() = pinValue(b, out.back(), pin, /*isShared=*/true);
  }
  return out;
}

} // namespace of
