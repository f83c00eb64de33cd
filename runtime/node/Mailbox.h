// A bounded queue of tokens from one thread to another.
//
// One producer thread, one consumer thread; lock-free. The capacity is fixed at construction from
// the number of tokens that the plan lets be under way, so a full mailbox is a broken invariant,
// not a state to wait in.
//
// A cell holds a token and the turn that it is of, so what the consumer waits for and what it then
// reads lie in one cache line: a token costs one transfer between cores. The consumer's position is
// looked at only when the ring seems full.
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
    ring_ = std::make_unique<Cell[]>(size);
  }

  /// False if full.
  bool push(const Token &token) {
    if (tail_ - headSeen_ > mask_) {
      headSeen_ = head_.load(std::memory_order_acquire);
      if (tail_ - headSeen_ > mask_)
        return false;
    }
    Cell &cell = ring_[tail_ & mask_];
    cell.token = token;
    cell.turn.store(++tail_, std::memory_order_release);
    return true;
  }

  bool pop(Token &token) {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    const Cell &cell = ring_[head & mask_];
    if (cell.turn.load(std::memory_order_acquire) != head + 1)
      return false;
    token = cell.token;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

private:
  struct alignas(32) Cell {
    Token token;
    std::atomic<uint32_t> turn{0}; ///< one more than the position that filled it
  };

  std::unique_ptr<Cell[]> ring_;
  uint32_t mask_ = 0;
  alignas(64) uint32_t tail_ = 0; ///< producer's
  uint32_t headSeen_ = 0;
  alignas(64) std::atomic<uint32_t> head_{0}; ///< consumer's
};

} // namespace of::rt
