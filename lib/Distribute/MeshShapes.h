// Which shapes a mesh can have, where the job leaves that open.
#pragma once

#include "lib/Distribute/Placement.h"

namespace of {

/// Shapes for meshes of `points` devices each, dealt in cluster order: one axis over all; where
/// there are several nodes of several devices, nodes x devices of a node; and, of few devices,
/// every other grid of two axes. A mesh has the axis `data`, or `node` and `device`, or `outer` and
/// `inner`.
std::vector<MeshShape> meshShapes(const Cluster &cluster, int64_t points);

/// Moves everything that is placed on a mesh of `from` to the mesh of `to` at the same place.
void moveMeshes(mlir::ModuleOp module, llvm::ArrayRef<MeshAttr> from, llvm::ArrayRef<MeshAttr> to);

} // namespace of
