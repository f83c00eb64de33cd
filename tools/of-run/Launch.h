// Starts all nodes of a plan on this machine: one child process per node, this program again with
// --node i.
//
// Children write results to this process's stdout themselves. Their stderr passes through here
// (Console.h).
#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace of::run {

struct LaunchOptions {
  std::string program;                ///< path of this executable
  std::vector<std::string> arguments; ///< passed on: plan and flags
  uint32_t nodes = 1;
  std::string token;     ///< that joining needs; the children get it in a variable
  bool terminal = false; ///< stderr is a terminal
};

struct LaunchEnd {
  int code = 0;        ///< of the first child that failed, or 0
  uint32_t killed = 0; ///< children that a signal ended
};

/// Runs until all children have ended. SIGTERM and SIGUSR1 are passed on: the children end early
/// with a checkpoint.
Result<LaunchEnd> launchLocal(const LaunchOptions &options);
/// Whether a signal has asked this process to end.
bool toldToEnd();

/// Joins trace-0.json … trace-<nodes-1>.json of a folder to trace.json and removes them. A node
/// that was killed left none.
Status mergeTraces(const std::string &folder, uint32_t nodes);

} // namespace of::run
