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
  for (RankedTensorType type : results)
    flops += type.getNumElements();
  return flops;
}

KernelWork workOf(Operation *op, ArrayRef<RankedTensorType> operands,
                  ArrayRef<RankedTensorType> results) {
  KernelWork work;
  work.flops = computeFlops(op, operands, results);
  work.bytes = bytesOf(operands) + bytesOf(results);
  work.aligned = rowsAligned(operands) && rowsAligned(results);
  if (!results.empty())
    work.dtype = dtypeOf(results[0].getElementType());
  for (RankedTensorType type : results)
    work.outputs += type.getNumElements();
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

static double arithmeticSeconds(const KernelWork &work, const ClusterDevice &device) {
  const ComputeRate &rate = device.rateOf(work.routine);
  double seconds = work.flops / peakOf(work, device);
  // Generated kernels have loops over results, whose number counts in their bytes.
  if (work.routine != generatedRoutine && work.outputs > 0)
    seconds *= (1 + rate.halfOutputs / work.outputs) * (1 + rate.halfDepth / work.depth());
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
