// of-distribute
//
//   before   %w = of.get @w {of.placement = #mesh_main} : tensor<8x4xf32>
//            %g = of.micro count 1 -> tensor<8x4xf32> {
//              %x = of.read @d {of.placement = #mesh_main} : tensor<6x8xf32> ...
//   after    %w = of.get @w : tensor<8x4xf32, #of.dist<#mesh_main, [B]>>
//            %g = of.micro count 1 -> tensor<8x4xf32, #of.dist<#mesh_main, [P]>> {
//              %x = of.read @d : tensor<6x8xf32, #of.dist<#mesh_main, [S(0)]>> ...
//            %g_b = of.boxing %g : ... [P] to ... [B]
#include "lib/Config/Attributes.h"
#include "lib/Distribute/JobLevels.h"
#include "lib/Distribute/Passes.h"
#include "lib/Distribute/Placement.h"
#include "lib/Distribute/Rewrite.h"
#include "lib/Distribute/Search.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {
namespace {

struct DistributePass : PassWrapper<DistributePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DistributePass)
  StringRef getArgument() const override { return "of-distribute"; }
  StringRef getDescription() const override {
    return "Chooses how every tensor lies on its mesh, and writes it into the types";
  }

  void runOnOperation() override {
    if (failed(distribute(getOperation())))
      signalPassFailure();
  }

  LogicalResult distribute(ModuleOp module) {
    FailureOr<Job> job = jobOf(module);
    FailureOr<Cluster> cluster = clusterOf(module);
    if (failed(job) || failed(cluster) || failed(checkOffload(module, *job, *cluster)))
      return failure();
    const SearchRequests requests = takeRequests(module);
    const bool isSearched = job->parallel.isSearched();
    if (!isSearched && (!requests.whatIf.empty() || !requests.givenFile.empty() || requests.keep))
      return emitError(module.getLoc(), "strategy ")
             << job->parallel.strategy
             << " searches nothing, so no choices are asked for, given or kept; take `auto`";
    BoxingPlanner planner(*cluster);
    llvm::StringMap<DistAttr> variables;
    if (failed(isSearched ? searchModule(module, *job, *cluster, planner, requests, variables)
                          : propagate(module, *job, *cluster, planner, variables)))
      return failure();
    for (VariableOp variable : module.getOps<VariableOp>()) {
      variable.setType(withDist(variable.getType(), variables.lookup(variable.getSymName())));
      variable->removeAttr(placementAttrName);
      variable->removeAttr(OfDialect::pinAttrName);
    }
    pinRecompute(module, *job);
    return success();
  }

  // Every group at the level that the job names.
  static void pinRecompute(ModuleOp module, const Job &job) {
    const std::optional<Recompute> level = levelOf(job.parallel);
    if (!level || *level == Recompute::None)
      return;
    for (ProgramOp program : module.getOps<ProgramOp>()) {
      if (program.getKind() != ProgramKind::Train)
        continue;
      RecomputeGroups groups(program);
      if (groups.isEmpty(*level))
        warnOfNothing(program, *level);
      const std::vector<int64_t> levels(groups.groups().size(), static_cast<int64_t>(*level));
      program->setAttr(recomputeAttrName, DenseI64ArrayAttr::get(module.getContext(), levels));
    }
  }

  static void warnOfNothing(ProgramOp program, Recompute level) {
    if (level == Recompute::Host)
      emitWarning(program.getLoc())
          << "offload: activations changes nothing: the backward pass needs no value late enough";
    else
      emitWarning(program.getLoc())
          << "recompute: " << nameOf(level)
          << " changes nothing: the backward pass needs no value that it could compute again";
  }

  // What the strategy, pins and variables ask for, carried through the programs.
  static LogicalResult propagate(ModuleOp module, const Job &job, const Cluster &cluster,
                                 BoxingPlanner &planner, llvm::StringMap<DistAttr> &variables) {
    FailureOr<llvm::StringMap<DistAttr>> given = variableDistributions(module);
    if (failed(given))
      return failure();
    variables = std::move(*given);
    DistBoundary boundary{variables, job.parallel.strategy == "data"};
    for (ProgramOp program : module.getOps<ProgramOp>()) {
      FailureOr<DistNetwork> network = DistNetwork::build(program, boundary, cluster, planner);
      if (failed(network))
        return failure();
      DistChoice choice = choosePropagated(*network);
      remarkChoice(*network, choice);
      rewriteProgram(program, *network, planner, choice);
    }
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> createDistributePass() { return std::make_unique<DistributePass>(); }

} // namespace of
