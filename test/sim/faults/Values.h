// What every version of every register holds in a right run: numbers computed from the plan alone,
// without machines, so a run can be compared value by value.
//
//   version v of a register = mix of the firings that write it
//   a firing                = mix of the versions that its ports read; a Receive: of what its
//                             sources sent in the same firing
//
// Plans of one program; a Send has one input. Values are computed when they are asked for and kept.
#pragma once

#include "runtime/actor/Build.h"

#include <unordered_map>
#include <vector>

namespace of::test {

inline uint64_t mix(uint64_t a, uint64_t b) {
  a = (a ^ b) * 0xbf58476d1ce4e5b9ull;
  return a ^ a >> 31;
}

class Values {
public:
  /// `iterations[e]`: of entry e of the program.
  Values(const plan::Plan &plan, std::vector<uint64_t> iterations);

  /// Version v of a register of a device, counted from the entry's initial ones.
  uint64_t version(uint32_t entry, uint32_t device, uint32_t reg, uint64_t v);
  /// What firing k of a task writes, before it is mixed with the port and with earlier firings.
  uint64_t fired(uint32_t entry, uint32_t device, uint32_t task, uint64_t k);
  /// What a writer leaves in the slot of an output after a firing of the given phase.
  static uint64_t written(uint64_t before, uint64_t fired, uint32_t port, uint32_t phase) {
    const uint64_t value = mix(fired, port + 1);
    return phase == 0 ? value : mix(before, value);
  }
  /// Of the parts that go into a firing, in order.
  static uint64_t start(uint32_t device, uint32_t task, uint64_t k) {
    return mix(mix(device + 1, task + 1), k + 1);
  }

  const plan::RoleProgram &program(uint32_t device) const { return *programs_[device]; }
  uint64_t iterations(uint32_t entry) const { return iterations_[entry]; }
  /// Devices that send to a Receive, ascending, and the Send tasks there.
  const std::vector<std::pair<uint32_t, uint32_t>> &sources(uint32_t device, uint32_t task);

private:
  struct Writer {
    int32_t task = -1;
    uint32_t port = 0, period = 1;
  };
  const Writer &writerOf(uint32_t device, uint32_t reg) const { return writers_[device][reg]; }
  static uint64_t keyOf(uint32_t entry, uint32_t device, uint32_t what, uint64_t number) {
    return uint64_t(entry) << 56 | uint64_t(device) << 48 | uint64_t(what) << 32 | number;
  }

  const plan::Plan &plan_;
  rt::ExchangePeers peers_;
  const std::vector<uint64_t> iterations_;
  std::vector<const plan::RoleProgram *> programs_; ///< by device
  std::vector<std::vector<Writer>> writers_;        ///< by device, register
  std::unordered_map<uint64_t, uint64_t> versions_, firings_;
  std::unordered_map<uint64_t, std::vector<std::pair<uint32_t, uint32_t>>> sources_;
};

} // namespace of::test
