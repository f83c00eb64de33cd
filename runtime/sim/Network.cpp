#include "runtime/sim/Network.h"

#include <algorithm>
#include <cmath>

namespace of::rt {

void Network::message(uint32_t fromDevice, uint32_t toDevice) {
  if (nodeOf(fromDevice) != nodeOf(toDevice))
    ++uses_[nodeOf(fromDevice)].messages;
}

int64_t Network::bytesOf(const EdgeKey &edge) {
  const auto [it, isNew] = bytes_.try_emplace({edge.exchange, edge.dstDevice});
  if (isNew)
    for (const LandingPayload &payload :
         landingPayloads(exchangeParts(plan_, edge.exchange), edge.dstDevice, distanceOf(plan_)))
      it->second[static_cast<uint32_t>(payload.srcDevice)] = payload.bytes;
  return it->second[edge.srcDevice];
}

int64_t Network::push(const EdgeKey &edge, int64_t nowNs) {
  message(edge.srcDevice, edge.dstDevice);
  if (!timed())
    return nowNs;
  const uint32_t node = nodeOf(edge.srcDevice);
  const int64_t bytes = bytesOf(edge);
  const int64_t lastNs = std::llround(static_cast<double>(bytes) / bytesPerSecond_ * 1e9);
  free_[node] = std::max(free_[node], nowNs) + lastNs;
  uses_[node].pushedBytes += static_cast<uint64_t>(bytes);
  uses_[node].linkBusyNs += lastNs;
  return free_[node];
}

} // namespace of::rt
