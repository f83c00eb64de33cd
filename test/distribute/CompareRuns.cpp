// of-compare-runs A.mlir B.mlir: runs the train programs of two modules of one job for a few steps,
// then their evaluation, on the same made-up variables and batches, each as its types say. Fails if
// a variable or a metric differs.
#include "test/distribute/Interpreter.h"

#include "dialects/Of/Of.h"
#include "lib/Codegen/Codegen.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/xxhash.h"

#include <cmath>

using namespace mlir;
using namespace of;
using namespace of::test;

// Reals in [-0.5, 0.5), but second moments and variances, which are not negative; small whole
// numbers for labels, zero for counters. The same for one name everywhere.
static Buffer madeUp(StringRef name, RankedTensorType type) {
  Buffer buffer = makeBuffer(type);
  bool isReal = isa<FloatType>(type.getElementType());
  double least = name.ends_with("_v") || name.ends_with("var") ? 0 : -0.5;
  uint64_t state = llvm::xxh3_64bits(name);
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double unit = double(state >> 11) / double(1ull << 53);
    set(buffer, i, isReal ? unit + least : type.getRank() ? std::floor(unit * 10) : 0);
  }
  return buffer;
}

static double difference(const Buffer &a, const Buffer &b) {
  double error = 0, scale = 0;
  for (int64_t i = 0; i < a.type.getNumElements(); ++i) {
    double d = std::abs(get(a, i) - get(b, i));
    error = std::isnan(d) ? INFINITY : std::max(error, d);
    scale = std::max(scale, std::abs(get(a, i)));
  }
  return scale > 0 ? error / scale : error;
}

static LogicalResult runAll(Interpreter &interpreter, int64_t steps, bool evaluates) {
  if (failed(interpreter.compile(evaluates ? ArrayRef<StringRef>{"train", "eval"}
                                           : ArrayRef<StringRef>{"train"})))
    return failure();
  interpreter.setVariables(madeUp);
  for (int64_t step = 0; step < steps; ++step)
    if (failed(interpreter.run("train", madeUp)))
      return failure();
  return evaluates ? interpreter.run("eval", madeUp) : success();
}

static bool isNear(StringRef what, double difference, double most, double &largest) {
  largest = std::max(largest, difference);
  if (difference <= most)
    return true;
  llvm::errs() << what << " differs by " << difference << " of its largest value\n";
  return false;
}

int main(int argc, char **argv) {
  llvm::cl::list<std::string> files(llvm::cl::Positional, llvm::cl::desc("A.mlir B.mlir"));
  llvm::cl::opt<int64_t> steps("of-steps", llvm::cl::init(2));
  llvm::cl::opt<double> most("of-most", llvm::cl::desc("largest difference"),
                             llvm::cl::init(1e-12));
  llvm::cl::ParseCommandLineOptions(argc, argv);
  // The linker that kernels go through resets all options.
  const std::vector<std::string> paths(files.begin(), files.end());
  const int64_t numSteps = steps;
  const double allowed = most;
  if (paths.size() != 2) {
    llvm::errs() << "needs two modules\n";
    return 2;
  }
  DialectRegistry registry;
  registry.insert<OfDialect, func::FuncDialect, arith::ArithDialect>();
  registerCodegen(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::vector<OwningOpRef<ModuleOp>> modules;
  std::vector<std::unique_ptr<Interpreter>> runs;
  for (const std::string &file : paths) {
    modules.push_back(parseSourceFile<ModuleOp>(file, ParserConfig(&context)));
    if (!modules.back())
      return 2;
    runs.push_back(std::make_unique<Interpreter>(*modules.back()));
    bool evaluates = modules.back()->lookupSymbol("eval") != nullptr;
    if (failed(runAll(*runs.back(), numSteps, evaluates)))
      return 2;
  }
  auto left = runs[0]->variables(), right = runs[1]->variables();
  if (left.size() != right.size() || runs[0]->metrics().size() != runs[1]->metrics().size()) {
    llvm::errs() << "the modules have different variables or metrics\n";
    return 1;
  }
  bool ok = true;
  double largest = 0;
  for (auto [a, b] : llvm::zip(left, right))
    ok &= isNear("variable " + a.first, difference(a.second, b.second), allowed, largest);
  for (auto [a, b] : llvm::zip(runs[0]->metrics(), runs[1]->metrics()))
    ok &= isNear("a metric", std::abs(a - b) / std::max(1.0, std::abs(a)), allowed, largest);
  llvm::outs() << left.size() << " variables and " << runs[0]->metrics().size()
               << " metrics, largest difference " << largest << "\n";
  return ok ? 0 : 1;
}
