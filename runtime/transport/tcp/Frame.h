// What a data connection between two nodes carries: heads of fixed size, pushed bytes behind those
// that announce them, in host order (all nodes of a run have one byte order).
//
//   head | head | head, payload | head ...
#pragma once

#include "runtime/transport/Transport.h"

namespace of::rt {

enum class FrameKind : uint32_t { Message = 1, Push = 2 };

struct FrameHead {
  FrameKind kind = FrameKind::Message;
  uint32_t check = 0;    ///< `checkOf` the rest
  uint64_t bytes = 0;    ///< of the payload behind it; of a message none
  Message message;       ///< of a push only edge and sequence count
  uint64_t reserved = 0; ///< payloads begin at multiples of 64 where they follow each other
};
static_assert(sizeof(FrameHead) == 64, "heads lie the same way on every node");

/// A digest of all other fields. What a message says has a check of its own.
inline uint32_t checkOf(const FrameHead &head) {
  Message mixed = head.message;
  mixed.sequence ^= head.bytes * 0x9e3779b97f4a7c15ull ^ head.reserved * 0xbf58476d1ce4e5b9ull;
  mixed.reserved2 ^= static_cast<uint32_t>(head.kind) + head.message.check;
  return checkOf(mixed);
}

inline FrameHead messageHead(const Message &message) {
  FrameHead head;
  head.message = message;
  head.check = checkOf(head);
  return head;
}

inline FrameHead pushHead(const EdgeKey &edge, uint64_t sequence, uint64_t bytes) {
  FrameHead head;
  head.kind = FrameKind::Push;
  head.bytes = bytes;
  head.message.edge = edge;
  head.message.sequence = sequence;
  head.check = checkOf(head);
  return head;
}

} // namespace of::rt
