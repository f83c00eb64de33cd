// The passes of the Physical rung: from distributed programs to tasks on streams.
//
//   of-lower-micro ─▶ of-fuse-kernels ─▶ of-offload ─▶ of-build-tasks
#pragma once

#include <memory>

namespace mlir {
class Pass;
}

namespace of {

/// `of-lower-micro`: a step of one micro-batch becomes straight code; of several, its sums become
/// explicit accumulators. Modules.
std::unique_ptr<mlir::Pass> createLowerMicroPass();

/// `of-fuse-kernels`: every computing op becomes part of a `task.kernel`. Modules.
std::unique_ptr<mlir::Pass> createFuseKernelsPass();

/// `of-offload`: what the backward pass needs of blocks that are marked for it leaves the device
/// in between: task.to_host, task.to_device. Modules.
std::unique_ptr<mlir::Pass> createOffloadPass();

/// `of-build-tasks`: programs become `task.program`s of segments, exchanges, reads, ... with
/// registers between them. Modules.
std::unique_ptr<mlir::Pass> createBuildTasksPass();

/// Makes all known to of-opt.
void registerPhysicalPasses();

} // namespace of
