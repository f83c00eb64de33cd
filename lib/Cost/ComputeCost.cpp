#include "lib/Cost/ComputeCost.h"

using namespace mlir;

namespace of {

static double bytesOf(ArrayRef<RankedTensorType> types) {
  double bytes = 0;
  for (RankedTensorType type : types)
    bytes += double(type.getNumElements()) * sizeOf(dtypeOf(type.getElementType()));
  return bytes;
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

double kernelSeconds(double flops, double bytes, bool isDouble, const ClusterDevice &device) {
  double arithmetic = flops / (isDouble ? device.flopsF64 : device.flopsF32);
  return device.launchSeconds + std::max(arithmetic, bytes / device.bytesPerSecond);
}

double computeSeconds(Operation *op, ArrayRef<RankedTensorType> operands,
                      ArrayRef<RankedTensorType> results, const ClusterDevice &device) {
  bool isDouble = !results.empty() && results[0].getElementType().isF64();
  return kernelSeconds(computeFlops(op, operands, results), bytesOf(operands) + bytesOf(results),
                       isDouble, device);
}

} // namespace of
