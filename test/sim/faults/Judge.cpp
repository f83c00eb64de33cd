#include "test/sim/faults/Judge.h"

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
  return "";
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
  const bool struck = outcome.struckExchange >= 0;
  const Status *error = firstError(outcome);
  switch (scenario.kind) {
  case FaultKind::None:
  case FaultKind::Pause:
  case FaultKind::Cut:
  case FaultKind::Stale:
  case FaultKind::Stop:
    return judgeHarmless(outcome);
  case FaultKind::Reorder:
    return error ? "" : judgeHarmless(outcome);
  case FaultKind::Duplicate:
    if (!struck)
      return judgeHarmless(outcome);
    if (!outcome.repeatedInTime)
      return judgeHarmless(outcome);
    return error || outcome.unread ? "" : "a repeated message was not noticed";
  case FaultKind::Flip:
    if (!struck)
      return judgeHarmless(outcome);
    if (outcome.nodes[outcome.struckNode].error.code() != Code::Corrupt)
      return "a damaged message was not noticed";
    return "";
  case FaultKind::Drop:
  case FaultKind::LosePush:
    if (!struck)
      return judgeHarmless(outcome);
    return error ? "" : judgeStall(ground, outcome);
  case FaultKind::Kill:
  case FaultKind::KillTwo:
    return error ? "a node failed by itself: " + error->message() : "";
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
  return judge(ground, scenario, World(ground, scenario).run());
}

} // namespace of::test
