// Names with wildcards, as paths of cluster.yaml use them: `n*.cuda[0-3]`.
//
// `*` stands for any text, `[a-b]` for a number from a to b; everything else for itself. Pure, any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace of {

bool matchesPattern(std::string_view pattern, std::string_view name);

/// "" if the pattern is well formed, else what is wrong with it.
std::string patternError(std::string_view pattern);

} // namespace of
