// What a kernel of fused ops has to do, pass by pass over what it folds.
//
// A softmax reads each row three times and computes its exp twice: what a later pass needs again
// is read and computed again (lib/Codegen). Its row is in the cache by then, so what is read again
// is counted apart from what comes from memory. Pure.
#pragma once

#include "lib/Cost/ComputeCost.h"

#include "dialects/Task/Task.h"

namespace of {

/// Operations, functions, folds and bytes of the kernel on the device at this point of its mesh.
KernelWork fusedWork(task::KernelOp kernel, int64_t point);

} // namespace of
