#include "test/distribute/optimal/Program.h"

using namespace mlir;

namespace of::test {
namespace {

class Reader {
public:
  explicit Reader(ProgramOp program) {
    program.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (auto micro = dyn_cast<MicroOp>(op))
        out.microBatches = micro.getCount();
      else if (auto yield = dyn_cast<YieldOp>(op))
        for (unsigned i = 0; i < yield.getNumOperands(); ++i)
          addStep(op, StepKind::Yield, {yield.getOperand(i)}, {op->getParentOp()->getResult(i)});
      else
        addStep(op, kindOf(op), op->getOperands(), op->getResults());
    });
    placeBlocks();
  }
  TrainProgram out;

private:
  static StepKind kindOf(Operation *op) {
    return isa<GetOp>(op)    ? StepKind::Get
           : isa<ReadOp>(op) ? StepKind::Read
           : isa<SetOp>(op)  ? StepKind::Set
                             : StepKind::Compute;
  }

  void addStep(Operation *op, StepKind kind, ValueRange operands, ValueRange results) {
    const size_t s = out.steps.size();
    const bool isInside = isa<MicroOp>(op->getParentOp());
    Step step{
        op, kind, {}, {}, isInside && kind != StepKind::Yield, isInside ? out.microBatches : 1};
    if (kind != StepKind::Set)
      step.position = positions++;
    for (Value v : operands) {
      const size_t value = numbers.at(v);
      step.operands.push_back(value);
      out.values[value].users.push_back(s);
      out.values[value].lastUser = s;
    }
    for (Value v : results) {
      numbers[v] = out.values.size();
      step.results.push_back(out.values.size());
      out.values.push_back({cast<RankedTensorType>(v.getType()),
                            s,
                            {},
                            s,
                            kind == StepKind::Yield ? 1 : step.times});
    }
    out.getOf.push_back(s);
    if (auto get = dyn_cast<GetOp>(op))
      gets[get.getVariable()] = s;
    if (auto set = dyn_cast<SetOp>(op))
      out.getOf.back() = gets.lookup(set.getVariable());
    out.steps.push_back(std::move(step));
  }

  // An op says its block, a variable has its own; a read is on the first block that needs it, or
  // its sum; a yield where its value is.
  void placeBlocks() {
    ModuleOp module = out.steps[0].op->getParentOfType<ModuleOp>();
    auto said = [](Operation *op) {
      auto block = op->getAttrOfType<IntegerAttr>(OfDialect::stageAttrName);
      return block ? block.getInt() : 0;
    };
    for (Step &step : out.steps) {
      step.block = said(step.op);
      if (auto get = dyn_cast<GetOp>(step.op))
        step.block = said(SymbolTable::lookupSymbolIn(module, get.getVariable()));
      out.blocks = std::max(out.blocks, step.block + 1);
    }
    for (Step &step : out.steps)
      if (step.kind == StepKind::Read)
        step.block = firstNeed(step).value_or(0);
    for (size_t s = 0; s < out.steps.size(); ++s) {
      Step &step = out.steps[s];
      if (step.kind == StepKind::Yield)
        step.block = out.steps[out.values[step.operands[0]].producer].block;
      if (step.kind == StepKind::Set)
        step.block = out.steps[out.getOf[s]].block;
    }
  }

  std::optional<int64_t> firstNeed(const Step &maker) const {
    std::optional<int64_t> first;
    for (size_t v : maker.results)
      for (size_t user : out.values[v].users) {
        const Step &step = out.steps[user];
        const std::optional<int64_t> block =
            step.kind == StepKind::Yield ? firstNeed(step) : std::optional(step.block);
        if (block && (!first || *block < *first))
          first = block;
      }
    return first;
  }

  llvm::DenseMap<Value, size_t> numbers;
  llvm::StringMap<size_t> gets;
  int64_t positions = 0;
};

} // namespace

TrainProgram programOf(ModuleOp module) {
  for (ProgramOp program : module.getOps<ProgramOp>())
    if (program.getKind() == ProgramKind::Train)
      return Reader(program).out;
  return {};
}

} // namespace of::test
