#include "test/distribute/optimal/Check.h"

#include "test/distribute/optimal/Enumeration.h"
#include "test/distribute/optimal/Graph.h"
#include "test/distribute/optimal/Outcome.h"

#include "lib/Distribute/Passes.h"
#include "lib/Train/Blocks.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"

#include <cmath>

using namespace mlir;
using namespace of;
using namespace of::test;

namespace {

struct Counts {
  int64_t programs = 0, differ = 0, gaveUp = 0, infeasible = 0, mixed = 0, staged = 0, grids = 0,
          limited = 0;
};

/// What the search makes of it; none if nothing fits.
std::optional<double> searched(MLIRContext &context, StringRef text, const Cluster &cluster,
                               BoxingPlanner &planner, std::string &why) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  PassManager passes(&context);
  passes.addPass(createAssignPlacementsPass());
  passes.addPass(createDistributePass());
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) {
    why = diag.str();
    return success();
  });
  if (failed(passes.run(*module)))
    return std::nullopt;
  return secondsOf(*module, cluster, planner);
}

std::string textOf(std::optional<double> seconds) {
  return seconds ? std::to_string(*seconds * 1e6) + " us" : "nothing that fits";
}

bool areEqual(std::optional<double> l, std::optional<double> r) {
  return l.has_value() == r.has_value() && (!l || std::abs(*l - *r) <= 1e-9 * std::abs(*r));
}

bool isBelow(const Best &best, const Best &plain) {
  return !plain.seconds || plain.round > best.round || *best.seconds < *plain.seconds * (1 - 1e-9);
}

void check(MLIRContext &context, uint64_t seed, int mostOps, Counts &counts) {
  const Graph graph = randomGraph(seed, mostOps);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(graph.text, &context);
  FailureOr<Cluster> cluster = module ? clusterOf(*module) : FailureOr<Cluster>(failure());
  FailureOr<Job> job = module ? jobOf(*module) : FailureOr<Job>(failure());
  if (failed(cluster) || failed(job)) {
    llvm::errs() << "seed " << seed << " is no module:\n" << graph.text;
    ++counts.differ;
    return;
  }
  BoxingPlanner planner(*cluster);
  std::vector<int64_t> given;
  for (auto &[axis, size] : job->parallel.mesh)
    given.push_back(size);
  const TrainProgram program = programOf(*module);
  const std::vector<Plan> plans = plansOf(program, *cluster, given, hasBlocks(*module));
  const Best best = enumerate(program, plans, *cluster, planner, Plain::None);
  std::string why;
  const std::optional<double> found = searched(context, graph.text, *cluster, planner, why);
  ++counts.programs;
  if (best.gaveUp) {
    ++counts.gaveUp;
    llvm::outs() << "seed " << seed << ": more choices than are enumerated\n";
    return;
  }
  if (!areEqual(found, best.seconds)) {
    ++counts.differ;
    llvm::outs() << "seed " << seed << ": searched " << textOf(found) << ", enumerated "
                 << textOf(best.seconds) << " in " << best.stages << " stages, round " << best.round
                 << (found ? "" : "; " + why) << "\n";
  }
  if (!best.seconds) {
    ++counts.infeasible;
    return;
  }
  const Best data = enumerate(program, plans, *cluster, planner, Plain::Data);
  const Best tensor = enumerate(program, plans, *cluster, planner, Plain::Tensor);
  counts.mixed += isBelow(best, data) && isBelow(best, tensor);
  counts.staged += best.stages > 1;
  counts.grids += best.axes > 1;
  counts.limited += graph.hasLimit;
}

} // namespace

int of::test::checkChoices(int argc, char **argv) {
  llvm::cl::opt<int64_t> count("of-count", llvm::cl::desc("random programs"), llvm::cl::init(1000));
  llvm::cl::opt<int64_t> first("of-first", llvm::cl::desc("first seed"), llvm::cl::init(1));
  llvm::cl::opt<int> mostOps("of-most-ops", llvm::cl::desc("ops of a program, at most"),
                             llvm::cl::init(8));
  llvm::cl::opt<bool> print("of-print", llvm::cl::desc("print the programs instead"));
  llvm::cl::ParseCommandLineOptions(argc, argv);
  DialectRegistry registry;
  registry.insert<OfDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  Counts counts;
  for (int64_t seed = first; seed < first + count; ++seed)
    if (print)
      llvm::outs() << randomGraph(seed, mostOps).text;
    else
      check(context, seed, mostOps, counts);
  if (print)
    return 0;
  llvm::outs() << "seeds " << first << " to " << first + count - 1 << ": " << counts.programs
               << " programs, " << counts.differ << " differ, " << counts.gaveUp
               << " not enumerated, " << counts.infeasible << " do not fit; best are "
               << counts.mixed << " neither data- nor tensor-parallel, " << counts.staged
               << " in stages, " << counts.grids << " on grids, " << counts.limited
               << " with little memory\n";
  const bool areMany = counts.programs >= 100; // of few nothing is to be said of what is mixed
  return counts.differ || (areMany && 2 * counts.mixed < counts.programs) ||
         100 * counts.gaveUp > counts.programs;
}
