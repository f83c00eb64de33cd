// Whole files as text, for the commands that read other things than plans.
#pragma once

#include "runtime/base/Status.h"

#include <string>

namespace of::planTool {

/// Plain, or compressed with gzip. Error, with the file: it cannot be read to its end.
Result<std::string> readTextFile(const std::string &path);
Status writeTextFile(const std::string &path, const std::string &text);

} // namespace of::planTool
