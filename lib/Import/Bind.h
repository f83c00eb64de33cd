// Ties the job to the model and the cluster: which field feeds which argument, what the loss is
// computed from, where pins and stages go, how large the mesh is. What was left to defaults is
// written into the job's tree.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Cost/Cluster.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace of {

/// Element type and sample shape of every field that the model or the loss uses go into `tree`, as
/// does the full list of inputs; fields nobody uses leave it with a warning. The model must be
/// specialised.
void bindData(mlir::func::FuncOp model, const Job &job, config::Node &tree, config::Report &report);

/// A model that only runs forward: its inputs and results must have a row per sample.
void checkForward(mlir::func::FuncOp model, const Job &job, config::Report &report);

/// Replaces a mesh size of -1 in `tree` and checks that the mesh covers the devices of a stage.
void bindMesh(const Job &job, const Cluster &cluster, config::Node &tree, config::Report &report);

/// Puts the job's pins and stages on the ops of the model as `of.pin` and `of.stage`.
void bindPlacement(mlir::func::FuncOp model, const Job &job, config::Report &report);

} // namespace of
