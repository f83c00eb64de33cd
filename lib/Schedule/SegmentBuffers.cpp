#include "lib/Schedule/SegmentBuffers.h"

#include "lib/Codegen/Codegen.h"

using namespace mlir;

namespace of {

Value segmentRoot(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ViewOpInterface>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

SmallVector<task::KernelOp> SegmentBuffers::kernels() const {
  return llvm::to_vector(
      const_cast<task::SegmentOp &>(segment).getBody().front().getOps<task::KernelOp>());
}

void SegmentBuffers::index() {
  position.clear();
  lastUses.clear();
  variableReads.clear();
  for (task::KernelOp kernel : kernels())
    indexLast(kernel);
}

void SegmentBuffers::indexLast(task::KernelOp kernel) {
  int64_t at = position.size();
  position[kernel] = at;
  for (OpOperand &operand : kernel.getInputsMutable()) {
    Value root = segmentRoot(operand.get());
    lastUses[root] = at;
    if (auto get = root.getDefiningOp<GetOp>())
      variableReads[get.getVariable()].push_back(&operand);
  }
}

// Variables are set at the end of the step, so copies for them may stand behind all kernels.
void SegmentBuffers::setsLast() {
  Block &body = segment.getBody().front();
  for (SetOp set : llvm::to_vector(body.getOps<SetOp>()))
    set->moveBefore(body.getTerminator());
}

void SegmentBuffers::settle() {
  setsLast();
  index();
  settleAccumulators();
  settleSets();
  index();
  shareDying();
  updateCalls();
}

static ArrayRef<int64_t> inPlaceOf(task::KernelOp kernel) { return kernel.getInPlace(); }

static void setInPlace(task::KernelOp kernel, unsigned result, int64_t argument) {
  SmallVector<int64_t> list(inPlaceOf(kernel));
  list[result] = argument;
  kernel.setInPlaceAttr(DenseI64ArrayAttr::get(kernel.getContext(), list));
}

// Marks made so far do not matter to whether another pair may share.
bool SegmentBuffers::canTake(task::KernelOp kernel, unsigned argument, unsigned result) {
  for (auto [i, operand] : llvm::enumerate(kernel.getInputs()))
    if (i != argument && segmentRoot(operand) == segmentRoot(kernel.getInputs()[argument]))
      return false; // the other view would see new values
  if (llvm::is_contained(inPlaceOf(kernel), static_cast<int64_t>(argument)))
    return false;
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (!isFusable(&op))
      return false;
  OwningOpRef<ModuleOp> &module = functions[kernel];
  if (!module)
    module = kernelModule(kernel);
  return canShareBuffer(*module->getOps<func::FuncOp>().begin(), argument, result);
}

Value SegmentBuffers::copyAtEnd(Value value) {
  Block &body = segment.getBody().front();
  Operation *before = body.getTerminator();
  while (before->getPrevNode() && isa<SetOp>(before->getPrevNode()))
    before = before->getPrevNode();
  OpBuilder b(before);
  Location loc = value.getLoc();
  std::string name = "copy";
  if (auto kernel = value.getDefiningOp<task::KernelOp>())
    name = kernel.getName().str() + ".copy";
  auto kernel = task::KernelOp::create(b, loc, TypeRange{value.getType()}, b.getStringAttr(name),
                                       ValueRange{value}, b.getDenseI64ArrayAttr({-1}));
  Block &inner = kernel.getBody().emplaceBlock();
  inner.addArgument(value.getType(), loc);
  b.setInsertionPointToEnd(&inner);
  OperationState state(loc, CopyOp::getOperationName(), {inner.getArgument(0)}, {value.getType()});
  task::ReturnOp::create(b, loc, b.create(state)->getResults());
  indexLast(kernel);
  return kernel.getResult(0);
}

// The new sum goes where the old one lies: into the slot of the output port.
void SegmentBuffers::settleAccumulators() {
  Block &body = segment.getBody().front();
  auto terminator = cast<task::ReturnOp>(body.getTerminator());
  unsigned next = segment.getInputs().size();
  for (auto [port, period] : llvm::enumerate(segment.getOutPeriods())) {
    if (period == 1)
      continue;
    BlockArgument sum = body.getArgument(next++);
    Value value = terminator.getValues()[port];
    auto kernel = value.getDefiningOp<task::KernelOp>();
    unsigned result = cast<OpResult>(value).getResultNumber();
    int64_t argument = llvm::find(kernel.getInputs(), Value(sum)) - kernel.getInputs().begin();
    bool reads = argument < static_cast<int64_t>(kernel.getInputs().size());
    if (lastUse(sum) <= position[kernel] && reads && canTake(kernel, argument, result)) {
      setInPlace(kernel, result, argument);
      continue;
    }
    terminator->setOperand(port, copyAtEnd(value));
  }
}

bool SegmentBuffers::writesDirectly(SetOp set, llvm::DenseSet<Value> &taken) {
  auto kernel = set.getValue().getDefiningOp<task::KernelOp>();
  if (!kernel || !taken.insert(set.getValue()).second)
    return false;
  if (llvm::any_of(set.getValue().getUsers(), [](Operation *u) { return isa<task::ReturnOp>(u); }))
    return false;
  unsigned result = cast<OpResult>(set.getValue()).getResultNumber();
  if (kernel.getInPlace()[result] >= 0)
    return false;
  int64_t at = position[kernel], argument = -1;
  for (OpOperand *read : variableReads.lookup(set.getVariable())) {
    auto reader = cast<task::KernelOp>(read->getOwner());
    if (position[reader] < at)
      continue;
    if (position[reader] > at || argument >= 0 || !read->get().getDefiningOp<GetOp>() ||
        !canTake(reader, read->getOperandNumber(), result))
      return false;
    argument = read->getOperandNumber();
  }
  if (argument >= 0)
    setInPlace(kernel, result, argument);
  return true;
}

void SegmentBuffers::settleSets() {
  llvm::DenseSet<Value> taken;
  for (SetOp set : llvm::to_vector(segment.getBody().front().getOps<SetOp>()))
    if (!writesDirectly(set, taken)) {
      set.getValueMutable().assign(copyAtEnd(set.getValue()));
      taken.insert(set.getValue());
    }
}

static bool isTemporary(Value value) {
  if (!value.getDefiningOp<task::KernelOp>())
    return false;
  return llvm::none_of(value.getUsers(),
                       [](Operation *u) { return isa<task::ReturnOp, SetOp>(u); });
}

void SegmentBuffers::shareDying() {
  for (task::KernelOp kernel : kernels())
    for (OpResult result : kernel->getResults()) {
      unsigned r = result.getResultNumber();
      if (!isTemporary(result) || kernel.getInPlace()[r] >= 0)
        continue;
      for (auto [i, operand] : llvm::enumerate(kernel.getInputs())) {
        Value root = segmentRoot(operand);
        if (isTemporary(root) && operand == root && lastUse(root) == position[kernel] &&
            canTake(kernel, i, r)) {
          setInPlace(kernel, r, i);
          break;
        }
      }
    }
}

void SegmentBuffers::updateCalls() {
  Block &body = segment.getBody().front();
  SmallVector<int64_t> inCalls, outCalls;
  for (unsigned i = 0; i < segment.getInputs().size(); ++i) {
    auto it = lastUses.find(body.getArgument(i));
    inCalls.push_back(it == lastUses.end() ? -1 : it->second);
  }
  for (Value value : body.getTerminator()->getOperands())
    outCalls.push_back(position.lookup(value.getDefiningOp()));
  OpBuilder b(segment);
  segment.setInCallsAttr(b.getDenseI64ArrayAttr(inCalls));
  segment.setOutCallsAttr(b.getDenseI64ArrayAttr(outCalls));
}

std::vector<TemporaryBuffer> SegmentBuffers::temporaries() {
  index();
  std::vector<TemporaryBuffer> out;
  llvm::DenseMap<Value, size_t> bufferOf;
  for (task::KernelOp kernel : kernels()) {
    int64_t at = position[kernel];
    for (OpResult result : kernel->getResults()) {
      if (!isTemporary(result))
        continue;
      int64_t last = std::max(at, lastUse(result));
      int64_t argument = kernel.getInPlace()[result.getResultNumber()];
      size_t buffer = out.size();
      if (argument >= 0)
        buffer = bufferOf[segmentRoot(kernel.getInputs()[argument])];
      else
        out.push_back({at, last, alignedBytes(partBytes(result.getType())), {}, {}});
      out[buffer].last = std::max(out[buffer].last, last);
      out[buffer].values.push_back(result);
      bufferOf[result] = buffer;
    }
    if (auto scratch = kernel->getAttrOfType<DenseI64ArrayAttr>("task.scratch"))
      out.push_back({at, at, alignedBytes(scratch[0]), {}, kernel});
  }
  return out;
}

} // namespace of
