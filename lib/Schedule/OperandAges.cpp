#include "lib/Schedule/OperandAges.h"

using namespace mlir;

namespace of {

/// Further back no cache counts: looking there takes time.
static constexpr double oldestBytes = 256e6;
static constexpr int oldestKernels = 256;

/// Bytes of memory that a kernel touches.
static double touchedBytes(task::KernelOp kernel) {
  double bytes = 0;
  for (Type type : kernel.getInputs().getTypes())
    bytes += partBytes(type);
  for (auto [result, argument] : llvm::zip(kernel.getResultTypes(), kernel.getInPlace()))
    bytes += argument >= 0 ? 0 : partBytes(result);
  return bytes;
}

/// What a value is a view of.
static Value rootOf(Value value) {
  for (Operation *op = value.getDefiningOp(); op && isa<ViewOpInterface>(op);
       op = value.getDefiningOp())
    value = op->getOperand(0);
  return value;
}

static bool touches(task::KernelOp kernel, Value root) {
  return root.getDefiningOp() == kernel ||
         llvm::any_of(kernel.getInputs(), [&](Value input) { return rootOf(input) == root; });
}

namespace {

/// Walks over kernels and adds up what they touch, until it is too much to matter.
class Touched {
public:
  double bytes = 0;
  /// False once it is.
  bool add(task::KernelOp kernel) {
    bytes += touchedBytes(kernel);
    return bytes < oldestBytes && ++kernels < oldestKernels;
  }

private:
  int kernels = 0;
};

} // namespace

/// Bytes that the segment's kernels touch.
static double segmentBytes(task::KernelOp kernel) {
  Touched all;
  for (auto other : kernel->getBlock()->getOps<task::KernelOp>())
    if (!all.add(other))
      return oldestBytes;
  return all.bytes;
}

/// Bytes that were touched since the value was. What the segment has not touched before was used in
/// the last step, or by another segment.
static double ageOf(task::KernelOp kernel, Value value, double segment) {
  const Value root = rootOf(value);
  Touched since;
  for (Operation *op = kernel->getPrevNode(); op; op = op->getPrevNode()) {
    auto other = dyn_cast<task::KernelOp>(op);
    if (!other)
      continue;
    if (!since.add(other))
      return oldestBytes;
    if (touches(other, root))
      return since.bytes;
  }
  return segment;
}

std::vector<std::pair<double, double>> agesOf(task::KernelOp kernel) {
  const double segment = segmentBytes(kernel);
  std::vector<std::pair<double, double>> ages;
  for (Value input : kernel.getInputs())
    ages.emplace_back(partBytes(input.getType()), ageOf(kernel, input, segment));
  for (auto [result, argument] : llvm::zip(kernel.getResultTypes(), kernel.getInPlace()))
    if (argument < 0)
      ages.emplace_back(2 * partBytes(result), segment);
  return ages;
}

} // namespace of
