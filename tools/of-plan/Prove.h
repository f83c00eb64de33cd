// `of-plan verify`: runs every check of runtime/schema/Verify.h and says what was proven.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <string>

namespace of::planTool {

/// One line per thing that holds, or the first rule that is broken.
Result<std::string> prove(const plan::Plan &plan);

} // namespace of::planTool
