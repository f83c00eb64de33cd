// The least time of a program over everything that may be chosen, by enumeration.
//
//   plans                  meshes, cuts into stages                                 all of them
//   options of each step   ways of an op on each axis, layouts of variables, rows   all of them
//
//   seconds   of a choice: micro(s), the seconds of a micro-batch on stage s, and step(s), once per
//             step: sum of micro + (m - 1) x largest micro + largest step, m micro-batches
//   bytes     of a stage at a position of the program: variables; values from where they are made
//             to their last use; what exchanges read and write, always
//
// Depends on nothing of the search but the prices of one op and one movement.
#pragma once

#include "test/distribute/optimal/PlanEnumeration.h"

namespace of::test {

struct Best {
  std::optional<double> seconds; ///< none: nothing fits
  int round = 0; ///< times that memory was taken for a quarter more, since nothing fitted
  size_t stages = 1, axes = 1; ///< of the plan that is best
  bool gaveUp = false;         ///< too many choices
};

class Enumeration {
public:
  Enumeration(const TrainProgram &program, const std::vector<Plan> &plans, const Cluster &cluster,
              BoxingPlanner &planner);

  Best least();
  /// Is there a plain choice that takes no longer and needs no more memory than there is?
  bool isAsFast(const Best &best, Plain plain);
  /// Would less time be taken if there were memory enough?
  bool isHeldByMemory(const Best &best);

private:
  std::optional<int64_t> memory() const;
  Best search(Plain plain, double below, std::optional<int64_t> memory, int rounds);

  const TrainProgram &program;
  const std::vector<Plan> &plans;
  const Cluster &cluster;
  BoxingPlanner &planner;
};

} // namespace of::test
