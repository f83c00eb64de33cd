// The passes of the Schedule rung: when each task fires and where each byte lies.
//
//   of-settle-buffers ─▶ of-schedule ─▶ of-assign-memory
#pragma once

#include <memory>

namespace mlir {
class Pass;
}

namespace of {

/// `of-settle-buffers`: in-place results, and the copies without which a variable or accumulator
/// would be written too early. Modules.
std::unique_ptr<mlir::Pass> createSettleBuffersPass();

/// `of-schedule`: the static cyclic order of every stream and the slots of every register. Modules.
std::unique_ptr<mlir::Pass> createSchedulePass();

/// `of-assign-memory`: an offset in its device's chunk for every variable, register, temporary,
/// scratch and landing slot. Modules.
std::unique_ptr<mlir::Pass> createAssignMemoryPass();

/// Makes all known to of-opt.
void registerSchedulePasses();

} // namespace of
