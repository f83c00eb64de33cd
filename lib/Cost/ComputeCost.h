// Seconds an op takes on one device, for given local shapes.
//
// The slower of its arithmetic and its bytes, pass by pass, plus the start of a kernel; of a
// library on a CPU the sum of both, since it packs operands before it computes. Arithmetic runs at
// the rate of the op's routine and element type, less where results or inner sums are too few to
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

/// What a kernel does in one pass over what it folds.
struct KernelPass {
  double flops = 0;
  double functions = 0; ///< divisions among it; exp takes as long as two, others as they say
  double folds = 0;     ///< of rows, each over the last dim
  double bytes = 0;     ///< read for the first time, or written
  double written = 0;   ///< of these, by results that lie over no operand
  double again = 0;     ///< read by a pass before, too
};

/// What a kernel has to do, as far as time depends on it: all passes together.
struct KernelWork : KernelPass {
  std::string routine = generatedRoutine.str(); ///< of runtime/kernel
  DType dtype = DType::F32;
  std::vector<KernelPass> passes; ///< empty: it is one
  double inPlace = 0;             ///< bytes of results that lie over operands
  double part = 0;                ///< bytes that a pass has read when the next one begins
  /// (bytes, bytes that the program moves between their last use and this one); empty: they were
  /// used by the same kernel a moment ago.
  std::vector<std::pair<double, double>> ages;
  double outputs = 0;   ///< results; 0: not known, as many as it takes
  int64_t products = 1; ///< of a batch, among which the results are
  bool aligned = true;  ///< each row is a multiple of 16 bytes

  /// Products and sums behind one result.
  double depth() const { return flops / (2 * outputs); }
};

/// Floating-point operations of an op: what it states, else one for each element of its results.
double computeFlops(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                    llvm::ArrayRef<mlir::RankedTensorType> results);

/// Whether the op folds the last dim of its operand: row by row.
bool foldsRows(mlir::Operation *op);

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
