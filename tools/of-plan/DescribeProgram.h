// The part of Describe.h for one role in one program, and what both parts use.
#pragma once

#include "runtime/schema/PlanView.h"
#include "tools/of-plan/Describe.h"

#include <algorithm>

namespace of::planTool {

template <typename E> std::string lower(E value, const char *(*name)(E)) {
  std::string out = name(value);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return out;
}

inline std::string text(const flatbuffers::String *s) { return s ? s->str() : ""; }

/// Runs `f(element)` for each element of a vector that may be missing.
template <typename V, typename F> Json listOf(const V *vector, F f) {
  Json out = Json::array();
  if (vector)
    for (const auto *element : *vector)
      out.push_back(f(*element));
  return out;
}

/// {"role", "orders", "tasks", "registers", "memory"}
Json describeRoleProgram(const plan::Plan &plan, const plan::Role &role, uint32_t program);

} // namespace of::planTool
