// The hosts of a run from a file, and which of them this one is.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace of::run {

/// host:port of every node, in the order of the lines: "host", "host:port" or "host slots=2", which
/// stands for two nodes. A host without a port gets `port` plus its place in the file, so that
/// nodes of one host differ. Empty lines and what follows # do not count. InvalidArgument with the
/// line.
Result<std::vector<std::string>> readHostFile(const std::string &path, uint16_t port);

/// The one line whose host is this one. InvalidArgument if none is, or several are.
Result<uint32_t> ownLine(const std::vector<std::string> &peers, const std::string &path);

} // namespace of::run
