// of-run: runs a plan, one process per node, or measures this machine for the compiler.
#include "runtime/checkpoint/Checkpoint.h"
#include "tools/of-run/Launch.h"
#include "tools/of-run/Options.h"
#include "tools/of-run/RunNode.h"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

namespace of::run {
namespace {

/// All nodes here: this program again, once per node.
Result<int> runLocal(const rt::PlanFile &plan, const Options &options, int argc, char **argv) {
  LaunchOptions launch;
  launch.program = std::filesystem::read_symlink("/proc/self/exe");
  for (int i = 1; i < argc; ++i)
    if (std::string(argv[i]) != "--local")
      launch.arguments.emplace_back(argv[i]);
  launch.arguments.insert(launch.arguments.end(), {"--max-restarts", "0"}); // that is done here
  for (const plan::Node *node : *plan.plan().nodes())
    launch.nodeNames.push_back(node->name()->str());
  launch.terminal = ::isatty(STDERR_FILENO);
  OF_ASSIGN(int code, launchLocal(launch));
  const size_t given = launch.arguments.size();
  const std::string folder = options.outDir + "/checkpoints";
  for (uint32_t restart = 1; restart <= options.maxRestarts; ++restart) {
    if (code != exitCode(Code::PeerLost) || toldToEnd())
      break;
    launch.arguments.resize(given);
    const auto step = options.outDir.empty() ? std::nullopt : rt::latestStep(folder);
    if (step)
      launch.arguments.insert(launch.arguments.end(), {"--resume", options.outDir});
    fmt::print(stderr, "restart {} of {}, from {}\n", restart, options.maxRestarts,
               step ? fmt::format("step {}", *step) : "where it began");
    OF_ASSIGN(code, launchLocal(launch));
  }
  if (options.trace && !options.outDir.empty())
    OF_TRY(mergeTraces(options.outDir, plan.plan().nodes()->size()));
  return code;
}

Result<int> runPlan(Options options, int argc, char **argv) {
  OF_ASSIGN(const rt::PlanFile plan, openPlan(options.plan));
  if (options.check)
    return 0;
  if ((options.trace || options.tensorBoard) && options.outDir.empty())
    return Status(Code::InvalidArgument, std::string(options.trace ? "--trace" : "--tensorboard") +
                                             " needs a folder to write to: --out DIR");
  if (!options.outDir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(options.outDir, error);
    if (error)
      return Status(Code::Io, "cannot create " + options.outDir + ": " + error.message());
  }
  if (options.local)
    return runLocal(plan, options, argc, argv);
  if (options.maxRestarts > 0)
    return Status(Code::InvalidArgument,
                  "--max-restarts is for --local; what has started this process restarts it");
  OF_TRY(completeFromEnvironment(options, plan.plan().nodes()->size()));
  options.progressLine = options.progressLine || ::isatty(STDERR_FILENO);
  const Result<int> code = runNode(plan, options);
  if (code.isOk())
    return *code;
  fmt::print(stderr, "{}{}\n", kFirstCause, code.status().message());
  return exitCode(code.status().code());
}

Result<int> runCommand(const Options &options, int argc, char **argv) {
  switch (options.command) {
  case Options::Command::Probe:
    OF_TRY(probeCluster(options.probe));
    return 0;
  case Options::Command::ProbeScratch:
    OF_TRY(probeScratch(std::cin, std::cout));
    return 0;
  case Options::Command::Export:
    OF_TRY(exportCheckpoint(options.exported));
    return 0;
  case Options::Command::Run:
    break;
  }
  return runPlan(options, argc, argv);
}

} // namespace
} // namespace of::run

int main(int argc, char **argv) {
  const of::run::Parsed parsed = of::run::parseArguments(argc, argv);
  if (parsed.exitCode)
    return *parsed.exitCode;
  const of::Result<int> code = of::run::runCommand(parsed.options, argc, argv);
  if (code.isOk())
    return *code;
  fmt::print(stderr, "of-run: {}\n", code.status().message());
  return of::exitCode(code.status().code());
}
