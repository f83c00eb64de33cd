#include "lib/Cost/ComputeCost.h"

using namespace mlir;

namespace of {

static double bytesOf(ArrayRef<RankedTensorType> types) {
  double bytes = 0;
  for (RankedTensorType type : types)
    bytes += double(type.getNumElements()) * sizeOf(dtypeOf(type.getElementType()));
  return bytes;
}

double computeSeconds(Operation *op, ArrayRef<RankedTensorType> operands,
                      ArrayRef<RankedTensorType> results, const ClusterDevice &device) {
  double flops = 0;
  if (auto cost = dyn_cast<CostOpInterface>(op))
    flops = cost.getFlops(operands, results);
  else
    for (RankedTensorType type : results)
      flops += type.getNumElements();
  bool isDouble = !results.empty() && results[0].getElementType().isF64();
  double arithmetic = flops / (isDouble ? device.flopsF64 : device.flopsF32);
  double memory = (bytesOf(operands) + bytesOf(results)) / device.bytesPerSecond;
  return device.launchSeconds + std::max(arithmetic, memory);
}

} // namespace of
