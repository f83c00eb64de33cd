// The packing problem as the solvers see it: time cut into sections, sizes in granules.
//
// Only times at which the set of live buffers is maximal matter: two buffers overlap iff they are
// live in one such section. A part of the problem that shares no time with the rest is a component
// of its own. Plain values.
#pragma once

#include "lib/Search/Packing.h"

namespace of::search {

struct SectionBuffer {
  uint32_t index = 0;              ///< in the problem
  uint32_t lower = 0, upper = 0;   ///< sections [lower, upper)
  int64_t size = 0, alignment = 1; ///< granules
};

struct Component {
  std::vector<SectionBuffer> buffers; ///< ascending by index
  std::vector<int64_t> live;          ///< granules live in each section
  int64_t bound = 0;                  ///< largest of them
  bool aligned = true;                ///< every alignment is one granule

  uint32_t sections() const { return uint32_t(live.size()); }
};

/// Buffers of size 0 are in no component.
std::vector<Component> splitIntoComponents(const PackingProblem &problem);

/// Offsets of a component's buffers, in granules, and where the highest ends.
struct Layout {
  std::vector<int64_t> offsets;
  int64_t peak = 0;
};

} // namespace of::search
