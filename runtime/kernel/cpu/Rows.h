// The routines `gather_rows` and `scatter_add_rows`: embedding lookup and its gradient.
//
// Internal to runtime/kernel.
#pragma once

#include "runtime/kernel/Library.h"
#include "runtime/kernel/cpu/Spec.h"

namespace of::rt::kernel {

Result<std::unique_ptr<Routine>> makeGatherRows(const Spec &spec, int64_t tiles,
                                                const std::vector<size_t> &bufferBytes);
int64_t gatherRowsTiles(const Spec &spec);

Result<std::unique_ptr<Routine>> makeScatterAddRows(const Spec &spec, int64_t tiles,
                                                    const std::vector<size_t> &bufferBytes);
int64_t scatterAddRowsTiles(const Spec &spec);

} // namespace of::rt::kernel
