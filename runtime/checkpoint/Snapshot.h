// Writing a checkpoint: every node writes its own parts of whole logical tensors into safetensors
// files, then one node makes the folder valid.
//
//   every node     begin(step) ─▶ writePart … ─▶ finishLocal() ─▶ digest of its report
//   manifest node                                  all digests ─▶ commit() ─▶ step-000123/
//
//   step-000123.tmp/   model-00001-of-00001.safetensors   all nodes write into it
//                      node-0.json, node-1.json           what each node wrote, with digests
//   step-000123/       model-…safetensors, manifest.json  after commit
//
// The folder must be the same for all nodes (one host, or a shared file system): commit notices
// when it is not. Whatever happens before the rename, no folder without the suffix is touched.
// Owned by the node; writePart may be called from several threads, the rest from one.
#pragma once

#include "runtime/base/Geometry.h"
#include "runtime/base/Status.h"
#include "runtime/checkpoint/Disk.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace of::rt {

/// A whole logical tensor of a checkpoint.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;
  bool operator==(const TensorInfo &o) const {
    return name == o.name && dtype == o.dtype && shape == o.shape;
  }
};

/// What the manifest says about the run; enough to go on from here on any cluster.
struct SnapshotInfo {
  std::string job;
  std::string planDigest; ///< hex
  uint64_t step = 0;      ///< steps that were done
  uint64_t seed = 0;
  uint64_t batch = 0;
};

/// Whether this device writes its part of a tensor of this layout: the lowest device id among those
/// that hold the same box. The part is boxAt(shape, layout, point); empty parts are written by
/// none.
bool ownsPart(const Shape &shape, const Layout &layout, int64_t device);

struct SnapshotConfig {
  std::string folder;              ///< that holds all checkpoints of the run
  std::vector<TensorInfo> tensors; ///< the plan's variables, in its order
  uint32_t node = 0;
  uint64_t maxFileBytes = uint64_t(4) << 30; ///< tensors are spread over files of about this size
};

class SnapshotWriter {
public:
  virtual ~SnapshotWriter();

  /// `disk` outlives the writer.
  static Result<std::unique_ptr<SnapshotWriter>> create(SnapshotConfig config, Disk &disk);

  /// Opens the folder written aside and the files in it. Every node, once per snapshot.
  virtual Status begin(uint64_t step) = 0;
  /// Writes a part (dense, row-major) of tensor `tensor` of the configured list.
  virtual Status writePart(size_t tensor, const Box &box, const void *data) = 0;
  /// Syncs what this node wrote and leaves its report. Returns the report's digest (hex) for
  /// commit.
  virtual Result<std::string> finishLocal() = 0;
  /// Manifest node: digests[n] is what node n's finishLocal returned. Checks the reports and that
  /// they cover every tensor, writes the manifest, renames, syncs. Returns the checkpoint's path.
  /// Once it has returned, a loss of power cannot take the checkpoint back.
  virtual Result<std::string> commit(const SnapshotInfo &info,
                                     const std::vector<std::string> &digests) = 0;
};

/// Deletes all but the newest `keep` checkpoints, and what snapshots up to `step`, which is
/// finished, left when they were broken off. Manifest node; others may be writing a later step.
/// keep 0 keeps all.
Status rotateCheckpoints(const std::string &folder, uint64_t step, uint64_t keep, Disk &disk);

} // namespace of::rt
