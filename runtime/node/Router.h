// Takes tokens from worker to worker: through mailboxes inside the process, through the transport
// to other nodes.
//
//   worker ──act──▶ mailbox of another worker
//                └▶ transport.send / push / post ──▶ other node's poll ──▶ mailbox of its worker
//
// Built once from the plan; `act` is called by the worker it concerns, `poll` by any worker (one at
// a time), `drain` by the receiving worker. Nothing is allocated after construction.
#pragma once

#include "runtime/actor/Build.h"
#include "runtime/node/Mailbox.h"
#include "runtime/node/Parker.h"
#include "runtime/transport/Transport.h"

#include <atomic>
#include <unordered_map>

namespace of::rt {

/// One worker of this node.
struct WorkerPlace {
  uint32_t device = 0;
  uint32_t worker = 0;
  const WorkerTables *tables = nullptr;
};

/// Bytes to push or to fill.
struct PushBytes {
  const void *data = nullptr;
  size_t bytes = 0;
};
struct PostBytes {
  void *data = nullptr;
  size_t bytes = 0;
};

/// What trace and profile want to know about messages; called by the thread that sends or polls.
class MessageObserver {
public:
  virtual ~MessageObserver() = default;
  virtual void onMessage(bool /*outgoing*/, NodeId /*peer*/, const char * /*kind*/,
                         const EdgeKey & /*edge*/, uint64_t /*sequence*/) {}
  /// A push begins; it is an outgoing message too.
  virtual void onPush(NodeId /*peer*/, const EdgeKey & /*edge*/, uint64_t /*sequence*/,
                      size_t /*bytes*/) {}
  /// Its bytes have left.
  virtual void onPushDone(NodeId /*peer*/, const EdgeKey & /*edge*/, uint64_t /*sequence*/) {}
};

class Router {
public:
  /// `transport` may be null for a plan of one node. Borrows everything for its lifetime.
  Router(const plan::Plan &plan, uint32_t node, uint32_t generation,
         std::vector<WorkerPlace> workers, Transport *transport,
         std::vector<MessageObserver *> observers);

  /// Carries out an action of worker `from` other than Push and Post.
  Status act(uint32_t from, const Action &action);
  /// Pushes the bytes of an edge; PushDone comes back as a token.
  Status push(uint32_t from, const Action &action, PushBytes bytes);
  /// Posts a landing slot and grants it; Landed comes back as a token.
  Status post(uint32_t from, const Action &action, PostBytes bytes);

  /// Room for version `sequence` of a pushed edge that worker `from` has posted (Transport::offer).
  void offer(uint32_t from, uint16_t program, uint32_t edge, uint64_t sequence, void *data);
  /// Whether the version of which worker `to` has been told Landed lies there.
  bool isInPlace(uint32_t to, const Token &landed) const {
    return inPlace_[opOf(to, landed.program, landed.index, landed.sequence)] != 0;
  }

  /// Sends what the transport holds back (Transport::send).
  Status flush() { return transport_ ? transport_->flush() : Status::ok(); }

  /// Next token for worker `to`.
  bool receive(uint32_t to, Token &token);
  /// Makes progress on the transport if no other worker does. `moved` tells whether anything
  /// arrived.
  Status poll(bool &moved);

  /// Where worker `id` sleeps; delivering a token to it wakes it.
  Parker &parker(uint32_t id) { return parkers_[id]; }
  /// What is no token has happened that workers wait for, such as the end of a program.
  void wakeOthers(uint32_t id);

  uint64_t foreignMessages() const { return foreign_; }

private:
  struct End {
    uint32_t worker = kNone; ///< of this node
    uint32_t edge = kNone;
  };
  /// The other end of an own edge, and where its operations are counted.
  struct Target {
    End local;
    NodeId node = 0;
    uint32_t firstOp = kNone;
  };
  /// A push or post that is under way.
  struct Op {
    uint32_t worker = 0, edge = 0;
    uint8_t entry = 0;
    uint16_t program = 0;
    uint64_t sequence = 0;
    Event::Kind end = Event::Kind::Message; ///< that the transport owes; a message: none
  };

  bool isPushed(const End &end, uint16_t program) const {
    return (*workers_[end.worker].tables)[program].edges[end.edge].path == Path::Pushed;
  }

  void indexEdges();
  void resolveTargets();
  void makeMailboxes();
  uint32_t mailboxCapacity(uint32_t worker) const;
  const EdgeEntry &entryOf(uint32_t worker, const Action &action) const {
    return (*workers_[worker].tables)[action.program].edges[action.index];
  }
  Target &targetOf(uint32_t worker, const Action &action) {
    return targets_[worker][action.program][action.index];
  }
  Mailbox &mailbox(uint32_t from, uint32_t to) { return *mailboxes_[from * workers_.size() + to]; }
  Status deliver(uint32_t from, uint32_t to, const Token &token);
  Status dispatch(const Event &event);
  Status dispatchOp(const Event &event);
  Status sendMessage(NodeId node, MessageKind kind, const EdgeEntry &edge, const Action &action);
  uint64_t opOf(uint32_t worker, uint16_t program, uint32_t edge, uint64_t sequence) const;
  uint64_t startOp(uint32_t worker, const Action &action, Event::Kind end);

  const plan::Plan &plan_;
  const uint32_t node_;
  const uint32_t generation_;
  std::vector<WorkerPlace> workers_;
  Transport *transport_;
  const std::vector<MessageObserver *> observers_;
  std::unordered_map<EdgeKey, End, EdgeKeyHash> sendEnds_, receiveEnds_;
  std::vector<std::vector<std::vector<Target>>> targets_; ///< [worker][program][edge]
  std::vector<Op> ops_;
  std::vector<uint8_t> inPlace_;                    ///< by op, of the last that landed
  std::vector<std::unique_ptr<Mailbox>> mailboxes_; ///< [from][to]; from == workers: the transport
  std::vector<Parker> parkers_;
  std::vector<Event> events_;
  std::atomic_flag polling_ = ATOMIC_FLAG_INIT;
  std::atomic<uint64_t> foreign_{0};
};

} // namespace of::rt
