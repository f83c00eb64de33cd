// When the registers of a mesh are in use, on the clock of its compute stream.
//
//   │ 0 │ 1 2 3 4 5 │ 6 │ 7 8 9 │   a tick before each segment, one for each of its kernels
//       └ segment A ┘   └   B   ┘
//
//   gradient  written by kernel 3 of A, sent        [3, 10), given back before the next A
//   reduced   received, after 4 has fed the send    [5, 9), read by B until 8
//   batch     read ahead for the next iteration     at all times
//
// A register of another stream has no kernels of its own; it is in use from the latest kernel that
// is known to come before its writer to the earliest segment that is known to come after its
// readers (runtime/base/ProgramOrder.h). Two values whose ticks do not meet may share bytes. Where
// a reader is not known to be done by the time of any segment, but is by the times of the schedule,
// a reuse edge makes it so: it keeps the segment waiting in the rare case that the reader is late.
//
// Ticks of micro-batch segments are one range: a register that one of them uses is in use in all of
// it, and what ends within it ends behind it, since the segments of other micro-batches fire again.
// Borrows the IR.
#pragma once

#include "lib/Cost/Cluster.h"
#include "lib/Schedule/TaskList.h"
#include "runtime/base/ProgramOrder.h"

#include <map>
#include <optional>

namespace of {

struct ReuseEdge {
  std::string from, to; ///< tasks
  int64_t lag = 0;      ///< iterations
};

class Lifetimes {
public:
  /// `mesh`: one of those over its devices, which run no segments of others. Borrows the
  /// program's tasks.
  Lifetimes(task::ProgramOp program, llvm::ArrayRef<TaskInfo> tasks, MeshAttr mesh,
            const Cluster &cluster);

  /// Ticks of an iteration; at least 1.
  int64_t length() const { return end; }
  /// Tick of a segment's first kernel.
  int64_t firstTick(task::SegmentOp segment) const { return segments[byOp.lookup(segment)].first; }
  /// [lower, upper); none if the register is in use at all times.
  std::optional<std::pair<int64_t, int64_t>> of(task::RegisterOp reg);
  /// Name of the kernel of a tick; empty before a segment.
  std::string kernelAt(int64_t tick) const;
  /// The edges that the answer for the register relies on.
  std::vector<ReuseEdge> edgesOf(task::RegisterOp reg) const;

private:
  struct Segment {
    uint32_t task = 0;
    int64_t first = 0, end = 0; ///< ticks of its kernels
    bool inRange = false;       ///< fires between the first and the last micro-batch firing
  };
  using Point = ProgramOrder::Point;

  bool onDevicesOf(MeshAttr other) const { return other.getDevices() == mesh.getDevices(); }
  void listSegments();
  void fillOrder(const Cluster &cluster);
  bool hasEmptyParts() const;
  bool mayAddEdges(task::RegisterOp reg) const;
  int64_t lowerOf(uint32_t writer, int64_t call);
  std::optional<int64_t> upperOf(task::RegisterOp reg, Point reader);
  std::optional<int64_t> byTimes(task::RegisterOp reg, Point reader, int64_t limit);
  bool endsBeforeNext(task::RegisterOp reg, Point reader);
  int64_t releaseNs(uint32_t task) const;
  /// What ends before the segment's first firing is not in use in any of its ticks or later ones.
  bool isFreeBefore(const Segment &segment) const {
    return !segment.inRange || segment.first == microBegin;
  }
  bool comesBefore(const Segment &segment, uint32_t task, uint32_t lag) const {
    return order.lag({segment.task, ProgramOrder::kEnd}, task) <= lag;
  }

  task::ProgramOp program;
  MeshAttr mesh;
  llvm::ArrayRef<TaskInfo> all; ///< of the program
  std::vector<uint32_t>
      tasks; ///< those of its devices, as indices into `all`; a task is an index here
  std::vector<Segment> segments;
  llvm::DenseMap<mlir::Operation *, size_t> byOp;
  int64_t microBegin = 0, microEnd = 0, end = 1;
  bool fine = true;      ///< kernels count, not only segments
  bool hasTimes = false; ///< of the schedule
  ProgramOrder order{{}};
  llvm::DenseMap<mlir::Operation *, std::vector<ReuseEdge>> relies;
};

} // namespace of
