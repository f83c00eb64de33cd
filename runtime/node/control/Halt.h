// How the nodes of a run agree on the step after which they all end early, so that a checkpoint can
// be taken there.
//
//   any node ── HaltWanted ──▶ node 0 ── Freeze ──▶ all: begin no step beyond those begun
//            ── Promise {the earliest step I can end at} ──▶ node 0
//            ◀── HaltAt {the latest of them} ──                 all end after this step
//
// A node that is done promises without being asked. If a node dies meanwhile the run fails, as
// always, so nothing is repeated. A pure state machine, used by the thread of the control tree.
#pragma once

#include "runtime/node/control/Socket.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace of::rt {

struct HaltDriver {
  /// To a node with an open connection; dropped otherwise.
  std::function<void(uint32_t node, FrameType type, const std::string &payload)> send;
  std::function<void()> freeze;              ///< this node is to promise; called once
  std::function<void(uint64_t step)> agreed; ///< it is to end after this step; called once
};

class Halt {
public:
  Halt(uint32_t self, uint32_t nodes, HaltDriver driver)
      : self_(self), promises_(nodes), driver_(std::move(driver)) {}

  void ask() {
    if (self_ != 0)
      return driver_.send(0, FrameType::HaltWanted, "");
    if (asked_)
      return;
    asked_ = true;
    tellAll(FrameType::Freeze, "");
    driver_.freeze();
    agreeIfAll();
  }

  void promise(uint64_t step) {
    if (self_ != 0)
      return driver_.send(0, FrameType::Promise, std::to_string(step));
    promises_[0] = step;
    agreeIfAll();
  }

  void onFrame(uint32_t node, const Frame &frame) {
    if (frame.type == FrameType::HaltWanted)
      ask();
    else if (frame.type == FrameType::Freeze)
      driver_.freeze();
    else if (frame.type == FrameType::HaltAt)
      driver_.agreed(std::strtoull(frame.payload.c_str(), nullptr, 10));
    else if (frame.type == FrameType::Promise) {
      promises_[node] = std::strtoull(frame.payload.c_str(), nullptr, 10);
      agreeIfAll();
    }
  }

private:
  void tellAll(FrameType type, const std::string &payload) {
    for (uint32_t n = 1; n < promises_.size(); ++n)
      driver_.send(n, type, payload);
  }

  void agreeIfAll() {
    if (!asked_ || agreed_ || !std::all_of(promises_.begin(), promises_.end(), [](const auto &p) {
          return p.has_value();
        }))
      return;
    agreed_ = true;
    const uint64_t step = **std::max_element(promises_.begin(), promises_.end());
    tellAll(FrameType::HaltAt, std::to_string(step));
    driver_.agreed(step);
  }

  const uint32_t self_;
  std::vector<std::optional<uint64_t>> promises_; ///< by node; of node 0 alone
  const HaltDriver driver_;
  bool asked_ = false, agreed_ = false;
};

} // namespace of::rt
