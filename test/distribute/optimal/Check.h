// The search against an enumeration, on random programs.
#pragma once

namespace of::test {

/// The command of-optimal-choices. Prints the seeds of programs that differ; 1 if there are any, if
/// too many were not enumerated, or if fewer than half of the best choices are neither purely data-
/// nor purely tensor-parallel.
int checkChoices(int argc, char **argv);

} // namespace of::test
