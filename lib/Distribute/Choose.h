// Solvers of the distribution network: one option per node.
#pragma once

#include "lib/Distribute/Network.h"

namespace of {

/// Index into options of each node of a network.
using DistChoice = std::vector<unsigned>;

/// Level of each group of a network that may be computed again.
using RecomputeChoice = std::vector<Recompute>;

/// One backward pass estimates, for each candidate of each value, what its users will cost; one
/// forward pass in program order takes for each op the option that is cheapest with that estimate:
/// boxing of operands, compute, and what follows. Exact on chains. Where branches meet, an op
/// shares what follows evenly among those operands that still have a choice. A value is boxed to
/// one distribution once, however many users need it. Ties go to the first option.
DistChoice choosePropagated(const DistNetwork &network);

/// "[S(0)] [B] -> [S(0)]": what it needs, and how its results come out.
std::string optionText(const DistOption &option);

/// One remark per op that had a choice: the option it got and the others, each with its cost, which
/// is that of the computation and of the boxing a pin needs behind it.
void remarkChoice(const DistNetwork &network, const DistChoice &choice);

} // namespace of
