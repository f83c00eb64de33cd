// A bounded queue of tokens from one thread to another.
//
// One producer thread, one consumer thread; lock-free. The capacity is fixed at construction from
// the number of tokens that the plan lets be under way, so a full mailbox is a broken invariant,
// not a state to wait in.
#pragma once

#include "runtime/actor/Machine.h"

#include <atomic>
#include <memory>

namespace of::rt {

class Mailbox {
public:
  /// Holds at least `capacity` tokens.
  explicit Mailbox(uint32_t capacity) {
    uint32_t size = 16;
    while (size < capacity)
      size *= 2;
    mask_ = size - 1;
    ring_ = std::make_unique<Token[]>(size);
  }

  /// False if full.
  bool push(const Token &token) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - headSeen_ > mask_) {
      headSeen_ = head_.load(std::memory_order_acquire);
      if (tail - headSeen_ > mask_)
        return false;
    }
    ring_[tail & mask_] = token;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  bool pop(Token &token) {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tailSeen_) {
      tailSeen_ = tail_.load(std::memory_order_acquire);
      if (head == tailSeen_)
        return false;
    }
    token = ring_[head & mask_];
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

private:
  std::unique_ptr<Token[]> ring_;
  uint32_t mask_ = 0;
  alignas(64) std::atomic<uint32_t> tail_{0};
  uint32_t headSeen_ = 0; ///< producer's
  alignas(64) std::atomic<uint32_t> head_{0};
  uint32_t tailSeen_ = 0; ///< consumer's
};

} // namespace of::rt
