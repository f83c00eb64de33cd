// of-docs: what the reference pages are made of, from the definitions themselves.
//
//   of-docs job-schema | cluster-schema | job-keys | cluster-keys
//   of-docs onnx-ops                 one line per op of ONNX: name, tab, first opset, tab,
//   gradient;
//                                    or name, tab, why it is not imported
//   of-docs signatures FILE.mlir     one line per op of the file: name, tab, op, tab, signatures
//
// An op that has signatures but does not occur in the file is an error, so no op goes undescribed.
// Used by reference.py alone.
#include "dialects/Of/Of.h"
#include "lib/Config/Job.h"
#include "lib/Cost/Cluster.h"
#include "lib/Import/Onnx/OpTable.h"
#include "lib/Import/Onnx/Unsupported.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

static std::string textOf(const of::Signature &s) {
  std::string text = of::toString(of::NdSbp(s.operands.begin(), s.operands.end())) + " → " +
                     of::toString(of::NdSbp(s.results.begin(), s.results.end()));
  return s.evenOnly ? text + " (even splits)" : text;
}

// The op as it is written: its line of the file.
static StringRef sourceLine(Operation *op, StringRef text) {
  for (unsigned line = cast<FileLineColLoc>(op->getLoc()).getLine(); line > 1; --line)
    text = text.split('\n').second;
  return text.split('\n').first.trim();
}

static void printSignatures(Operation *op, StringRef text) {
  llvm::outs() << op->getName() << "\t" << sourceLine(op, text) << "\t";
  llvm::interleave(
      of::signaturesOf(op), llvm::outs(), [](const of::Signature &s) { llvm::outs() << textOf(s); },
      "; ");
  llvm::outs() << "\n";
}

static LogicalResult signatures(const char *file) {
  MLIRContext context;
  context.loadDialect<of::OfDialect, func::FuncDialect>();
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context, llvm::errs());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, sources, &context);
  if (!module)
    return failure();
  StringRef text = sources.getMemoryBuffer(sources.getMainFileID())->getBuffer();
  llvm::StringSet<> seen;
  module->walk([&](of::ShardingOpInterface op) {
    if (seen.insert(op->getName().getStringRef()).second)
      printSignatures(op, text);
  });
  bool complete = true;
  for (RegisteredOperationName name : context.getRegisteredOperationsByDialect("of")) {
    if (!name.hasInterface<of::ShardingOpInterface>() || seen.contains(name.getStringRef()))
      continue;
    llvm::errs() << file << ": " << name << " does not occur; add one, for the reference page\n";
    complete = false;
  }
  return success(complete);
}

static void onnxOps() {
  for (const of::onnx::OpEntry &op : of::onnx::allOps())
    llvm::outs() << op.name << "\t" << op.since << "\t" << (op.hasGradient ? "yes" : "none")
                 << "\n";
  for (const of::onnx::UnsupportedOp &op : of::onnx::unsupportedOps())
    llvm::outs() << op.name << "\t" << op.why << "\n";
}

int main(int argc, char **argv) {
  StringRef what = argc > 1 ? argv[1] : "";
  if (what == "job-schema")
    llvm::outs() << of::config::jsonSchema(of::jobKeys(), "job.yaml");
  else if (what == "cluster-schema")
    llvm::outs() << of::config::jsonSchema(of::clusterKeys(), "cluster.yaml");
  else if (what == "job-keys")
    llvm::outs() << of::config::markdownReference(of::jobKeys(), "Keys of job.yaml");
  else if (what == "cluster-keys")
    llvm::outs() << of::config::markdownReference(of::clusterKeys(), "Keys of cluster.yaml");
  else if (what == "onnx-ops")
    onnxOps();
  else if (what == "signatures" && argc == 3)
    return failed(signatures(argv[2]));
  else {
    llvm::errs() << "usage: of-docs job-schema|cluster-schema|job-keys|cluster-keys|onnx-ops|"
                    "signatures FILE\n";
    return 2;
  }
  return 0;
}
