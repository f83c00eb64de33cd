// The search: the fastest distribution of every tensor, nothing given but pins.
//
// The train program decides: its variables are open and chosen with everything else; other programs
// take them as they are. Where the mesh is open too, each shape is searched and the fastest wins.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Distribute/Choose.h"

namespace of {

/// What was found for one program. Borrows the IR.
struct Searched {
  DistNetwork network;
  DistChoice choice;
  double seconds = 0;    ///< per step
  double lowerBound = 0; ///< no choice takes less
  int64_t bytes = 0;     ///< of a device at the peak, as far as the search can tell; 0: not limited
};

/// Chooses for one program, with the variables that are in `variables` given. Errors at an op that
/// has no option left.
mlir::FailureOr<Searched> searchProgram(ProgramOp program, const Cluster &cluster,
                                        BoxingPlanner &planner,
                                        const llvm::StringMap<DistAttr> &variables,
                                        const llvm::StringMap<llvm::SmallVector<NdSbp>> &choices);

/// Chooses mesh and distributions for a placed module and writes them. On return `variables` has
/// all variables.
mlir::LogicalResult searchModule(mlir::ModuleOp module, const Job &job, const Cluster &cluster,
                                 BoxingPlanner &planner, llvm::StringMap<DistAttr> &variables);

} // namespace of
