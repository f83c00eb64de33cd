// What a task does when it fires, as the node runs it.
//
// A body is prepared once from the plan (its constructor may allocate) and then run by the worker
// of its stream only. A body of several steps (the calls of a segment) gives the worker a chance to
// look after its other streams in between.
#pragma once

#include "runtime/actor/Machine.h"
#include "runtime/device/Device.h"

namespace of::rt {

/// Where the machine stands in the schedule: which entry of which program.
struct ProgramEntry {
  uint32_t program = 0;
  uint64_t iterations = 0;
  uint64_t firstStep = 0; ///< training steps done before this entry
  uint64_t epoch = 0;     ///< of firstStep, from 0
};

struct FiringContext {
  const ProgramEntry *entry = nullptr;
  Slots slots;
  uint64_t iteration() const { return slots.firing / slots.firings; }
  /// Training step this firing belongs to, from 0.
  uint64_t step() const { return entry->firstStep + iteration(); }
};

class Body {
public:
  virtual ~Body() = default;
  virtual int32_t steps() const { return 1; }
  virtual Status run(int32_t step, const FiringContext &context) = 0;
};

} // namespace of::rt
