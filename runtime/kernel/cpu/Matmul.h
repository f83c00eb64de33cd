// The routine `matmul`: batched row-major matrix products.
//
// Internal to runtime/kernel.
#pragma once

#include "runtime/kernel/Library.h"
#include "runtime/kernel/cpu/Spec.h"

namespace of::rt::kernel {

Result<std::unique_ptr<Routine>> makeMatmul(const Spec &spec, int64_t tiles,
                                            const std::vector<size_t> &bufferBytes);
int64_t matmulTiles(const Spec &spec);

} // namespace of::rt::kernel
