// Cheap ops that a kernel does again instead of reading their result.
//
// Where a kernel reads both the result of an op of one multiplication or so and all that the op
// reads, the result need not be read; and if no one else does, it need not be written or kept
// either. Gradients of normalisations read x - mean, 1 / deviation and their product: of two values
// as large as x that would live from the forward to the backward pass, one is left.
//
//   before   kernel A: %c = sub %x, %m   %n = mul %c, %r     kernel B: ... %c ... %r ... %n
//   after    kernel A: %c = sub %x, %m                       kernel B: %n = mul %c, %r   ...
//
// Functions are as cheap as writing their results to memory and reading them again. Where a result
// is too large for a cache, and one other kernel reads it that has all it comes from, that kernel
// computes it again: of GELU in the backward pass erf and exp, from x.
//
// No kernel gets an operand that it did not have, so nothing lives longer than before.
#pragma once

#include "lib/Physical/KernelClusters.h"

namespace of {

/// Repeats ops of other clusters of the block in those that read their results, and erases what no
/// one needs any more. Clusters are those of `kernelClusters`, and stay in program order.
void repeatCheapOps(llvm::MutableArrayRef<KernelCluster> clusters);

} // namespace of
