// of-decompose
//
//   before   %l = of.softmax %x : (tensor<4x10xf32>) -> tensor<4x10xf32>
//   after    %m = of.reduce_max ..  %t = of.stop_gradient %m  %s = of.sub %x, %t  %e = of.exp %s %z
//   = of.reduce_sum ..  %l = of.div %e, %z
#include "lib/Train/Decompose.h"

#include "dialects/Of/Of.h"
#include "lib/Train/Blocks.h"
#include "lib/Train/Formula.h"
#include "lib/Train/Passes.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {

Value pinValue(OpBuilder &b, Value value, DictionaryAttr pin, bool isShared) {
  Operation *op = value.getDefiningOp();
  bool isFree = op && !isShared && op->getBlock() == b.getInsertionBlock() &&
                op->getNumResults() == 1 && !op->hasAttr(OfDialect::pinAttrName);
  if (!isFree) {
    op = CopyOp::create(b, value.getLoc(), value);
    value = op->getResult(0);
  }
  op->setAttr(OfDialect::pinAttrName, pin);
  return value;
}

// Location, stage and pin of `op` go on to the ops between `first` and `op`, which replace it.
static void inherit(Operation *op, Block::iterator first, SmallVectorImpl<Value> &results) {
  OpBuilder b(op);
  if (auto pin = op->getAttrOfType<DictionaryAttr>(OfDialect::pinAttrName))
    results[0] = pinValue(b, results[0], pin,
                          !llvm::is_contained(op->getOperands(), results[0]) ? false : true);
  for (Operation &made : llvm::make_range(first, op->getIterator())) {
    bool isResult = llvm::any_of(results, [&](Value v) { return v && v.getDefiningOp() == &made; });
    made.setLoc(isResult ? op->getLoc() : derivedLoc(op->getLoc(), made.getName().stripDialect()));
    for (StringRef name : {StringRef(OfDialect::stageAttrName), StringRef(forwardBlockAttrName)})
      if (Attribute number = op->getAttr(name))
        made.setAttr(name, number);
  }
}

// Replaces one op and returns where to go on: the first op that took its place.
static FailureOr<Block::iterator> decomposeOne(DecomposableOpInterface op) {
  Block *block = op->getBlock();
  bool isFirst = op->getIterator() == block->begin();
  Operation *before = isFirst ? nullptr : op->getPrevNode();
  OpBuilder b(op);
  SmallVector<Value> results;
  if (failed(op.decompose(b, results)))
    return failure();
  auto first = before ? std::next(before->getIterator()) : block->begin();
  if (results.size() != op->getNumResults())
    return op->emitOpError("decomposes into ")
           << results.size() << " values for its " << op->getNumResults() << " results";
  inherit(op, first, results);
  bool isEmpty = first == op->getIterator();
  Operation *next = isEmpty ? op->getNextNode() : &*first;
  for (auto [result, value] : llvm::zip(op->getResults(), results)) {
    if (value && value.getType() != result.getType())
      return op->emitOpError("decomposes into ")
             << value.getType() << " instead of " << result.getType();
    if (value)
      result.replaceAllUsesWith(value);
    else if (!result.use_empty())
      return op->emitOpError("has a result in use that its decomposition does not give");
  }
  op->erase();
  return next ? next->getIterator() : block->end();
}

static LogicalResult decomposeBlock(Block &block, bool areDifferentiated) {
  for (auto it = block.begin(); it != block.end();) {
    for (Region &region : it->getRegions())
      for (Block &inner : region)
        if (failed(decomposeBlock(inner, areDifferentiated)))
          return failure();
    auto op = dyn_cast<DecomposableOpInterface>(*it);
    if (!op || (!areDifferentiated && isa<DifferentiableOpInterface>(op.getOperation()))) {
      ++it;
      continue;
    }
    FailureOr<Block::iterator> next = decomposeOne(op);
    if (failed(next))
      return failure();
    it = *next;
  }
  return success();
}

LogicalResult decomposeAll(Operation *root, bool areDifferentiated) {
  for (Region &region : root->getRegions())
    for (Block &block : region)
      if (failed(decomposeBlock(block, areDifferentiated)))
        return failure();
  return success();
}

namespace {
struct DecomposePass : PassWrapper<DecomposePass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DecomposePass)
  StringRef getArgument() const override { return "of-decompose"; }
  StringRef getDescription() const override {
    return "Rewrites ops that are short programs of simpler ones";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<OfDialect>();
  }
  void runOnOperation() override {
    if (failed(decomposeAll(getOperation())))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> createDecomposePass() { return std::make_unique<DecomposePass>(); }

} // namespace of
