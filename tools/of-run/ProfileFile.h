// The file of `of-run --profile`: what tasks, exchanges and links took, of all nodes.
//
//   node ──profileLine──▶ gathered by node 0 ──writeProfile──▶ FILE      (lib/Cost/Profile.h reads
//   it)
//
// JSON, an entry a line; durations in seconds. Of a task that several nodes run it holds the
// slowest.
#pragma once

#include "runtime/node/Profile.h"

namespace of::run {

/// What one node has to say, as a line.
std::string profileLine(const rt::NodeProfile &profile);

/// Error: the file cannot be written. It is replaced whole.
Status writeProfile(const std::string &path, const std::string &job,
                    const std::vector<std::string> &lines);

} // namespace of::run
