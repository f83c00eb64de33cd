// The static loop nest of a run.
//
// Events (checkpoint, evaluation) fall on known steps, so the run is a known sequence of program
// runs; repetitions are folded into loops: 5 epochs of 937 steps with evaluation become `loop 5 {
// train x 937, snapshot, eval x 157 }`.
#pragma once

#include "lib/Config/Job.h"

namespace of {

struct RunItem {
  std::string program; ///< empty: a loop over `body`
  int64_t count = 1;   ///< iterations of the program, or of the loop
  std::vector<RunItem> body;
  bool operator==(const RunItem &o) const {
    return program == o.program && count == o.count && body == o.body;
  }
};

/// The run after initialisation. `evalSteps` are the iterations of one evaluation.
std::vector<RunItem> runSchedule(const Job &job, int64_t evalSteps);

/// Adjacent repetitions as loops, outermost first.
std::vector<RunItem> foldRepetitions(std::vector<RunItem> items);

} // namespace of
