// of-recompute
//
//   before   of.program @train train attributes {of.recompute = array<i64: 2>} ...
//              %a = of.tanh %x {of.block = 0}  %y = of.matmul %a, %w {of.block = 0} ...
//              %da = of.mul %dy, %a
//   after      %a = of.tanh %x  %y = of.matmul %a, %w ...
//              %x_2 = task.after %x, %dy  %a_2 = of.tanh %x_2  %da = of.mul %dy, %a_2
//
// Levels of groups are in the order of RecomputeGroups; ops of those at level `host` get `of.host`
// for of-offload, which finds the blocks of the others there too. A group is done again only where
// something of the backward pass before it has seen a later block: that holds it back until then.
#include "dialects/Task/Task.h"
#include "lib/Distribute/Passes.h"
#include "lib/Distribute/RecomputeGroups.h"
#include "lib/Train/Blocks.h"
#include "lib/Train/Formula.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {
namespace {

class Repeater {
public:
  explicit Repeater(ProgramOp program) : groups(program) {
    for (MicroOp micro : program.getBody().getOps<MicroOp>())
      for (Operation &op : micro.getBody().front())
        noteReach(&op);
  }

  void run(ArrayRef<int64_t> levels) {
    for (auto [g, level] : llvm::enumerate(levels))
      repeat(groups.groups()[g], static_cast<Recompute>(level));
  }

  /// Something is left to of-offload.
  bool usesHost() const { return counts[static_cast<int>(Recompute::Host)] > 0; }

  void remark(ProgramOp program) const {
    auto out = remark::analysis(program.getLoc(),
                                remark::RemarkOpts::name("Recompute").category("distribute"));
    out << remark::metric("Blocks", int64_t(groups.groups().size())) << remark::metric("Ops", ops);
    for (Recompute level : {Recompute::Selective, Recompute::Full, Recompute::Host})
      out << remark::metric(nameOf(level), counts[static_cast<int>(level)]);
  }

private:
  // The last block that an op has seen anything of.
  void noteReach(Operation *op) {
    int64_t last = -1;
    if (auto number = op->getAttrOfType<IntegerAttr>(forwardBlockAttrName))
      last = number.getInt();
    for (Value operand : op->getOperands())
      if (auto from = reach.find(operand.getDefiningOp()); from != reach.end())
        last = std::max(last, from->second);
    reach[op] = last;
  }

  // The last value of the backward pass in front of an op that comes after a block.
  Value valueAfter(const RecomputeGroup &group) {
    for (Operation *op = group.needed->getPrevNode(); op; op = op->getPrevNode())
      if (!op->hasAttr(forwardBlockAttrName) && op->getNumResults() > 0 &&
          !isa<task::AfterOp>(op) && reach.lookup(op) > group.block && reach.contains(op) &&
          (!group.mesh || distOf(op->getResult(0)).getMesh() == group.mesh))
        return op->getResult(0);
    return {};
  }

  void markForHost(const RecomputeGroup &group) {
    if (!group.needed)
      return;
    counts[static_cast<int>(Recompute::Host)]++;
    for (Operation *op : group.ops)
      op->setAttr(hostAttrName, UnitAttr::get(op->getContext()));
  }

  void repeat(const RecomputeGroup &group, Recompute level) {
    if (level == Recompute::Host)
      return markForHost(group);
    ArrayRef<Operation *> again = group.again[static_cast<int>(level)];
    Value earlier = again.empty() ? Value() : valueAfter(group);
    if (!earlier)
      return;
    counts[static_cast<int>(level)]++;
    ops += int64_t(again.size());
    OpBuilder b(group.needed);
    IRMapping map;
    llvm::DenseMap<Value, Value> held;
    for (Operation *op : again) {
      for (Value operand : op->getOperands())
        if (!map.contains(operand) && needsHolding(operand)) {
          Value &after = held[operand];
          if (!after)
            after = task::AfterOp::create(b, derivedLoc(operand.getLoc(), "kept"),
                                          operand.getType(), operand, earlier);
          map.map(operand, after);
        }
      Operation *copy = b.clone(*op, map);
      copy->setLoc(derivedLoc(op->getLoc(), "again"));
      copy->removeAttr(forwardBlockAttrName);
    }
    llvm::DenseSet<Operation *> done(again.begin(), again.end());
    for (Operation *op : again)
      for (Value v : op->getResults())
        if (groups.isDropped(v, level))
          v.replaceUsesWithIf(map.lookup(v), [&](OpOperand &use) {
            return RecomputeGroups::isBackward(use.getOwner()) &&
                   !isa<task::AfterOp>(use.getOwner());
          });
  }

  // What has no operands is made anew for each user.
  static bool needsHolding(Value operand) {
    Operation *op = operand.getDefiningOp();
    return op && (op->getNumOperands() > 0 || !isPure(op) || op->getNumResults() > 1);
  }

  RecomputeGroups groups;
  llvm::DenseMap<Operation *, int64_t> reach;
  int64_t counts[numRecomputeLevels] = {}; ///< groups by level
  int64_t ops = 0;
};

struct RecomputePass : PassWrapper<RecomputePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RecomputePass)
  StringRef getArgument() const override { return "of-recompute"; }
  StringRef getDescription() const override {
    return "Computes again for the backward pass what is not kept for it";
  }

  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<task::TaskDialect>();
  }

  void runOnOperation() override {
    for (ProgramOp program : getOperation().getOps<ProgramOp>())
      if (failed(run(program)))
        return signalPassFailure();
  }

  static LogicalResult run(ProgramOp program) {
    bool usesHost = false;
    if (auto levels = program->getAttrOfType<DenseI64ArrayAttr>(recomputeAttrName)) {
      if (failed(check(program, levels.asArrayRef())))
        return failure();
      Repeater repeater(program);
      repeater.run(levels.asArrayRef());
      repeater.remark(program);
      program->removeAttr(recomputeAttrName);
      usesHost = repeater.usesHost();
    }
    if (!usesHost)
      program.walk([](Operation *op) { op->removeAttr(forwardBlockAttrName); });
    return success();
  }

  static LogicalResult check(ProgramOp program, ArrayRef<int64_t> levels) {
    const size_t groups = RecomputeGroups(program).groups().size();
    if (levels.size() != groups)
      return program.emitOpError("has ") << recomputeAttrName << " for " << levels.size()
                                         << " groups of forward ops, but " << groups << " of them";
    for (int64_t level : levels)
      if (level < 0 || level >= int64_t(numRecomputeLevels))
        return program.emitOpError("has the level ")
               << level << " in " << recomputeAttrName << "; levels are 0 to "
               << numRecomputeLevels - 1;
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> createRecomputePass() { return std::make_unique<RecomputePass>(); }

} // namespace of
