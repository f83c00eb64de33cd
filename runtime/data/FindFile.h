// Where the files are that a job names.
#pragma once

#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace of::rt {

/// The first of the folders that has the file; absolute names are taken as they are.
/// InvalidArgument, with the folders, if none has it.
Result<std::string> findFile(const std::string &name, const std::vector<std::string> &folders);

} // namespace of::rt
