#include "lib/Physical/TaskInputs.h"

#include "lib/Physical/SegmentLabels.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace of {

// ---- Checks

// Streams and memory are named after meshes.
static LogicalResult checkMeshNames(ProgramOp program) {
  llvm::StringMap<MeshAttr> meshes;
  LogicalResult ok = success();
  auto check = [&](Operation *op, Type type) {
    DistAttr dist = isa<RankedTensorType>(type) ? distOf(type) : DistAttr();
    if (!dist || failed(ok))
      return;
    MeshAttr known = meshes.try_emplace(dist.getMesh().getName(), dist.getMesh()).first->second;
    if (known != dist.getMesh())
      ok = op->emitOpError("lies on ")
           << dist.getMesh() << ", but " << known << " has that name too; rename one of the meshes";
  };
  for (auto variable : program->getParentOfType<ModuleOp>().getOps<VariableOp>())
    check(variable, variable.getType());
  program.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      check(op, type);
  });
  return ok;
}

static LogicalResult checkMetric(MetricOp metric) {
  if (metric.getValues().empty())
    return metric.emitOpError("reports no value");
  Value first = metric.getValues()[0];
  for (Value value : metric.getValues()) {
    auto type = cast<RankedTensorType>(value.getType());
    if (distOf(value).getMesh() != distOf(first).getMesh())
      return metric.emitOpError("reports values of two meshes; box them to one");
    if (!distOf(value).isAllBroadcast())
      return metric.emitOpError("reports a value that is not whole on every device: ") << type;
    if (type.getElementType() != cast<RankedTensorType>(first.getType()).getElementType())
      return metric.emitOpError("reports values of two element types: ")
             << withoutDist(first.getType()) << " and " << withoutDist(type)
             << "; cast them to one";
  }
  return success();
}

static LogicalResult checkOutput(OutputOp output) {
  if (!distOf(output.getValue()).isAllBroadcast())
    return output.emitOpError("hands out a value that is not whole on every device: ")
           << output.getValue().getType();
  return success();
}

static LogicalResult checkRead(ReadOp read) {
  if (read.getNumResults() == 0)
    return read.emitOpError("reads no field");
  for (Value result : read.getResults())
    if (distOf(result) != distOf(read.getResult(0)))
      return read.emitOpError("reads fields in different distributions; a read task has one: ")
             << result.getType() << " and " << read.getResult(0).getType();
  for (Sbp sbp : distOf(read.getResult(0)).getSbp())
    if (sbp.isPartial() || (sbp.isSplit() && sbp.dim != 0))
      return read.emitOpError("can be split by rows or broadcast, not ") << toString(sbp);
  return success();
}

// What happens once in a step cannot stand at the rate of micro-batches.
static LogicalResult checkMicro(MicroOp micro) {
  for (Operation &op : micro.getBody().front()) {
    if (isa<SetOp, MetricOp, OutputOp, CheckFiniteOp, MicroOp>(op))
      return op.emitOpError("belongs to the step; yield the value and use the result of of.micro");
    auto boxing = dyn_cast<BoxingOp>(op);
    Operation *source = boxing ? rootOf(boxing.getInput()).getDefiningOp() : nullptr;
    if (source && source->getParentOp() != micro && !isa<GetOp>(source))
      return op.emitOpError("moves a value of the step in every micro-batch; move it once, before "
                            "of.micro");
  }
  return success();
}

static LogicalResult check(ProgramOp program) {
  if (failed(checkMeshNames(program)))
    return failure();
  llvm::StringMap<SetOp> sets;
  MicroOp micro;
  for (Operation &op : program.getBody().front()) {
    LogicalResult ok = success();
    if (auto next = dyn_cast<MicroOp>(op)) {
      if (micro)
        return next.emitOpError("is the second of its program; a program has one");
      micro = next;
      ok = checkMicro(next);
    } else if (auto set = dyn_cast<SetOp>(op)) {
      auto [it, isNew] = sets.try_emplace(set.getVariable(), set);
      if (!isNew) {
        InFlightDiagnostic error = set.emitOpError("sets @")
                                   << set.getVariable() << " a second time in this step";
        error.attachNote(it->second.getLoc()) << "it is set here";
        return error;
      }
    } else if (auto metric = dyn_cast<MetricOp>(op)) {
      ok = checkMetric(metric);
    } else if (auto output = dyn_cast<OutputOp>(op)) {
      ok = checkOutput(output);
    }
    if (failed(ok))
      return failure();
  }
  WalkResult reads = program.walk([](ReadOp read) {
    return failed(checkRead(read)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(reads.wasInterrupted());
}

// ---- Copies

namespace {

class Materialiser {
public:
  explicit Materialiser(ProgramOp program) : program(program) {}

  void run() {
    SmallVector<Operation *> users;
    program.walk([&](Operation *op) {
      if (isa<BoxingOp, SetOp, MetricOp, OutputOp, CheckFiniteOp>(op))
        users.push_back(op);
    });
    for (Operation *op : users)
      for (OpOperand &operand : op->getOpOperands()) {
        Value value = throughMicro(operand.get());
        Operation *producer = value.getDefiningOp();
        bool own = producer && (isa<task::KernelOp>(producer) ||
                                (!isa<SetOp>(op) && isa<BoxingOp, ReadOp>(producer)));
        // Two variables may get one value: the second copies it.
        bool first = !isa<SetOp>(op) || setValues.insert(value).second;
        if (!own || !first)
          operand.set(copyOf(operand.get(), op));
      }
  }

private:
  Value copyOf(Value value, Operation *user) {
    OpBuilder b(user);
    Location loc = value.getLoc();
    auto source = dyn_cast<NameLoc>(loc);
    std::string name =
        ((source ? source.getName().strref() : StringRef("copy")) + ".copy#" + Twine(next++)).str();
    auto kernel = task::KernelOp::create(b, loc, TypeRange{value.getType()}, b.getStringAttr(name),
                                         ValueRange{value}, b.getDenseI64ArrayAttr({-1}));
    Block &body = kernel.getBody().emplaceBlock();
    Value argument = body.addArgument(value.getType(), loc);
    OpBuilder inner = OpBuilder::atBlockEnd(&body);
    OperationState state(loc, CopyOp::getOperationName(), {argument}, {value.getType()});
    task::ReturnOp::create(inner, loc, inner.create(state)->getResults());
    return kernel.getResult(0);
  }

  ProgramOp program;
  llvm::DenseSet<Value> setValues;
  int64_t next = 0;
};

} // namespace

LogicalResult prepareForTasks(ProgramOp program) {
  if (failed(check(program)))
    return failure();
  Materialiser(program).run();
  return success();
}

} // namespace of
