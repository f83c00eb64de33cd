// One role of a plan: everything its devices do, written once from the view of its first device.
//
// Which devices share a role: same kind, threads and instruction set, alike in whether other
// processes map their memory, on the same meshes, with parts of equal shape of every tensor there.
// Borrows everything it is given.
#pragma once

#include "lib/Export/KernelObjects.h"
#include "lib/Export/PlanTables.h"
#include "lib/Schedule/TaskList.h"

namespace of {

/// Devices of each role, ascending; roles in the order of their first device.
std::vector<std::vector<int64_t>> groupDevices(mlir::ModuleOp module, const Cluster &cluster);

class RoleWriter {
public:
  RoleWriter(mlir::ModuleOp module, const Cluster &cluster, PlanTables &tables,
             KernelObjects &objects, std::vector<int64_t> devices);

  mlir::FailureOr<std::unique_ptr<plan::RoleT>> write();

  /// Adds what `write` would generate to the objects, as early as buffers are settled.
  mlir::LogicalResult addKernels();

private:
  mlir::LogicalResult addChunk();
  void addVariables();
  mlir::LogicalResult addProgram(task::ProgramOp program);
  mlir::LogicalResult addTask(const TaskInfo &info, plan::RoleProgramT &out);
  mlir::LogicalResult setBody(const TaskInfo &info, plan::TaskT &task);
  mlir::LogicalResult setSegment(const TaskInfo &info, plan::TaskT &task);
  mlir::FailureOr<std::unique_ptr<plan::CallT>> makeCall(task::SegmentOp segment,
                                                         task::KernelOp kernel);
  bool isEmpty(task::KernelOp kernel) const;
  mlir::FailureOr<GeneratedKernel> generate(task::KernelOp kernel);
  void callLibrary(LibraryOpInterface op, task::KernelOp kernel, plan::CallT &call);
  plan::Buffer bufferOf(task::SegmentOp segment, mlir::Value value);
  std::vector<uint32_t> variablesOf(mlir::ArrayAttr names);
  uint32_t column(const KernelScalar &scalar);
  uint32_t stream(const TaskInfo &info);
  void addReuses(task::ProgramOp program, plan::RoleProgramT &out);
  void addOrders(task::ProgramOp program, const std::vector<TaskInfo> &tasks,
                 plan::RoleProgramT &out);

  bool takesPart(MeshAttr mesh) const;
  int64_t pointOn(MeshAttr mesh) const;
  mlir::RankedTensorType typeHere(mlir::Type type) const;
  int64_t bytesHere(mlir::Type type) const;

  mlir::ModuleOp module;
  mlir::SymbolTable symbols; ///< of the module
  const Cluster &cluster;
  PlanTables &tables;
  KernelObjects &objects;
  std::vector<int64_t> devices;
  const ClusterDevice &device; ///< the first: whose view is written

  std::unique_ptr<plan::RoleT> role;
  std::vector<KernelScalar> columns;
  llvm::StringMap<uint32_t> streams;
  llvm::DenseMap<mlir::Value, uint32_t> registers; ///< of the program being written
  std::map<std::string, uint32_t> taskIndex;
};

} // namespace of
