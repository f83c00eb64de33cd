// Messages between the processes of a host through memory that both map: no library and no system
// call between the sender's store and the receiver's load.
//
//   send ──▶ ring in the receiver's chunk, one for each sender ──▶ receiver's poll
//        └─▶ another host: the inner transport
//
// A ring that is full (its reader is late) does not block: what does not fit waits here and follows
// at the next poll. Bytes between processes of a host are read in place and never pushed, so push
// and post go to the inner transport.
//
// `send` may be called by any worker, `poll` as for every transport. Nothing is allocated after
// `connect` unless a ring is full. The death of a peer is the control tree's to tell: its ring just
// falls silent.
#pragma once

#include "runtime/memory/Chunk.h"
#include "runtime/memory/Ring.h"
#include "runtime/transport/Transport.h"

#include <atomic>
#include <deque>
#include <memory>
#include <string>

namespace of::rt {

class MappedTransport final : public Transport {
public:
  static constexpr uint32_t kRingMessages = 1024;

  /// Of node `self`; `hosts[n]` is the host of node n. `inner` reaches the other hosts and outlives
  /// this; null if there are none.
  static Result<std::unique_ptr<MappedTransport>> create(NodeId self, std::vector<uint32_t> hosts,
                                                         Transport *inner,
                                                         uint32_t messages = kRingMessages);

  /// What the other nodes of the host need to find the rings of this one.
  std::string card() const;
  /// Maps the rings of the nodes of this host; cards[n] is node n's.
  Status connect(const std::vector<std::string> &cards);

  NodeId self() const override { return self_; }
  Status send(NodeId node, const Message &message) override;
  Status push(NodeId node, const EdgeKey &edge, uint64_t sequence, const void *data, size_t bytes,
              uint64_t token) override;
  Status post(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data, size_t bytes,
              uint64_t token) override;
  Status flush() override { return inner_ ? inner_->flush() : Status::ok(); }
  void offer(NodeId node, const EdgeKey &edge, uint64_t sequence, void *data) override {
    if (inner_)
      inner_->offer(node, edge, sequence, data);
  }
  Status poll(std::vector<Event> &events) override;
  const char *describe() const override { return "mapped memory"; }

private:
  struct Outgoing {
    Chunk chunk; ///< the receiver's
    Ring<Message> ring;
    std::atomic_flag busy = ATOMIC_FLAG_INIT; ///< a worker sends
    std::deque<Message> late;
    std::atomic<bool> isLate{false}; ///< `late` is not empty
  };
  struct Incoming {
    NodeId from = 0;
    Ring<Message> ring;
  };

  MappedTransport(NodeId self, std::vector<uint32_t> hosts, Transport *inner, uint32_t messages)
      : self_(self), hosts_(std::move(hosts)), inner_(inner), messages_(messages),
        outgoing_(hosts_.size()) {}

  /// Where the ring of `sender` lies in the chunk of any node of this host; the total for their
  /// number.
  size_t ringOffset(NodeId sender) const;
  size_t ringsBytes() const { return ringOffset(static_cast<NodeId>(hosts_.size())); }
  bool isHere(NodeId node) const { return hosts_[node] == hosts_[self_]; }
  Status noWay(NodeId node) const;
  static void flush(Outgoing &out);

  const NodeId self_;
  const std::vector<uint32_t> hosts_;
  Transport *const inner_;
  const uint32_t messages_;
  Chunk chunk_;
  std::vector<std::unique_ptr<Outgoing>> outgoing_; ///< by node; null for other hosts and oneself
  std::vector<Incoming> incoming_;
};

} // namespace of::rt
