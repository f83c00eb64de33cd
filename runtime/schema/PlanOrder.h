// ProgramOrder of a plan: what comes before what on each device of a role.
//
// Pure; needs a plan that passed verifyStructure.
#pragma once

#include "runtime/base/ProgramOrder.h"
#include "runtime/schema/plan_generated.h"

namespace of::rt {

ProgramOrder orderOf(const plan::Plan &plan, const plan::Role &role, uint32_t program);

/// Where a port's version is published or given back.
inline int64_t pointOf(const plan::Port &port, bool isSend) {
  return isSend ? ProgramOrder::kReleased : port.call() < 0 ? ProgramOrder::kEnd : port.call();
}

} // namespace of::rt
