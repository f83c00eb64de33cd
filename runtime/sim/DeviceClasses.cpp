#include "runtime/sim/DeviceClasses.h"

#include "runtime/base/Mix.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace of::rt {

namespace {

/// A sequence of numbers as one; equal for others with a chance of 2^-64.
class Digest {
public:
  Digest &add(uint64_t value) {
    sum_ = mix(sum_ ^ mix(value + 1));
    return *this;
  }
  uint64_t value() const { return sum_; }

private:
  uint64_t sum_ = 0;
};

class Refinement {
public:
  Refinement(const plan::Plan &plan, const std::vector<uint32_t> &roleOf,
             const std::vector<std::vector<RoleEnd>> &ends, const ExchangePeers &peers)
      : roleOf_(roleOf), ends_(ends), peers_(peers), distance_(preparedDistanceOf(plan)),
        colour_(roleOf), onNode_(plan.nodes()->size()) {
    for (const plan::Device *device : *plan.devices())
      nodeOf_.push_back(device->node());
  }

  DeviceClasses run() {
    size_t before;
    do {
      before = colours_;
      recolour();
    } while (colours_ > before);
    return classes();
  }

private:
  /// The devices at the other ends, in whatever order.
  uint64_t seenFrom(uint32_t device, const RoleEnd &end) const {
    uint64_t sum = 0;
    for (uint32_t peer : peers_.of(end.exchange, device, end.isSend))
      sum += mix((uint64_t(colour_[peer]) << 2 | uint64_t(distance_(device, peer))) + 1);
    return sum;
  }

  /// Devices keep one colour if they had one and see the same.
  void recolour() {
    std::fill(onNode_.begin(), onNode_.end(), 0);
    for (uint32_t device = 0; device < colour_.size(); ++device)
      onNode_[nodeOf_[device]] += mix(uint64_t(colour_[device]) + 1);
    std::map<uint64_t, uint32_t> found;
    std::vector<uint32_t> next;
    for (uint32_t device = 0; device < colour_.size(); ++device) {
      Digest digest;
      digest.add(colour_[device]).add(onNode_[nodeOf_[device]]);
      for (const RoleEnd &end : ends_[roleOf_[device]])
        digest.add(seenFrom(device, end));
      next.push_back(
          found.try_emplace(digest.value(), static_cast<uint32_t>(found.size())).first->second);
    }
    colour_ = std::move(next);
    colours_ = found.size();
  }

  /// Of nodes with the same colours the one with the lowest device stands in.
  DeviceClasses classes() const {
    DeviceClasses out;
    out.nodeStandIn.resize(onNode_.size());
    std::iota(out.nodeStandIn.begin(), out.nodeStandIn.end(), 0u);
    std::map<uint64_t, uint32_t> nodes;             // by what is on them
    std::vector<uint32_t> standIn(colours_, kNone); // by colour
    std::vector<uint32_t> size(colours_, 0), like(colours_, 0);
    for (uint32_t device = 0; device < colour_.size(); ++device) {
      const uint32_t node = nodeOf_[device], colour = colour_[device];
      out.nodeStandIn[node] = nodes.try_emplace(onNode_[node], node).first->second;
      ++size[colour];
      if (out.nodeStandIn[node] != node)
        continue;
      ++like[colour];
      standIn[colour] = std::min(standIn[colour], device);
    }
    for (uint32_t colour : colour_) {
      out.standIn.push_back(standIn[colour]);
      out.size.push_back(size[colour]);
      out.onNode.push_back(like[colour]);
    }
    return out;
  }

  const std::vector<uint32_t> &roleOf_;
  const std::vector<std::vector<RoleEnd>> &ends_;
  const ExchangePeers &peers_;
  const DistanceFn distance_;
  std::vector<uint32_t> nodeOf_; ///< by device
  std::vector<uint32_t> colour_; ///< by device
  size_t colours_ = 0;
  std::vector<uint64_t> onNode_; ///< by node: the colours on it, in whatever order
};

} // namespace

DeviceClasses singleDevices(const plan::Plan &plan) {
  DeviceClasses out;
  out.standIn.resize(plan.devices()->size());
  std::iota(out.standIn.begin(), out.standIn.end(), 0u);
  out.nodeStandIn.resize(plan.nodes()->size());
  std::iota(out.nodeStandIn.begin(), out.nodeStandIn.end(), 0u);
  out.size.assign(plan.devices()->size(), 1);
  out.onNode = out.size;
  return out;
}

DeviceClasses likeDevices(const plan::Plan &plan, const std::vector<uint32_t> &roleOf,
                          const std::vector<std::vector<RoleEnd>> &ends,
                          const ExchangePeers &peers) {
  return Refinement(plan, roleOf, ends, peers).run();
}

} // namespace of::rt
