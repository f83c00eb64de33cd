// What it costs to keep values of forward ops on the host until the backward pass needs them.
//
//   compute   │ forward of the blocks ──────────▶ │ ◀── backward: block by block │
//   to host      └ copies, one after the other ─▶
//   to device                                         copies of the block that comes next
//
// Copies pass beside what is computed; a step is longer by what they take beyond it. On the way to
// the host they may take as long as the forward pass, or they leave too late; on the way back those
// of a block as long as the backward pass of a block, about twice its forward pass, since they
// begin when the backward pass gets to the block before (lib/Physical/Offload.cpp). Borrows the
// network.
#pragma once

#include "lib/Cost/HostCost.h"
#include "lib/Distribute/Choose.h"

namespace of {

/// Seconds of a step, if nothing else is under way: of copies one way, and of what is computed.
struct HostSeconds {
  double copies = 0, forward = 0;
};

class HostCopies {
public:
  explicit HostCopies(const DistNetwork &network);

  /// Results of forward ops of a group that leave for the host at that level, by node. None where
  /// no group may have it.
  struct Leaving {
    size_t node;
    unsigned result;
  };
  llvm::ArrayRef<Leaving> leaving(size_t group) const {
    return values.empty() ? llvm::ArrayRef<Leaving>() : llvm::ArrayRef<Leaving>(values[group]);
  }

  /// One way, of a value whose node runs so.
  double seconds(const Leaving &value, const DistOption &option) const;

  /// Of so many groups like this one `count` leave: before the forward pass of all is done? If not,
  /// a device has no fewer bytes for it, since nothing waits for what leaves.
  bool leaveInTime(size_t group, int64_t count, int64_t members) const {
    return double(count) * least[group].copies <= double(members) * least[group].forward;
  }

  /// By how much a step is longer for one second of copies one way, both ways counted, where
  /// `count` groups like this one leave: each op in the way that is fastest for it, since what
  /// splits copies splits the work beside them too.
  double longerPerSecond(size_t group, int64_t count) const;

  /// For a choice: copies both ways of all groups at level host, and by how much a step is longer,
  /// by mesh.
  struct Total {
    double copies = 0, longer = 0;
  };
  llvm::MapVector<MeshAttr, Total> totals(const DistChoice &choice,
                                          const RecomputeChoice &levels) const;

private:
  double forwardSeconds(size_t node, const DistOption &option) const;
  const HostPath &pathOf(MeshAttr mesh) const { return paths.find(mesh)->second; }
  bool isForward(size_t node) const;

  const DistNetwork &network;
  std::vector<std::vector<Leaving>> values; ///< by group
  std::vector<std::vector<size_t>> nodes;   ///< of the forward ops of a group
  std::vector<HostSeconds> least;           ///< by group, each op as is fastest
  llvm::DenseMap<MeshAttr, double> forward; ///< of all forward ops of a mesh, likewise
  llvm::DenseMap<MeshAttr, HostPath> paths;
};

} // namespace of
