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

KernelWork workOf(Operation *op, ArrayRef<RankedTensorType> operands,
                  ArrayRef<RankedTensorType> results) {
  KernelWork work;
  work.flops = computeFlops(op, operands, results);
  auto cost = dyn_cast<CostOpInterface>(op);
  work.bytes = cost ? cost.getBytes(operands, results) : bytesOf(operands) + bytesOf(results);
  work.aligned = rowsAligned(operands) && rowsAligned(results);
  if (!results.empty())
    work.dtype = dtypeOf(results[0].getElementType());
  for (RankedTensorType type : results)
    work.outputs += type.getNumElements();
  if (cost)
    work.products = cost.getProducts(operands, results);
  if (auto pointwise = dyn_cast<PointwiseOpInterface>(op))
    work.functions = double(pointwise.getFunctions()) * work.outputs;
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

/// Of one value of exp and its like: measured, else as so many operations.
static double functionSeconds(const KernelWork &work, const ClusterDevice &device) {
  constexpr double operations = 12; // two to reduce, six to eight terms, the power of two
  const ComputeRate &rate = device.rateOf(functionRoutine);
  if (rate.routine != functionRoutine)
    return operations / peakOf(work, device);
  const double own = flopsOf(rate, work.dtype);
  return 1 / (own > 0 ? own : flopsOf(rate, DType::F32));
}

/// Products that are computed apart from each other.
static double apart(const KernelWork &work, const ClusterDevice &device) {
  return device.kind == "cpu" ? double(work.products) : 1;
}

static double arithmeticSeconds(const KernelWork &work, const ClusterDevice &device) {
  const ComputeRate &rate = device.rateOf(work.routine);
  double seconds =
      work.flops / peakOf(work, device) + work.functions * functionSeconds(work, device);
  // Generated kernels have loops over results, whose number counts in their bytes.
  if (work.routine != generatedRoutine && work.outputs > 0)
    seconds *= (1 + rate.halfOutputs * apart(work, device) / work.outputs) *
               (1 + rate.halfDepth / work.depth());
  const bool narrow = sizeOf(work.dtype) == 2;
  return narrow && !work.aligned ? seconds / rate.unaligned : seconds;
}

double kernelSeconds(const KernelWork &work, const ClusterDevice &device) {
  const double arithmetic = work.flops > 0 ? arithmeticSeconds(work, device) : 0;
  return device.launchSeconds +
         device.crowding * std::max(arithmetic, device.memorySeconds(work.bytes));
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
