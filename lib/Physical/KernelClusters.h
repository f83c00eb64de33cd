// Which ops of a block become one kernel.
//
// Greedy, in program order: an op joins the kernels of its operands where code generation can make
// one loop nest of them (canFuse), where nothing outside lies between, and where no value would be
// computed more often than once per element. The result is a partition of the fusable ops; its
// order is topological. Deterministic: ties go to the earlier kernel.
#pragma once

#include "dialects/Of/Of.h"

namespace of {

using KernelCluster = llvm::SmallVector<mlir::Operation *>;

/// Clusters of a block, each in program order. Ops that are no part of a kernel (gets, boxings,
/// views, ...) are in none; ops done by a library or by their own linalg are alone in theirs.
llvm::SmallVector<KernelCluster> kernelClusters(mlir::Block &block);

/// Does the op compute, so that it must be in a kernel?
bool isKernelOp(mlir::Operation *op);

/// Ops that cost nothing where they are used: constants, indices, reshapes that add or drop dims
/// of size 1, broadcasts. They are cloned for each user instead of being stored.
bool isFree(mlir::Operation *op);

} // namespace of
