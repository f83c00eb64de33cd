// Transport: messages and pushed bytes between the nodes of a job.
//
// One object per node. `poll` may be called by any worker of the node, one at a time (the node
// guards it); everything else may be called by any worker. Nothing here blocks, and
// nothing is allocated after `connect` but what the underlying library does. Implementations:
// tcp (between hosts), ucx (between hosts, over their fabric), mapped (messages within a host, the
// rest through another), throttled (another with a bandwidth). All pass the conformance suite in
// test/transport.
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace of::rt {

using NodeId = uint32_t;

/// Names one edge of an exchange between two devices, the same on every node without a table:
/// program, exchange, source and destination device.
struct EdgeKey {
  uint16_t program = 0;
  uint16_t reserved = 0;
  uint32_t exchange = 0;
  uint32_t srcDevice = 0;
  uint32_t dstDevice = 0;
  bool operator==(const EdgeKey &o) const {
    return program == o.program && exchange == o.exchange && srcDevice == o.srcDevice &&
           dstDevice == o.dstDevice;
  }
};

struct EdgeKeyHash {
  size_t operator()(const EdgeKey &key) const {
    uint64_t h = (uint64_t(key.program) << 48) ^ (uint64_t(key.exchange) << 32) ^ key.srcDevice;
    h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9ull + key.dstDevice;
    return static_cast<size_t>((h ^ (h >> 32)) * 0x94d049bb133111ebull);
  }
};

enum class MessageKind : uint8_t {
  Ready, ///< source -> destination: version `sequence` may be read in place (same host)
  Ack,   ///< destination -> source: version `sequence` was read (same host)
  Grant, ///< destination -> source: a receive for version `sequence` is posted (other host)
};

/// What travels: fixed size, ids only, never a pointer.
struct Message {
  uint32_t generation = 0; ///< of the run; a message of another generation is dropped and counted
  MessageKind kind = MessageKind::Ready;
  uint8_t version = 1;
  uint8_t entry = 0; ///< counts the entries of the program, modulo 256
  uint8_t reserved = 0;
  EdgeKey edge;
  uint64_t sequence = 0; ///< counts from 0 in each entry of a program
  uint32_t check = 0;    ///< `checkOf` the rest; what does not fit is damaged
  uint32_t reserved2 = 0;
};

/// A digest of all other fields: any one changed bit changes it, but for one chance in 2^32.
inline uint32_t checkOf(const Message &message) {
  const EdgeKey &edge = message.edge;
  const uint64_t words[] = {
      uint64_t(message.generation) << 32 | uint64_t(static_cast<uint8_t>(message.kind)) << 24 |
          uint64_t(message.version) << 16 | uint64_t(message.entry) << 8 | message.reserved,
      uint64_t(edge.program) << 48 | uint64_t(edge.reserved) << 32 | edge.exchange,
      uint64_t(edge.srcDevice) << 32 | edge.dstDevice, message.sequence, message.reserved2};
  uint64_t digest = 0x9e3779b97f4a7c15ull;
  for (const uint64_t word : words) {
    digest = (digest ^ word) * 0xbf58476d1ce4e5b9ull;
    digest ^= digest >> 29;
  }
  return static_cast<uint32_t>(digest ^ digest >> 32);
}

/// What `poll` reports.
struct Event {
  enum class Kind : uint8_t {
    Message,  ///< `message` arrived from `node`
    PushDone, ///< the bytes of push `token` may be overwritten
    PostDone, ///< the bytes of post `token` have arrived
  };
  Kind kind = Kind::Message;
  NodeId node = 0;
  Message message;
  uint64_t token = 0;
  bool inPlace = false; ///< PostDone: they lie where they were offered room (`offer`)
};

class Transport {
public:
  virtual ~Transport() = default;

  virtual NodeId self() const = 0;

  /// Queues a message. Messages to one node arrive in order and once. A grant may be held back so
  /// that it travels with the next push to the node; `flush` sends it, and so do a few polls.
  virtual Status send(NodeId node, const Message &message) = 0;

  /// Sends what is held back.
  virtual Status flush() { return Status::ok(); }

  /// Sends `bytes` bytes for version `sequence` of an edge; they land in the buffer posted there
  /// for it, which the caller knows to be posted. The caller keeps the source bytes unchanged until
  /// PushDone(token).
  virtual Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data,
                      size_t bytes, uint64_t token) = 0;

  /// Posts the buffer for version `sequence` of an edge from `node`.
  virtual Status post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data, size_t bytes,
                      uint64_t token) = 0;

  /// Another place for the bytes of such a post, that is free from now on until they are taken. The
  /// transport may use it instead, if none have come; PostDone says whether it did.
  virtual void offer(NodeId /*node*/, const EdgeKey & /*edge*/, uint64_t /*sequence*/,
                     void * /*data*/) {}

  /// Makes progress and appends what happened to `events` (whose capacity the caller reserved).
  /// Returns an error if the network did; the death of a peer is the control tree's to tell.
  virtual Status poll(std::vector<Event> &events) = 0;

  /// A line for people: which wires are in use.
  virtual const char *describe() const = 0;
};

} // namespace of::rt
