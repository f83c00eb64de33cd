#include "lib/Cost/ComputeCost.h"

using namespace mlir;

namespace of {

/// Handing a part to another thread takes about 2 us (benchmarks/training-step, the small MLP): as
/// long as this takes at 50 GFLOP/s, or at 10 GB/s.
static constexpr double leastFlopsOfTile = 1e5, leastBytesOfTile = 2e4;

static double bytesOf(ArrayRef<RankedTensorType> types) {
  double bytes = 0;
  for (RankedTensorType type : types)
    bytes += double(tensorBytes(type));
  return bytes;
}

static bool rowsAligned(ArrayRef<RankedTensorType> types) {
  return llvm::all_of(types, [](RankedTensorType type) {
    return type.getRank() == 0 ||
           type.getShape().back() * sizeOf(dtypeOf(type.getElementType())) % 16 == 0;
  });
}

double computeFlops(Operation *op, ArrayRef<RankedTensorType> operands,
                    ArrayRef<RankedTensorType> results) {
  if (auto cost = dyn_cast<CostOpInterface>(op))
    return cost.getFlops(operands, results);
  double flops = 0;
  if (isa<ReductionOpInterface>(op)) // each element is added to what it is folded into
    return operands[0].getNumElements();
  for (RankedTensorType type : results)
    flops += type.getNumElements();
  return flops;
}

bool foldsRows(Operation *op) {
  auto reduction = dyn_cast<ReductionOpInterface>(op);
  return reduction &&
         llvm::is_contained(reduction.getReducedDims(),
                            cast<RankedTensorType>(op->getOperand(0).getType()).getRank() - 1);
}

KernelWork workOf(Operation *op, ArrayRef<RankedTensorType> operands,
                  ArrayRef<RankedTensorType> results) {
  KernelWork work;
  work.flops = computeFlops(op, operands, results);
  auto cost = dyn_cast<CostOpInterface>(op);
  const double written = bytesOf(results);
  work.bytes = cost ? cost.getBytes(operands, results) : bytesOf(operands) + written;
  if (!isa<PointwiseOpInterface, ReductionOpInterface>(op)) // they fuse and write little
    work.written = written;
  work.aligned = rowsAligned(operands) && rowsAligned(results);
  if (!results.empty())
    work.dtype = dtypeOf(results[0].getElementType());
  for (RankedTensorType type : results)
    work.outputs += type.getNumElements();
  if (cost)
    work.products = cost.getProducts(operands, results);
  if (foldsRows(op))
    work.folds = work.outputs;
  if (auto pointwise = dyn_cast<PointwiseOpInterface>(op))
    work.functions = double(pointwise.getFunctions()) * work.outputs;
  else if (isa<LoopKernelOpInterface>(op)) // one element after the other, not a vector of them
    work.functions = 2 * work.flops;
  if (auto library = dyn_cast<LibraryOpInterface>(op))
    work.routine = library.getLibraryCall(operands, results).name;
  return work;
}

// ---- Rates --------------------------------------------------------------------------------------

static double flopsOf(const ComputeRate &rate, DType dtype) {
  return rate.flops[static_cast<size_t>(dtype)];
}

/// Operations per second of a large kernel: of the routine, else of the device, in this type or in
/// fp32.
static double peakOf(const KernelWork &work, const ClusterDevice &device) {
  const ComputeRate &own = device.rateOf(work.routine);
  for (double flops :
       {flopsOf(own, work.dtype), flopsOf(device.any, work.dtype), flopsOf(own, DType::F32)})
    if (flops > 0)
      return flops;
  return device.flopsF32;
}

/// Of one division: half as long as exp, which is measured, else six operations.
static double functionSeconds(const KernelWork &work, const ClusterDevice &device) {
  constexpr double operations = 6;
  const ComputeRate &rate = device.rateOf(functionRoutine);
  if (rate.routine != functionRoutine)
    return operations / peakOf(work, device);
  const double own = flopsOf(rate, work.dtype);
  return 0.5 / (own > 0 ? own : flopsOf(rate, DType::F32));
}

/// Products that are computed apart from each other.
static double apart(const KernelWork &work, const ClusterDevice &device) {
  return device.kind == "cpu" ? double(work.products) : 1;
}

/// Of products and folds beside their operations.
static double startSeconds(const KernelWork &work, double folds, const ClusterDevice &device) {
  if (device.kind != "cpu")
    return 0;
  const double starts = work.routine == generatedRoutine ? folds : double(work.products);
  return starts * device.rateOf(work.routine).startSeconds;
}

static double arithmeticSeconds(const KernelWork &work, const KernelPass &pass,
                                const ClusterDevice &device) {
  if (pass.flops == 0)
    return 0;
  const ComputeRate &rate = device.rateOf(work.routine);
  double seconds =
      pass.flops / peakOf(work, device) + pass.functions * functionSeconds(work, device);
  // Generated kernels have loops over results, whose number counts in their bytes.
  if (work.routine != generatedRoutine && work.outputs > 0)
    seconds *= (1 + rate.halfOutputs * apart(work, device) / work.outputs) *
               (1 + rate.halfDepth / work.depth());
  const bool narrow = sizeOf(work.dtype) == 2;
  return narrow && !work.aligned ? seconds / rate.unaligned : seconds;
}

/// Of a byte that no earlier pass has read: by where its last use leaves it.
static double secondsPerByte(const KernelWork &work, const ClusterDevice &device) {
  double bytes = 0, seconds = 0;
  for (auto [count, age] : work.ages) {
    bytes += count;
    seconds += device.memorySeconds(count, age);
  }
  return bytes > 0 ? seconds / bytes : device.memorySeconds(1, work.bytes - work.inPlace);
}

/// A CPU's cache fetches what is written before it is, unless it was read; and what is read again
/// comes from there once more.
static double memorySeconds(const KernelWork &work, const KernelPass &pass,
                            const ClusterDevice &device) {
  if (device.kind != "cpu")
    return device.memorySeconds(pass.bytes, work.bytes - work.inPlace);
  return (pass.bytes + pass.written) * secondsPerByte(work, device) +
         device.memorySeconds(pass.again, work.part);
}

static double passSeconds(const KernelWork &work, const KernelPass &pass,
                          const ClusterDevice &device) {
  const double arithmetic =
      arithmeticSeconds(work, pass, device) + startSeconds(work, pass.folds, device);
  const double memory = memorySeconds(work, pass, device);
  const bool inTurn = device.kind == "cpu" && work.routine != generatedRoutine;
  return inTurn ? arithmetic + memory : std::max(arithmetic, memory);
}

double kernelSeconds(const KernelWork &work, const ClusterDevice &device) {
  double seconds = 0;
  if (work.passes.empty() || device.kind != "cpu")
    seconds = passSeconds(work, work, device);
  else
    for (const KernelPass &pass : work.passes)
      seconds += passSeconds(work, pass, device);
  return device.launchSeconds + device.crowding * seconds;
}

int64_t libraryTiles(const KernelWork &work, const ClusterDevice &device) {
  const double parts = std::max(work.flops / leastFlopsOfTile, work.bytes / leastBytesOfTile);
  return std::clamp<int64_t>(static_cast<int64_t>(parts), 1, device.threads);
}

double queuedSeconds(double kernelSeconds, double kernels, const ClusterDevice &device) {
  return std::max(kernelSeconds, kernels * device.dispatchSeconds);
}

double computeSeconds(Operation *op, ArrayRef<RankedTensorType> operands,
                      ArrayRef<RankedTensorType> results, const ClusterDevice &device) {
  return kernelSeconds(workOf(op, operands, results), device);
}

} // namespace of
