// Starts all nodes of a plan on this machine: one child process per node, this program again with
// --node i.
//
// Children write results to this process's stdout themselves. Their stderr passes through here:
// every line gets its node's name in front, a progress line stays one line, and the first cause of
// a failure, which every node prints last, is printed once, last.
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace of::run {

struct LaunchOptions {
  std::string program;                ///< path of this executable
  std::vector<std::string> arguments; ///< passed on: plan and flags
  std::vector<std::string> nodeNames;
  bool terminal = false; ///< stderr is a terminal
};

/// What a node's last line starts with when the run failed.
inline constexpr const char *kFirstCause = "first cause: ";

/// Runs until all children have ended; the exit code of the first that failed, or 0. SIGTERM and
/// SIGUSR1 are passed on: the children end early with a checkpoint.
Result<int> launchLocal(const LaunchOptions &options);
/// Whether a signal has asked this process to end.
bool toldToEnd();

/// Joins trace-0.json … trace-<nodes-1>.json of a folder to trace.json and removes them. A node
/// that was killed left none.
Status mergeTraces(const std::string &folder, uint32_t nodes);

} // namespace of::run
