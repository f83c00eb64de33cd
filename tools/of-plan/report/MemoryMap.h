// What lies where in the chunks of a device, and from when to when, as predicted.
#pragma once

#include "tools/of-plan/Describe.h"
#include "tools/of-plan/report/Spans.h"

namespace of::planTool {

/// For each chunk of the first device of every role: {"role", "device", "memory", "bytes",
/// "max_live_bytes", "blocks": [[begin µs, end µs, offset, bytes, kind, name, task], …]}. A version
/// of a register lives from the first of the firings that write it to the end of the last that
/// reads it, which for a Send is when all destinations have received it. What lives through the
/// whole run begins at 0 and has a null end; a block without a task has -1, others an index of all
/// roles' tasks, role after role.
Json memoryMaps(const Focus &focus, const Spans &predicted);

} // namespace of::planTool
