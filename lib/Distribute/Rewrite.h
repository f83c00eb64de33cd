// Writes a choice into the IR: types of all values and variables, and of.boxing.
#pragma once

#include "lib/Distribute/Choose.h"
#include "lib/Distribute/Versions.h"

namespace of {

/// Rewrites one program. A value that users need otherwise than it is made is boxed once per
/// distribution, right behind its producer or the version it is made from, whichever is nearer; so
/// boxings of values that an of.micro holds stand before it.
void rewriteProgram(ProgramOp program, const DistNetwork &network, BoxingPlanner &planner,
                    const DistChoice &choice, const VersionOrders &orders = VersionOrders());

} // namespace of
