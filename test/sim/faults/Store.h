// The memory of a simulated run, and the eyes on it: who may write which slot, and what must be
// read from it.
//
//   begin    reads all ports of a firing, compares them with the values of a right run, claims the
//            slots of its outputs and spoils them
//   give     an input's version goes back: it must still be what was read
//   put      an output's version is complete
//
// A slot may be claimed when all readers have given back the version that was in it before. A
// reader that is a Send gives back when the last destination has taken the bytes.
#pragma once

#include "runtime/actor/Machine.h"
#include "test/sim/faults/Ground.h"

#include <string>
#include <unordered_map>

namespace of::test {

class Store {
public:
  explicit Store(Ground &ground);

  /// All workers of a node begin an entry of the program.
  void enter(uint32_t worker, uint32_t entry);
  void begin(uint32_t worker, const rt::Machine &machine, const rt::Firing &firing);
  /// The token of `event` of this firing is about to move.
  void move(uint32_t worker, const rt::Machine &machine, const rt::Firing &firing,
            const rt::PortEvent &event);
  /// The body of a Receive ends: its sources and landing slots are free again. `landingRead` hears
  /// of each of the latter.
  void received(uint32_t worker, const rt::Firing &firing,
                const std::function<void(const void *)> &landingRead);
  /// The bytes of a version of an edge have left the source's slot.
  void left(const rt::EdgeKey &edge, uint64_t sequence);

  /// Where the bytes of a push come from, and where those of a landing slot go.
  uint64_t *source(uint32_t worker, uint32_t edge, uint64_t sequence);
  uint64_t *landing(uint32_t worker, uint32_t edge, uint64_t sequence);

  const std::string &violation() const { return violation_; }

private:
  struct Sending { ///< of one Send task
    uint64_t released = 0;
    std::unordered_map<uint64_t, uint32_t> taken; ///< by sequence: destinations that have it
  };
  struct WorkerState {
    uint32_t entry = 0;
    std::vector<uint64_t> released;              ///< by input: versions given back
    std::vector<std::vector<uint64_t>> read;     ///< by stream: what its firing has read, by port
    std::vector<uint64_t> fired;                 ///< by stream: what its firing writes
    std::vector<Sending> sending;                ///< by task
    std::vector<std::vector<uint64_t>> landings; ///< by edge
  };

  const rt::ProgramTable &table(uint32_t worker) const { return *ground_.workers[worker].table; }
  uint64_t &slot(uint32_t device, uint32_t reg, uint64_t slot) {
    return memory_[device][reg][slot];
  }
  uint64_t readSource(uint32_t worker, uint32_t edge, uint64_t k);
  void claim(uint32_t worker, uint32_t task, uint32_t output, uint32_t outputSlot, uint64_t k);
  void taken(const rt::EdgeKey &edge, uint64_t sequence);
  void broken(uint32_t worker, uint32_t task, uint64_t k, const std::string &what);

  Ground &ground_;
  std::vector<WorkerState> workers_;
  std::vector<std::vector<std::vector<uint64_t>>> memory_; ///< [device][register][slot]
  std::string violation_;
};

} // namespace of::test
