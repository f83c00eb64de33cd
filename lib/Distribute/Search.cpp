#include "lib/Distribute/Search.h"

#include "lib/Distribute/MeshShapes.h"
#include "lib/Distribute/Rewrite.h"
#include "lib/Distribute/SearchProblem.h"

#include "mlir/IR/Remarks.h"

#include <set>

using namespace mlir;

namespace of {

/// Times that the memory of a device is taken for a quarter more than it is.
static constexpr int mostRounds = 4;

/// Work of one solution, at most: some seconds.
static constexpr uint64_t searchWork = 3'000'000'000;

// ---- One program

static LogicalResult reportConflict(const Searched &found, const SearchProblem &problem,
                                    const search::CostSolution &solution) {
  const std::vector<DistNode> &nodes = found.network.nodes();
  for (size_t n = 0; n < nodes.size(); ++n)
    if (solution.conflict.node && problem.nodeOf(n) == *solution.conflict.node)
      return nodes[n].op->emitOpError("has no distribution that its neighbours can take; relax the "
                                      "pins on it or beside it");
  return nodes.front().op->getParentOp()->emitError(
      "no distribution meets all pins; relax some of them");
}

// The least memory of a device that the program runs on.
static std::optional<int64_t> memoryLimit(const DistNetwork &network, const Cluster &cluster) {
  std::optional<int64_t> least;
  for (const DistNode &node : network.nodes())
    for (int64_t device : node.mesh.getDevices())
      if (int64_t bytes = cluster.devices[device].memoryBytes)
        least = std::min(least.value_or(bytes), bytes);
  return least;
}

static LogicalResult reportMemory(ProgramOp program, int64_t limit,
                                  const search::CostSolution &solution) {
  InFlightDiagnostic out = program.emitError("a device has ")
                           << limit
                           << " bytes of memory, and no distribution was found that needs as few";
  if (solution.conflict.usage)
    out << ": at one time at least " << solution.conflict.usage->bytes << " are in use";
  return out << "; take a smaller batch, more micro-batches or more devices";
}

FailureOr<Searched> searchProgram(ProgramOp program, const Cluster &cluster, BoxingPlanner &planner,
                                  const llvm::StringMap<DistAttr> &variables,
                                  const llvm::StringMap<SmallVector<NdSbp>> &choices) {
  DistBoundary boundary{variables, false, true, &choices};
  FailureOr<DistNetwork> network = DistNetwork::build(program, boundary, cluster, planner);
  if (failed(network))
    return failure();
  Searched out{std::move(*network), {}};
  if (out.network.nodes().empty())
    return out;
  std::optional<int64_t> limit = memoryLimit(out.network, cluster);
  // The estimate may be above what the packer needs: where nothing fits it, more is tried, and the
  // packer has the last word.
  for (int round = 0;; ++round) {
    SearchProblemOptions options;
    if (limit)
      options.memoryLimit = *limit + *limit / 4 * round;
    SearchProblem problem(out.network, options);
    search::SolveBudget budget;
    budget.work = searchWork;
    Result<search::CostSolution> solution = search::solve(problem.costs(), budget);
    if (!solution.isOk())
      return program.emitError("the search failed: ") << solution.status().message();
    if (solution->feasible()) {
      out.choice = problem.choiceOf(solution->choice);
      out.seconds = solution->cost;
      out.lowerBound = solution->lowerBound;
      out.bytes = solution->peak;
      return out;
    }
    bool isForMemory = limit && !solution->conflict.node;
    if (!isForMemory || round == mostRounds)
      return isForMemory ? reportMemory(program, *limit, *solution)
                         : reportConflict(out, problem, *solution);
  }
}

static std::string textOf(MeshAttr mesh) {
  std::string text;
  for (auto [axis, size] : llvm::zip(mesh.getAxes(), mesh.getShape()))
    text += (text.empty() ? "" : ", ") + axis.getValue().str() + ": " + std::to_string(size);
  return text;
}

static void remarkSearch(ProgramOp program, const Searched &found) {
  auto out =
      remark::analysis(program.getLoc(), remark::RemarkOpts::name("Search").category("distribute"));
  if (!out || found.network.nodes().empty())
    return;
  out << remark::metric("Mesh", textOf(found.network.nodes()[0].mesh))
      << remark::metric("Seconds", found.seconds) << remark::metric("LowerBound", found.lowerBound)
      << remark::metric("Bytes", found.bytes);
}

// ---- All programs

namespace {

class ModuleSearch {
public:
  ModuleSearch(ModuleOp module, const Job &job, const Cluster &cluster, BoxingPlanner &planner,
               llvm::StringMap<DistAttr> &variables)
      : module(module), job(job), cluster(cluster), planner(planner), variables(variables) {}

  LogicalResult run() {
    // What trains decides; where nothing does, the first program.
    SmallVector<ProgramOp> programs(module.getOps<ProgramOp>());
    llvm::stable_sort(programs, [](ProgramOp l, ProgramOp r) {
      return (l.getKind() == ProgramKind::Train) > (r.getKind() == ProgramKind::Train);
    });
    if (programs.empty())
      return chooseRest();
    bool isOpen = isMeshOpen();
    FailureOr<Searched> first = isOpen ? searchMeshes(programs[0]) : searchOne(programs[0]);
    if (failed(first))
      return failure();
    if (!isOpen)
      remarkSearch(programs[0], *first);
    write(programs[0], *first);
    for (ProgramOp program : llvm::drop_begin(programs)) {
      FailureOr<Searched> found = searchOne(program);
      if (failed(found))
        return failure();
      write(program, *found);
    }
    return chooseRest();
  }

private:
  FailureOr<Searched> searchOne(ProgramOp program) {
    FailureOr<llvm::StringMap<SmallVector<NdSbp>>> choices = variableChoices(module);
    if (failed(choices))
      return failure();
    return searchProgram(program, cluster, planner, variables, *choices);
  }

  // ---- Mesh

  SmallVector<MeshAttr> placedMeshes() {
    auto earlier = [](MeshAttr l, MeshAttr r) { return l.getDevices() < r.getDevices(); };
    std::set<MeshAttr, decltype(earlier)> meshes(earlier);
    module.walk([&](Operation *op) {
      if (auto mesh = op->getAttrOfType<MeshAttr>(placementAttrName))
        meshes.insert(mesh);
    });
    return SmallVector<MeshAttr>(meshes.begin(), meshes.end());
  }

  // A pin names an axis.
  bool isMeshOpen() {
    return job.parallel.mesh.empty() && !module
                                             .walk([&](Operation *op) {
                                               return op->hasAttr(OfDialect::pinAttrName)
                                                          ? WalkResult::interrupt()
                                                          : WalkResult::advance();
                                             })
                                             .wasInterrupted();
  }

  FailureOr<Searched> searchMeshes(ProgramOp program) {
    SmallVector<MeshAttr> now = placedMeshes(), best = now;
    std::optional<Searched> fastest;
    int64_t points = now[0].numDevices(), stages = cluster.devices.size() / points;
    for (const MeshShape &shape : meshShapes(cluster, points)) {
      SmallVector<MeshAttr> dealt;
      for (MeshAttr mesh : dealMeshes(module.getContext(), stages, shape))
        if (llvm::any_of(now, [&](MeshAttr m) { return m.getDevices() == mesh.getDevices(); }))
          dealt.push_back(mesh);
      moveMeshes(module, now, dealt);
      now = dealt;
      FailureOr<Searched> found = searchOne(program);
      if (failed(found))
        return failure();
      remarkSearch(program, *found);
      if (!fastest || found->seconds < fastest->seconds * (1 - 1e-9)) {
        fastest.emplace(std::move(*found));
        best = now;
      }
    }
    moveMeshes(module, now, best);
    return std::move(*fastest);
  }

  // ---- Result

  void write(ProgramOp program, const Searched &found) {
    for (auto [node, index] : llvm::zip(found.network.nodes(), found.choice))
      if (!node.variable.empty()) {
        const DistOption &option = node.options[index];
        variables[node.variable] =
            distAttr(node.mesh, option.results.empty() ? option.operands[0] : option.results[0]);
      }
    remarkChoice(found.network, found.choice);
    rewriteProgram(program, found.network, planner, found.choice);
  }

  // Variables that no program uses.
  LogicalResult chooseRest() {
    FailureOr<llvm::StringMap<DistAttr>> pinned = variableDistributions(module);
    if (failed(pinned))
      return failure();
    for (auto &entry : *pinned)
      variables.try_emplace(entry.getKey(), entry.getValue());
    return success();
  }

  ModuleOp module;
  const Job &job;
  const Cluster &cluster;
  BoxingPlanner &planner;
  llvm::StringMap<DistAttr> &variables;
};

} // namespace

LogicalResult searchModule(ModuleOp module, const Job &job, const Cluster &cluster,
                           BoxingPlanner &planner, llvm::StringMap<DistAttr> &variables) {
  return ModuleSearch(module, job, cluster, planner, variables).run();
}

} // namespace of
