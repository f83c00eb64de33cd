#include "lib/Physical/SegmentLabels.h"

using namespace mlir;

namespace of {

Value throughMicro(Value value) {
  if (auto micro = value.getDefiningOp<MicroOp>())
    return micro.getBody().front().getTerminator()->getOperand(
        cast<OpResult>(value).getResultNumber());
  return value;
}

Value rootOf(Value value) {
  for (;;) {
    value = throughMicro(value);
    Operation *op = value.getDefiningOp();
    if (!op || !isa<ViewOpInterface, task::AfterOp>(op))
      return value;
    value = op->getOperand(0);
  }
}

SegmentLabels::SegmentLabels(ProgramOp program) {
  collect(program.getBody().front(), false);
  for (PhysicalItem &item : items)
    label(item);
  delayKept();
  labelSets();
}

void SegmentLabels::collect(Block &block, bool micro) {
  for (Operation &op : block) {
    if (auto inner = dyn_cast<MicroOp>(op)) {
      micros = inner.getCount();
      collect(inner.getBody().front(), true);
    } else if (isa<YieldOp>(op)) {
      llvm::append_range(yields, op.getOperands());
    } else if (!isa<ViewOpInterface, task::AfterOp, GetOp>(op)) {
      items.push_back({&op, micro});
    }
  }
}

// Of what computed a value, and of what it was held back for on the way.
SmallVector<SegmentLabels::State> SegmentLabels::statesOf(Value value) const {
  SmallVector<State> out{stateOf(value)};
  for (;;) {
    Operation *op = throughMicro(value).getDefiningOp();
    if (!op || !isa<ViewOpInterface, task::AfterOp>(op))
      return out;
    if (auto after = dyn_cast<task::AfterOp>(op)) {
      SmallVector<State> earlier = statesOf(after.getEarlier());
      if (after.getApart())
        for (State &state : earlier)
          state.mesh = {}; // as if another stream had it in between
      out.append(earlier);
    }
    value = op->getOperand(0);
  }
}

void SegmentLabels::label(PhysicalItem &item) {
  Operation *op = item.op;
  State state;
  state.micro = item.micro;
  auto kernel = dyn_cast<task::KernelOp>(op);
  if (kernel)
    state.mesh = distOf(kernel.getResult(0)).getMesh();
  int own = 0;
  for (Value operand : op->getOperands())
    for (const State &from : statesOf(operand)) {
      item.afterMicro |= !item.micro && (from.micro || from.afterMicro);
      state.label = std::max(state.label, from.label);
      if (isa<BoxingOp>(op))
        state.hops = std::max(state.hops, from.hops + 1);
      bool direct = from.mesh == state.mesh && from.micro == item.micro;
      own = std::max(own, from.label + (direct ? 0 : 1));
    }
  state.afterMicro = item.afterMicro;
  if (kernel)
    state.label = item.label = own;
  if (isa<BoxingOp>(op))
    keys[op] = {state.label, state.hops, item.micro, item.afterMicro};
  for (Value result : op->getResults())
    states[result] = state;
}

// Of the backward pass what needs the forward pass alone, other layouts of activations mostly. From
// the last to the first, so that what leads to them is delayed with them.
void SegmentLabels::delayKept() {
  llvm::DenseMap<Value, SmallVector<PhysicalItem *>> readers; ///< by root
  llvm::DenseSet<Value> yielded;                              ///< roots
  for (Value value : yields)
    yielded.insert(rootOf(value));
  for (PhysicalItem &item : items)
    for (Value operand : item.op->getOperands())
      readers[rootOf(operand)].push_back(&item);
  auto lastReader = [&](Value root, const PhysicalItem *but) {
    int last = -1;
    for (PhysicalItem *reader : readers[root])
      if (reader != but)
        last = std::max(last, isa<task::KernelOp>(reader->op) ? reader->label
                                                              : std::numeric_limits<int>::max());
    return last;
  };
  for (PhysicalItem &item : llvm::reverse(items)) {
    auto kernel = dyn_cast<task::KernelOp>(item.op);
    if (!kernel || !item.micro)
      continue;
    const MeshAttr mesh = distOf(kernel.getResult(0)).getMesh();
    int first = std::numeric_limits<int>::max();
    int64_t kept = 0;
    bool isWaited = false;
    for (Value result : kernel.getResults()) {
      isWaited |= yielded.contains(result);
      kept += partBytes(result.getType());
      for (PhysicalItem *reader : readers[result]) {
        isWaited |= !isa<task::KernelOp>(reader->op) || !reader->micro ||
                    distOf(reader->op->getResult(0)).getMesh() != mesh;
        first = std::min(first, reader->label);
      }
    }
    if (isWaited || first <= item.label || first == std::numeric_limits<int>::max())
      continue;
    llvm::SmallSetVector<Value, 8> read;
    for (Value operand : kernel.getOperands())
      read.insert(rootOf(operand));
    for (Value root : read)
      if (states.contains(root) && lastReader(root, &item) < first)
        kept -= partBytes(root.getType());
    if (kept > 0)
      item.label = first;
  }
}

// Others take it over: another device, or the host.
static bool leavesStream(Operation *op) {
  return isa<BoxingOp, task::ToHostOp, task::ToDeviceOp>(op);
}

SmallVector<PhysicalItem *> SegmentLabels::unawaited() {
  llvm::DenseSet<Operation *> awaited;
  using Key = std::pair<MeshAttr, int>;
  auto keyOf = [](const PhysicalItem &item) {
    return Key(distOf(item.op->getResult(0)).getMesh(), item.label);
  };
  llvm::DenseSet<Key> segments; // with something that is awaited
  for (PhysicalItem &item : llvm::reverse(items)) {
    if (!item.micro || !(leavesStream(item.op) || awaited.contains(item.op)))
      continue;
    if (isa<task::KernelOp>(item.op))
      segments.insert(keyOf(item));
    for (Value operand : item.op->getOperands())
      if (Operation *producer = rootOf(operand).getDefiningOp())
        awaited.insert(producer);
  }
  SmallVector<PhysicalItem *> out;
  for (PhysicalItem &item : items)
    if (item.micro && isa<task::KernelOp>(item.op) && !awaited.contains(item.op) &&
        segments.contains(keyOf(item)))
      out.push_back(&item);
  return out;
}

void SegmentLabels::delayUnawaited() {
  for (PhysicalItem *item : unawaited())
    item->late = true;
}

// A variable is set where its value is computed, unless somebody reads the old value in another
// segment: then after the last of those.
void SegmentLabels::labelSets() {
  struct Readers {
    int label = -1; ///< the least that a set may have
    bool afterMicro = false;
  };
  llvm::StringMap<Readers> readers;
  for (const PhysicalItem &item : items) {
    if (!isa<task::KernelOp>(item.op))
      continue;
    for (Value operand : item.op->getOperands())
      if (auto get = rootOf(operand).getDefiningOp<GetOp>()) {
        Readers &known = readers[get.getVariable()];
        known.label = std::max(known.label, item.label + (item.micro ? 1 : 0));
        known.afterMicro |= item.micro || item.afterMicro;
      }
  }
  for (PhysicalItem &item : items) {
    auto set = dyn_cast<SetOp>(item.op);
    if (!set)
      continue;
    State from = stateOf(set.getValue());
    Readers before = readers.lookup(set.getVariable());
    item.label = from.label + (from.mesh && !from.micro ? 0 : 1);
    item.label = std::max(item.label, before.label);
    item.afterMicro |= before.afterMicro;
  }
}

} // namespace of
