// In which order the steps of a program are chosen, so that what is chosen next depends on little.
#pragma once

#include "test/distribute/optimal/Program.h"

namespace of::test {

/// All steps, producers before users. Greedy: next is what leaves the fewest values alive;
/// variables and reads come right before their first user. Bytes are counted by the positions of
/// the program, so the order changes what an enumeration looks at, not what it finds.
std::vector<size_t> choiceOrder(const TrainProgram &program);

/// By step of the order: values made before it and needed at it or later, and those of variables
/// that are still to be set. Ascending.
std::vector<std::vector<size_t>> aliveAt(const TrainProgram &program,
                                         const std::vector<size_t> &order);

} // namespace of::test
