#include "test/sim/faults/Fault.h"

namespace of::test {

const char *nameOf(FaultKind kind) {
  constexpr const char *names[] = {"none",     "pause",    "cut",     "drop",       "duplicate",
                                   "reorder",  "flip bit", "stale",   "lose push",  "kill",
                                   "kill two", "stop",     "council", "power lost", "disk full"};
  return names[static_cast<size_t>(kind)];
}

std::string Scenario::text() const {
  return std::string(nameOf(kind)) + " at " + std::to_string(at) + " and " +
         std::to_string(second) + ", nodes " + std::to_string(node) + " and " +
         std::to_string(other) + ", " + std::to_string(lengthNs) + " ns, delays up to " +
         std::to_string(maxDelayNs) + " ns";
}

Scenario drawScenario(uint64_t seed, const Exposure &exposure) {
  std::mt19937_64 random(seed * 0x9e3779b97f4a7c15ull + 1);
  auto below = [&](uint64_t n) { return n == 0 ? 0 : random() % n; };
  Scenario out;
  out.seed = seed;
  constexpr int64_t delays[] = {0, 100, 2'000, 50'000};
  out.maxDelayNs = delays[below(4)];
  out.sharedWorkers = below(2) == 0;
  out.kind = static_cast<FaultKind>(below(kFaultKinds));
  out.node = static_cast<uint32_t>(below(exposure.nodes));
  out.other = static_cast<uint32_t>(below(exposure.nodes));
  switch (out.kind) {
  case FaultKind::None:
  case FaultKind::Council:
  case FaultKind::PowerLost:
  case FaultKind::DiskFull:
    break;
  case FaultKind::Pause:
    out.at = below(exposure.steps);
    out.lengthNs = static_cast<int64_t>(1'000 + below(500'000'000));
    break;
  case FaultKind::Kill:
    out.at = below(exposure.steps);
    break;
  case FaultKind::KillTwo:
    out.at = below(exposure.steps);
    out.lengthNs = static_cast<int64_t>(below(uint64_t(1) << (10 + below(21))));
    break;
  case FaultKind::Stop:
    out.at = below(exposure.steps);
    out.lengthNs = static_cast<int64_t>(7'000'000'000 + below(5'000'000'000));
    break;
  case FaultKind::LosePush:
    out.at = below(exposure.pushes);
    break;
  default: // of messages
    out.at = below(exposure.messages);
    out.second = random();
    out.lengthNs = static_cast<int64_t>(1 + below(out.kind == FaultKind::Cut ? 1'000'000 : 20'000));
  }
  return out;
}

} // namespace of::test
