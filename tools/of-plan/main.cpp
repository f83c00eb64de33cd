// of-plan: reads plans. Results on stdout, errors on stderr; exit codes as of-run's.
#include "runtime/schema/PlanFile.h"
#include "runtime/schema/Verify.h"
#include "tools/of-plan/Diff.h"
#include "tools/of-plan/Pack.h"
#include "tools/of-plan/Prove.h"
#include "tools/of-plan/Simulate.h"
#include "tools/of-plan/Solve.h"
#include "tools/of-plan/Text.h"
#include "tools/of-plan/report/Report.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace of::planTool {
namespace {

struct Options {
  std::string plan, other;
  bool json = false;
  SimulateOptions simulate;
  SolveCommand solve;
  PackCommand pack;
  ReportOptions report;
};

/// Opens a plan that can at least be described.
Result<rt::PlanFile> openPlan(const std::string &path) {
  OF_ASSIGN(rt::PlanFile file, rt::PlanFile::open(path));
  if (const Status status = rt::verifyStructure(file.plan()); !status.isOk())
    return status.withContext(path);
  return file;
}

Result<int> show(const Options &options) {
  OF_ASSIGN(const rt::PlanFile file, openPlan(options.plan));
  const Json plan = describePlan(file.plan(), file.digest());
  fmt::print("{}", options.json ? plan.dump(2) + "\n" : planText(plan));
  return 0;
}

Result<int> verify(const Options &options) {
  OF_ASSIGN(const rt::PlanFile file, rt::PlanFile::open(options.plan));
  const Result<std::string> proof = prove(file.plan());
  if (!proof.isOk())
    return proof.status().withContext(options.plan);
  fmt::print("{}", *proof);
  return 0;
}

Result<int> simulate(const Options &options) {
  OF_ASSIGN(const rt::PlanFile file, openPlan(options.plan));
  const Result<Json> simulation = simulatePlan(file.plan(), options.simulate);
  if (!simulation.isOk())
    return simulation.status().withContext(options.plan);
  fmt::print("{}", options.json ? simulation->dump(2) + "\n" : simulationText(*simulation));
  return 0;
}

/// As diff(1): 1 if the plans differ.
Result<int> diff(const Options &options) {
  OF_ASSIGN(const rt::PlanFile before, openPlan(options.plan));
  OF_ASSIGN(const rt::PlanFile after, openPlan(options.other));
  if (before.digest() == after.digest())
    return 0;
  fmt::print("{}", diffPlans(describePlan(before.plan(), before.digest()),
                             describePlan(after.plan(), after.digest())));
  return 1;
}

/// 4 if nothing fits, or nothing was found that does.
Result<int> solve(const Options &options) {
  OF_ASSIGN(const Json solution, solveNetwork(options.solve));
  fmt::print("{}", options.json ? solution.dump(2) + "\n" : solutionText(solution));
  return solution["cost"].is_null() ? exitCode(Code::Refused) : 0;
}

void addSolve(CLI::App &app, Options &o) {
  CLI::App *command =
      app.add_subcommand("solve", "The cheapest choice in a cost network that fits");
  command->add_option("network", o.solve.network, "JSON of the iopddl contest, plain or gzip")
      ->required();
  command
      ->add_option("--work", o.solve.work,
                   "Units of work at most, each about a nanosecond; "
                   "0: by the size of the network")
      ->capture_default_str();
  command->add_option("--start", o.solve.start, "A choice to start from, as -o writes it");
  command->add_option("-o,--output", o.solve.output, "Where to write the choice, a JSON list");
  command->add_option("--seed", o.solve.seed, "Of the search's chances")->capture_default_str();
  command->add_flag("--lower-bound", o.solve.boundFirst,
                    "Work on the lower bound rather than on a better choice");
  command->add_flag("--json", o.json, "As a JSON document");
}

/// The CSV goes to the file, or to stdout and the report to stderr.
Result<int> pack(const Options &options) {
  OF_ASSIGN(const Packed packed, packBuffers(options.pack));
  if (options.pack.output.empty())
    fmt::print("{}", packed.csv);
  fmt::print(options.pack.output.empty() ? stderr : stdout, "{}", packed.report);
  return 0;
}

void addPack(CLI::App &app, Options &o) {
  CLI::App *command = app.add_subcommand("pack", "Offsets of buffers in one chunk");
  command
      ->add_option("buffers", o.pack.buffers,
                   "CSV with columns id, lower, upper, size; a buffer lives in [lower, upper)")
      ->required();
  command->add_option(
      "--capacity", o.pack.capacity,
      "Bytes of the chunk; stops at the first packing within (default: the fewest)");
  command->add_option("-o,--output", o.pack.output,
                      "Where to write the CSV with a column offset (default: stdout)");
  command->add_option("--alignment", o.pack.alignment, "Of buffers without a column alignment")
      ->capture_default_str();
  command->add_option("--work", o.pack.work, "Units of work at most, each a few nanoseconds")
      ->capture_default_str();
  command->add_option("--seed", o.pack.seed, "Of the search's chances")->capture_default_str();
}

Result<int> report(const Options &options) {
  OF_ASSIGN(const rt::PlanFile file, openPlan(options.plan));
  if (const Status status = writeReport(file, options.report); !status.isOk())
    return status.withContext("report");
  return 0;
}

void addReport(CLI::App &app, Options &o) {
  CLI::App *command = app.add_subcommand(
      "report", "One HTML page: graph, memory over time, timeline, metrics; it needs no network");
  command->add_option("plan", o.plan, "Plan file")->required();
  command->add_option("-o,--output", o.report.output, "HTML file to write")->required();
  command
      ->add_option(
          "--trace", o.report.traces,
          "Trace of a run of this plan, to show beside the prediction; of a run on several "
          "hosts those of all nodes, with commas between them")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--metrics", o.report.metrics, "metrics.jsonl of a run, to show as curves");
  command->add_option("--program", o.report.program, "Program (default: the training one)");
  command->add_option("--devices", o.report.devices, "Devices in the timeline, at most")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
}

int runTool(int argc, char **argv) {
  Options o;
  CLI::App app("Reads plans that of-compile wrote; solves the problems they come from.", "of-plan");
  app.set_version_flag("--version", "of-plan " OF_VERSION);
  app.footer("Exit codes: 0 done, 1 plans differ, 2 wrong flag or input, 3 corrupt file, 4 refused "
             "plan.");
  CLI::App *showCommand = app.add_subcommand("show", "Programs, tasks, registers, memory, times");
  showCommand->add_option("plan", o.plan, "Plan file")->required();
  showCommand->add_flag("--json", o.json, "As a JSON document");
  CLI::App *verifyCommand = app.add_subcommand("verify", "Check everything and say what is proven");
  verifyCommand->add_option("plan", o.plan, "Plan file")->required();
  CLI::App *diffCommand = app.add_subcommand("diff", "What differs between two plans");
  diffCommand->add_option("before", o.plan, "Plan file")->required();
  diffCommand->add_option("after", o.other, "Plan file")->required();
  CLI::App *simulateCommand =
      app.add_subcommand("simulate", "Step time and use of each stream, under a simulated clock");
  simulateCommand->add_option("plan", o.plan, "Plan file")->required();
  simulateCommand->add_option("--program", o.simulate.program,
                              "Program (default: the training one)");
  simulateCommand->add_option("--steps", o.simulate.steps, "Iterations")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  simulateCommand->add_option("--delay", o.simulate.delayUs, "Microseconds a message takes at most")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1e9));
  simulateCommand
      ->add_option("--throttle-read", o.simulate.readRowsPerSecond,
                   "Rows a second each device reads (default: as predicted)")
      ->check(CLI::PositiveNumber);
  simulateCommand
      ->add_option("--throttle-link", o.simulate.linkBytesPerSecond,
                   "Bytes a second each node pushes to other hosts (default: as predicted)")
      ->check(CLI::PositiveNumber);
  simulateCommand->add_flag("--jitter", o.simulate.jitter, "Let durations vary by chance");
  simulateCommand->add_option("--seed", o.simulate.seed, "Of the chances")->capture_default_str();
  simulateCommand->add_option(
      "--trace", o.simulate.trace,
      "File for every firing and arrow at its simulated time, as of-run --trace writes them");
  simulateCommand->add_flag("--json", o.json, "As a JSON document");
  addSolve(app, o);
  addPack(app, o);
  addReport(app, o);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : exitCode(Code::InvalidArgument);
  }
  const Result<int> code = showCommand->parsed()          ? show(o)
                           : verifyCommand->parsed()      ? verify(o)
                           : simulateCommand->parsed()    ? simulate(o)
                           : app.got_subcommand("solve")  ? solve(o)
                           : app.got_subcommand("pack")   ? pack(o)
                           : app.got_subcommand("report") ? report(o)
                                                          : diff(o);
  if (code.isOk())
    return *code;
  fmt::print(stderr, "of-plan: {}\n", code.status().message());
  return exitCode(code.status().code());
}

} // namespace
} // namespace of::planTool

int main(int argc, char **argv) { return of::planTool::runTool(argc, argv); }
