// How long ago a kernel's operands were used, in bytes that were touched since: which cache holds
// them, or none.
//
// Counts what the kernels of a segment touch, one after the other, what two of them touch twice.
// Looks back no further than any cache reaches. Pure.
#pragma once

#include "dialects/Task/Task.h"

namespace of {

/// (bytes, bytes touched between their last use and this kernel): KernelWork::ages of the kernel.
/// What is written over no operand lies where something lay that is not needed any more, and is
/// fetched first: it counts twice.
std::vector<std::pair<double, double>> agesOf(task::KernelOp kernel);

} // namespace of
