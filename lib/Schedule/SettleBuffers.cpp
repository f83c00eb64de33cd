// of-settle-buffers
//
//   before   %w2 = task.kernel "sub" (%w, %g) in_place [-1]   of.set @w, %w2   (%w read later)
//   after    %w2 = task.kernel "sub" ...   %c = task.kernel "sub.copy" (%w2)   of.set @w, %c
//
// Decides which results take the buffer of an argument, a variable or an accumulator, and adds the
// copies without which that would be wrong (SegmentBuffers.h).
#include "lib/Schedule/Passes.h"
#include "lib/Schedule/SegmentBuffers.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {

namespace {
struct SettleBuffersPass : PassWrapper<SettleBuffersPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SettleBuffersPass)
  StringRef getArgument() const override { return "of-settle-buffers"; }
  StringRef getDescription() const override {
    return "Lets results take the buffers of dying arguments, variables and accumulators";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<OfDialect, task::TaskDialect, func::FuncDialect>();
  }
  void runOnOperation() override {
    getOperation().walk([](task::SegmentOp segment) { SegmentBuffers(segment).settle(); });
  }
};
} // namespace

std::unique_ptr<Pass> createSettleBuffersPass() { return std::make_unique<SettleBuffersPass>(); }

} // namespace of
