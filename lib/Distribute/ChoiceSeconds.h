// How long each mesh works for a choice: what the period of a pipeline follows from.
//
// The network's seconds are the sum over everything, as if one thing happened after the other; in a
// pipeline the meshes work at the same time. Pure functions.
#pragma once

#include "lib/Distribute/Choose.h"
#include "lib/Distribute/Versions.h"

namespace of {

/// Does the op make its results in each micro-batch? What is yielded is made once.
bool isPerMicro(mlir::Operation *op);

/// Seconds of one mesh; an exchange counts where its value is needed.
struct MeshSeconds {
  double micro = 0; ///< of one micro-batch
  double step = 0;  ///< once per step
};

/// By mesh, ordered by their devices. Without `levels` nothing is computed again. `microBatches` is
/// the count of the program's of.micro.
std::vector<std::pair<MeshAttr, MeshSeconds>> secondsByMesh(const DistNetwork &network,
                                                            const DistChoice &choice,
                                                            const RecomputeChoice &levels,
                                                            int64_t microBatches);

/// The orders in which values are made in several versions, where equally cheap ones load meshes
/// differently: those with which the step is shortest.
VersionOrders versionOrders(const DistNetwork &network, const DistChoice &choice,
                            const RecomputeChoice &levels);

/// Of a step in which the meshes are stages: each fills and drains once, the busiest works for all
/// micro-batches, and the longest of what is done once per step follows.
double stepSeconds(const std::vector<std::pair<MeshAttr, MeshSeconds>> &meshes,
                   int64_t microBatches);

} // namespace of
