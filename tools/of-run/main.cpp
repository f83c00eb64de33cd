// of-run: runs a plan, one process per node, or measures this machine for the compiler.
#include "tools/of-run/CheckRun.h"
#include "tools/of-run/Console.h"
#include "tools/of-run/Options.h"
#include "tools/of-run/RunLocal.h"
#include "tools/of-run/RunNode.h"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

namespace of::run {
namespace {

Result<int> runPlan(Options options, int argc, char **argv) {
  if (options.check && !options.local)
    return checkRun(options);
  OF_TRY(chooseElastic(options));
  OF_ASSIGN(const rt::PlanFile plan, openPlan(options.plan));
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
    return runLocal(plan.plan(), options, argc, argv);
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
