#include "runtime/sim/Network.h"

#include <algorithm>
#include <cmath>

namespace of::rt {

static constexpr uint64_t kRemembered = 64;

Network::Network(const plan::Plan &plan, Mode mode, double bytesPerSecond)
    : plan_(plan), mode_(mode), bytesPerSecond_(bytesPerSecond), uses_(plan.nodes()->size()),
      free_(plan.nodes()->size(), 0) {
  for (const plan::Role *role : *plan.roles())
    for (uint32_t p = 0; p < role->programs()->size(); ++p)
      for (const plan::Task *task : *role->programs()->Get(p)->tasks())
        if (const plan::Receive *receive = task->body_as_Receive()) {
          int64_t &ns = predicted_[{p, receive->exchange()}];
          ns = std::max<int64_t>(ns, std::llround(receive->network_seconds() * 1e9));
        }
}

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

int64_t Network::push(const EdgeKey &edge, uint64_t sequence, int64_t nowNs) {
  message(edge.srcDevice, edge.dstDevice);
  return mode_ == Mode::Untimed     ? nowNs
         : mode_ == Mode::Predicted ? pushTogether(edge, sequence, nowNs)
                                    : pushThrottled(edge, nowNs);
}

int64_t Network::leave(uint32_t node, int64_t lastNs, int64_t nowNs) {
  free_[node] = std::max(free_[node], nowNs) + lastNs;
  uses_[node].linkBusyNs += lastNs;
  return free_[node];
}

int64_t Network::pushThrottled(const EdgeKey &edge, int64_t nowNs) {
  const uint32_t node = nodeOf(edge.srcDevice);
  const int64_t bytes = bytesOf(edge);
  uses_[node].pushedBytes += static_cast<uint64_t>(bytes);
  return leave(node, std::llround(static_cast<double>(bytes) / bytesPerSecond_ * 1e9), nowNs);
}

int64_t Network::pushTogether(const EdgeKey &edge, uint64_t sequence, int64_t nowNs) {
  const uint32_t node = nodeOf(edge.srcDevice);
  const auto [it, isNew] = leaving_.try_emplace({node, edge.program, edge.exchange, sequence});
  if (isNew || it->second < nowNs) // of this number an earlier entry of the program had one too
    it->second = leave(node, predictedNs(edge.program, edge.exchange), nowNs);
  const int64_t leftNs = it->second;
  // Firings are not far apart: of those long gone no push is still to come.
  const auto first = leaving_.lower_bound({node, edge.program, edge.exchange, 0});
  if (sequence > kRemembered && std::get<3>(first->first) < sequence - kRemembered)
    leaving_.erase(first);
  return leftNs;
}

int64_t Network::predictedNs(uint32_t program, uint32_t exchange) const {
  const auto it = predicted_.find({program, exchange});
  return it == predicted_.end() ? 0 : it->second;
}

int64_t Network::networkNs(uint32_t program, uint32_t exchange, int64_t certifiedNs) const {
  return mode_ == Mode::Untimed     ? 0
         : mode_ == Mode::Predicted ? predictedNs(program, exchange)
                                    : certifiedNs;
}

} // namespace of::rt
