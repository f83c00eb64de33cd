#include "test/sim/faults/Judge.h"

#include "test/sim/faults/PowerDisk.h"

namespace of::test {

namespace {

std::string joined(const std::vector<std::string> &lines) {
  std::string out;
  for (const std::string &line : lines)
    out += "\n  " + line;
  return out;
}

const Status *firstError(const Outcome &outcome) {
  for (const Outcome::OfNode &node : outcome.nodes)
    if (!node.error.isOk())
      return &node.error;
  return nullptr;
}

/// A fault that may not do any harm.
std::string judgeHarmless(const Outcome &outcome) {
  if (const Status *error = firstError(outcome))
    return "a node failed though nothing was lost: " + error->message();
  if (!outcome.finished())
    return "the run stands still though nothing was lost:" + joined(outcome.waits);
  if (!outcome.verdict || !outcome.verdict->isOk())
    return "the run ended well and is said to have failed";
  return "";
}

/// Nodes have failed: the verdict is what one of them said of itself.
std::string judgeFailed(const Outcome &outcome) {
  for (uint32_t n = 0; n < outcome.nodes.size(); ++n)
    if (!outcome.nodes[n].error.isOk() && outcome.verdict &&
        outcome.verdict->message() ==
            "node " + Council::nameOf(n) + ": " + outcome.nodes[n].error.message())
      return "";
  return "the first cause is not what a node said of itself: " +
         (outcome.verdict ? outcome.verdict->message() : "none");
}

bool names(const Outcome &outcome, uint32_t node) {
  return outcome.verdict &&
         outcome.verdict->message().find("node " + Council::nameOf(node) + " was lost") == 0;
}

std::string judgeKilled(const Outcome &outcome) {
  if (const Status *error = firstError(outcome))
    return "a node failed by itself: " + error->message();
  bool lives = false, allDone = true;
  for (uint32_t n = 0; n < outcome.nodes.size(); ++n) {
    const Outcome::OfNode &node = outcome.nodes[n];
    lives = lives || !node.dead;
    allDone = allDone && (node.dead ? node.doneInTime : node.done);
    if (node.dead && names(outcome, n))
      return "";
  }
  if (!lives || (allDone && outcome.verdict && outcome.verdict->isOk()))
    return "";
  return "the first cause names nobody who died: " +
         (outcome.verdict ? outcome.verdict->message() : "none");
}

std::string judgeStall(const Ground &ground, const Outcome &outcome) {
  if (outcome.finished())
    return "the run ended though something was lost";
  const std::string name =
      ground.plan().exchanges()->Get(static_cast<uint32_t>(outcome.struckExchange))->name()->str();
  for (const std::string &line : outcome.waits)
    if (line.find("exchange " + name) != std::string::npos)
      return "";
  return "the run stands still and nobody waits for exchange " + name +
         ", which was struck:" + joined(outcome.waits);
}

} // namespace

std::string judge(const Ground &ground, const Scenario &scenario, const Outcome &outcome) {
  if (!outcome.violation.empty())
    return outcome.violation;
  if (!outcome.discord.empty())
    return outcome.discord;
  const bool struck = outcome.struckExchange >= 0;
  const bool failed = firstError(outcome) != nullptr;
  switch (scenario.kind) {
  case FaultKind::None:
  case FaultKind::Pause:
  case FaultKind::Cut:
  case FaultKind::Stale:
  case FaultKind::Council:
  case FaultKind::PowerLost:
  case FaultKind::DiskFull:
    return judgeHarmless(outcome);
  case FaultKind::Stop:
    return names(outcome, scenario.node) ? "" : judgeHarmless(outcome);
  case FaultKind::Reorder:
    return failed ? judgeFailed(outcome) : judgeHarmless(outcome);
  case FaultKind::Duplicate:
    if (!outcome.repeatedInTime)
      return judgeHarmless(outcome);
    if (failed)
      return judgeFailed(outcome);
    return outcome.unread ? "" : "a repeated message was not noticed";
  case FaultKind::Flip:
    if (!struck)
      return judgeHarmless(outcome);
    if (outcome.nodes[outcome.struckNode].error.code() != Code::Corrupt)
      return "a damaged message was not noticed";
    return judgeFailed(outcome);
  case FaultKind::Drop:
  case FaultKind::LosePush:
    if (!struck)
      return judgeHarmless(outcome);
    return failed ? judgeFailed(outcome) : judgeStall(ground, outcome);
  case FaultKind::Kill:
  case FaultKind::KillTwo:
    return judgeKilled(outcome);
  }
  return "unknown fault";
}

std::unique_ptr<Ground> groundOf(uint64_t seed) {
  for (uint64_t plan = seed / kSeedsPerGround * 1000;; ++plan) {
    std::unique_ptr<Ground> ground = makeGround(plan);
    if (!ground)
      continue;
    Scenario calm;
    calm.maxDelayNs = 1000;
    calm.seed = plan;
    ground->exposure = World(*ground, calm).run().exposure;
    return ground;
  }
}

std::string runSeed(Ground &ground, uint64_t seed, Scenario &scenario) {
  scenario = drawScenario(seed, ground.exposure);
  if (scenario.kind == FaultKind::Council)
    return runCouncil(seed);
  if (scenario.kind == FaultKind::PowerLost)
    return runSnapshots(DiskFault::PowerLost, seed);
  if (scenario.kind == FaultKind::DiskFull)
    return runSnapshots(DiskFault::Full, seed);
  return judge(ground, scenario, World(ground, scenario).run());
}

} // namespace of::test
