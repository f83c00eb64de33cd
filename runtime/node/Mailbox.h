// A bounded queue of tokens from one thread to another.
//
// One producer thread, one consumer thread. The capacity is fixed at construction from the number
// of tokens that the plan lets be under way, so a full mailbox is a broken invariant, not a state
// to wait in.
#pragma once

#include "runtime/actor/Machine.h"
#include "runtime/memory/Ring.h"

#include <memory>

namespace of::rt {

class Mailbox {
public:
  /// Holds at least `capacity` tokens.
  explicit Mailbox(uint32_t capacity)
      : lines_(std::make_unique<Line[]>(Ring<Token>::bytesFor(capacity) / sizeof(Line))),
        ring_(lines_[0].bytes, capacity) {}

  /// False if full.
  bool push(const Token &token) { return ring_.push(token); }
  /// False if empty.
  bool pop(Token &token) { return ring_.pop(token); }

private:
  struct alignas(64) Line {
    std::byte bytes[64] = {};
  };
  std::unique_ptr<Line[]> lines_;
  Ring<Token> ring_;
};

} // namespace of::rt
