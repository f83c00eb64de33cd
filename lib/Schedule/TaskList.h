// The tasks of a scheduled program as the runtime will see them, folded over devices.
//
// One entry per task of one mesh: an exchange is two, its send on the source mesh and its receive
// on the destination mesh. Scheduling, packing and export all walk this list, so a task has one
// index, one stream and one set of ports for all of them. Borrows the IR.
#pragma once

#include "dialects/Task/Task.h"
#include "runtime/base/Landing.h"

#include <string>
#include <vector>

namespace of {

struct TaskInfo {
  enum class End { Whole, Send, Receive };

  mlir::Operation *op = nullptr;
  End end = End::Whole;
  std::string name;
  MeshAttr mesh;
  std::string group;  ///< name of the first mesh over the same devices, whose streams these are
  std::string stream; ///< of the group: "compute", "send", "receive", "offload", "fetch", "read",
                      ///< "report", "write", "load"
  int64_t firings = 1;
  struct Port {
    mlir::Value reg;
    int64_t period = 1, call = -1;
  };
  llvm::SmallVector<Port> inputs, outputs;

  /// Name of the stream over the whole program.
  std::string streamName() const { return group + "." + stream; }
};

std::vector<TaskInfo> tasksOf(task::ProgramOp program);

MeshAttr meshOfSegment(task::SegmentOp segment);

/// The tensors of an exchange as runtime/base sees them.
std::vector<ExchangePart> exchangeParts(task::ExchangeOp exchange);

/// The body of a kernel as a function, as code generation takes it. In-place results are marked on
/// their arguments.
mlir::OwningOpRef<mlir::ModuleOp> kernelModule(task::KernelOp kernel);

/// Where buffers start: a cache line, and the widest vector.
inline constexpr int64_t kBufferAlignment = 64;
inline int64_t alignedBytes(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

} // namespace of
