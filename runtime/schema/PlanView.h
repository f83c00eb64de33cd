// Questions that everyone asks a plan: which role a device plays, how far two devices are, a plan's
// layout as a Layout.
//
// Pure functions over a plan that passed the verifier of runtime/schema; the plan outlives what
// they return.
#pragma once

#include "runtime/base/Landing.h"
#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

namespace of::rt {

/// A device as an instance of its role.
struct RoleInstance {
  const plan::Role *role = nullptr;
  uint32_t roleIndex = 0;
  uint32_t row = 0; ///< in Role.instances and in every column
};

/// The role of a device; Corrupt if it has none.
Result<RoleInstance> roleOf(const plan::Plan &plan, uint32_t device);

/// Distance by node and host; borrows `plan`.
DistanceFn distanceOf(const plan::Plan &plan);
/// The same for very many questions: looks at every device once and borrows nothing.
DistanceFn preparedDistanceOf(const plan::Plan &plan);

Layout layoutOf(const plan::Plan &plan, const plan::Layout &layout);
Shape shapeOf(const flatbuffers::Vector<int64_t> *dims);
inline DType dtypeOf(plan::DType dtype) { return static_cast<DType>(dtype); }

/// The tensors of an exchange as the rules of landing slots see them.
std::vector<ExchangePart> exchangeParts(const plan::Plan &plan, uint32_t exchange);

/// The (source, destination) devices between which a piece of the exchange moves; ascending by
/// destination, then source.
std::vector<std::pair<uint32_t, uint32_t>> exchangePairs(const plan::Plan &plan,
                                                         const plan::Exchange &exchange);

/// Name for messages: "train.grad0 (model.mlir:12:3)".
std::string describe(const plan::Task &task);

} // namespace of::rt
