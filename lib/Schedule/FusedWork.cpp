#include "lib/Schedule/FusedWork.h"

#include "lib/Codegen/KernelSpace.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace of {

/// Neighbouring results that a fold over outer dims computes at once.
static constexpr double foldedTogether = 1024;

static double bytesOf(TypeRange types) {
  double bytes = 0;
  for (Type type : types)
    bytes += partBytes(type);
  return bytes;
}

namespace {

class FusedKernel {
public:
  FusedKernel(task::KernelOp kernel, int64_t point) : kernel(kernel), point(point) {
    for (Operation &op : kernel.getBody().front().without_terminator())
      ops.push_back(&op);
  }

  KernelWork work() {
    results();
    std::string why;
    Operation *whyOp = nullptr;
    FailureOr<KernelSpace> space =
        analyseKernel(ops, kernel.getBody().front().getTerminator()->getOperands(), why, whyOp);
    if (failed(space)) // one op that is no fused kernel
      for (Operation *op : ops)
        compute(op, whole);
    else
      passes(*space);
    return whole;
  }

private:
  KernelWork workOf(Operation *op) const {
    auto parts = [&](TypeRange types) {
      return llvm::map_to_vector(types, [&](Type type) { return localTypeAt(type, point); });
    };
    return of::workOf(op, parts(op->getOperandTypes()), parts(op->getResultTypes()));
  }

  void results() {
    for (auto [result, argument] : llvm::zip(kernel.getResultTypes(), kernel.getInPlace()))
      (argument >= 0 ? whole.inPlace : whole.written) += partBytes(result);
    whole.bytes = bytesOf(kernel.getInputs().getTypes()) + whole.written + whole.inPlace;
    for (Operation *op : ops) {
      const KernelWork one = workOf(op);
      whole.aligned &= one.aligned;
      if (op == ops.front() || one.dtype == DType::F64)
        whole.dtype = one.dtype;
      whole.outputs = one.outputs;
    }
  }

  void compute(Operation *op, KernelPass &pass) {
    const KernelWork one = workOf(op);
    pass.flops += one.flops;
    pass.functions += one.functions;
  }

  void passes(const KernelSpace &space) {
    llvm::DenseSet<Value> read;
    for (unsigned stage = 0; stage < space.stages; ++stage) {
      KernelPass pass;
      evaluateAnchors(space, stage, pass);
      readArguments(space, stage, read, pass);
      whole.flops += pass.flops;
      whole.functions += pass.functions;
      whole.folds += pass.folds;
      whole.again += pass.again;
      whole.passes.push_back(pass);
    }
    whole.part = whole.again == 0 ? 0 : whole.bytes * partOfPass(space);
  }

  /// A pass computes what its anchors need that is no fold, once.
  void evaluateAnchors(const KernelSpace &space, unsigned stage, KernelPass &pass) {
    llvm::DenseSet<Operation *> done;
    for (const Anchor &anchor : space.anchors) {
      if (anchor.stage != stage)
        continue;
      evaluate(anchor.value, done, pass);
      if (anchor.reduction) {
        compute(anchor.reduction, pass);
        pass.folds = std::max(pass.folds, workOf(anchor.reduction).folds);
      }
      if (anchor.result >= 0)
        writeResult(anchor.result, pass);
    }
  }

  void evaluate(Value value, llvm::DenseSet<Operation *> &done, KernelPass &pass) {
    Operation *op = value.getDefiningOp();
    if (!op || isRealReduction(op) || !done.insert(op).second)
      return;
    compute(op, pass);
    for (Value operand : op->getOperands())
      evaluate(operand, done, pass);
  }

  void writeResult(int result, KernelPass &pass) {
    const double bytes = partBytes(kernel.getResultTypes()[result]);
    pass.bytes += bytes;
    if (kernel.getInPlace()[result] < 0)
      pass.written += bytes;
  }

  void readArguments(const KernelSpace &space, unsigned stage, llvm::DenseSet<Value> &read,
                     KernelPass &pass) {
    llvm::DenseSet<Value> mine;
    for (const ArgumentRead &r : space.reads) {
      if (space.anchors[r.anchor].stage == stage && mine.insert(r.argument).second)
        (read.contains(r.argument) ? pass.again : pass.bytes) += partBytes(r.argument.getType());
    }
    read.insert(mine.begin(), mine.end());
  }

  /// A pass ends after so much of what the kernel works on, and the next one begins.
  double partOfPass(const KernelSpace &space) const {
    Operation *fold =
        llvm::find_if(space.anchors, [](const Anchor &a) { return a.reduction; })->reduction;
    RankedTensorType sums = localTypeAt(fold->getResult(0).getType(), point);
    const double all = std::max<double>(1, sums.getNumElements());
    if (foldsRows(fold))
      return 1 / all;
    return std::min<double>(foldedTogether, sums.getShape().back()) / all;
  }

  task::KernelOp kernel;
  const int64_t point;
  SmallVector<Operation *> ops;
  KernelWork whole;
};

} // namespace

KernelWork fusedWork(task::KernelOp kernel, int64_t point) {
  return FusedKernel(kernel, point).work();
}

} // namespace of
