// The passes of the Train rung: from a single-device model and a job to the programs that train it.
#pragma once

#include <memory>

namespace mlir {
class Pass;
}

namespace of {

/// `of-decompose`: rewrites every op that is a short program of simpler ones until none is left.
/// Any op with a region.
std::unique_ptr<mlir::Pass> createDecomposePass();

/// `of-mark-blocks`: numbers the blocks of a model where stages are open (Blocks.h). Modules.
std::unique_ptr<mlir::Pass> createMarkBlocksPass();

/// `of-build-programs`: model + `of.job` -> variables, datasets, init/train/eval/snapshot programs
/// and the loop nest. Modules.
std::unique_ptr<mlir::Pass> createBuildProgramsPass();

/// Makes them known to of-opt.
void registerTrainPasses();

} // namespace of
