// Reading tensors: from a checkpoint folder with its manifest, a .safetensors file, or the index
// (model.safetensors.index.json) of files that another tool has split.
//
// Any box of any tensor can be read, so any plan of the same model loads it, on any device count. A
// folder without a manifest was never finished and is refused. Owned by the node; immutable after
// open, so several threads may read.
#pragma once

#include "runtime/checkpoint/Snapshot.h"

#include <optional>

namespace of::rt {

class Checkpoint {
public:
  virtual ~Checkpoint();

  /// Opens all files and checks their headers and sizes. Corrupt or InvalidArgument, with the file.
  static Result<std::unique_ptr<Checkpoint>> open(const std::string &path);

  virtual const std::string &path() const = 0;
  /// All tensors, sorted by name.
  virtual const std::vector<TensorInfo> &tensors() const = 0;
  /// What the manifest says; nothing for a plain file.
  virtual const std::optional<SnapshotInfo> &info() const = 0;

  /// Compares with what a plan wants. One error lists every tensor that is missing, has another
  /// shape or dtype, or is neither wanted nor one of `others`, which may be there or not.
  virtual Status match(const std::vector<TensorInfo> &wanted,
                       const std::vector<TensorInfo> &others = {}) const = 0;

  /// Reads a box, dense and row-major, into `out`.
  virtual Status read(const std::string &name, const Box &box, void *out) const = 0;

  /// Compares the bytes with the digests in the manifest; the parts are dealt to `shares` nodes,
  /// this one takes every shares-th from `share` on. Nothing to do for a plain file.
  virtual Status verify(uint32_t share, uint32_t shares) const = 0;
};

/// Path of the newest finished checkpoint in a folder; empty if there is none.
Result<std::string> latestCheckpoint(const std::string &folder);
/// Its step; nothing if there is none.
std::optional<uint64_t> latestStep(const std::string &folder);

} // namespace of::rt
