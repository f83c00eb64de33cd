// One op under one of its signatures in several parts: prepared, run on slices of whole values, put
// together and compared with the whole.
#pragma once

#include "test/of/Values.h"

#include <random>

namespace of::test {

/// An op whose kernel for every mesh point is in an OpKernels.
struct Split {
  mlir::Operation *op;
  Signature signature;
  Placement placement;
  llvm::SmallVector<unsigned> kernels; ///< one per point
};

/// Prepares `op` under all its signatures but the one that splits nothing, in 2 and in 3 parts,
/// unless its text is in `seen`. Signatures that the verifier does not take are errors.
mlir::LogicalResult addSplits(mlir::Operation *op, OpKernels &kernels, std::set<std::string> &seen,
                              std::vector<Split> &out);

/// Empty, or a line that says what differs.
std::string checkSplit(const Split &split, const OpKernels &kernels, const Values &values,
                       std::mt19937_64 &random, int64_t micro);

} // namespace of::test
