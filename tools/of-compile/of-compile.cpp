// of-compile: from a job and a cluster to a plan.
#include "tools/of-compile/Compile.h"

#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"

int main(int argc, char **argv) {
  llvm::cl::OptionCategory category("of-compile options");
  llvm::cl::opt<std::string> input(llvm::cl::Positional,
                                   llvm::cl::desc("<job.yaml | model.onnx | printed.mlir>"),
                                   llvm::cl::Required, llvm::cl::cat(category));
  llvm::cl::opt<std::string> cluster("cluster", llvm::cl::desc("Machines to compile for"),
                                     llvm::cl::value_desc("cluster.yaml"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> model("model",
                                   llvm::cl::desc("Model instead of the one the job names"),
                                   llvm::cl::value_desc("model.mlir"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> job("job", llvm::cl::desc("Job of an ONNX model"),
                                 llvm::cl::value_desc("job.yaml"), llvm::cl::cat(category));
  llvm::cl::list<std::string> freeze(
      "freeze", llvm::cl::desc("Parameters that are not trained, beside those the job freezes"),
      llvm::cl::value_desc("pattern"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> output("o", llvm::cl::desc("File to write, - for stdout (not a plan)"),
                                    llvm::cl::value_desc("file"), llvm::cl::init("job.plan"),
                                    llvm::cl::cat(category));
  std::string rungs = "Stop after a rung and print the module: " + of::listRungs();
  llvm::cl::opt<std::string> to("compile-to", llvm::cl::desc(rungs), llvm::cl::value_desc("rung"),
                                llvm::cl::init("export"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> dumpDir("dump-dir",
                                     llvm::cl::desc("Write the module of every rung here"),
                                     llvm::cl::value_desc("folder"), llvm::cl::cat(category));
  llvm::cl::opt<bool> inference("inference",
                                llvm::cl::desc("Compile a job that trains for running its model "
                                               "forward instead"),
                                llvm::cl::cat(category));
  llvm::cl::opt<bool> explain("explain",
                              llvm::cl::desc("Print how each op was distributed, and why"),
                              llvm::cl::cat(category));
  llvm::cl::list<std::string> whatIf(
      "what-if",
      llvm::cl::desc("Print what a step would take if a value lay so, and the bandwidths at "
                     "which that would be chosen"),
      llvm::cl::value_desc("value=S(0)"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> annotations(
      "annotations", llvm::cl::desc("Choices to take for given; the rest is searched"),
      llvm::cl::value_desc("file"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> emitAnnotations(
      "emit-annotations", llvm::cl::desc("Write the choices here, for --annotations"),
      llvm::cl::value_desc("file"), llvm::cl::cat(category));
  llvm::cl::opt<std::string> profile(
      "profile",
      llvm::cl::desc("What a run has measured (of-run --profile): durations instead of estimates"),
      llvm::cl::value_desc("file"), llvm::cl::cat(category));
  llvm::cl::opt<bool> oneThread(
      "mlir-disable-threading", llvm::cl::Hidden,
      llvm::cl::desc("Passes on one thread, as --mlir-print-ir-module-scope needs it"));
  mlir::registerAsmPrinterCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  llvm::cl::HideUnrelatedOptions(category);
  llvm::cl::SetVersionPrinter([](llvm::raw_ostream &out) {
    out << "of-compile " OF_VERSION ", with LLVM " LLVM_VERSION_STRING "\n";
  });
  llvm::cl::ParseCommandLineOptions(
      argc, argv,
      "Compiles a training job for a cluster.\n\n"
      "  of-compile job.yaml --cluster=cluster.yaml -o job.plan\n"
      "  of-compile job.yaml --cluster=cluster.yaml --inference -o forward.plan\n"
      "  of-compile model.onnx --job=job.yaml --cluster=cluster.yaml -o job.plan\n"
      "  of-compile job.yaml --cluster=cluster.yaml --compile-to=distribute -o -\n");
  std::optional<of::Rung> rung = of::rungOf(to);
  if (!rung) {
    llvm::errs() << "of-compile: error: '" << to << "' is no rung; --compile-to takes "
                 << of::listRungs() << "\n";
    return 2;
  }
  if (*rung == of::Rung::Export && output == "-") {
    llvm::errs() << "of-compile: error: a plan is no text; name a file with -o\n";
    return 2;
  }
  if ((explain || !whatIf.empty()) && output == "-") {
    llvm::errs() << "of-compile: error: " << (explain ? "--explain" : "--what-if")
                 << " writes to stdout; name a file with -o\n";
    return 2;
  }
  of::CompileOptions options{input,
                             job,
                             cluster,
                             model,
                             output,
                             *rung,
                             {freeze.begin(), freeze.end()},
                             dumpDir,
                             {whatIf.begin(), whatIf.end()},
                             profile,
                             annotations,
                             emitAnnotations,
                             explain,
                             inference,
                             !oneThread};
  return of::compile(options);
}
