// Configuration inside IR: a completed tree as a dictionary attribute and back.
//
// Why: a module printed at any rung holds all that later rungs need (`of.job`, `of.cluster`), so
// that a run resumed from text equals an uninterrupted one. Both ways go through the same table of
// keys, so what is read back was checked. Tables, whose order counts, become arrays of [name,
// value].
#pragma once

#include "lib/Config/Job.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

namespace of {

/// Names of the module's attributes.
inline constexpr llvm::StringLiteral jobAttrName = "of.job";
inline constexpr llvm::StringLiteral clusterAttrName = "of.cluster";

/// The tree as an attribute; it must be complete for `schema`.
mlir::Attribute toAttribute(mlir::MLIRContext *context, const config::Node &node,
                            const config::Key &schema);

/// The job of a module; emits an error at the module if there is none or it is wrong. `clusterOf`
/// in lib/Cost is its twin.
mlir::FailureOr<Job> jobOf(mlir::ModuleOp module);

/// The completed tree in a dictionary of the module. Without one, or with a wrong one, an error
/// says what is missing.
mlir::FailureOr<config::Node> treeOf(mlir::ModuleOp module, llvm::StringRef attrName,
                                     const config::Key &schema);
/// Complaints about such a tree as errors at the module; failure if there were any.
mlir::LogicalResult emitReport(mlir::ModuleOp module, const config::Report &report);

/// Complaints as errors at their file positions; failure if there were any.
mlir::LogicalResult emitReport(mlir::MLIRContext *context, const config::Report &report);

} // namespace of
