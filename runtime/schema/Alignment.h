// Whether the numbers of a plan lie where their types may.
#pragma once

#include "runtime/schema/plan_generated.h"

namespace of::rt {

/// FlatBuffers' verifier checks where a vector's length lies, not where its elements do: numbers of
/// eight bytes behind a length of four. For a buffer that it has accepted and whose first byte is
/// aligned.
bool isAligned(const plan::Plan &plan);

} // namespace of::rt
