// Seconds an op takes on one device, for given local shapes.
//
// The slower of its arithmetic at the device's rate and its bytes at the rate of the memory, plus
// the start of a kernel. Ops state their work through CostOpInterface. Pure, any thread.
#pragma once

#include "dialects/Of/Of.h"
#include "lib/Cost/Cluster.h"

namespace of {

/// Floating-point operations of an op: what it states, else one for each element of its results.
double computeFlops(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                    llvm::ArrayRef<mlir::RankedTensorType> results);

/// Seconds of one kernel of so much work.
double kernelSeconds(double flops, double bytes, bool isDouble, const ClusterDevice &device);

double computeSeconds(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                      llvm::ArrayRef<mlir::RankedTensorType> results, const ClusterDevice &device);

} // namespace of
