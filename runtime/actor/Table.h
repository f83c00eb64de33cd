// What a worker needs to know of a program: flat arrays, sized once from the plan, read-only
// afterwards.
//
// One table per (device, worker, program). All indices point into the vectors of the same table
// unless a Peer says which worker of the device they belong to. Three places carry tokens:
//
//   link   output port ──full──▶ input port          a register of one device, maybe between two of
//   its workers
//                      ◀─free───
//   gate   task ──after its last firing of an iteration──▶ first firing of another: a reuse edge
//
//   edge   Send task ──Ready / pushed bytes──▶ Receive task    an exchange, one per (source,
//   destination) device that share a piece
//                    ◀──Ack / Grant──
//
// Tables are built from a plan by Build.h and used by Machine.h, by the driver of a node and by the
// simulator. Immutable, so any thread may read them.
#pragma once

#include "runtime/transport/Transport.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace of::rt {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
/// Position in a body after its last call.
constexpr int32_t kAtEnd = std::numeric_limits<int32_t>::max();

/// Largest number of slots of a register, of firings that a port takes together and of ports of a
/// task: counts of 16 bits keep the states of many actors in the caches.
constexpr uint32_t kMaxCount = std::numeric_limits<uint16_t>::max();

/// Same order as the members of plan::Body, which starts at NONE.
enum class BodyKind : uint8_t {
  None,
  Segment,
  Send,
  Receive,
  Read,
  Metric,
  CheckFinite,
  Copy,
  Write,
  Load,
  Output
};

/// An entry of another worker (or the same one) of this device.
struct Peer {
  uint32_t worker = kNone;
  uint32_t index = kNone;
};

struct InputEntry {
  uint32_t reg = 0; ///< register of the RoleProgram
  uint32_t slots = 1;
  uint32_t initial = 0;
  uint32_t period = 1;
  int32_t call = kAtEnd;
  bool constant =
      false; ///< no task of this program writes it: one slot, always full, never acknowledged
  bool self = false; ///< its task writes the same register in place: nothing to acknowledge
  Peer producer;     ///< worker and link index; kNone for a constant
};

struct OutputEntry {
  uint32_t reg = 0;
  uint32_t slots = 1;
  uint32_t initial = 0;
  uint32_t period = 1;
  int32_t call = kAtEnd;
  uint32_t firstLink = 0, numLinks = 0;
};

/// The producer's end of one (register, reading port).
struct LinkEntry {
  Peer consumer;     ///< worker and input index
  bool self = false; ///< the consumer is the producing task: in place, needs no credit
};

/// The waiting end of a reuse edge.
struct GateEntry {
  uint32_t initial = 0;  ///< iterations that may start at once: the edge's lag
  Peer from;             ///< worker and task index
  uint32_t planTask = 0; ///< of `from`
};
/// The other end.
struct SignalEntry {
  Peer gate; ///< worker and gate index
};

/// How the data of an edge travels.
enum class Path : uint8_t {
  Shared, ///< same host: Ready, the destination reads the source's slot, Ack
  Pushed, ///< other host: Grant, then the bytes into the granted landing slot
};

struct EdgeEntry {
  EdgeKey key;
  Path path = Path::Shared;
  bool isSend = false;
  uint32_t task = 0;
  uint32_t window = 1;    ///< Send: firings that may be open; Receive: landing slots
  uint32_t local = kNone; ///< the other end, if it belongs to the same table
};

/// A port whose token moves after a call of the body.
struct PortEvent {
  int32_t call = kAtEnd;
  bool isOutput = false;
  uint32_t port = 0;
};

struct TaskEntry {
  uint32_t planTask = 0; ///< in RoleProgram.tasks
  uint32_t stream = 0;   ///< of this table
  BodyKind kind = BodyKind::None;
  uint32_t firings = 1; ///< per iteration
  uint32_t firstInput = 0, numInputs = 0;
  uint32_t firstOutput = 0, numOutputs = 0;
  uint32_t firstGate = 0, numGates = 0;
  uint32_t firstSignal = 0, numSignals = 0;
  uint32_t firstEvent = 0, numEvents = 0; ///< ascending by call
  uint32_t window = 1;                    ///< Send: open firings; slots of its scarcest input
};

/// The edges of a task, if it is an end of an exchange.
struct EndEntry {
  uint32_t firstEdge = 0, numEdges = 0;
  uint32_t firstOpen = 0; ///< Send: its `window` counters of open edges
};

struct StreamEntry {
  uint32_t planStream = 0;
  uint32_t firstOrder = 0, orderLength = 0;
};

/// What all devices of a role have in common.
struct TaskTable {
  uint32_t program = 0;
  std::vector<StreamEntry> streams;
  std::vector<uint32_t> order; ///< task indices, stream after stream
  std::vector<TaskEntry> tasks;
  std::vector<InputEntry> inputs;
  std::vector<OutputEntry> outputs;
  std::vector<LinkEntry> links;
  std::vector<GateEntry> gates;
  std::vector<SignalEntry> signals;
  std::vector<PortEvent> events;
};

/// Whom the tasks of one device exchange tensors with.
struct EdgeTable {
  std::vector<EndEntry> ends; ///< by task
  std::vector<EdgeEntry> edges;
  uint32_t openCounters = 0; ///< sum of the windows of all Send tasks
};

struct ProgramTable : TaskTable, EdgeTable {};

/// One table per program of the plan, for one worker of a device. A worker without tasks in a
/// program has an empty table there.
using WorkerTables = std::vector<ProgramTable>;

} // namespace of::rt
