#include "tools/of-plan/Simulate.h"

#include "tools/of-plan/SimulatedTrace.h"
#include "tools/of-plan/Text.h"

#include <algorithm>
#include <fmt/format.h>
#include <future>
#include <map>

namespace of::planTool {

namespace {

rt::SimulationOptions simulationOf(uint32_t program, const SimulateOptions &options,
                                   uint64_t steps) {
  rt::SimulationOptions sim;
  sim.schedule = {{program, steps}};
  sim.seed = options.seed;
  sim.randomDurations = options.jitter;
  sim.readRowsPerSecond = options.readRowsPerSecond;
  sim.linkBytesPerSecond = options.linkBytesPerSecond;
  sim.maxDelayNs = static_cast<int64_t>(options.delayUs * 1000);
  return sim;
}

Result<rt::SimulationResult> simulateSteps(const rt::Roster &roster,
                                           const rt::SimulationOptions &sim,
                                           const std::string &trace) {
  OF_ASSIGN(rt::SimulationResult result,
            trace.empty() ? rt::simulate(roster, sim) : simulateTraced(roster, sim, trace));
  if (result.finished)
    return result;
  const plan::Program &program = *roster.plan().programs()->Get(sim.schedule.front().program);
  std::string message = "program " + program.name()->str() + " deadlocks:";
  for (const std::string &wait : result.waits)
    message += "\n  " + wait;
  return Status(Code::Refused, message);
}

/// The worker, or the link of a node, that the most of a step passes on; null if there is neither.
Json busiestOf(const std::map<std::pair<uint32_t, uint32_t>, double> &workers, const Json &nodes,
               double stepSeconds) {
  Json out;
  double most = -1;
  for (const auto &[worker, utilisation] : workers)
    if (utilisation > most) {
      most = utilisation;
      out = {{"device", worker.first}, {"worker", worker.second}, {"utilisation", utilisation}};
    }
  for (const Json &node : nodes) {
    const double utilisation =
        stepSeconds > 0 ? node.at("link_busy_seconds_per_step").get<double>() / stepSeconds : 0;
    if (utilisation > most) {
      most = utilisation;
      out = {{"node", node.at("node")}, {"utilisation", utilisation}};
    }
  }
  return out;
}

/// How it is called: "worker 0 of device 1", "link of node 1".
std::string nameOf(const Json &busiest) {
  return busiest.contains("node")
             ? fmt::format("link of node {}", busiest.at("node").get<uint32_t>())
             : fmt::format("worker {} of device {}", busiest.at("worker").get<uint32_t>(),
                           busiest.at("device").get<uint32_t>());
}

} // namespace

Result<uint32_t> programNamed(const plan::Plan &plan, const std::string &name) {
  std::string names;
  uint32_t training = 0;
  for (uint32_t p = plan.programs()->size(); p-- > 0;) {
    const plan::Program &program = *plan.programs()->Get(p);
    if (program.name()->str() == name)
      return p;
    if (program.kind() == plan::ProgramKind::Train)
      training = p;
    names = program.name()->str() + (names.empty() ? "" : ", ") + names;
  }
  if (name.empty())
    return training;
  return Status(Code::InvalidArgument, "the plan has no program '" + name + "'; it has " + names);
}

Result<Json> simulatePlan(const plan::Plan &plan, const SimulateOptions &options) {
  OF_ASSIGN(const uint32_t program, programNamed(plan, options.program));
  // Two lengths: what filling and draining cost cancels out. Each in a thread of its own.
  const rt::SimulationOptions once = simulationOf(program, options, options.steps),
                              twice = simulationOf(program, options, 2 * options.steps);
  OF_ASSIGN(const std::unique_ptr<const rt::Roster> roster,
            options.trace.empty() ? rt::rosterFor(plan, once) : rt::Roster::of(plan));
  auto first =
      std::async(std::launch::async, [&] { return simulateSteps(*roster, once, options.trace); });
  auto second = simulateSteps(*roster, twice, "");
  OF_ASSIGN(const rt::SimulationResult shorter, first.get());
  OF_ASSIGN(const rt::SimulationResult longer, std::move(second));
  const double steps = static_cast<double>(options.steps);
  const double stepNs = static_cast<double>(longer.endNs - shorter.endNs) / steps;
  Json streams = Json::array();
  std::map<std::pair<uint32_t, uint32_t>, double> workers; // (device, worker) -> utilisation
  for (const rt::StreamUse &use : longer.streams) {
    const double busyNs = static_cast<double>(use.busyNs) / (2 * steps);
    const double utilisation = stepNs > 0 ? busyNs / stepNs : 0;
    workers[{use.device, use.worker}] += utilisation;
    streams.push_back({{"device", use.device},
                       {"worker", use.worker},
                       {"stream", use.stream},
                       {"busy_seconds_per_step", busyNs * 1e-9},
                       {"utilisation", utilisation}});
  }
  Json nodes = Json::array();
  for (size_t n = 0; n < longer.nodes.size(); ++n) {
    const rt::NodeUse &use = longer.nodes[n];
    nodes.push_back(
        {{"node", n},
         {"messages_per_step", static_cast<double>(use.messages) / (2 * steps)},
         {"link_busy_seconds_per_step", static_cast<double>(use.linkBusyNs) * 1e-9 / (2 * steps)}});
    if (options.linkBytesPerSecond > 0)
      nodes.back()["pushed_bytes_per_step"] = static_cast<double>(use.pushedBytes) / (2 * steps);
  }
  const plan::Certificate &certificate =
      *plan.roles()->Get(0)->programs()->Get(program)->certificate();
  Json out = {{"program", plan.programs()->Get(program)->name()->str()},
              {"step_seconds", stepNs * 1e-9},
              {"certified_step_seconds", static_cast<double>(certificate.step_period()) * 1e-9}};
  out["busiest"] = busiestOf(workers, nodes, stepNs * 1e-9);
  out["streams"] = std::move(streams);
  out["nodes"] = std::move(nodes);
  return out;
}

std::string simulationText(const Json &simulation) {
  std::string out = fmt::format(
      "program {}: step {}, certified {}\n", simulation.at("program").get<std::string>(),
      durationText(simulation.at("step_seconds").get<double>()),
      durationText(simulation.at("certified_step_seconds").get<double>()));
  for (const Json &s : simulation.at("streams"))
    out += fmt::format("  device {:<4} worker {:<3} {:<16} {:5.1f} %  {}\n",
                       s.at("device").get<uint32_t>(), s.at("worker").get<uint32_t>(),
                       s.at("stream").get<std::string>(), 100 * s.at("utilisation").get<double>(),
                       durationText(s.at("busy_seconds_per_step").get<double>()));
  for (const Json &n : simulation.at("nodes")) {
    out += fmt::format("  node {:<6} {:.1f} messages to other nodes", n.at("node").get<uint32_t>(),
                       n.at("messages_per_step").get<double>());
    if (n.contains("pushed_bytes_per_step"))
      out += fmt::format(", {:.0f} bytes pushed", n.at("pushed_bytes_per_step").get<double>());
    if (const double busy = n.at("link_busy_seconds_per_step").get<double>(); busy > 0)
      out +=
          fmt::format(", link {:5.1f} %  {}",
                      100 * busy / simulation.at("step_seconds").get<double>(), durationText(busy));
    out += "\n";
  }
  if (const Json &busiest = simulation.at("busiest"); !busiest.is_null())
    out += fmt::format("busiest: {}, {:.1f} %\n", nameOf(busiest),
                       100 * busiest.at("utilisation").get<double>());
  return out;
}

} // namespace of::planTool
