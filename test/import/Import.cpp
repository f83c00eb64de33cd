// of-import-test: the Import rung by itself, for lit. Prints the module of a job; with --train, the
// programs built from it.
#include "lib/Import/Import.h"
#include "dialects/Of/Of.h"
#include "lib/Train/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

int main(int argc, char **argv) {
  llvm::cl::opt<std::string> job(llvm::cl::Positional, llvm::cl::desc("job.yaml"),
                                 llvm::cl::Required);
  llvm::cl::opt<std::string> cluster(llvm::cl::Positional, llvm::cl::desc("cluster.yaml"),
                                     llvm::cl::Required);
  llvm::cl::opt<std::string> model("of-model", llvm::cl::desc("model file instead of the job's"));
  llvm::cl::opt<bool> train("of-train", llvm::cl::desc("build the programs"));
  llvm::cl::ParseCommandLineOptions(argc, argv);
  mlir::MLIRContext context;
  context.loadDialect<of::OfDialect, mlir::func::FuncDialect>();
  llvm::SourceMgr sources;
  mlir::SourceMgrDiagnosticHandler handler(sources, &context, llvm::errs());
  of::Weights weights;
  mlir::OwningOpRef<mlir::ModuleOp> module =
      of::importJob(&context, {job, cluster, model, "model.safetensors", {}}, weights);
  if (!module)
    return 1;
  if (train) {
    mlir::PassManager passes(&context);
    passes.addPass(of::createBuildProgramsPass());
    if (mlir::failed(passes.run(*module)))
      return 1;
  }
  module->print(llvm::outs(), mlir::OpPrintingFlags().printNameLocAsPrefix());
  return 0;
}
