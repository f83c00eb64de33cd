// What goes wrong in a run, drawn from a seed.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace of::test {

enum class FaultKind : uint8_t {
  None,      ///< latencies alone
  Pause,     ///< a node stands still for less than the patience of the others
  Cut,       ///< two nodes do not hear each other for a while
  Drop,      ///< a message is lost
  Duplicate, ///< a message comes twice
  Reorder,   ///< a message is overtaken by later ones
  Flip,      ///< a bit of a message changes
  Stale,     ///< a message of an earlier run comes in between
  LosePush,  ///< pushed bytes never arrive
  Kill,      ///< a node dies
  KillTwo,   ///< two nodes die, one soon after the other
  Stop,      ///< a node stands still for longer than the patience of the others
  Council,   ///< no plan, only nodes that report, end and die while they agree
  PowerLost, ///< no plan, only nodes that write checkpoints while power is lost or they are killed
  DiskFull,  ///< the same with a disk that is full
};
constexpr uint32_t kFaultKinds = 15;
const char *nameOf(FaultKind kind);

struct Scenario {
  FaultKind kind = FaultKind::None;
  uint64_t seed = 0;
  int64_t maxDelayNs = 0;       ///< of messages and pushes
  bool sharedWorkers = true;    ///< streams of a worker take turns
  uint64_t at = 0, second = 0;  ///< the how-manieth message, push or step it strikes
  uint32_t node = 0, other = 0; ///< that is paused, cut off or killed
  int64_t lengthNs = 0;
  std::string text() const;
};

/// What a plan offers to faults: counted in a run without any.
struct Exposure {
  uint32_t nodes = 1;
  uint64_t messages = 0, pushes = 0, steps = 0;
};

Scenario drawScenario(uint64_t seed, const Exposure &exposure);

} // namespace of::test
