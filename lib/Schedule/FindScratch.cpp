#include "lib/Cost/ComputeCost.h"
#include "lib/Schedule/ScratchSizes.h"

#include "lib/Schedule/TaskList.h"

using namespace mlir;

namespace of {

// What a routine takes depends on its shapes and on how many tiles share it: one query for each
// distinct pair of both.
static void addQueries(task::KernelOp kernel, LibraryOpInterface op, const Cluster &cluster,
                       SmallVector<ScratchQuery> &queries, SmallVector<task::KernelOp> &owners) {
  MeshAttr mesh = distOf(kernel.getResult(0)).getMesh();
  auto typesAt = [](TypeRange types, int64_t point) {
    return llvm::map_to_vector(types, [&](Type t) { return localTypeAt(t, point); });
  };
  SmallVector<std::pair<SmallVector<RankedTensorType>, int64_t>> seen;
  for (int64_t point = 0; point < mesh.numDevices(); ++point) {
    SmallVector<RankedTensorType> operands = typesAt(op->getOperandTypes(), point),
                                  results = typesAt(op->getResultTypes(), point);
    SmallVector<RankedTensorType> all = operands;
    llvm::append_range(all, results);
    const ClusterDevice &device = cluster.devices[mesh.getDevices()[point]];
    const int64_t tiles = libraryTiles(workOf(op, operands, results), device);
    if (llvm::is_contained(seen, std::pair(all, tiles)))
      continue;
    seen.push_back({all, tiles});
    LibraryCall call = op.getLibraryCall(operands, results);
    if (!call.scratch)
      continue;
    queries.push_back({call, tiles});
    owners.push_back(kernel);
  }
}

LogicalResult findScratch(task::ProgramOp program, const Cluster &cluster, StringRef ofRun) {
  SmallVector<ScratchQuery> queries;
  SmallVector<task::KernelOp> owners;
  program.walk([&](task::KernelOp kernel) {
    if (auto op = dyn_cast<LibraryOpInterface>(kernel.getBody().front().front()))
      addQueries(kernel, op, cluster, queries, owners);
  });
  auto module = program->getParentOfType<ModuleOp>();
  FailureOr<LibraryAnswer> answer = askLibraries(module.getLoc(), ofRun, queries);
  if (failed(answer))
    return failure();
  Builder b(program.getContext());
  SmallVector<NamedAttribute> versions;
  for (auto &[name, version] : answer->versions)
    versions.push_back(b.getNamedAttr(name, b.getStringAttr(version)));
  module->setAttr("task.libraries", b.getDictionaryAttr(versions));
  for (auto [kernel, bytes] : llvm::zip(owners, answer->scratch)) {
    auto known = kernel->getAttrOfType<DenseI64ArrayAttr>("task.scratch");
    int64_t most = std::max(known ? known[0] : 0, bytes);
    kernel->setAttr("task.scratch", b.getDenseI64ArrayAttr({most, 0}));
  }
  return success();
}

} // namespace of
