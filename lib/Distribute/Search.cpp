#include "lib/Distribute/Search.h"

#include "lib/Config/Attributes.h"
#include "lib/Cost/MemoryShortage.h"
#include "lib/Distribute/Annotations.h"
#include "lib/Distribute/ChoiceSeconds.h"
#include "lib/Distribute/FamilySearch.h"
#include "lib/Distribute/HostCopies.h"
#include "lib/Distribute/JobLevels.h"
#include "lib/Distribute/MeshShapes.h"
#include "lib/Distribute/PeriodSearch.h"
#include "lib/Distribute/Rewrite.h"
#include "lib/Distribute/SearchProblem.h"
#include "lib/Distribute/StageSearch.h"
#include "lib/Distribute/WhatIf.h"

#include "mlir/IR/Remarks.h"

#include <set>

using namespace mlir;

namespace of {

/// Cuts into stages that are looked at with all their exchanges, of a small program and of others.
static constexpr int mostStagePlansOfFew = 12, mostStagePlans = 3;
static constexpr size_t fewOps = 600;

/// From so many nodes on a choice this near to the bound is good enough.
static constexpr size_t manyNodes = 400;
static constexpr double nearBound = 3e-3;

/// ... and where nothing is known to fit without computing values again, no more than this part of
/// the work looks for it: with them more fits, that included.
static constexpr uint64_t shareWithoutRecompute = 3;

/// ... and one this near to what would be chosen with more memory is not worth another search.
static constexpr double nearFree = 5e-3;

// ---- One program

static LogicalResult reportConflict(const Searched &found, const SearchFailure &failure) {
  const std::deque<DistNode> &nodes = found.network.nodes();
  if (failure.node)
    return nodes[*failure.node].op->emitOpError(
        "has no distribution that its neighbours can take; relax the pins on it or beside it");
  return nodes.front().op->getParentOp()->emitError(
      "no distribution meets all pins; relax some of them");
}

std::optional<int64_t> memoryLimit(const DistNetwork &network, const Cluster &cluster) {
  std::set<int64_t> devices;
  for (const DistNode &node : network.nodes())
    devices.insert(node.mesh.getDevices().begin(), node.mesh.getDevices().end());
  return cluster.leastMemory({devices.begin(), devices.end()});
}

// Of one device, each variable as small as it can be.
static int64_t leastVariableBytes(const DistNetwork &network) {
  std::map<std::vector<int64_t>, int64_t> sums; ///< by devices of a mesh
  int64_t most = 0;
  for (const DistNode &node : network.nodes())
    if (!node.variable.empty() && !node.options.empty()) {
      int64_t least = variableBytes(node, node.options.front());
      for (const DistOption &option : node.options)
        least = std::min(least, variableBytes(node, option));
      most = std::max(most, sums[node.mesh.getDevices().vec()] += least);
    }
  return most;
}

static LogicalResult reportMemory(ProgramOp program, const DistNetwork &network,
                                  const SearchFailure &failure) {
  InFlightDiagnostic out = emitError(program.getLoc(), "a device has ")
                           << *failure.limit
                           << " bytes of memory, and no distribution was found that needs as few";
  const FailureOr<Job> job = jobOf(program->getParentOfType<ModuleOp>());
  MemoryShortage shortage{*failure.limit, 0, leastVariableBytes(network)};
  if (failure.usage && failure.usage->bytes > shortage.has) {
    shortage.needs = failure.usage->bytes;
    MemoryPeak peak{program.getSymName().str(), "", {}};
    if (failure.usageNode)
      peak.at = nameOf(network.nodes()[*failure.usageNode]).str();
    out << ": at one time at least " << shortage.needs << " are in use, "
        << describe(shortage, peak);
  }
  const bool hasPins = program->getParentOfType<ModuleOp>()
                           .walk([](Operation *op) {
                             return op->hasAttr(OfDialect::pinAttrName) ? WalkResult::interrupt()
                                                                        : WalkResult::advance();
                           })
                           .wasInterrupted();
  return out << "; take " << remedies(shortage, succeeded(job) ? &*job : nullptr)
             << (hasPins ? ", or relax the pins" : "");
}

// The first of the network's nodes that the conflict is about.
static std::optional<size_t> nodeOf(const search::Conflict &conflict, const SearchProblem &problem,
                                    size_t nodes) {
  for (size_t n = 0; conflict.node && n < nodes; ++n)
    if (problem.nodeOf(n) == *conflict.node)
      return n;
  return std::nullopt;
}

// Where there are several meshes the choice is the start of a search for the shortest period.
static void take(const search::CostSolution &solution, const SearchProblem &problem,
                 uint64_t workForPeriod, Searched &out) {
  out.choice = problem.choiceOf(solution.choice);
  out.levels = problem.levelsOf(solution.choice);
  out.seconds = solution.cost;
  out.lowerBound = solution.lowerBound;
  out.bytes = solution.peak;
  out.freeBound.reset();
  if (problem.meshes().size() < 2) {
    if (std::isfinite(solution.freeBound))
      out.freeBound = solution.freeBound;
    return;
  }
  PeriodChoice period = searchPeriod(out.network, problem, solution, workForPeriod);
  out.choice = std::move(period.choice);
  out.levels = std::move(period.levels);
  out.seconds = period.seconds;
  out.lowerBound = period.lowerBound;
  out.bytes = period.bytes;
}

static bool solveOnce(std::optional<int64_t> limit, Searched &out, SearchFailure &failure,
                      uint64_t work) {
  SearchProblemOptions options;
  options.memoryLimit = limit;
  SearchProblem problem(out.network, options);
  search::SolveBudget budget;
  budget.work = work;
  const bool isLarge = problem.costs().nodes.size() >= manyNodes;
  budget.gap = isLarge ? nearBound : 0;
  Result<search::CostSolution> solution = search::solve(problem.costs(), budget);
  if (!solution.isOk()) {
    failure.error = solution.status().message();
    return false;
  }
  if (solution->feasible()) {
    take(*solution, problem, isLarge ? 0 : work, out);
    return true;
  }
  const bool isForMemory = limit && !solution->conflict.node;
  failure = {"", nodeOf(solution->conflict, problem, out.network.nodes().size()),
             isForMemory ? limit : std::nullopt, solution->conflict.usage, std::nullopt};
  if (failure.usage)
    failure.usageNode = problem.nodeAt(failure.usage->time);
  return false;
}

static bool isOpen(const RecomputeLevels &levels) { return levels.size() > 1; }

// Without doing anything again, as long as that is a choice.
static std::vector<RecomputeLevels> cheapest(ArrayRef<RecomputeLevels> levels) {
  std::vector<RecomputeLevels> out;
  for (const RecomputeLevels &of : levels)
    out.push_back({of.front()});
  return out;
}

// Of large programs, where the search has a bound for any memory.
static std::optional<bool> isNearFree(const Searched &found) {
  if (!found.freeBound || found.network.nodes().size() < manyNodes)
    return std::nullopt;
  return found.seconds <= *found.freeBound * (1 + nearFree);
}

// What fits and is as fast as anything is needs nothing done again, which is most programs: those
// are spared the larger problem.
static bool isAsFastAsAny(const Searched &found, int64_t limit, uint64_t work) {
  if (2 * found.bytes < limit)
    return true;
  if (const std::optional<bool> isNear = isNearFree(found))
    return *isNear;
  Searched free(found.network);
  SearchFailure why;
  return solveOnce(std::nullopt, free, why, work) && found.seconds <= free.seconds * (1 + 1e-3);
}

static bool solveWithin(std::optional<int64_t> limit, Searched &out, SearchFailure &failure,
                        uint64_t work) {
  const std::vector<RecomputeLevels> all = out.network.levels();
  if (!limit)
    return solveOnce(limit, out, failure, work);
  if (llvm::none_of(all, isOpen)) {
    const bool fits = solveOnce(limit, out, failure, work);
    out.isLimited = fits && !isAsFastAsAny(out, *limit, work);
    return fits;
  }
  out.network.setLevels(cheapest(all));
  const bool isLarge = out.network.nodes().size() >= manyNodes;
  const bool fits = solveOnce(limit, out, failure, isLarge ? work / shareWithoutRecompute : work);
  const bool isForMemory = failure.error.empty() && failure.limit;
  const bool isDone = fits ? isAsFastAsAny(out, *limit, work) : !isForMemory;
  out.network.setLevels(all);
  if (isDone)
    return fits;
  out.isLimited = true;
  const SearchedChoice plain = out;
  SearchFailure again;
  if (!solveOnce(limit, out, again, work))
    return fits;
  if (fits && out.seconds >= plain.seconds * (1 - 1e-9))
    static_cast<SearchedChoice &>(out) = plain;
  out.isLimited = !isNearFree(out).value_or(false);
  return true;
}

bool solveNetwork(std::optional<int64_t> limit, Searched &out, SearchFailure &failure,
                  uint64_t work, int rounds) {
  for (int round = 0;; ++round) {
    std::optional<int64_t> tried = limit;
    if (limit)
      *tried += *limit / 4 * round;
    out.round = round;
    if (solveWithin(tried, out, failure, work))
      return true;
    if (!failure.error.empty() || !failure.limit)
      return false;
    failure.limit = limit;
    if (round >= rounds)
      return false;
  }
}

FailureOr<Searched> searchProgram(ProgramOp program, DistNetwork network, const Cluster &cluster,
                                  int rounds) {
  Searched out(std::move(network));
  SearchFailure why;
  if (out.network.nodes().empty() ||
      solveNetwork(memoryLimit(out.network, cluster), out, why, searchWork, rounds))
    return out;
  if (!why.error.empty())
    return emitError(program.getLoc(), "the search failed: ") << why.error;
  return why.limit ? reportMemory(program, out.network, why) : reportConflict(out, why);
}

std::string shapeText(MeshAttr mesh) {
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
  out << remark::metric("Mesh", shapeText(found.network.nodes()[0].mesh))
      << remark::metric("Seconds", found.seconds) << remark::metric("LowerBound", found.lowerBound)
      << remark::metric("Bytes", found.bytes);
}

// What does not stay on the device, the ways there were, as if all of it went one of them.
static void remarkKept(ProgramOp program, const Searched &found) {
  if (llvm::all_of(found.levels, [](Recompute level) { return level == Recompute::None; }))
    return;
  auto out =
      remark::analysis(program.getLoc(), remark::RemarkOpts::name("Kept").category("distribute"));
  if (!out)
    return;
  const DistNetwork &network = found.network;
  double again = 0;
  RecomputeChoice host(found.levels.size(), Recompute::None);
  for (size_t g = 0; g < found.levels.size(); ++g) {
    if (found.levels[g] == Recompute::None)
      continue;
    host[g] = Recompute::Host;
    const auto ops = network.recompute()->again(g, Recompute::Full);
    const llvm::DenseSet<Operation *> set(ops.begin(), ops.end());
    for (auto [node, index] : llvm::zip(network.nodes(), found.choice))
      if (node.variable.empty() && set.contains(node.op))
        again += double(node.times) * node.options[index].seconds;
  }
  double copies = 0, longer = 0;
  for (auto &[mesh, total] : HostCopies(network).totals(found.choice, host)) {
    copies += total.copies;
    longer += total.longer;
  }
  out << remark::metric("Again", again);
  if (llvm::any_of(network.levels(), [](const RecomputeLevels &levels) {
        return llvm::is_contained(levels, Recompute::Host);
      }))
    out << remark::metric("Copies", copies) << remark::metric("Longer", longer);
}

// ---- All programs

namespace {

class ModuleSearch {
public:
  ModuleSearch(ModuleOp module, const Job &job, const Cluster &cluster, BoxingPlanner &planner,
               const SearchRequests &requests, llvm::StringMap<DistAttr> &variables)
      : module(module), job(job), cluster(cluster), planner(planner), requests(requests),
        variables(variables) {}

  LogicalResult run() {
    // What trains decides; where nothing does, the first program.
    SmallVector<ProgramOp> programs(module.getOps<ProgramOp>());
    llvm::stable_sort(programs, [](ProgramOp l, ProgramOp r) {
      return (l.getKind() == ProgramKind::Train) > (r.getKind() == ProgramKind::Train);
    });
    if (programs.empty())
      return chooseRest();
    if (!requests.givenFile.empty()) {
      FailureOr<Annotations> read =
          Annotations::parse(module, requests.givenFile, requests.givenText);
      if (failed(read))
        return failure();
      given = std::move(*read);
    }
    std::optional<Searched> first;
    if (failed(hasBlocks(module) ? searchStages(programs[0], first)
               : isMeshOpen()    ? searchMeshes(programs[0], first)
                                 : searchMesh(programs[0], first)))
      return failure();
    if (!first)
      return emitError(programs[0].getLoc(), "strategy ")
             << job.parallel.strategy << ": " << noFamily;
    if (isExplained(programs[0]))
      families.remark(programs[0], *first);
    auto networkOn = [&](const Cluster &on, BoxingPlanner &with) {
      return openNetwork(programs[0], on, with);
    };
    if (failed(answerWhatIfs(programs[0], requests.whatIf, *first, cluster, networkOn)))
      return failure();
    if (requests.memoryFactor)
      report(*first);
    write(programs[0], *first);
    if (requests.weigh) {
      Builder b(module.getContext());
      module->setAttr(weighedAttrName, b.getF64ArrayAttr({first->seconds, double(first->round)}));
    }
    for (ProgramOp program : llvm::drop_begin(programs)) {
      FailureOr<DistNetwork> network = openNetwork(program, cluster, planner);
      if (failed(network))
        return failure();
      FailureOr<Searched> found = searchProgram(program, std::move(*network), cluster);
      if (failed(found))
        return failure();
      write(program, *found);
    }
    return chooseRest();
  }

private:
  // With what is given put in.
  FailureOr<DistNetwork> openNetwork(ProgramOp program, const Cluster &on, BoxingPlanner &with) {
    FailureOr<llvm::StringMap<SmallVector<NdSbp>>> choices = variableChoices(module);
    if (failed(choices))
      return failure();
    FailureOr<DistNetwork> network =
        DistNetwork::build(program, {variables, false, true, &*choices}, on, with);
    if (failed(network))
      return failure();
    network->setMemoryFactor(requests.memoryFactor.value_or(1));
    if (failed(openRecompute(program, *network)))
      return failure();
    return given.apply(program, std::move(*network));
  }

  // As it is given, as the job has it, or as is best.
  LogicalResult openRecompute(ProgramOp program, DistNetwork &network) {
    const size_t groups = network.recompute() ? network.recompute()->groups().size() : 0;
    const std::optional<Recompute> pinned = levelOf(job.parallel);
    auto chosen = given.recompute(program, network.recompute(), job.parallel);
    if (failed(chosen))
      return failure();
    if (!network.recompute())
      return success();
    std::vector<RecomputeLevels> levels;
    for (size_t g = 0; g < groups; ++g)
      levels.push_back(*chosen ? RecomputeLevels{(**chosen)[g]}
                       : pinned
                           ? RecomputeLevels{*pinned}
                           : levelsFor(job.parallel, cluster, program, *network.recompute(), g));
    network.setLevels(std::move(levels));
    return success();
  }

  // ---- Mesh

  // The program that decides, on the mesh it is placed on. A strategy may have no choice there.
  LogicalResult searchMesh(ProgramOp program, std::optional<Searched> &found) {
    FailureOr<DistNetwork> network = openNetwork(program, cluster, planner);
    if (failed(network))
      return failure();
    if (isExplained(program))
      families.add(*network);
    if (llvm::is_contained(familyNames(), job.parallel.strategy)) {
      if (auto best = searchFamily(job.parallel.strategy, *network, cluster, noFamily))
        found.emplace(std::move(*best));
    } else {
      FailureOr<Searched> free = searchProgram(program, std::move(*network), cluster, rounds);
      if (failed(free))
        return failure();
      found.emplace(std::move(*free));
    }
    if (found)
      remarkSearch(program, *found);
    return success();
  }

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

  LogicalResult searchMeshes(ProgramOp program, std::optional<Searched> &fastest) {
    SmallVector<MeshAttr> now = placedMeshes(), best = now;
    int64_t points = now[0].numDevices(), stages = cluster.devices.size() / points;
    int64_t givenPoints = 1;
    for (auto &[axis, size] : given.mesh())
      givenPoints *= size;
    if (!given.mesh().empty() && givenPoints != points)
      return emitError(module.getLoc(), "the choices of ")
             << requests.givenFile << " are for a mesh of " << givenPoints << " devices, there are "
             << points;
    for (const MeshShape &shape : given.mesh().empty() ? meshShapes(cluster, points)
                                                       : std::vector<MeshShape>{given.mesh()}) {
      SmallVector<MeshAttr> dealt;
      for (MeshAttr mesh : dealMeshes(module.getContext(), stages, shape))
        if (llvm::any_of(now, [&](MeshAttr m) { return m.getDevices() == mesh.getDevices(); }))
          dealt.push_back(mesh);
      moveMeshes(module, now, dealt);
      now = dealt;
      std::optional<Searched> found;
      if (failed(searchMesh(program, found)))
        return failure();
      if (found && (!fastest || found->isBetterThan(*fastest))) {
        fastest.emplace(std::move(*found));
        best = now;
      }
    }
    moveMeshes(module, now, best);
    return success();
  }

  // ---- Stages

  // The candidates as they are estimated, until none can be expected to be faster; of a small
  // program all cuts that there are.
  LogicalResult searchStages(ProgramOp program, std::optional<Searched> &fastest) {
    const std::optional<Recompute> pinned = job.parallel.offload == "activations"
                                                ? Recompute::None // of several micro-batches
                                                : recomputeOf(job.parallel.recompute);
    StageSearch search(module, program, cluster, planner,
                       pinned ? RecomputeLevels{*pinned}
                              : RecomputeLevels{Recompute::None, Recompute::Full});
    if (!requests.givenFile.empty())
      return searchGiven(program, search, fastest);
    search.setMemoryFactor(requests.memoryFactor.value_or(1));
    search.setKnownTables(requests.blockCosts);
    FailureOr<std::vector<StagePlan>> plans = search.candidates();
    if (failed(plans))
      return failure();
    blockCosts = search.knownTables();
    std::optional<StagePlan> best;
    const int most = search.numOps() <= fewOps ? mostStagePlansOfFew : mostStagePlans;
    std::vector<std::optional<double>> seconds(plans->size());
    // What fits the memory as it is comes first; a cut that does not says nothing of the others.
    for (const int tried : {0, mostRounds}) {
      rounds = search.hasAllPlans() ? mostRounds : tried;
      int fitting = 0, missing = 0;
      for (auto [plan, took] : llvm::zip(*plans, seconds)) {
        const bool isPromising =
            !fastest || fastest->round > 0 || plan.seconds < promisingPlan * fastest->seconds;
        const bool isOneOfFew = fitting < most && missing < (rounds ? 1 : 2) * most;
        if (!search.hasAllPlans() && !(isOneOfFew && isPromising))
          continue;
        search.place(plan);
        std::optional<Searched> found;
        (void)quietly([&] { return searchPlan(program, plan, found); });
        ++(found ? fitting : missing);
        if (!found)
          continue;
        took = found->seconds;
        if (plan.stages() > 1)
          families.addStages(*found, plan.stages());
        if (!fastest || found->isBetterThan(*fastest)) {
          fastest.emplace(std::move(*found));
          best = plan;
        }
      }
      if (fastest || search.hasAllPlans())
        break;
    }
    rounds = mostRounds;
    for (auto [plan, took] : llvm::zip(*plans, seconds))
      search.remark(plan, took);
    if (isExplained(program) && families.isEmpty()) { // which are of one stage
      std::optional<Searched> whole;
      StagePlan plan = search.wholeMesh();
      search.place(plan);
      (void)quietly([&] { return searchPlan(program, plan, whole); });
    }
    if (!fastest) { // as one stage, which says why not
      best = search.wholeMesh();
      search.place(*best);
      if (failed(searchPlan(program, *best, fastest)))
        return failure();
    }
    take(search, *best);
    return success();
  }

  // The stages of the given choices; one where they name none.
  LogicalResult searchGiven(ProgramOp program, StageSearch &search,
                            std::optional<Searched> &found) {
    const int64_t devices = cluster.devices.size();
    if (failed(given.checkStages(module.getContext(), search.numBlocks(), devices)))
      return failure();
    StagePlan plan = given.stages().empty() ? search.wholeMesh() : StagePlan();
    for (const Annotations::Stage &stage : given.stages()) {
      plan.firstBlocks.push_back(stage.block);
      plan.meshes.push_back(stage.mesh);
    }
    search.place(plan);
    if (failed(searchPlan(program, plan, found)))
      return failure();
    take(search, plan);
    return success();
  }

  void take(StageSearch &search, const StagePlan &plan) {
    search.place(plan);
    search.keep(plan);
    kept.addStages(plan.firstBlocks, plan.meshes);
  }

  LogicalResult searchPlan(ProgramOp program, StagePlan &plan, std::optional<Searched> &found) {
    if (plan.stages() == 1) {
      LogicalResult searched = searchMeshes(program, found);
      if (succeeded(searched))
        plan.meshes = {placedMeshes()[0]};
      return searched;
    }
    FailureOr<DistNetwork> network = openNetwork(program, cluster, planner);
    if (failed(network))
      return failure();
    FailureOr<Searched> staged = searchProgram(program, std::move(*network), cluster, rounds);
    if (failed(staged))
      return failure();
    found.emplace(std::move(*staged));
    return success();
  }

  // What does not fit is no error as long as something else does.
  template <typename Search> LogicalResult quietly(Search search) {
    ScopedDiagnosticHandler handler(module.getContext(), [](Diagnostic &) { return success(); });
    return search();
  }

  // ---- Result

  // For whoever asked to count with a factor.
  void report(const Searched &found) {
    std::map<std::vector<int64_t>, int64_t> fixed; ///< by devices of a mesh
    for (auto [node, index] : llvm::zip(found.network.nodes(), found.choice))
      if (!node.variable.empty())
        fixed[node.mesh.getDevices().vec()] += variableBytes(node, node.options[index]);
    int64_t most = 0;
    for (auto &[devices, bytes] : fixed)
      most = std::max(most, bytes);
    Builder b(module.getContext());
    NamedAttrList out;
    out.set("bytes", b.getI64IntegerAttr(found.bytes));
    out.set("fixed", b.getI64IntegerAttr(most));
    out.set("seconds", b.getF64FloatAttr(found.seconds));
    if (found.isLimited)
      out.set("limited", b.getUnitAttr());
    if (blockCosts)
      out.set("blocks", blockCosts);
    module->setAttr(searchedAttrName, out.getDictionary(module.getContext()));
  }

  void write(ProgramOp program, const Searched &found) {
    for (auto [node, index] : llvm::zip(found.network.nodes(), found.choice))
      if (!node.variable.empty()) {
        const DistOption &option = node.options[index];
        variables[node.variable] =
            distAttr(node.mesh, option.results.empty() ? option.operands[0] : option.results[0]);
      }
    if (!found.levels.empty()) {
      const auto levels = llvm::map_to_vector(
          found.levels, [](Recompute level) { return static_cast<int64_t>(level); });
      program->setAttr(recomputeAttrName, DenseI64ArrayAttr::get(program.getContext(), levels));
    }
    remarkChoice(found.network, found.choice);
    remarkKept(program, found);
    kept.add(program.getSymName(), found.network, found.choice, found.levels);
    rewriteProgram(program, found.network, planner, found.choice,
                   versionOrders(found.network, found.choice, found.levels));
  }

  // Variables that no program uses.
  LogicalResult chooseRest() {
    FailureOr<llvm::StringMap<DistAttr>> pinned = variableDistributions(module);
    if (failed(pinned))
      return failure();
    for (auto &entry : *pinned)
      variables.try_emplace(entry.getKey(), entry.getValue());
    if (requests.keep)
      module->setAttr(choicesAttrName, StringAttr::get(module.getContext(), kept.text()));
    return success();
  }

  ModuleOp module;
  const Job &job;
  const Cluster &cluster;
  BoxingPlanner &planner;
  const SearchRequests &requests;
  llvm::StringMap<DistAttr> &variables;
  Annotations given;
  AnnotationWriter kept;
  FamilyComparison families{cluster};
  ArrayAttr blockCosts;    ///< as stages, for the next search of the module
  int rounds = mostRounds; ///< of the next search (solveNetwork)
  std::string noFamily;    ///< why the last mesh had no choice of the strategy
};

} // namespace

LogicalResult searchModule(ModuleOp module, const Job &job, const Cluster &cluster,
                           BoxingPlanner &planner, const SearchRequests &requests,
                           llvm::StringMap<DistAttr> &variables) {
  return ModuleSearch(module, job, cluster, planner, requests, variables).run();
}

} // namespace of
