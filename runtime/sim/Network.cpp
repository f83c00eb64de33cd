#include "runtime/sim/Network.h"

#include <algorithm>
#include <cmath>

namespace of::rt {

static constexpr uint64_t kRemembered = 64;

Network::Network(const plan::Plan &plan, Mode mode, double bytesPerSecond)
    : plan_(plan), mode_(mode), bytesPerSecond_(bytesPerSecond),
      exchanges_(plan.exchanges() ? plan.exchanges()->size() : 0), uses_(plan.nodes()->size()),
      free_(plan.nodes()->size(), 0), predicted_(size_t(plan.programs()->size()) * exchanges_, 0),
      leaving_(plan.nodes()->size()) {
  for (const plan::Device *device : *plan.devices())
    nodeOf_.push_back(device->node());
  for (const plan::Role *role : *plan.roles())
    for (uint32_t p = 0; p < role->programs()->size(); ++p)
      for (const plan::Task *task : *role->programs()->Get(p)->tasks())
        if (const plan::Receive *receive = task->body_as_Receive()) {
          int64_t &ns = predicted_[size_t(p) * exchanges_ + receive->exchange()];
          ns = std::max<int64_t>(ns, std::llround(receive->network_seconds() * 1e9));
        }
}

int64_t Network::bytesOf(const EdgeKey &edge) {
  const auto [it, isNew] =
      bytes_.try_emplace(uint64_t(edge.exchange) << 32 | uint64_t(edge.dstDevice));
  auto &sources = it->second;
  if (isNew)
    for (const LandingPayload &payload :
         landingPayloads(exchangeParts(plan_, edge.exchange), edge.dstDevice, distanceOf(plan_)))
      sources.emplace_back(static_cast<uint32_t>(payload.srcDevice), payload.bytes);
  const auto source =
      std::lower_bound(sources.begin(), sources.end(), std::pair(edge.srcDevice, int64_t(0)));
  return source == sources.end() || source->first != edge.srcDevice ? 0 : source->second;
}

int64_t Network::push(const EdgeKey &edge, uint64_t sequence, int64_t nowNs) {
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
  const uint32_t node = nodeOf_[edge.srcDevice];
  const int64_t bytes = bytesOf(edge);
  uses_[node].pushedBytes += static_cast<uint64_t>(bytes);
  return leave(node, std::llround(static_cast<double>(bytes) / bytesPerSecond_ * 1e9), nowNs);
}

int64_t Network::pushTogether(const EdgeKey &edge, uint64_t sequence, int64_t nowNs) {
  const uint32_t node = nodeOf_[edge.srcDevice];
  Leaving &leaving = leaving_[node][edge.program * exchanges_ + edge.exchange];
  auto it = std::lower_bound(leaving.begin(), leaving.end(), std::pair(sequence, INT64_MIN));
  const bool isNew = it == leaving.end() || it->first != sequence;
  if (isNew)
    it = leaving.insert(it, {sequence, 0});
  if (isNew || it->second < nowNs) // of this number an earlier entry of the program had one too
    it->second = leave(node, predictedNs(edge.program, edge.exchange), nowNs);
  const int64_t leftNs = it->second;
  // Firings are not far apart: of those long gone no push is still to come.
  if (sequence > kRemembered && leaving.front().first < sequence - kRemembered)
    leaving.erase(leaving.begin());
  return leftNs;
}

int64_t Network::networkNs(uint32_t program, uint32_t exchange, int64_t certifiedNs) const {
  return mode_ == Mode::Untimed     ? 0
         : mode_ == Mode::Predicted ? predictedNs(program, exchange)
                                    : certifiedNs;
}

} // namespace of::rt
