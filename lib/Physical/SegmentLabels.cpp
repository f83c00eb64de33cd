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
    if (!op || !isa<ViewOpInterface>(op))
      return value;
    value = op->getOperand(0);
  }
}

SegmentLabels::SegmentLabels(ProgramOp program) {
  program.walk([&](Operation *op) {
    for (Value result : op->getResults())
      if (DistAttr dist = distOf(result.getType()))
        meshes.insert({dist.getMesh(), static_cast<int>(meshes.size())});
  });
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
    } else if (!isa<ViewOpInterface, GetOp, YieldOp>(op)) {
      items.push_back({&op, micro, -1});
    }
  }
}

int SegmentLabels::meshIndex(Value value) { return meshes.lookup(distOf(value).getMesh()); }

SegmentLabels::State SegmentLabels::stateOf(Value value) {
  auto found = states.find(rootOf(value));
  if (found != states.end())
    return found->second;
  State none; // a variable, or an accumulator's value so far
  none.labels.assign(meshes.size(), -1);
  return none;
}

void SegmentLabels::label(PhysicalItem &item) {
  Operation *op = item.op;
  State state;
  state.labels.assign(meshes.size(), -1);
  state.micro = item.micro;
  auto kernel = dyn_cast<task::KernelOp>(op);
  if (kernel)
    state.mesh = meshIndex(kernel.getResult(0));
  int own = 0;
  for (Value operand : op->getOperands()) {
    State from = stateOf(operand);
    for (auto [mine, theirs] : llvm::zip(state.labels, from.labels))
      mine = std::max(mine, theirs);
    if (isa<BoxingOp>(op))
      state.hops = std::max(state.hops, from.hops + 1);
    if (!kernel)
      continue;
    bool direct = from.mesh == state.mesh && from.micro == item.micro;
    own = std::max(own, from.labels[state.mesh] + (direct ? 0 : 1));
  }
  if (kernel)
    state.labels[state.mesh] = item.label = own;
  if (isa<BoxingOp>(op))
    keys[op] = {state.labels, state.hops};
  for (Value result : op->getResults())
    states[result] = state;
}

// A variable is set where its value is computed, unless somebody reads the old value in another
// segment: then after the last of those.
void SegmentLabels::labelSets() {
  llvm::StringMap<std::pair<int, int>> readers; // largest label of a step's and a micro's reader
  for (const PhysicalItem &item : items) {
    if (!isa<task::KernelOp>(item.op))
      continue;
    for (Value operand : item.op->getOperands())
      if (auto get = rootOf(operand).getDefiningOp<GetOp>()) {
        auto &[step, micro] = readers.try_emplace(get.getVariable(), -1, -1).first->second;
        int &last = item.micro ? micro : step;
        last = std::max(last, item.label);
      }
  }
  for (PhysicalItem &item : items) {
    auto set = dyn_cast<SetOp>(item.op);
    if (!set)
      continue;
    State from = stateOf(set.getValue());
    int mesh = meshIndex(set.getValue());
    item.label = from.labels[mesh] + (from.mesh == mesh && !from.micro ? 0 : 1);
    if (auto it = readers.find(set.getVariable()); it != readers.end())
      item.label = std::max({item.label, it->second.first, it->second.second + 1});
  }
}

} // namespace of
