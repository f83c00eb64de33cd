// Writes a choice into the IR: types of all values and variables, and of.boxing.
#pragma once

#include "lib/Distribute/Choose.h"

namespace of {

/// Rewrites one program. A value that users need otherwise than it is made is boxed right behind
/// its producer, once per distribution; so boxings of values that an of.micro holds stand before
/// it.
void rewriteProgram(ProgramOp program, const DistNetwork &network, const DistChoice &choice);

} // namespace of
