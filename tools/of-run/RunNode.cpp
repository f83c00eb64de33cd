#include "tools/of-run/RunNode.h"

#include "runtime/kernel/Library.h"
#include "runtime/schema/Verify.h"
#include "runtime/transport/mapped/MappedTransport.h"
#include "runtime/transport/tcp/TcpTransport.h"
#include "runtime/transport/throttled/ThrottledTransport.h"
#include "runtime/transport/ucx/UcxTransport.h"
#include "tools/of-run/ProfileFile.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace of::run {

namespace {

/// What is run: the plan of the file, or for a model that runs forward one bound to its inputs.
struct RunnablePlan {
  const rt::PlanFile &file;
  std::vector<uint8_t> bound;
  rt::NamedFiles outputs;
  const plan::Plan &plan() const {
    return bound.empty() ? file.plan() : *plan::GetPlan(bound.data());
  }
};

Result<RunnablePlan> bindFiles(const rt::PlanFile &file, const Options &options) {
  RunnablePlan out{file, {}, {}};
  const bool asked = !options.inputs.empty() || !options.outputs.empty();
  if (!rt::isForward(file.plan()) && !asked)
    return out;
  OF_ASSIGN(out.bound, rt::bindInputs(file.plan(), options.inputs));
  OF_ASSIGN(out.outputs, rt::bindOutputs(file.plan(), options.outputs));
  OF_TRY(rt::verifyPlan(out.plan()));
  return out;
}

Result<std::unique_ptr<rt::Links>> joinOthers(const RunnablePlan &plan, const Options &options) {
  if (plan.plan().nodes()->size() == 1)
    return std::unique_ptr<rt::Links>(new rt::SoloLinks);
  OF_ASSIGN(std::unique_ptr<rt::Links> links,
            rt::ControlTree::join(controlConfig(plan.file, options)));
  return links;
}

/// What a node talks through: nothing, if it is alone.
struct Wires {
  std::unique_ptr<rt::TcpTransport> tcp;       ///< between hosts, or
  std::unique_ptr<rt::UcxTransport> ucx;       ///< that
  std::unique_ptr<rt::MappedTransport> mapped; ///< within this host, and what it sends on to those
  std::unique_ptr<rt::ThrottledTransport> throttled;

  rt::Transport *front() const {
    return throttled ? static_cast<rt::Transport *>(throttled.get()) : unthrottled();
  }
  rt::Transport *unthrottled() const {
    return mapped ? static_cast<rt::Transport *>(mapped.get()) : outer();
  }
  rt::Transport *outer() const { return tcp ? static_cast<rt::Transport *>(tcp.get()) : ucx.get(); }
};

/// Whether all nodes have cards that UCX is there for.
Result<bool> allHaveRdma(rt::Links &links) {
  OF_ASSIGN(const std::vector<std::string> lines, links.allGather(rt::hasRdma() ? "rdma" : "tcp"));
  return std::count(lines.begin(), lines.end(), "rdma") ==
         static_cast<std::ptrdiff_t>(lines.size());
}

Status connectUcx(const plan::Plan &plan, const Options &options, rt::Links &links, Wires &wires) {
  OF_TRY(rt::checkUcxLimits(plan.programs()->size(),
                            plan.exchanges() ? plan.exchanges()->size() : 0,
                            plan.devices()->size()));
  OF_ASSIGN(wires.ucx, rt::UcxTransport::create(*options.node, plan.nodes()->size()));
  OF_ASSIGN(const std::vector<std::string> addresses, links.allGather(wires.ucx->address()));
  return wires.ucx->connect(addresses);
}

/// To the nodes of other hosts, or to all.
Status connectTcp(const Options &options, const std::vector<uint32_t> &hosts, bool toAll,
                  rt::Links &links, Wires &wires) {
  std::vector<bool> wanted;
  for (uint32_t n = 0; n < hosts.size(); ++n)
    wanted.push_back(n != *options.node && (toAll || hosts[n] != hosts[*options.node]));
  OF_ASSIGN(std::vector<int> sockets, links.dataSockets(wanted));
  OF_ASSIGN(wires.tcp, rt::TcpTransport::create(*options.node, std::move(sockets)));
  return Status::ok();
}

/// Starts and joins the wires; all nodes ask for the same ones.
Status connectWires(const plan::Plan &plan, const Options &options, rt::Links &links,
                    Wires &wires) {
  const bool mapped = options.transport == "auto";
  if (!mapped && options.transport != "tcp" && options.transport != "ucx")
    return Status(Code::InvalidArgument,
                  "--transport " + options.transport + " is unknown; there are auto, tcp and ucx");
  if (plan.nodes()->size() == 1)
    return Status::ok();
  std::vector<uint32_t> hosts;
  for (const plan::Node *node : *plan.nodes())
    hosts.push_back(node->host());
  const bool oneHost =
      std::count(hosts.begin(), hosts.end(), hosts[0]) == static_cast<std::ptrdiff_t>(hosts.size());
  if (!oneHost || !mapped) {
    bool viaUcx = options.transport == "ucx";
    if (mapped) {
      OF_ASSIGN(viaUcx, allHaveRdma(links));
    }
    OF_TRY(viaUcx ? connectUcx(plan, options, links, wires)
                  : connectTcp(options, hosts, !mapped, links, wires));
  }
  if (mapped) {
    OF_ASSIGN(wires.mapped,
              rt::MappedTransport::create(*options.node, std::move(hosts), wires.outer()));
    OF_ASSIGN(const std::vector<std::string> cards, links.allGather(wires.mapped->card()));
    OF_TRY(wires.mapped->connect(cards));
  }
  if (options.linkBytesPerSecond > 0)
    wires.throttled =
        std::make_unique<rt::ThrottledTransport>(*wires.unthrottled(), options.linkBytesPerSecond);
  return Status::ok();
}

/// From here on SIGTERM and SIGUSR1 ask for an early end; a second SIGTERM is final. To the end of
/// the process: one that comes when the run is over has nothing to end, and must not turn a run
/// that succeeded into one that was killed.
class EndSignals {
public:
  EndSignals() {
    struct sigaction action = {};
    action.sa_handler = [](int) { asked_ = 1; };
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
    ::sigaction(SIGTERM, &action, nullptr);
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGUSR1, &action, nullptr);
  }
  /// Once for every signal.
  bool take() const {
    const bool asked = asked_ != 0;
    asked_ = 0;
    return asked;
  }

private:
  static volatile std::sig_atomic_t asked_; // a handler reaches nothing else
};
volatile std::sig_atomic_t EndSignals::asked_ = 0;

/// What all nodes have measured, by node 0.
Status gatherProfile(const plan::Plan &plan, const Options &options, rt::Links &links,
                     const rt::Node &node) {
  const std::optional<rt::NodeProfile> profile = node.profile();
  if (!profile)
    return Status::ok();
  OF_ASSIGN(const std::vector<std::string> lines, links.allGather(profileLine(*profile)));
  return *options.node == 0 ? writeProfile(options.profile, plan.job()->str(), lines)
                            : Status::ok();
}

/// A run that computes nothing must leave nothing that looks like a result.
Status checkTimed(const Options &options, const rt::Node &node, const plan::Plan &plan) {
  if (options.timedCompute == 0 || options.outDir.empty())
    return Status::ok();
  for (const rt::ProgramEntry &entry : node.schedule())
    if (plan.programs()->Get(entry.program)->kind() == plan::ProgramKind::Snapshot)
      return Status(Code::InvalidArgument,
                    "with --timed-compute nothing is computed, and this run would write "
                    "checkpoints of it; leave out --out, or compile the job without 'checkpoint'");
  return Status::ok();
}

/// Better to hear of it before the run.
Status checkProfile(const Options &options) {
  if (options.profile.empty() || *options.node != 0)
    return Status::ok();
  const std::string aside = options.profile + ".part";
  const bool writable = static_cast<bool>(std::ofstream(aside));
  std::filesystem::remove(aside);
  return writable ? Status::ok()
                  : Status(Code::InvalidArgument,
                           "--profile: cannot write " + options.profile + "; is there its folder?");
}

/// Everything between joining and the last step; the others are told of an error by the caller.
Status trainJoined(const RunnablePlan &plan, const Options &options, rt::Links &links, Wires &wires,
                   std::unique_ptr<rt::Node> &node) {
  rt::NodeOptions mine = nodeOptions(plan.file, options);
  mine.outputs = plan.outputs;
  OF_ASSIGN(node, rt::Node::create(plan.plan(), std::move(mine)));
  OF_TRY(checkTimed(options, *node, plan.plan()));
  OF_TRY(checkProfile(options));
  OF_ASSIGN(const std::vector<std::string> cards, links.allGather(node->card()));
  OF_TRY(connectWires(plan.plan(), options, links, wires));
  OF_TRY(node->connect(cards, wires.front(),
                       [&links](const std::string &mine) { return links.allGather(mine); }));
  // Nobody sends before everybody listens.
  OF_TRY(links.allGather("ready"));
  links.watch([&node] { node->stop(); });
  node->setClock([&links] { return links.clock(); });
  links.watchHalt([&] { node->askHalt([&links](uint64_t step) { links.promise(step); }); },
                  [&node](uint64_t step) { node->haltAt(step); });
  const EndSignals signals;
  const Status status = node->run([&links](const Status &failure) { links.report(failure); },
                                  [&] {
                                    if (signals.take())
                                      links.askHalt();
                                  });
  links.watchHalt(nullptr, nullptr);
  links.promise(node->totalSteps()); // should another node ask from now on
  links.watch(nullptr);
  return status.isOk() ? gatherProfile(plan.plan(), options, links, *node) : status;
}

} // namespace

rt::NodeOptions nodeOptions(const rt::PlanFile &file, const Options &options) {
  rt::NodeOptions out;
  out.node = *options.node;
  if (size_t slash = options.plan.rfind('/'); slash != std::string::npos)
    out.planDir = options.plan.substr(0, slash + 1);
  out.dataDir = options.dataDir;
  out.outDir = options.outDir;
  out.trace = options.trace;
  out.profile = !options.profile.empty();
  out.tensorBoard = options.tensorBoard;
  out.stopAfterSteps = options.steps;
  out.resumePath = options.resume;
  out.weightsPath = options.weights;
  out.planDigest = file.digest();
  out.keepCheckpoints = options.keep.value_or(file.plan().checkpoint_keep());
  out.readRowsPerSecond = options.readRowsPerSecond;
  out.timedCompute = options.timedCompute;
  out.terminal = options.progressLine;
  out.json = options.json;
  return out;
}

rt::ControlConfig controlConfig(const rt::PlanFile &file, const Options &options) {
  rt::ControlConfig config;
  config.node = *options.node;
  config.peers = options.peers;
  for (const plan::Node *node : *file.plan().nodes())
    config.nodeNames.push_back(node->name()->str());
  config.planDigest = file.digest();
  config.interface = options.interface;
  config.token = options.token;
  const std::string &own = options.peers[*options.node];
  config.listenPort =
      static_cast<uint16_t>(std::strtoul(own.substr(own.rfind(':') + 1).c_str(), nullptr, 10));
  config.joinSeconds = options.joinSeconds;
  config.clock = options.trace;
  config.silenceMs = static_cast<int64_t>(options.silenceSeconds * 1000);
  return config;
}

std::vector<Status> planFindings(const rt::PlanFile &file, const std::string &path) {
  if (const Status status = rt::verifyPlan(file.plan()); !status.isOk())
    return {status.withContext(path)};
  std::vector<Status> out;
  if (file.plan().libraries())
    for (const plan::LibraryVersion *wanted : *file.plan().libraries())
      for (const auto &[name, version] : rt::libraryVersions())
        if (name == wanted->name()->str() && version != wanted->version()->str())
          out.emplace_back(Code::Refused, path + " was compiled with " + name + " " +
                                              wanted->version()->str() + ", this host has " +
                                              version + "; compile it again here");
  return out;
}

Result<rt::PlanFile> openPlan(const std::string &path) {
  OF_ASSIGN(rt::PlanFile file, rt::PlanFile::open(path));
  if (const std::vector<Status> findings = planFindings(file, path); !findings.empty())
    return findings.front();
  return file;
}

Result<int> runNode(const rt::PlanFile &file, const Options &options) {
  OF_ASSIGN(const RunnablePlan plan, bindFiles(file, options));
  OF_ASSIGN(const std::unique_ptr<rt::Links> links, joinOthers(plan, options));
  Wires wires; // outlive the node
  std::unique_ptr<rt::Node> node;
  if (const Status status = trainJoined(plan, options, *links, wires, node); !status.isOk())
    links->report(status);
  if (const Status end = links->finish(); !end.isOk()) {
    if (wires.ucx)
      wires.ucx->abandon();
    return end;
  }
  const std::optional<uint64_t> early = node->endedAt();
  if (early && *options.node == 0)
    std::fprintf(stderr, "ended early, after step %llu of %llu\n",
                 static_cast<unsigned long long>(*early),
                 static_cast<unsigned long long>(node->totalSteps()));
  return early ? kEndedEarly : 0;
}

} // namespace of::run
