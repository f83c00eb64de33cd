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
// Steps are chosen one after the other. What the rest takes at least is known exactly for every
// weighing of stages that the largest of them can be, so most choices are cut off early. Depends on
// nothing of the search but the prices of one op and one movement.
#pragma once

#include "test/distribute/optimal/Pricing.h"

namespace of::test {

/// Which plain parallelism a choice is held to.
enum class Plain { None, Data, Tensor };

struct Best {
  std::optional<double> seconds; ///< none: nothing fits
  int round = 0; ///< times that memory was taken for a quarter more, since nothing fitted
  size_t stages = 1, axes = 1; ///< of the plan that is best
  bool gaveUp = false;         ///< too many choices
};

/// Data: the batch split over all devices, variables whole; Tensor: the batch whole; in one stage.
Best enumerate(const TrainProgram &program, const std::vector<Plan> &plans, const Cluster &cluster,
               BoxingPlanner &planner, Plain plain);

} // namespace of::test
