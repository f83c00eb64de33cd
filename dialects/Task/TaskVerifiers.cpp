// Verifiers of the task dialect: what scheduling, packing and export rely on.
#include "dialects/Task/Task.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace of::task {

// ---- Ports

static LogicalResult verifyPorts(Operation *op, ValueRange ports) {
  for (Value port : ports)
    if (!port.getDefiningOp<RegisterOp>())
      return op->emitOpError("has a port that is no task.register");
  return success();
}

static LogicalResult verifyOneMesh(Operation *op, ValueRange ports) {
  for (Value port : ports)
    if (distOf(port).getMesh() != distOf(ports[0]).getMesh())
      return op->emitOpError("has registers of two meshes, ")
             << distOf(ports[0]).getMesh() << " and " << distOf(port).getMesh();
  return success();
}

LogicalResult RegisterOp::verify() {
  if (!distOf(getResult()))
    return emitOpError("needs a distribution: ") << getType() << " lies on no mesh";
  if (getSlots() < 1)
    return emitOpError("has ") << getSlots() << " slots; without one nothing can be written";
  for (Operation *user : getResult().getUsers())
    if (getHost() && !isa<CopyOp>(user))
      return user->emitOpError("uses register ")
             << getNameAttr() << ", which lies on the host; only task.copy reaches it there";
  return success();
}

// ---- Between device and host

LogicalResult ToHostOp::verify() {
  if (!distOf(getInput()))
    return emitOpError("needs a distribution: ") << getType() << " lies on no device";
  for (OpOperand &use : getResult().getUses()) {
    Operation *user = use.getOwner();
    if (!isa<ToDeviceOp>(user) || use.getOperandNumber() != 0)
      return emitOpError("has a result that '")
             << user->getName() << "' uses; bring it back by task.to_device first";
  }
  return success();
}

LogicalResult ToDeviceOp::verify() {
  if (!getInput().getDefiningOp<ToHostOp>())
    return emitOpError("brings back what no task.to_host put on the host");
  if (!distOf(getEarlier()) || distOf(getEarlier()).getMesh() != distOf(getInput()).getMesh())
    return emitOpError("waits for a value that does not lie on the mesh of what it brings back: ")
           << getEarlier().getType() << " and " << getType();
  return success();
}

// ---- Segments and kernels

static LogicalResult verifyPeriods(SegmentOp segment, int64_t kernels, ArrayRef<int64_t> periods,
                                   ArrayRef<int64_t> calls) {
  for (auto [period, call] : llvm::zip(periods, calls)) {
    if (period < 1 || segment.getFirings() % period)
      return segment.emitOpError("has a port of period ")
             << period << ", which does not divide its " << segment.getFirings() << " firings";
    if (call < -1 || call >= kernels)
      return segment.emitOpError("has a port at call ") << call << " of " << kernels;
  }
  return success();
}

// The input ports, then what accumulators held before.
static SmallVector<Type> argumentTypes(SegmentOp segment) {
  SmallVector<Type> types(segment.getInputs().getTypes());
  for (auto [type, period] : llvm::zip(segment.getOutputs().getTypes(), segment.getOutPeriods()))
    if (period > 1)
      types.push_back(type);
  return types;
}

LogicalResult SegmentOp::verify() {
  if (getInPeriods().size() != getInputs().size() || getInCalls().size() != getInputs().size() ||
      getOutPeriods().size() != getOutputs().size() || getOutCalls().size() != getOutputs().size())
    return emitOpError("needs one period and one call for each of its ")
           << getInputs().size() << " input and " << getOutputs().size() << " output ports";
  Block &body = getBody().front();
  int64_t kernels = llvm::range_size(body.getOps<KernelOp>());
  if (failed(verifyPorts(*this, getInputs())) || failed(verifyPorts(*this, getOutputs())) ||
      failed(verifyPeriods(*this, kernels, getInPeriods(), getInCalls())) ||
      failed(verifyPeriods(*this, kernels, getOutPeriods(), getOutCalls())))
    return failure();
  if (body.getArgumentTypes() != TypeRange(argumentTypes(*this)))
    return emitOpError("needs as arguments of its body the input ports, then the accumulators: "
                       "output ports whose period is above 1");
  auto terminator = dyn_cast<ReturnOp>(body.getTerminator());
  if (!terminator || terminator.getValues().getTypes() != getOutputs().getTypes())
    return emitOpError("must return one value of the register's type for each output port");
  MeshAttr mesh;
  for (Operation &op : body.without_terminator()) {
    if (!isa<KernelOp, GetOp, SetOp, ViewOpInterface>(op))
      return op.emitOpError("has no place in a segment, which holds kernels, views, gets and sets");
    Value value = isa<SetOp>(op) ? op.getOperand(0) : op.getResult(0);
    if (MeshAttr here = distOf(value).getMesh(); !mesh)
      mesh = here;
    else if (here != mesh)
      return op.emitOpError("works on ") << here << " in a segment of " << mesh;
  }
  if (!mesh)
    return emitOpError("is empty");
  return success();
}

LogicalResult KernelOp::verify() {
  Block &body = getBody().front();
  if (getNumResults() == 0 || getInPlace().size() != getNumResults())
    return emitOpError("needs a result, and one in_place entry for each");
  for (Type type : llvm::concat<Type>(llvm::to_vector(getInputs().getTypes()),
                                      llvm::to_vector(getResultTypes())))
    if (!distOf(type))
      return emitOpError("needs a distribution on ") << type;
  for (auto [i, argument] : llvm::enumerate(getInPlace())) {
    if (argument == -1)
      continue;
    if (argument < -1 || argument >= static_cast<int64_t>(getInputs().size()) ||
        getInputs()[argument].getType() != getResult(i).getType())
      return emitOpError() << "result " << i << " cannot share the buffer of argument " << argument;
    if (llvm::is_contained(getInPlace().take_front(i), argument))
      return emitOpError("lays two results into the buffer of argument ") << argument;
  }
  if (body.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("has a body whose arguments differ from its inputs");
  auto terminator = dyn_cast<ReturnOp>(body.getTerminator());
  if (!terminator || terminator.getValues().getTypes() != getResultTypes())
    return emitOpError("must return a value for each result");
  if (llvm::hasSingleElement(body))
    return emitOpError("computes nothing");
  return success();
}

// ---- Other tasks

LogicalResult ExchangeOp::verify() {
  if (getInputs().size() != getOutputs().size() || getInputs().empty())
    return emitOpError("needs as many destination as source registers, and at least one");
  if (failed(verifyPorts(*this, getInputs())) || failed(verifyPorts(*this, getOutputs())))
    return failure();
  for (auto [in, out] : llvm::zip(getInputs(), getOutputs())) {
    if (withoutDist(in.getType()) != withoutDist(out.getType()))
      return emitOpError("moves ")
             << withoutDist(in.getType()) << " into " << withoutDist(out.getType());
  }
  return failure(failed(verifyOneMesh(*this, getInputs())) ||
                 failed(verifyOneMesh(*this, getOutputs())));
}

bool CopyOp::isToHost() { return getOutputs()[0].getDefiningOp<RegisterOp>().getHost(); }

LogicalResult CopyOp::verify() {
  if (getInputs().empty() || getInputs().getTypes() != getOutputs().getTypes())
    return emitOpError("needs as many outputs as inputs, at least one, of the same types");
  if (failed(verifyPorts(*this, getOperands())) || failed(verifyOneMesh(*this, getOperands())))
    return failure();
  auto onHost = [](Value port) { return port.getDefiningOp<RegisterOp>().getHost(); };
  const bool toHost = onHost(getOutputs()[0]);
  if (!llvm::all_of(getOutputs(), [&](Value v) { return onHost(v) == toHost; }) ||
      llvm::any_of(getInputs(), [&](Value v) { return onHost(v) == toHost; }))
    return emitOpError("copies from a device to its host, or back; one side of it must be host "
                       "registers and the other none");
  return success();
}

LogicalResult ReadOp::verify() {
  if (getOutputs().empty())
    return emitOpError("needs a register for each field");
  return failure(failed(verifyPorts(*this, getOutputs())) ||
                 failed(verifyOneMesh(*this, getOutputs())));
}

LogicalResult MetricOp::verify() {
  if (getNames().size() != getInputs().size() || getInputs().empty())
    return emitOpError("needs a register for each of its ")
           << getNames().size() << " names, and at least one";
  if (failed(verifyPorts(*this, getInputs())) || failed(verifyOneMesh(*this, getInputs())))
    return failure();
  for (Type type : getInputs().getTypes())
    if (withoutDist(type) != withoutDist(getInputs()[0].getType()))
      return emitOpError("reports ") << withoutDist(getInputs()[0].getType()) << " and "
                                     << withoutDist(type) << "; its values have one type";
  return success();
}

LogicalResult OutputOp::verify() {
  if (cast<RankedTensorType>(getInput().getType()).getRank() == 0)
    return emitOpError("hands out ") << getInput().getType() << "; an output has a row per sample";
  return verifyPorts(*this, getInput());
}

LogicalResult CheckFiniteOp::verify() {
  if (!isa<FloatType>(cast<RankedTensorType>(getInput().getType()).getElementType()))
    return emitOpError("checks ") << getInput().getType()
                                  << "; only floating-point values can be "
                                     "infinite";
  return verifyPorts(*this, getInput());
}

LogicalResult WriteOp::verify() {
  if (getVariables().empty())
    return emitOpError("writes no variable");
  return success();
}

LogicalResult LoadOp::verify() {
  if (getVariables().empty())
    return emitOpError("loads no variable");
  return success();
}

// ---- Programs

static LogicalResult verifyNames(ProgramOp program) {
  llvm::StringSet<> tasks, registers;
  for (Operation &op : program.getBody().front()) {
    auto name = op.getAttrOfType<StringAttr>("name");
    if (op.getName().getDialectNamespace() != TaskDialect::getDialectNamespace() || !name ||
        isa<KernelOp>(op))
      return op.emitOpError("has no place in a program of tasks");
    auto &known = isa<RegisterOp>(op) ? registers : tasks;
    if (!known.insert(name.getValue()).second)
      return op.emitOpError("has the name of an earlier one, ")
             << name << "; names are unique in a program";
    if (auto firings = op.getAttrOfType<IntegerAttr>("firings"))
      if (firings.getInt() != 1 && firings.getInt() != static_cast<int64_t>(program.getMicros()))
        return op.emitOpError("fires ")
               << firings.getInt() << " times; a task fires once in a step or in each of its "
               << program.getMicros() << " micro-batches";
  }
  return success();
}

static OperandRange outputsOf(Operation *op) {
  if (auto segment = dyn_cast<SegmentOp>(op))
    return segment.getOutputs();
  if (auto exchange = dyn_cast<ExchangeOp>(op))
    return exchange.getOutputs();
  if (auto copy = dyn_cast<CopyOp>(op))
    return copy.getOutputs();
  if (auto read = dyn_cast<ReadOp>(op))
    return read.getOutputs();
  return op->getOperands().take_front(0);
}

LogicalResult ProgramOp::verifyRegions() {
  if (!symbolizeProgramKind(getKind()))
    return emitOpError("is of kind '") << getKind() << "'; there are init, train, eval, snapshot";
  if (static_cast<int64_t>(getMicros()) < 1)
    return emitOpError("has ") << getMicros() << " micro-batches; a step has at least one";
  if (failed(verifyNames(*this)))
    return failure();
  for (NamedAttribute stream :
       getOrdersAttr() ? getOrdersAttr().getValue() : ArrayRef<NamedAttribute>())
    if (!isa<ArrayAttr>(stream.getValue()))
      return emitOpError("has ") << stream.getValue() << " as order of stream '"
                                 << stream.getName().strref() << "'; an order is a list of tasks";
  llvm::DenseMap<Value, Operation *> producers;
  for (Operation &op : getBody().front())
    for (Value port : outputsOf(&op))
      if (!producers.try_emplace(port, &op).second)
        return op.emitOpError("writes register ")
               << port.getDefiningOp<RegisterOp>().getNameAttr()
               << ", which an earlier task writes; a register has one producer";
  for (auto reg : getBody().front().getOps<RegisterOp>())
    if (!producers.contains(reg))
      return reg.emitOpError("is written by no task");
  return success();
}

static LogicalResult verifyVariable(Operation *op, SymbolTableCollection &symbols,
                                    FlatSymbolRefAttr name, Type type) {
  auto variable =
      symbols.lookupNearestSymbolFrom<VariableOp>(op->getParentOfType<ModuleOp>(), name);
  if (!variable)
    return op->emitOpError("refers to variable ") << name << ", which the module does not have";
  if (type && variable.getType() != type)
    return op->emitOpError("has type ")
           << type << ", but variable " << name << " lies as " << variable.getType();
  return success();
}

static LogicalResult verifyUses(Operation *op, SymbolTableCollection &symbols) {
  if (auto get = dyn_cast<GetOp>(op))
    return verifyVariable(op, symbols, get.getVariableAttr(), get.getType());
  if (auto set = dyn_cast<SetOp>(op))
    return verifyVariable(op, symbols, set.getVariableAttr(), set.getValue().getType());
  if (isa<WriteOp, LoadOp>(op))
    for (auto name : op->getAttrOfType<ArrayAttr>("variables").getAsRange<FlatSymbolRefAttr>())
      if (failed(verifyVariable(op, symbols, name, {})))
        return failure();
  if (auto read = dyn_cast<ReadOp>(op))
    if (!symbols.lookupNearestSymbolFrom<DatasetOp>(op->getParentOfType<ModuleOp>(),
                                                    read.getDatasetAttr()))
      return op->emitOpError("reads dataset ")
             << read.getDatasetAttr() << ", which the module does not have";
  return success();
}

LogicalResult ProgramOp::verifySymbolUses(SymbolTableCollection &symbols) {
  WalkResult result = walk([&](Operation *op) {
    return failed(verifyUses(op, symbols)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

} // namespace of::task
