// The passes of the Distribute rung, in the order in which they run:
//
//   of-assign-placements     every op learns its mesh
//   of-distribute            types are rewritten once; of.boxing where a value is needed otherwise
//   of-recompute             what is not kept for the backward pass is computed again for it
//   of-plan-boxing           every of.boxing becomes the cheapest chain of single exchanges
//   of-verify-distributed    the invariant of the rung
#pragma once

#include <memory>

namespace mlir {
class Pass;
}

namespace of {

/// `of-assign-placements`: stages of `of.job` -> `of.placement = #of.mesh<...>` on ops and
/// variables. Modules.
std::unique_ptr<mlir::Pass> createAssignPlacementsPass();

/// `of-distribute`: placed programs -> the same ops on distributed types. Modules.
std::unique_ptr<mlir::Pass> createDistributePass();

/// `of-recompute`: groups of forward ops are repeated in the backward pass, as `of.recompute` of
/// their program says (RecomputeGroups.h). Modules.
std::unique_ptr<mlir::Pass> createRecomputePass();

/// `of-plan-boxing`: expands boxings into chains of boxings, each one exchange. Modules.
std::unique_ptr<mlir::Pass> createPlanBoxingPass();

/// `of-verify-distributed`: fails unless the module is what later rungs expect. Modules.
std::unique_ptr<mlir::Pass> createVerifyDistributedPass();

/// Makes them known to of-opt.
void registerDistributePasses();

} // namespace of
