#include "test/distribute/optimal/Check.h"

#include "test/distribute/optimal/Enumeration.h"
#include "test/distribute/optimal/Graph.h"
#include "test/distribute/optimal/Outcome.h"

#include "lib/Distribute/Passes.h"
#include "lib/Distribute/Requests.h"
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

/// A time, and for how much memory.
struct Found {
  double seconds = 0;
  int round = 0; ///< quarters of a device's memory that were added
};

/// What the search makes of it; none if nothing fits.
std::optional<Found> searched(MLIRContext &context, StringRef text, const Cluster &cluster,
                              BoxingPlanner &planner, std::string &why) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  SearchRequests requests;
  requests.weigh = true;
  setRequests(*module, requests);
  PassManager passes(&context);
  passes.addPass(createAssignPlacementsPass());
  passes.addPass(createDistributePass());
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) {
    why = diag.str();
    return success();
  });
  if (failed(passes.run(*module)))
    return std::nullopt;
  auto weighed = (*module)->getAttrOfType<ArrayAttr>(weighedAttrName);
  return Found{secondsOf(*module, cluster, planner),
               int(cast<FloatAttr>(weighed[1]).getValueAsDouble())};
}

std::string textOf(std::optional<Found> found) {
  return found
             ? std::to_string(found->seconds * 1e6) + " us in round " + std::to_string(found->round)
             : "nothing that fits";
}

bool areEqual(std::optional<Found> l, std::optional<Found> r) {
  return l.has_value() == r.has_value() &&
         (!l || (l->round == r->round &&
                 std::abs(l->seconds - r->seconds) <= 1e-9 * std::abs(r->seconds)));
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
  Enumeration enumeration(program, plans, *cluster, planner);
  const Best best = enumeration.least();
  std::string why;
  const std::optional<Found> found = searched(context, graph.text, *cluster, planner, why);
  ++counts.programs;
  if (best.gaveUp) {
    ++counts.gaveUp;
    llvm::outs() << "seed " << seed << ": more choices than are enumerated\n";
    return;
  }
  std::optional<Found> least;
  if (best.seconds)
    least = {*best.seconds, best.round};
  if (!areEqual(found, least)) {
    ++counts.differ;
    llvm::outs() << "seed " << seed << ": searched " << textOf(found) << ", enumerated "
                 << textOf(least) << ", " << best.stages << " stages" << (found ? "" : "; " + why)
                 << "\n";
  }
  if (!best.seconds) {
    ++counts.infeasible;
    return;
  }
  counts.mixed +=
      !enumeration.isAsFast(best, Plain::Data) && !enumeration.isAsFast(best, Plain::Tensor);
  counts.staged += best.stages > 1;
  counts.grids += best.axes > 1;
  counts.limited += enumeration.isHeldByMemory(best);
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
               << " held by memory\n";
  const bool areMany = counts.programs >= 100; // of few nothing is to be said of what is mixed
  return counts.differ || (areMany && 2 * counts.mixed < counts.programs) ||
         100 * counts.gaveUp > counts.programs;
}
