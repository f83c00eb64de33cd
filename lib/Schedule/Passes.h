// The passes of the Schedule rung: when each task fires and where each byte lies.
//
//   of-schedule ─▶ of-assign-memory
#pragma once

#include <memory>

namespace mlir {
class Pass;
}

namespace of {

/// `of-schedule`: the static cyclic order of every stream and the slots of every register. Modules.
std::unique_ptr<mlir::Pass> createSchedulePass();

/// `of-assign-memory`: in-place results, and an offset in its device's chunk for every variable,
/// register, temporary, scratch and landing slot. Modules.
std::unique_ptr<mlir::Pass> createAssignMemoryPass();

/// Makes both known to of-opt.
void registerSchedulePasses();

} // namespace of
