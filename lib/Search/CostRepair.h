// Makes a rounded choice of the core fit, and polishes it node by node.
//
// Under prices each node in turn takes what is cheapest (iterated conditional modes). If rows
// overflow their prices grow until none does. A choice that fits is polished at real costs, with
// moves that keep it fitting. Pure function of its arguments; work is counted.
#pragma once

#include "lib/Search/CostState.h"

namespace of::search {

/// Changes `state` towards a choice that fits; true if it does and takes nothing forbidden.
bool repair(const CostCore &core, CostState &state, std::vector<double> prices, uint64_t &work);

/// Moves of single nodes to cheaper options that fit, until there are none.
void polish(const CostCore &core, CostState &state, uint64_t &work);

} // namespace of::search
