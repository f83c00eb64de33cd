// The least time of a program on the meshes of one plan, by enumeration (Enumeration.h).
//
// Steps are chosen one after the other, in an order that leaves few values alive. What the rest
// takes at least is known exactly for every weighing of stages that the largest of them can be, as
// if there were memory enough; where that leaves too much to look at, also with a price on bytes.
// A state that was come to before with no more seconds on any stage and no more bytes anywhere is
// not looked at again.
#pragma once

#include "test/distribute/optimal/Pricing.h"

#include <memory>

namespace of::test {

/// Which plain parallelism a choice is held to: the batch split over all devices and variables
/// whole, or the batch whole; in one stage.
enum class Plain { None, Data, Tensor };

class PlanEnumeration {
public:
  PlanEnumeration(const TrainProgram &program, const Plan &plan, const Cluster &cluster,
                  BoxingPlanner &planner, Plain plain);
  ~PlanEnumeration();

  /// What the plan takes at least: ops where they are fastest, nothing moved.
  double bound() const;
  /// Any time of a choice that fits.
  std::optional<double> any(std::optional<int64_t> limit);
  /// The best below `below`, within `limit` bytes of a device.
  std::optional<double> best(double below, std::optional<int64_t> limit);
  bool gaveUp() const; ///< too many choices

private:
  class Choices;
  std::unique_ptr<Choices> choices;
};

} // namespace of::test
