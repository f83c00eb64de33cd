// What of-run is asked to do: its command line as plain values.
#pragma once

#include "runtime/node/Inference.h"
#include "tools/of-run/Export.h"
#include "tools/of-run/Probe.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace of::run {

struct Options {
  enum class Command { Run, Probe, ProbeScratch, Export };
  Command command = Command::Run;

  std::string plan;
  bool local = false;
  std::optional<uint32_t> node;
  std::vector<std::string> peers; ///< host:port of every node's control socket
  std::string hostFile;           ///< peers from a file
  std::optional<uint16_t> port;   ///< of node 0, where neither peers nor a launcher say it
  std::string interface; ///< to listen on; empty: loopback, or where peers are told to come
  std::string token;     ///< what joining needs; from tokenFile or OF_JOB_TOKEN
  std::string tokenFile;
  std::string transport = "auto";
  std::string dataDir, outDir, resume, weights;
  rt::NamedFiles inputs, outputs; ///< of a plan that runs a model forward
  std::optional<uint64_t> steps;
  std::optional<uint64_t> keep; ///< newest checkpoints to keep, 0 for all; none: the job's
  double joinSeconds = 60;
  double silenceSeconds = 0.8;
  uint32_t maxRestarts = 0;
  std::vector<std::string> elastic;                     ///< plans of the same job for fewer nodes
  double readRowsPerSecond = 0, linkBytesPerSecond = 0; ///< throttles; 0: none
  double timedCompute = 0;                              ///< 0: segments compute
  std::string profile;                                  ///< file for measured durations
  bool check = false, trace = false, tensorBoard = false, json = false, progressLine = false;

  ProbeOptions probe;
  ExportOptions exported;
};

/// Parses argv. Prints help or a usage error itself; then the exit code is returned instead.
struct Parsed {
  Options options;
  std::optional<int> exitCode;
};
Parsed parseArguments(int argc, char **argv);

/// Node, peers and token of a run that is not started by of-run itself: flags first, then the
/// hostfile, then what the launcher says (Rendezvous.h), which is printed in a line. Without any
/// all nodes are on this host. Refused without a token if other hosts could join.
Status completeFromEnvironment(Options &options, uint32_t nodes);

} // namespace of::run
