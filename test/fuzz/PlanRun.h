// A plan, whatever it says, as far as it comes: loaded, checked, built and run in this process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace of::fuzz {

enum class PlanEnd : uint8_t {
  Refused,  ///< by the loader or the verifier
  NotBuilt, ///< by a node, before anything ran
  Failed,   ///< it ran and ended with an error
  Ran,      ///< it ran to its end
  TimeIsUp, ///< it ran and was stopped
};
inline constexpr const char *kPlanEndNames[] = {"refused", "not built", "failed in the run", "ran",
                                                "stopped in the run"};

struct PlanRun {
  PlanEnd end = PlanEnd::Refused;
  std::string message;
};

/// Gives the buffer a correct digest. All nodes run here, joined by a wire in memory; `data` is
/// where the plan's files lie; training ends after three steps.
PlanRun runPlan(const std::vector<uint8_t> &buffer, const std::string &data);

/// Stops at the verifier.
PlanRun checkPlan(const std::vector<uint8_t> &buffer);

} // namespace of::fuzz
