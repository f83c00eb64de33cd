// Choices as text: written once found, and taken for given by a later compilation.
//
//   mesh: {outer: 4, inner: 2}                           or, of a pipeline:
//   stages: [{block: 0, mesh: {data: 2}, devices: [0, 1]}, ...]
//   programs:
//     train:
//       "z1": "[S(0), B] [B, S(1)] -> [S(0), S(1)]"     operands -> results, by mesh axis
//       "z1.grad#2": ...                                the second op of that name
//   recompute:
//     train: [none, full, ...]                          what is computed again, by group
//     (RecomputeGroups.h)
//
// With every line nothing is left to search, and the plan is the same; what a user takes out is
// chosen anew. A line that no longer fits the model is an error at its place in the file.
#pragma once

#include "lib/Config/Job.h"
#include "lib/Config/Yaml.h"
#include "lib/Distribute/Choose.h"
#include "lib/Distribute/Placement.h"

namespace of {

/// A name for each node of a network by which users can find it: that of the variable or of the
/// op's result in the model, numbered from the second of equal ones.
std::vector<std::string> nodeKeys(const DistNetwork &network);

/// Collects what was chosen, program by program.
class AnnotationWriter {
public:
  /// Where there are several stages they stand for the mesh.
  void addStages(llvm::ArrayRef<int64_t> firstBlocks, llvm::ArrayRef<MeshAttr> meshes);
  void add(llvm::StringRef program, const DistNetwork &network, const DistChoice &choice,
           const RecomputeChoice &levels);
  std::string text() const;

private:
  std::string mesh; ///< of the first program
  std::string stages, programs, recompute;
};

class Annotations {
public:
  /// Nothing is given.
  Annotations() : report("") {}

  /// Errors at the module, with the place in the file.
  static mlir::FailureOr<Annotations> parse(mlir::ModuleOp module, llvm::StringRef file,
                                            llvm::StringRef text);

  /// The shape of the mesh, or empty if it is left open.
  const MeshShape &mesh() const { return shape; }

  /// A stage of a pipeline: the block with which it begins, and where it runs.
  struct Stage {
    int64_t block = 0;
    MeshAttr mesh;
  };
  /// Empty: there is one stage.
  llvm::ArrayRef<Stage> stages() const { return stageList; }

  /// Errors at the place in the file unless the stages are some for so many blocks and devices.
  mlir::LogicalResult checkStages(mlir::MLIRContext *context, int64_t blocks, int64_t devices);

  /// The network with what is given for this program. Errors at the module: a name that the program
  /// does not have, a choice that its op does not offer.
  mlir::FailureOr<DistNetwork> apply(ProgramOp program, DistNetwork network);

  /// Levels of this program's groups, or none if they are left open. Errors at the place in the
  /// file if it has another number of groups, or a level that contradicts the job.
  mlir::FailureOr<std::optional<RecomputeChoice>>
  recompute(ProgramOp program, const RecomputeGroups *groups, const JobParallel &job);

private:
  void checkMesh(MeshAttr mesh);
  void readStages(mlir::MLIRContext *context);

  config::Node root;
  config::Report report;
  MeshShape shape;
  std::vector<Stage> stageList;
};

} // namespace of
