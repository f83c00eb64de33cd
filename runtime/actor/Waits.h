// What a stream waits for, in words: for the report of a stall.
#pragma once

#include "runtime/actor/Machine.h"
#include "runtime/schema/plan_generated.h"

namespace of::rt {

/// "device 1: task update (model.mlir:5:1) waits for a version of register sum".
std::string describe(const plan::Plan &plan, uint32_t device, const ProgramTable &table,
                     const Wait &wait);

} // namespace of::rt
