// of-verify-distributed: what later rungs rely on.
//
//   - every tensor of a program and every variable lies on a mesh of the cluster
//   - every op runs under one of its declared signatures; only of.boxing changes a distribution
//   - variables are never partial, and are read and set as they lie
//   - batches lie whole or split by rows; metrics and checks see whole values
//   - an of.micro sums: it yields no maxima or minima that are still partial
//   - task.after orders values of one mesh
//   - partial axes of one value are of one kind: they are reduced at once
#include "lib/Cost/Cluster.h"
#include "lib/Distribute/Passes.h"

#include "dialects/Task/Task.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {
namespace {

class Verifier {
public:
  Verifier(ModuleOp module, const Cluster &cluster)
      : module(module), symbols(module), cluster(cluster) {}

  LogicalResult run() {
    LogicalResult ok = success();
    for (VariableOp variable : module.getOps<VariableOp>())
      if (failed(checkVariable(variable)))
        ok = failure();
    for (ProgramOp program : module.getOps<ProgramOp>())
      program.getBody().walk([&](Operation *op) {
        if (failed(checkOp(op)))
          ok = failure();
      });
    return ok;
  }

private:
  LogicalResult checkType(Operation *op, Type type) {
    DistAttr dist = distOf(type);
    if (!dist)
      return op->emitOpError("has the tensor ")
             << type << " without a distribution; run of-distribute first";
    for (int64_t device : dist.getMesh().getDevices())
      if (device >= int64_t(cluster.devices.size()))
        return op->emitOpError("lies on device ")
               << device << " of mesh '" << dist.getMesh().getName() << "', but the cluster has "
               << cluster.devices.size() << " devices";
    std::optional<Sbp> partial;
    for (Sbp sbp : dist.getSbp()) {
      if (sbp.isPartial() && partial && *partial != sbp)
        return op->emitOpError("has a value that is ")
               << toString(dist.ndSbp())
               << "; its partial axes are reduced at once, so they must be of one kind";
      if (sbp.isPartial())
        partial = sbp;
    }
    return success();
  }

  LogicalResult checkVariable(VariableOp variable) {
    if (failed(checkType(variable, variable.getType())))
      return failure();
    if (distOf(variable.getType()).hasPartial())
      return variable.emitOpError("is ")
             << toString(distOf(variable.getType()).ndSbp()) << "; a variable is never partial";
    return success();
  }

  LogicalResult checkAccess(Operation *op, StringRef name, Type type) {
    auto variable = symbols.lookup<VariableOp>(name);
    if (!variable)
      return op->emitOpError("refers to variable '") << name << "', which the module does not have";
    if (variable.getType() != type)
      return op->emitOpError("has type ") << type << ", but variable '" << name << "' lies as "
                                          << variable.getType() << "; box the value";
    return success();
  }

  static LogicalResult checkRead(ReadOp read) {
    for (Type type : read.getResultTypes())
      for (Sbp sbp : distOf(type).getSbp())
        if (sbp != Sbp::broadcast() && sbp != Sbp::split(0))
          return read.emitOpError("reads ")
                 << toString(distOf(type).ndSbp())
                 << "; a batch is read whole (B) or split by rows (S(0))";
    return success();
  }

  static LogicalResult checkYield(YieldOp yield) {
    for (Value v : yield.getValues())
      for (Sbp sbp : distOf(v).getSbp())
        if (sbp.isPartial() && sbp != Sbp::partialSum())
          return yield.emitOpError("gives ") << toString(distOf(v).ndSbp())
                                             << " to a sum over micro-batches; box it to B first";
    return success();
  }

  static LogicalResult checkAfter(task::AfterOp after) {
    MeshAttr mesh = distOf(after.getInput()).getMesh();
    if (distOf(after.getEarlier()).getMesh() != mesh)
      return after.emitOpError("holds a value of mesh '")
             << mesh.getName() << "' back for one of '"
             << distOf(after.getEarlier()).getMesh().getName() << "'; box that first";
    return success();
  }

  LogicalResult checkOp(Operation *op) {
    for (Value v : llvm::concat<Value>(op->getOperands(), op->getResults()))
      if (failed(checkType(op, v.getType())))
        return failure();
    if (auto get = dyn_cast<GetOp>(op))
      return checkAccess(op, get.getVariable(), get.getType());
    if (auto set = dyn_cast<SetOp>(op))
      return checkAccess(op, set.getVariable(), set.getValue().getType());
    if (auto read = dyn_cast<ReadOp>(op))
      return checkRead(read);
    if (auto yield = dyn_cast<YieldOp>(op))
      return checkYield(yield);
    if (isa<BoxingOp, MicroOp>(op))
      return success();
    if (auto after = dyn_cast<task::AfterOp>(op))
      return checkAfter(after);
    return verifyDistribution(op);
  }

  ModuleOp module;
  const SymbolTable symbols;
  const Cluster &cluster;
};

struct VerifyDistributedPass : PassWrapper<VerifyDistributedPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyDistributedPass)
  StringRef getArgument() const override { return "of-verify-distributed"; }
  StringRef getDescription() const override {
    return "Checks the invariant of distributed programs";
  }

  void runOnOperation() override {
    FailureOr<Cluster> cluster = clusterOf(getOperation());
    if (failed(cluster) || failed(Verifier(getOperation(), *cluster).run()))
      signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createVerifyDistributedPass() {
  return std::make_unique<VerifyDistributedPass>();
}

void registerDistributePasses() {
  registerPass(createAssignPlacementsPass);
  registerPass(createDistributePass);
  registerPass(createRecomputePass);
  registerPass(createPlanBoxingPass);
  registerPass(createVerifyDistributedPass);
}

} // namespace of
