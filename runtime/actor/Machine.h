// The actors of one worker as a pure state machine: (state, token) -> (state, actions).
//
// No clock, thread, allocation (after construction) or I/O: a node drives it in real time, the
// simulator under a simulated clock. Owned by one worker and touched by no other thread.
//
//   enter(program, iterations)
//      │   ┌──────────────────────────────────────────────────────────────┐
//      ▼   ▼                                                              │
//   tryStart(stream) ─▶ Firing: run its body, passCall(stream, k) after call k, then finish(stream)
//      ▲
//   onToken(token)    whatever arrived from other workers or nodes
//      │
//   finished() ─▶ leave()        all streams done, no token under way; the marking is the initial
//   one again
//
// A driver runs the streams of a worker cooperatively: it calls tryStart on each idle stream, and
// between the calls of one stream's body it may start and finish bodies of the others.
//
// Tokens of a program that this worker has not entered yet (a neighbour may be ahead) are kept and
// count on entry.
#pragma once

#include "runtime/actor/Table.h"
#include "runtime/base/Status.h"

#include <string>

namespace of::rt {

/// What arrives at a machine. `index` is an input (RegisterReady), a link (RegisterAck), a gate
/// (Released) or an edge of the program's table. `sequence` counts from 0 in each entry of a
/// program, per place and kind; `entry` counts the entries themselves, modulo 256, so that a token
/// that comes twice or late is not taken for one of the next entry.
struct Token {
  enum class Kind : uint8_t {
    RegisterReady, ///< a version of a register was published to `index`
    RegisterAck,   ///< the reader behind link `index` gave a slot back
    Released,      ///< the task before gate `index` is through with an iteration
    Ready,         ///< Receive: the source's slot may be read
    Ack,           ///< Send: the destination has read it
    Grant,         ///< Send: a landing slot is posted
    PushDone,      ///< Send: the pushed bytes have left
    Landed,        ///< Receive: the pushed bytes are in the landing slot
  };
  Kind kind = Kind::Ready;
  uint8_t entry = 0;
  uint16_t program = 0;
  uint32_t index = 0;
  uint64_t sequence = 0;
};

/// What a machine asks its driver to do.
struct Action {
  enum class Kind : uint8_t {
    RegisterReady, ///< give Token{RegisterReady, peer.index} to peer.worker
    RegisterAck,   ///< give Token{RegisterAck, peer.index} to peer.worker
    Released,      ///< give Token{Released, peer.index} to peer.worker
    Ready,         ///< tell the other end of edge `index`
    Ack,           ///< tell the other end of edge `index`
    Push,          ///< push the pieces of edge `index`; answer later with PushDone
    Post, ///< post a landing slot for edge `index`, then send the Grant; answer later with Landed
  };
  Kind kind = Kind::Ready;
  uint8_t entry = 0; ///< goes into the token that it becomes
  uint16_t program = 0;
  uint32_t index = 0; ///< own edge
  Peer peer;
  uint64_t sequence = 0;
};

/// The token that an action between two workers of a device becomes.
inline Token::Kind localToken(Action::Kind kind) {
  return kind == Action::Kind::RegisterReady ? Token::Kind::RegisterReady
         : kind == Action::Kind::RegisterAck ? Token::Kind::RegisterAck
                                             : Token::Kind::Released;
}

class ActionSink {
public:
  virtual ~ActionSink() = default;
  /// Must not call back into the machine.
  virtual void act(const Action &action) = 0;
};

/// A body to run.
struct Firing {
  uint32_t task = 0;
  uint32_t stream = 0;
  uint64_t index = 0; ///< of this task since the program was entered
};

/// Why the next task of a stream does not start, or what keeps a program from ending.
struct Wait {
  enum class Kind : uint8_t {
    InputEmpty,
    OutputFull,
    GateShut, ///< of a reuse edge: `peer` is the task before it
    EdgeNotReady,
    SendOpen,
    EdgeUnanswered, ///< a Send has fired, and the destination has not granted or read it
    LinkUnanswered, ///< a version was published to another worker and has not come back
    Running,
    Done
  };
  Kind kind = Kind::Done;
  uint32_t stream = 0, task = kNone;
  uint32_t index = kNone; ///< input, output (with the slow reader in `peer`), gate, edge or link
  Peer peer;
};

/// A program as a machine is told of it.
struct MachineProgram {
  const TaskTable *tasks = nullptr; ///< outlives the machine
  const EdgeTable *edges = nullptr; ///< is copied
};

class Machine {
public:
  /// `tables` outlive the machine. `worker` is this worker's number in the Peers of the tables.
  Machine(const WorkerTables &tables, uint32_t worker);
  Machine(const std::vector<MachineProgram> &programs, uint32_t worker);

  /// Starts `iterations` iterations of a program from its initial marking.
  void enter(uint32_t program, uint64_t iterations, ActionSink &sink);

  /// Starts the next task of a stream if all its tokens are there.
  bool tryStart(uint32_t stream, Firing &firing);
  /// The body of the running task is past call `call`: moves the tokens of the ports that wait for
  /// it.
  void passCall(uint32_t stream, int32_t call, ActionSink &sink);
  /// The body has ended. For a Send it hands the pieces to the destinations; its inputs are
  /// acknowledged when all are done.
  void finish(uint32_t stream, ActionSink &sink);

  /// Takes a token; an error is a lost, repeated or reordered token.
  Status onToken(const Token &token, ActionSink &sink);

  bool entered() const { return current_ != nullptr; }
  bool finished() const { return openStreams_ == 0 && openSends_ == 0 && openTokens_ == 0; }
  /// Firings of its Sends whose inputs are not acknowledged yet.
  uint64_t openSends() const { return openSends_; }
  /// Leaves the program; an error if tokens are not where they were at the start, which a verified
  /// plan excludes.
  Status leave();

  const TaskTable &table() const { return *current_; }
  /// That an edge of the table is an end of.
  uint32_t taskOf(uint32_t edge) const { return edges_[edge].task; }
  uint64_t iterations() const { return iterations_; }

  // Ending an entry before its time, at an iteration that all machines of the run agree on.
  /// Iteration that the stream's next firing belongs to.
  uint64_t nextIteration(uint32_t stream) const { return streamStates_[stream].iteration; }
  /// Iterations of this entry that have begun.
  uint64_t begun() const;
  /// How many iterations beyond those that have begun may already have grants under way, in any
  /// program.
  uint64_t grantedAhead() const;
  /// The entry ends after so many iterations: fewer than before, and at least those begun and
  /// grantedAhead().
  void shorten(uint64_t iterations);
  /// A pushed version that is all that keeps a stream's next task, a Receive, from starting:
  /// whatever the task writes it may write from now on, once bytes of this version have come.
  struct Awaited {
    uint32_t task = kNone, edge = kNone;
    uint64_t sequence = 0;
  };
  Awaited awaited(uint32_t stream) const;
  /// Slot that output `port` uses in the next firing, if that can start.
  uint32_t nextOutputSlot(uint32_t port) const {
    const OutputState &output = state_->outputs[port];
    return output.phase == 0 ? output.nextSlot : output.slot;
  }
  /// Slot that port `port` (index into table().inputs or outputs) uses in the firing in progress.
  uint32_t inputSlot(uint32_t port) const { return state_->inputs[port].slot; }
  uint32_t outputSlot(uint32_t port) const { return state_->outputs[port].slot; }
  /// Slot of input `port` of a Send in its firing `sequence`.
  uint32_t sendSlot(uint32_t port, uint64_t sequence) const;
  /// What each stream waits for, and every answer that is owed to a Send or, once all streams are
  /// done, to a link: for the report of a stall. Allocates.
  std::vector<Wait> waits() const;

private:
  // What every firing touches: state and the few constants of the table that go with it, each in a
  // fraction of a cache line, because with many actors a firing costs what it reads from memory.
  // The counts below concern tokens of other workers.
  struct TaskState {
    uint64_t fired = 0;
    uint32_t firstInput = 0, firstOutput = 0;
    uint16_t numInputs = 0, numOutputs = 0;
    bool isPlain = false; ///< no Send, and without edges, gates and signals
    bool isSend = false;
    bool hasCalls = false; ///< a port moves before the body's end
  };
  struct InputState {
    uint32_t link = 0; ///< of the producer
    uint16_t available = 0, phase = 0, slot = 0, nextSlot = 0, slots = 1, period = 1;
    bool constant = false;
    bool self = false;
    bool isForeign = false; ///< the producer is of another worker
  };
  struct OutputState {
    uint32_t firstLink = 0;
    uint16_t numLinks = 0, phase = 0, slot = 0, nextSlot = 0, slots = 1, period = 1;
  };
  struct LinkState {
    uint32_t input = 0; ///< of the consumer
    uint16_t credit = 0;
    bool self = false;
    bool isForeign = false; ///< the consumer is of another worker
  };
  struct InputCounts {
    uint64_t received = 0, acked = 0, total = 0, early = 0;
  };
  struct LinkCounts {
    uint64_t acked = 0;
    uint64_t early = 0; ///< of initial versions, by a reader that has entered before
  };
  struct EdgeState {
    /// Receive: firings taken; Send: acknowledgements or pushes started.
    uint64_t done = 0;
    union {
      uint64_t received = 0; ///< Ready or Grant tokens of this entry
      uint64_t landed;       ///< Receive, pushed: one bit per landing slot
    };
    uint32_t task = 0;      ///< that it is an end of
    uint32_t local = kNone; ///< the other end, if it belongs to the same table
    uint16_t window = 1;
    Path path = Path::Shared;
    bool isSend = false;
  };
  /// What an end of an exchange has beyond its edges.
  struct EndState {
    uint64_t total = 0;   ///< firings in this entry
    uint64_t retired = 0; ///< Send: firings whose inputs are acknowledged
    uint32_t missing = 0; ///< Receive: edges whose next version is not there
    uint32_t firstEdge = 0, numEdges = 0;
    uint32_t firstOpen = 0;
  };
  struct GateState {
    uint64_t available = 0, received = 0, early = 0; ///< tokens; the last two of other workers
    uint64_t total = 0;
  };
  struct StreamState {
    uint32_t firstOrder = 0, orderLength = 0; ///< of the table
    uint32_t position = 0;
    uint32_t task = 0;                ///< the one that runs
    uint32_t event = 0, endEvent = 0; ///< its next port event; only if it has calls
    uint64_t iteration = 0;
    bool running = false, done = true;
  };
  struct ProgramState {
    std::vector<InputState> inputs;
    std::vector<InputCounts> inputCounts;
    std::vector<OutputState> outputs;
    std::vector<uint64_t> published; ///< by output
    std::vector<LinkState> links;
    std::vector<LinkCounts> linkCounts;
    std::vector<EdgeState> edges;
    std::vector<uint16_t> earlyTokens; ///< by edge
    std::vector<GateState> gates;
    std::vector<uint64_t> released; ///< by signal
    std::vector<TaskState> tasks;
    std::vector<EndState> ends; ///< by task
    std::vector<StreamState> streams;
    std::vector<uint32_t> open;
    uint8_t entry = 0; ///< how often the program was entered, modulo 256
  };

  void setConstants(const TaskTable &table, ProgramState &state) const;
  static void setEdges(const EdgeTable &table, ProgramState &state);
  void reset(const TaskTable &table, ProgramState &state);
  bool ready(uint32_t index, Wait *why) const;
  bool portsReady(const TaskState &task, Wait *why) const;
  static bool edgeReady(const EdgeState &edge);
  bool edgesReady(const TaskEntry &task, Wait *why) const;
  bool gatesOpen(const TaskEntry &task, Wait *why) const;
  void takeTokens(const TaskState &task);
  void moveInput(const TaskState &task, uint32_t input, ActionSink &sink);
  void moveOutput(uint32_t output, ActionSink &sink);
  void movePorts(StreamState &ss, int32_t call, ActionSink &sink);
  void finishEnd(TaskState &task, const TaskEntry &entry, ActionSink &sink);
  void acknowledge(uint32_t input, ActionSink &sink);
  void publish(uint32_t output, ActionSink &sink);
  void release(const TaskEntry &task, ActionSink &sink);
  void fireSend(const TaskEntry &task, ActionSink &sink);
  void fireReceive(EndState &end, ActionSink &sink);
  void takeReady(EdgeState &edge);
  void edgeDone(uint32_t send, uint64_t sequence, ActionSink &sink);
  void retire(const TaskEntry &task, ActionSink &sink);
  void emit(Action::Kind kind, uint32_t edge, uint64_t sequence, ActionSink &sink) const;
  /// Where a token that opens something stands: in this entry, or early for the next.
  enum class Standing : uint8_t { Current, Early, Stray };
  Standing standingOf(const Token &token, bool current) const;
  /// One more of a place's tokens, if it is the next and the place is not full.
  template <typename Counter> Status count(const Token &token, Counter &counter, bool isFull) const;
  Status takeEdgeToken(const Token &token, Standing standing, ActionSink &sink);
  Status takeRegisterReady(const Token &token, Standing standing);
  Status takeRegisterAck(const Token &token, Standing standing);
  Status takeReleased(const Token &token, Standing standing);
  Status stray(const Token &token) const;
  Status misplaced(const Token &token) const;
  void openAnswers(std::vector<Wait> &out) const;
  Status outOfOrder(const Token &token, uint64_t expected) const;

  // What is needed of both while a program runs, looked up once per entry.
  const TaskTable *current_ = nullptr;
  ProgramState *state_ = nullptr;
  StreamState *streamStates_ = nullptr;
  TaskState *taskStates_ = nullptr;
  const TaskEntry *tasks_ = nullptr;
  InputState *inputs_ = nullptr;
  OutputState *outputs_ = nullptr;
  LinkState *links_ = nullptr;
  EdgeState *edges_ = nullptr;
  EndState *ends_ = nullptr;
  const uint32_t *order_ = nullptr;
  const PortEvent *events_ = nullptr;
  uint64_t iterations_ = 0;
  uint64_t openSends_ = 0;
  int64_t openTokens_ = 0; ///< tokens that other workers of the device still owe in this entry
  uint32_t openStreams_ = 0;
  uint32_t worker_;
  std::vector<ProgramState> states_;
  std::vector<const TaskTable *> tables_;
};

} // namespace of::rt
