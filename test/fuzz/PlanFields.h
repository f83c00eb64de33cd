// Every field of a plan's buffer, changed one at a time.
//
//   schema (plan.bfbs) ─▶ walk over the buffer ─▶ for each place: visit(what, changed buffer), undo
//
// Scalars take 0, small ids, neighbours and the ends of their range; strings and tables are
// replaced by others of the plan, vectors get shorter, longer or have elements swapped, optional
// parts go. Not changed: the machine code of kernel objects, which is what a plan runs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace of::fuzz {

using VisitPlan = std::function<void(const std::string &what, const std::vector<uint8_t> &changed)>;

/// `schema` is the reflection of plan.fbs, `buffer` a valid plan. The same buffer gives the same
/// changes in the same order.
void changeEachField(const std::vector<uint8_t> &schema, const std::vector<uint8_t> &buffer,
                     const VisitPlan &visit);

} // namespace of::fuzz
