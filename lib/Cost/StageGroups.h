// Groups of devices that pipeline stages are dealt to.
#pragma once

#include <cstdint>
#include <optional>

namespace of {

/// `devices` in groups of `points`: one for each stage, or fewer, to which the stages are dealt in
/// turn (interleaved: each group has several parts of the model). None if they do not share evenly.
inline std::optional<int64_t> stageGroups(int64_t stages, int64_t devices, int64_t points) {
  const int64_t groups = points > 0 && devices % points == 0 ? devices / points : 0;
  const bool inTurn = groups > 1 && groups < stages && stages % groups == 0;
  return groups == stages || inTurn ? std::optional<int64_t>(groups) : std::nullopt;
}

/// Devices of a group where none are named.
inline int64_t stagePoints(int64_t stages, int64_t devices) {
  return devices % stages == 0 ? devices / stages : 1;
}

} // namespace of
