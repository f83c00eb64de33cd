// Seconds an op takes on one device, for given local shapes.
//
// The slower of its arithmetic and its bytes, plus the start of a kernel. Arithmetic runs at the
// rate of the op's routine and element type, less where results or inner sums are too few to
// keep the device busy (ComputeRate). Ops state their work through CostOpInterface and their
// routine through LibraryOpInterface. Pure, any thread.
#pragma once

#include "dialects/Of/Of.h"
#include "lib/Cost/Cluster.h"

namespace of {

/// The routine of kernels that the compiler makes.
inline constexpr llvm::StringLiteral generatedRoutine = "generated";
/// What the rate of exp and its like stands under.
inline constexpr llvm::StringLiteral functionRoutine = "function";

/// What a kernel has to do, as far as time depends on it.
struct KernelWork {
  std::string routine = generatedRoutine.str(); ///< of runtime/kernel
  DType dtype = DType::F32;
  double flops = 0, bytes = 0; ///< bytes read and written
  double functions = 0;        ///< values of exp, log, tanh and their like among it
  double outputs = 0;          ///< results; 0: not known, as many as it takes
  int64_t products = 1;        ///< of a batch, among which the results are
  bool aligned = true;         ///< each row is a multiple of 16 bytes

  /// Products and sums behind one result.
  double depth() const { return flops / (2 * outputs); }
};

/// Floating-point operations of an op: what it states, else one for each element of its results.
double computeFlops(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                    llvm::ArrayRef<mlir::RankedTensorType> results);

KernelWork workOf(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                  llvm::ArrayRef<mlir::RankedTensorType> results);

/// Seconds of one kernel.
double kernelSeconds(const KernelWork &work, const ClusterDevice &device);

/// Among how many threads of the device a library's routine is shared: handing a part over takes
/// about as long as the least part that is worth it.
int64_t libraryTiles(const KernelWork &work, const ClusterDevice &device);

/// Seconds of work whose kernels one host thread issues while earlier ones compute.
double queuedSeconds(double kernelSeconds, double kernels, const ClusterDevice &device);

double computeSeconds(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                      llvm::ArrayRef<mlir::RankedTensorType> results, const ClusterDevice &device);

} // namespace of
