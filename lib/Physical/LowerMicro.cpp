// of-lower-micro
//
//   before   %s = of.micro count 4 -> T { ... of.yield %g : T }
//   after    %s = of.micro count 4 -> T { ^bb0(%sum: T): ...
//                   %a = of.accumulate %sum, %g   of.yield %a : T }
//
// With count 1 the region's ops take the place of the op: one rate, so no boundary between
// micro-batch and step.
#include "dialects/Of/Of.h"
#include "lib/Physical/Passes.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {

static void inlineMicro(MicroOp micro) {
  Block &block = micro.getBody().front();
  auto yield = cast<YieldOp>(block.getTerminator());
  micro.getResults().replaceAllUsesWith(yield.getValues());
  yield.erase();
  micro->getBlock()->getOperations().splice(micro->getIterator(), block.getOperations());
  micro.erase();
}

static void addAccumulators(MicroOp micro) {
  Block &block = micro.getBody().front();
  auto yield = cast<YieldOp>(block.getTerminator());
  OpBuilder b(yield);
  for (OpOperand &value : yield->getOpOperands()) {
    Location loc = value.get().getLoc();
    Type type = value.get().getType();
    Value sum = block.addArgument(type, loc);
    OperationState state(loc, AccumulateOp::getOperationName(), {sum, value.get()}, {type});
    Operation *op = b.create(state);
    if (Operation *source = value.get().getDefiningOp())
      if (Attribute stage = source->getAttr(OfDialect::stageAttrName))
        op->setAttr(OfDialect::stageAttrName, stage);
    value.set(op->getResult(0));
  }
}

namespace {
struct LowerMicroPass : PassWrapper<LowerMicroPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerMicroPass)
  StringRef getArgument() const override { return "of-lower-micro"; }
  StringRef getDescription() const override {
    return "Inlines single micro-batches and makes the sums over several explicit";
  }
  void runOnOperation() override {
    SmallVector<MicroOp> all;
    getOperation().walk([&](MicroOp micro) { all.push_back(micro); });
    for (MicroOp micro : all) {
      if (micro.getBody().getNumArguments() > 0)
        continue; // has its accumulators
      micro.getCount() == 1 ? inlineMicro(micro) : addAccumulators(micro);
    }
  }
};
} // namespace

std::unique_ptr<Pass> createLowerMicroPass() { return std::make_unique<LowerMicroPass>(); }

} // namespace of
