// Which mesh every op of a module is placed on.
//
// A pipeline stage is a placement. Devices are dealt evenly, in cluster order, to the stages in
// order; with fewer groups of devices than stages, stages are dealt to them in turn, so that each
// holds several parts of the model. All stages have the axes of the job's mesh. An op lies where it
// says (`of.stage`), gets and sets where their variable lies. Others follow the data: the last
// stage among their operands, or, where no operand knows (constants, readers), the first among
// their users. Pure analysis of one module.
#pragma once

#include "dialects/Of/Of.h"
#include "lib/Config/Job.h"
#include "lib/Cost/Cluster.h"

#include "llvm/ADT/DenseMap.h"

namespace of {

/// Attribute of placed ops and variables, until the mesh is part of their types.
inline constexpr llvm::StringLiteral placementAttrName = "of.placement";

/// Axes of a mesh and their sizes, slow link first.
using MeshShape = std::vector<std::pair<std::string, int64_t>>;

/// A mesh over devices first, first + 1, ...
MeshAttr meshOn(mlir::MLIRContext *context, llvm::StringRef name, const MeshShape &shape,
                int64_t first);

/// Devices 0, 1, ... in order, dealt to the meshes of so many stages.
llvm::SmallVector<MeshAttr> dealMeshes(mlir::MLIRContext *context, int64_t stages,
                                       const MeshShape &mesh);

/// One mesh per stage, along one axis `data` where the job leaves the shape open. "main" if there
/// is one, else "stage0", "stage1", ...
mlir::FailureOr<llvm::SmallVector<MeshAttr>> stageMeshes(mlir::ModuleOp module, const Job &job,
                                                         const Cluster &cluster);

/// Stages of the ops of one program.
class StageAnalysis {
public:
  StageAnalysis(ProgramOp program, const llvm::StringMap<int64_t> &variableStages);

  /// Stage of an op that has operands or results; an `of.micro` and its yield have none of their
  /// own.
  int64_t stageOf(mlir::Operation *op) const { return stages.lookup(op); }

private:
  std::optional<int64_t> known(mlir::Operation *op) const;
  std::optional<int64_t> known(mlir::Value value) const;
  std::optional<int64_t> firstUser(mlir::Value value) const;
  std::optional<int64_t> given(mlir::Operation *op) const;

  const llvm::StringMap<int64_t> &variableStages;
  llvm::DenseMap<mlir::Operation *, int64_t> stages;
};

} // namespace of
