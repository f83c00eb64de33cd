// A plan as a JSON document: the one source of what `show`, `show --json` and `diff` print.
#pragma once

#include "runtime/schema/plan_generated.h"

#include <nlohmann/json.hpp>
#include <string>

namespace of::planTool {

using Json = nlohmann::ordered_json;

/// Needs a plan that passed verifyStructure. Times are seconds, sizes bytes.
Json describePlan(const plan::Plan &plan, const std::string &digest);

} // namespace of::planTool
