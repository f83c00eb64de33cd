#include "tools/of-run/RunLocal.h"

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/node/control/Handshake.h"
#include "tools/of-run/Launch.h"
#include "tools/of-run/Rendezvous.h"
#include "tools/of-run/RunNode.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

namespace of::run {

namespace {

struct Choice {
  std::string path;
  uint32_t nodes = 0;
};

/// The plan itself and those of --elastic.
Result<std::vector<Choice>> choicesOf(const Options &options) {
  std::vector<Choice> out;
  std::vector<std::string> paths = options.elastic;
  paths.insert(paths.begin(), options.plan);
  for (const std::string &path : paths) {
    OF_ASSIGN(const rt::PlanFile file, openPlan(path));
    out.push_back({path, file.plan().nodes()->size()});
  }
  return out;
}

/// The plan that uses the most of the nodes that are left, the first named of equals; null if none
/// is small enough.
const Choice *largestFor(const std::vector<Choice> &choices, uint32_t nodes) {
  const Choice *best = nullptr;
  for (const Choice &choice : choices)
    if (choice.nodes <= nodes && (!best || choice.nodes > best->nodes))
      best = &choice;
  return best;
}

/// Newest checkpoint of the folder that the run writes to.
std::optional<uint64_t> newestIn(const Options &options) {
  return options.outDir.empty() ? std::nullopt : rt::latestStep(options.outDir + "/checkpoints");
}

class LocalRun {
public:
  LocalRun(const plan::Plan &plan, const Options &options, std::vector<Choice> choices)
      : options_(options), choices_(std::move(choices)), nodes_(plan.nodes()->size()) {
    launch_.program = std::filesystem::read_symlink("/proc/self/exe");
    launch_.terminal = ::isatty(STDERR_FILENO);
    launch_.token = rt::freshToken();
    launch_.nodes = nodes_;
  }

  Result<int> run(int argc, char **argv) {
    for (int i = 1; i < argc; ++i)
      if (std::string(argv[i]) != "--local")
        launch_.arguments.emplace_back(argv[i]);
    launch_.arguments.insert(launch_.arguments.end(), {"--max-restarts", "0"}); // done here
    given_ = launch_.arguments;
    OF_ASSIGN(LaunchEnd end, launchLocal(launch_));
    for (restart_ = 1; prepareRestart(end); ++restart_) {
      OF_ASSIGN(end, launchLocal(launch_));
    }
    if (options_.trace && !options_.outDir.empty())
      OF_TRY(mergeTraces(options_.outDir, nodes_));
    return end.code;
  }

private:
  /// Whether to start again; then the launch is what it should be.
  bool prepareRestart(const LaunchEnd &end) {
    if (end.code != exitCode(Code::PeerLost) || toldToEnd())
      return false;
    const bool elastic = !options_.elastic.empty();
    if (restart_ > options_.maxRestarts && !(elastic && options_.maxRestarts == 0))
      return false;
    launch_.arguments = given_;
    if (elastic) {
      left_ = launch_.nodes - std::min(launch_.nodes, std::max(1u, end.killed));
      const Choice *choice = largestFor(choices_, left_);
      if (!choice) {
        fmt::print(stderr, "{} nodes are left, and no plan of --elastic has so few\n", left_);
        return false;
      }
      std::replace(launch_.arguments.begin(), launch_.arguments.end(), options_.plan, choice->path);
      launch_.nodes = choice->nodes;
      fmt::print(stderr, "{} of {} nodes are left: going on with {}\n", left_, nodes_,
                 choice->path);
    }
    const auto step = newestIn(options_);
    if (step)
      launch_.arguments.insert(launch_.arguments.end(), {"--resume", options_.outDir});
    fmt::print(stderr, "restart {}{}, from {}\n", restart_,
               options_.maxRestarts > 0 ? fmt::format(" of {}", options_.maxRestarts) : "",
               step ? fmt::format("step {}", *step) : "where it began");
    return true;
  }

  const Options &options_;
  const std::vector<Choice> choices_;
  const uint32_t nodes_;
  LaunchOptions launch_;
  std::vector<std::string> given_;
  uint32_t left_ = 0, restart_ = 0;
};

} // namespace

Result<int> runLocal(const plan::Plan &plan, const Options &options, int argc, char **argv) {
  OF_ASSIGN(std::vector<Choice> choices, choicesOf(options));
  return LocalRun(plan, options, std::move(choices)).run(argc, argv);
}

Status chooseElastic(Options &options) {
  if (options.elastic.empty() || options.local || options.node)
    return Status::ok();
  OF_ASSIGN(const Rendezvous found,
            findRendezvous([](const char *name) { return std::getenv(name); }));
  if (!found.size)
    return Status::ok();
  OF_ASSIGN(const std::vector<Choice> choices, choicesOf(options));
  const Choice *choice = largestFor(choices, *found.size);
  if (!choice || choice->nodes != *found.size)
    return Status(Code::InvalidArgument,
                  found.launcher + " started " + std::to_string(*found.size) +
                      " processes; neither the plan nor --elastic has so many nodes");
  options.plan = choice->path;
  if (options.resume.empty() && newestIn(options))
    options.resume = options.outDir;
  return Status::ok();
}

} // namespace of::run
