#include "lib/Pipeline/Rungs.h"

#include "lib/Distribute/Passes.h"
#include "lib/Physical/Passes.h"
#include "lib/Schedule/Passes.h"
#include "lib/Train/Passes.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/Pass.h"

namespace of {

static constexpr std::pair<Rung, llvm::StringLiteral> kRungs[] = {
    {Rung::Import, "import"},     {Rung::Train, "train"},       {Rung::Distribute, "distribute"},
    {Rung::Physical, "physical"}, {Rung::Schedule, "schedule"}, {Rung::Export, "export"}};

llvm::StringRef nameOf(Rung rung) { return kRungs[static_cast<int>(rung)].second; }

std::optional<Rung> rungOf(llvm::StringRef name) {
  for (const auto &[rung, text] : kRungs)
    if (text == name)
      return rung;
  return std::nullopt;
}

std::string listRungs() {
  std::string out;
  for (const auto &[rung, text] : kRungs)
    out += (out.empty() ? "" : ", ") + text.str();
  return out;
}

namespace {
/// Once for each rung: after every pass it would be a twentieth of the time of large models.
struct VerifyRungPass : mlir::PassWrapper<VerifyRungPass, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyRungPass)
  void runOnOperation() override {
    if (failed(mlir::verify(getOperation())))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace

void addPasses(mlir::PassManager &passes, Rung from, Rung to) {
  passes.enableVerifier(false);
  auto step = [&](Rung rung, std::initializer_list<std::unique_ptr<mlir::Pass> (*)()> list) {
    if (rung <= from || to < rung)
      return;
    for (auto create : list)
      passes.addPass(create());
    passes.addPass(std::make_unique<VerifyRungPass>());
  };
  step(Rung::Train, {createMarkBlocksPass, createBuildProgramsPass});
  step(Rung::Distribute, {createAssignPlacementsPass, createDistributePass, createRecomputePass,
                          createPlanBoxingPass, createVerifyDistributedPass});
  step(Rung::Physical,
       {createLowerMicroPass, createFuseKernelsPass, createOffloadPass, createBuildTasksPass});
  step(Rung::Schedule, {createSettleBuffersPass, createSchedulePass, createAssignMemoryPass});
}

mlir::LogicalResult runPasses(mlir::ModuleOp module, Rung from, Rung to) {
  mlir::PassManager passes(module.getContext());
  mlir::applyDefaultTimingPassManagerCLOptions(passes);
  if (failed(mlir::applyPassManagerCLOptions(passes)))
    return mlir::failure();
  addPasses(passes, from, to);
  return passes.run(module);
}

} // namespace of
