// A device as the node sees it: something that prepares segments once and then runs their calls.
//
// Owned by the node. `prepare` is called before the run from one thread; a prepared segment is run
// by the worker of its stream only. Nothing here assumes a CPU: another kind of device implements
// the same two classes.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace of::rt {

/// The firing in progress: where its ports lie, one address per port of the task, and which one it
/// is.
struct Slots {
  std::byte *const *inputs = nullptr;
  std::byte *const *outputs = nullptr;
  uint64_t firing = 0;  ///< of this task since the program was entered
  uint32_t firings = 1; ///< per iteration
  /// Value of plan::ReservedColumn::MicroIndex.
  int64_t micro() const { return static_cast<int64_t>(firing % firings); }
};

class PreparedSegment {
public:
  virtual ~PreparedSegment() = default;
  virtual int32_t calls() const = 0;
  /// Runs one call; in order, from 0.
  virtual Status run(int32_t call, const Slots &slots) = 0;
};

class Device {
public:
  virtual ~Device() = default;
  /// `worker` is the worker of the device that will run the segment: 0 has the device's whole
  /// compute power, the others only their own thread.
  virtual Result<std::unique_ptr<PreparedSegment>> prepare(const plan::Segment &segment,
                                                           uint32_t worker) = 0;
  /// To be called first by every thread that runs bodies of this device: floating-point modes.
  virtual void enterThread() = 0;
};

} // namespace of::rt
