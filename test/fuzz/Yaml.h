// A configuration file from its text to values.
#pragma once

#include "lib/Config/Schema.h"

#include <string>
#include <string_view>

namespace of::fuzz {

/// `read(tree, report)` takes the values out of a tree that has all the keys. The complaints.
template <typename Read>
std::string readDocument(std::string_view input, const config::Key &keys, Read read) {
  config::Report report("input.yaml");
  config::Node tree = config::parseYaml(std::string(input), report);
  if (report.clean())
    tree = config::complete(tree, keys, report);
  if (report.clean())
    read(tree, report);
  std::string out;
  for (const config::Diagnostic &diagnostic : report.diagnostics())
    out += diagnostic.text() + "\n";
  return out;
}

} // namespace of::fuzz
