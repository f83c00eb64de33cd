// `of-plan diff`: what differs between two plans, value by value.
#pragma once

#include "tools/of-plan/Describe.h"

namespace of::planTool {

/// Lines "path: old -> new", "path: new only", "path: old only"; empty if the documents are equal.
/// Elements of lists are matched by their names where they have one.
std::string diffPlans(const Json &before, const Json &after);

} // namespace of::planTool
