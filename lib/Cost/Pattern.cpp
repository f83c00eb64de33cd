#include "lib/Cost/Pattern.h"

#include <cctype>
#include <cstdint>

namespace of {

namespace {

/// Reads a number off the front; -1 if there is none or it is too long to be an index.
int64_t takeNumber(std::string_view &text) {
  size_t digits = 0;
  int64_t value = 0;
  while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits])))
    value = value * 10 + (text[digits++] - '0');
  if (digits == 0 || digits > 9)
    return -1;
  text.remove_prefix(digits);
  return value;
}

/// `[a-b]` off the front of a pattern.
bool takeRange(std::string_view &pattern, int64_t &least, int64_t &most) {
  std::string_view rest = pattern.substr(1);
  least = takeNumber(rest);
  if (least < 0 || rest.empty() || rest[0] != '-')
    return false;
  rest.remove_prefix(1);
  most = takeNumber(rest);
  if (most < least || rest.empty() || rest[0] != ']')
    return false;
  pattern = rest.substr(1);
  return true;
}

} // namespace

bool matchesPattern(std::string_view pattern, std::string_view name) {
  while (!pattern.empty()) {
    if (pattern[0] == '*') {
      for (size_t skip = 0; skip <= name.size(); ++skip)
        if (matchesPattern(pattern.substr(1), name.substr(skip)))
          return true;
      return false;
    }
    if (pattern[0] == '[') {
      int64_t least, most;
      if (!takeRange(pattern, least, most))
        return false;
      const int64_t value = takeNumber(name);
      if (value < least || value > most)
        return false;
      continue;
    }
    if (name.empty() || name[0] != pattern[0])
      return false;
    pattern.remove_prefix(1);
    name.remove_prefix(1);
  }
  return name.empty();
}

std::string patternError(std::string_view pattern) {
  std::string_view rest = pattern;
  while (!rest.empty()) {
    int64_t least, most;
    if (rest[0] == '[' && !takeRange(rest, least, most))
      return "'" + std::string(pattern) +
             "' has a '[' that begins no range of numbers; write [0-3] for 0 to 3";
    if (!rest.empty() && rest[0] != '[')
      rest.remove_prefix(1);
  }
  return "";
}

} // namespace of
