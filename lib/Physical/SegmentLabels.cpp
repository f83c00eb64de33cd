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
  labelSets();
}

void SegmentLabels::collect(Block &block, bool micro) {
  for (Operation &op : block) {
    if (auto inner = dyn_cast<MicroOp>(op)) {
      micros = inner.getCount();
      collect(inner.getBody().front(), true);
    } else if (!isa<ViewOpInterface, task::AfterOp, GetOp, YieldOp>(op)) {
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
    if (auto after = dyn_cast<task::AfterOp>(op))
      out.append(statesOf(after.getEarlier()));
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

SmallVector<PhysicalItem *> SegmentLabels::unawaited() {
  llvm::DenseSet<Operation *> awaited;
  using Key = std::pair<MeshAttr, int>;
  auto keyOf = [](const PhysicalItem &item) {
    return Key(distOf(item.op->getResult(0)).getMesh(), item.label);
  };
  llvm::DenseSet<Key> segments; // with something that is awaited
  for (PhysicalItem &item : llvm::reverse(items)) {
    if (!item.micro || !(isa<BoxingOp>(item.op) || awaited.contains(item.op)))
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
