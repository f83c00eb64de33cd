#include "tools/of-plan/Solve.h"

#include "tools/of-plan/Text.h"

#include <cmath>
#include <fmt/format.h>

namespace of::planTool {

namespace {

const char *nameOf(search::Verdict verdict) {
  switch (verdict) {
  case search::Verdict::Optimal:
    return "optimal";
  case search::Verdict::Feasible:
    return "feasible";
  case search::Verdict::Infeasible:
    return "infeasible";
  case search::Verdict::Unknown:
    break;
  }
  return "unknown";
}

/// Whole numbers as such, what is not finite as null.
Json number(double value) {
  if (!std::isfinite(value))
    return nullptr;
  if (value == std::floor(value) && std::abs(value) < 9e15)
    return int64_t(value);
  return value;
}

Json describe(const CostFile &file, const search::CostSolution &s) {
  Json out{{"name", file.name},
           {"nodes", file.network.nodes.size()},
           {"edges", file.network.edges.size()},
           {"verdict", nameOf(s.verdict)},
           {"cost", s.feasible() ? number(s.cost) : Json()},
           {"lower_bound", number(s.lowerBound)},
           {"gap", s.feasible() ? number(s.gap()) : Json()},
           {"peak_bytes", s.peak},
           {"usage_limit", file.network.usageLimit ? Json(*file.network.usageLimit) : Json()},
           {"work", s.work},
           {"conflict", nullptr}};
  if (s.conflict.node)
    out["conflict"] = {{"node", *s.conflict.node}};
  if (s.conflict.usage)
    out["conflict"] = {{"bytes", s.conflict.usage->bytes}, {"time", s.conflict.usage->time}};
  return out;
}

std::string reason(const Json &conflict) {
  if (conflict.is_null())
    return "";
  if (conflict.contains("node"))
    return fmt::format(": node {} has no option left", conflict["node"].get<uint32_t>());
  return fmt::format(": at time {} at least {} bytes are in use", conflict["time"].get<int64_t>(),
                     conflict["bytes"].get<int64_t>());
}

std::string plain(const Json &value) { return value.is_null() ? "none" : value.dump(); }

} // namespace

Result<Json> solveNetwork(const SolveCommand &command) {
  OF_ASSIGN(const CostFile file, readCostFile(command.network));
  search::SolveBudget budget;
  budget.work = command.work;
  budget.seed = command.seed;
  budget.boundFirst = command.boundFirst;
  if (!command.start.empty()) {
    OF_ASSIGN(budget.start, readChoice(command.start));
  }
  const Result<search::CostSolution> solution = search::solve(file.network, budget);
  if (!solution.isOk())
    return solution.status().withContext(command.start.empty() ? command.network : command.start);
  OF_TRY(solution->verify(file.network));
  if (!command.output.empty() && solution->feasible())
    OF_TRY(writeChoice(command.output, solution->choice));
  return describe(file, *solution);
}

std::string solutionText(const Json &s) {
  std::string out = fmt::format("{}: {} nodes, {} edges\n", s["name"].get<std::string>(),
                                s["nodes"].get<size_t>(), s["edges"].get<size_t>());
  out += fmt::format("verdict      {}{}\n", s["verdict"].get<std::string>(), reason(s["conflict"]));
  out += fmt::format("cost         {}\n", plain(s["cost"]));
  out += fmt::format("lower bound  {}", plain(s["lower_bound"]));
  if (!s["gap"].is_null())
    out += fmt::format(", {:.3f} % below", 100 * s["gap"].get<double>());
  out += fmt::format("\npeak         {} bytes of {}\n", s["peak_bytes"].get<int64_t>(),
                     plain(s["usage_limit"]));
  return out + fmt::format("work         {} units\n", s["work"].get<uint64_t>());
}

} // namespace of::planTool
