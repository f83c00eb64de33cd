#include "tools/of-plan/Diff.h"

#include <fmt/format.h>
#include <map>

namespace of::planTool {

namespace {

/// What tells an element of a list from the others: its name, or its position.
std::string keyOf(const Json &element, size_t index) {
  for (const char *field : {"name", "role", "register", "what"})
    if (element.is_object() && element.contains(field))
      return element.at(field).get<std::string>();
  return std::to_string(index);
}

void flatten(const Json &value, const std::string &path, std::map<std::string, std::string> &out) {
  if (value.is_object()) {
    for (const auto &[key, child] : value.items())
      flatten(child, path.empty() ? key : path + "." + key, out);
    return;
  }
  const bool plain = !value.is_array() || value.empty() || !value.front().is_structured();
  if (plain) {
    out[path] = value.dump();
    return;
  }
  std::map<std::string, size_t> seen;
  for (size_t i = 0; i < value.size(); ++i) {
    std::string key = keyOf(value[i], i);
    if (const size_t before = seen[key]++; before > 0)
      key += "#" + std::to_string(before);
    flatten(value[i], path + "." + key, out);
  }
}

} // namespace

std::string diffPlans(const Json &before, const Json &after) {
  std::map<std::string, std::string> left, right;
  flatten(before, "", left);
  flatten(after, "", right);
  std::map<std::string, std::string> lines;
  for (const auto &[path, value] : left) {
    const auto it = right.find(path);
    if (it == right.end())
      lines[path] = value + " only before";
    else if (it->second != value)
      lines[path] = value + " -> " + it->second;
  }
  for (const auto &[path, value] : right)
    if (!left.count(path))
      lines[path] = value + " only after";
  std::string out;
  for (const auto &[path, change] : lines)
    out += fmt::format("{}: {}\n", path, change);
  return out;
}

} // namespace of::planTool
