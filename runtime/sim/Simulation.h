// A whole plan under a simulated clock: the machines of runtime/actor of all workers of all nodes,
// driven by one event queue in one thread.
//
//   event queue ──(time)──▶ end of a call / end of a body / token arrives ──▶ Machine
//        ▲                                                                      │
//        └── a body that starts: duration ◀── firings ── actions: delay ────────┘
//
// Bodies do nothing but last. Tokens from one worker to another arrive in the order they were sent,
// as through a mailbox or a transport; pushed bytes take their own time. The same plan and
// options give the same run on every machine.
//
// If the queue runs empty before all is done the plan has deadlocked: the result says what each
// stream waits for. A token that a machine does not expect is an error.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"
#include "runtime/sim/Network.h"
#include "runtime/sim/Roster.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace of::rt {

struct SimulationEntry {
  uint32_t program = 0;
  uint64_t iterations = 1;
};

/// One firing of a task. Ports that move inside it do so after their calls, which are taken to be
/// equally long; it lasts longer than `endNs` says by what its thread does between them.
struct SimulatedFiring {
  uint32_t device = 0;
  uint32_t entry = 0; ///< of the schedule
  uint32_t task = 0;  ///< of the role's program
  uint64_t index = 0; ///< of this task in the entry
  int64_t beginNs = 0, endNs = 0;
};

struct SimulationOptions {
  std::vector<SimulationEntry> schedule;
  uint64_t seed = 1;
  /// Each firing lasts its certified duration, or by chance an eighth to eight times of it.
  bool randomDurations = false;
  /// Each message and push takes 0 to this, by chance; between the streams of a worker nothing.
  int64_t maxDelayNs = 0;
  /// A worker is one thread: its streams take turns, also between calls of a body after which ports
  /// move. Otherwise each stream runs by itself, as the certificate has it.
  bool streamsShareWorkers = true;
  /// A slower disk: a read lasts rows / this, as with of-run's --throttle-read. 0: as certified.
  double readRowsPerSecond = 0;
  /// A slower network: the pushes of a node queue for a link of this bandwidth, as with of-run's
  /// --throttle-link. A receive then waits for its bytes and no longer works for the time that its
  /// exchange was predicted to take. 0: where streams share workers pushes queue for the time that
  /// the plan predicts for the network, else they arrive like messages and receives last as
  /// certified.
  double linkBytesPerSecond = 0;
  /// Is told of every firing as it begins.
  std::function<void(const SimulatedFiring &)> observe;
};

struct StreamUse {
  uint32_t device = 0;
  uint32_t worker = 0; ///< of the device
  std::string stream;
  int64_t busyNs = 0;
  uint64_t firings = 0;
};

struct SimulationResult {
  bool finished = false;
  int64_t endNs = 0;
  std::vector<StreamUse> streams; ///< by device, then stream
  std::vector<NodeUse> nodes;
  std::vector<std::string> waits; ///< of a deadlock, one line for each stream that is not done
};

/// Whether a folded roster will do: nothing is by chance, nobody looks at single devices, and what
/// devices read and send at does not depend on what they hold.
bool allowFolding(const SimulationOptions &options);

/// The roster for such simulations: folded where that is allowed.
Result<std::unique_ptr<const Roster>> rosterFor(const plan::Plan &plan,
                                                const SimulationOptions &options);

/// Needs a plan that passed verifyStructure; its certificates give the durations. Internal if a
/// machine meets a token that it does not expect. With a folded roster the result is that of all
/// devices too, and says what a stand-in waits for once; of events at one time all devices of a
/// class then meet the same first, where otherwise the number of the device decides.
Result<SimulationResult> simulate(const plan::Plan &plan, const SimulationOptions &options);
/// The same for several simulations of a plan, also at once. The roster knows the programs of the
/// schedule, and is folded only where that is allowed.
Result<SimulationResult> simulate(const Roster &roster, const SimulationOptions &options);

} // namespace of::rt
