// The document of Describe.h for people.
#pragma once

#include "tools/of-plan/Describe.h"

namespace of::planTool {

std::string planText(const Json &plan);

/// "12.5 us", "3.2 KiB": three digits and a unit.
std::string durationText(double seconds);
std::string bytesText(double bytes);

} // namespace of::planTool
