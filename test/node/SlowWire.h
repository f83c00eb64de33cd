// A transport for several nodes of one process that takes its time: messages and pushes stay under
// way for a random number of polls, and completions of different pushes come in any order, as real
// networks may deliver them. Messages of a pair stay in order. Of the room that is offered it takes
// some; the landing slot then holds what nobody may read.
#pragma once

#include "runtime/transport/Transport.h"

#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <random>

namespace of::rt::test {

class SlowWire {
public:
  SlowWire(uint32_t nodes, unsigned seed) : random_(seed), queues_(nodes * nodes), sides_(nodes) {
    for (uint32_t n = 0; n < nodes; ++n)
      sides_[n] = std::make_unique<Side>(*this, n);
  }

  Transport &node(uint32_t n) { return *sides_[n]; }
  uint64_t messages() const { return messages_; }
  uint64_t pushes() const { return pushes_; }
  uint64_t inPlace() const { return inPlace_; }

private:
  struct Post {
    NodeId from, to;
    EdgeKey edge;
    uint64_t sequence;
    void *data;
    size_t bytes;
    uint64_t token;
    void *offered;
  };
  struct Push {
    NodeId from, to;
    EdgeKey edge;
    uint64_t sequence;
    const void *data;
    size_t bytes;
    uint64_t token;
  };

  class Side final : public Transport {
  public:
    Side(SlowWire &wire, NodeId self) : wire_(wire), self_(self) {}
    NodeId self() const override { return self_; }
    Status send(NodeId node, const Message &message) override {
      std::lock_guard<std::mutex> lock(wire_.mutex_);
      ++wire_.messages_;
      wire_.queue(self_, node).push_back(message);
      return Status::ok();
    }
    Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data, size_t bytes,
                uint64_t token) override {
      std::lock_guard<std::mutex> lock(wire_.mutex_);
      ++wire_.pushes_;
      wire_.pushed_.push_back({self_, node, edge, sequence, data, bytes, token});
      return Status::ok();
    }
    Status post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data, size_t bytes,
                uint64_t token) override {
      std::lock_guard<std::mutex> lock(wire_.mutex_);
      wire_.posted_.push_back({node, self_, edge, sequence, data, bytes, token, nullptr});
      return Status::ok();
    }
    void offer(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data) override {
      std::lock_guard<std::mutex> lock(wire_.mutex_);
      for (Post &post : wire_.posted_)
        if (post.from == node && post.to == self_ && post.edge == edge && post.sequence == sequence)
          post.offered = data;
    }
    Status poll(std::vector<Event> &events) override { return wire_.poll(self_, events); }
    const char *describe() const override { return "slow wire"; }

  private:
    SlowWire &wire_;
    const NodeId self_;
  };

  std::deque<Message> &queue(NodeId from, NodeId to) { return queues_[from * sides_.size() + to]; }
  bool later() { return random_() % 3 != 0; }

  Status poll(NodeId self, std::vector<Event> &events) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (NodeId from = 0; from < sides_.size(); ++from)
      while (!queue(from, self).empty() && !later()) {
        Event event;
        event.node = from;
        event.message = queue(from, self).front();
        queue(from, self).pop_front();
        events.push_back(event);
      }
    for (size_t i = 0; i < pushed_.size();)
      if (pushed_[i].to == self && !later()) {
        OF_TRY(land(pushed_[i], events));
        pushed_.erase(pushed_.begin() + static_cast<long>(i));
      } else {
        ++i;
      }
    for (size_t i = 0; i < left_.size();)
      if (left_[i].first == self && !later()) {
        Event event;
        event.kind = Event::Kind::PushDone;
        event.token = left_[i].second;
        events.push_back(event);
        left_.erase(left_.begin() + static_cast<long>(i));
      } else {
        ++i;
      }
    return Status::ok();
  }

  Status land(const Push &push, std::vector<Event> &events) {
    for (size_t i = 0; i < posted_.size(); ++i) {
      const Post post = posted_[i];
      if (post.from != push.from || post.to != push.to || !(post.edge == push.edge) ||
          post.sequence != push.sequence)
        continue;
      if (post.bytes != push.bytes)
        return Status(Code::Internal, "pushed " + std::to_string(push.bytes) +
                                          " bytes into a post of " + std::to_string(post.bytes));
      Event event;
      event.inPlace = post.offered && random_() % 4 != 0;
      inPlace_ += event.inPlace ? 1 : 0;
      if (event.inPlace)
        std::memset(post.data, 0xff, post.bytes);
      std::memcpy(event.inPlace ? post.offered : post.data, push.data, push.bytes);
      event.kind = Event::Kind::PostDone;
      event.node = push.from;
      event.token = post.token;
      events.push_back(event);
      posted_.erase(posted_.begin() + static_cast<long>(i));
      left_.emplace_back(push.from, push.token);
      return Status::ok();
    }
    return Status(Code::Internal, "a push came before its landing slot was posted");
  }

  std::mutex mutex_;
  std::mt19937 random_;
  std::vector<std::deque<Message>> queues_;
  std::vector<Push> pushed_;
  std::vector<Post> posted_;
  std::vector<std::pair<NodeId, uint64_t>> left_; ///< pushes whose bytes have gone: (source, token)
  std::vector<std::unique_ptr<Side>> sides_;
  uint64_t messages_ = 0, pushes_ = 0, inPlace_ = 0;
};

} // namespace of::rt::test
