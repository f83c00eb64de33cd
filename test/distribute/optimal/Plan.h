// Which meshes a program may run on, enumerated: shapes of one mesh, or all cuts into stages.
#pragma once

#include "lib/Cost/Cluster.h"
#include "test/distribute/optimal/Program.h"

namespace of::test {

struct Plan {
  std::vector<Placement> meshes;    ///< by stage
  std::vector<int64_t> firstBlocks; ///< by stage

  size_t stageOf(int64_t block) const {
    return std::upper_bound(firstBlocks.begin(), firstBlocks.end(), block) - firstBlocks.begin() -
           1;
  }
};

/// `given` are the axis sizes that the job states; empty: open. Stages only where ops have blocks.
std::vector<Plan> plansOf(const TrainProgram &program, const Cluster &cluster,
                          const std::vector<int64_t> &given, bool withStages);

} // namespace of::test
