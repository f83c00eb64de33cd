#include "runtime/sim/NodeClasses.h"

#include "runtime/base/Mix.h"

#include <algorithm>
#include <map>

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
      : roleOf_(roleOf), ends_(ends), peers_(peers), devices_(plan.nodes()->size()),
        colour_(plan.nodes()->size(), 0) {
    for (uint32_t device = 0; device < plan.devices()->size(); ++device) {
      const uint32_t node = plan.devices()->Get(device)->node();
      place_.push_back(
          {node, plan.nodes()->Get(node)->host(), static_cast<uint32_t>(devices_[node].size())});
      devices_[node].push_back(device);
    }
  }

  NodeClasses run() {
    recolour([this](uint32_t node, Digest &digest) {
      for (uint32_t device : devices_[node])
        digest.add(roleOf_[device]);
    });
    for (size_t before = 0; before < colours_;) {
      before = colours_;
      recolour([this](uint32_t node, Digest &digest) {
        for (uint32_t device : devices_[node])
          for (const RoleEnd &end : ends_[roleOf_[device]])
            digest.add(seenFrom(device, end));
      });
    }
    return classes();
  }

private:
  struct Place {
    uint32_t node, host;
    uint32_t number; ///< of the node's devices
  };

  /// The devices at the other ends, in whatever order.
  uint64_t seenFrom(uint32_t device, const RoleEnd &end) const {
    const Place &from = place_[device];
    uint64_t sum = 0;
    for (uint32_t peer : peers_.of(end.exchange, device, end.isSend)) {
      const Place &to = place_[peer];
      const uint64_t path = to.node == from.node ? 0 : to.host == from.host ? 1 : 2;
      const uint64_t colour = path == 0 ? 0 : colour_[to.node];
      sum += mix((colour << 32 | uint64_t(to.number) << 2 | path) + 1);
    }
    return sum;
  }

  /// Nodes of one colour keep one if fn(node, digest) adds the same.
  template <typename Fn> void recolour(Fn fn) {
    std::map<uint64_t, uint32_t> found;
    std::vector<uint32_t> next;
    for (uint32_t node = 0; node < devices_.size(); ++node) {
      Digest digest;
      digest.add(colour_[node]);
      fn(node, digest);
      next.push_back(
          found.try_emplace(digest.value(), static_cast<uint32_t>(found.size())).first->second);
    }
    colour_ = std::move(next);
    colours_ = found.size();
  }

  NodeClasses classes() const {
    NodeClasses out;
    std::vector<uint32_t> first(colours_, kNone), size(colours_, 0);
    for (uint32_t node = 0; node < devices_.size(); ++node) {
      first[colour_[node]] = std::min(first[colour_[node]], node);
      ++size[colour_[node]];
    }
    for (uint32_t colour : colour_) {
      out.first.push_back(first[colour]);
      out.size.push_back(size[colour]);
    }
    for (const Place &place : place_)
      out.standIn.push_back(devices_[out.first[place.node]][place.number]);
    return out;
  }

  const std::vector<uint32_t> &roleOf_;
  const std::vector<std::vector<RoleEnd>> &ends_;
  const ExchangePeers &peers_;
  std::vector<Place> place_;                   ///< by device
  std::vector<std::vector<uint32_t>> devices_; ///< by node
  std::vector<uint32_t> colour_;               ///< by node
  size_t colours_ = 1;
};

} // namespace

NodeClasses singleNodes(const plan::Plan &plan) {
  NodeClasses out;
  for (uint32_t node = 0; node < plan.nodes()->size(); ++node)
    out.first.push_back(node);
  out.size.assign(plan.nodes()->size(), 1);
  for (uint32_t device = 0; device < plan.devices()->size(); ++device)
    out.standIn.push_back(device);
  return out;
}

NodeClasses likeNodes(const plan::Plan &plan, const std::vector<uint32_t> &roleOf,
                      const std::vector<std::vector<RoleEnd>> &ends, const ExchangePeers &peers) {
  return Refinement(plan, roleOf, ends, peers).run();
}

} // namespace of::rt
