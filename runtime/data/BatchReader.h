// This device's rows of a batch, from the files of a data set.
//
// Row j of batch t of epoch e is sample bijection(seed, e)(t * globalRows + j), or sample
// t * globalRows + j where the data set is not shuffled. So any device reads any rows alone, in any
// order, and the split does not change what the global batch holds. With a mask field the rows past
// the last sample are zeros with mask 0 (evaluation); without one the last partial batch is
// dropped.
//
//   files ──open──▶ stored arrays (mapped, or unpacked once) ──read──▶ value = stored * scale +
//   shift
//
// Owned by the node; immutable after open, so several threads may read.
#pragma once

#include "runtime/base/Geometry.h"
#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

#include <memory>
#include <string>
#include <vector>

namespace of::rt {

/// One field as `read` produces it.
struct FieldInfo {
  std::string name;
  DType dtype = DType::F32;
  Shape shape; ///< of one sample
  size_t sampleBytes = 0;
};

class BatchReader {
public:
  virtual ~BatchReader();

  /// Opens and checks all files; relative names are looked up in `folders`, in order. Errors name
  /// the file: missing, unreadable, corrupt, of another shape or sample count than the plan's.
  static Result<std::unique_ptr<BatchReader>> open(const plan::Dataset &dataset,
                                                   const std::vector<std::string> &folders);

  virtual uint64_t samples() const = 0;
  /// The mask field, if there is one, is the last.
  virtual const std::vector<FieldInfo> &fields() const = 0;
  /// Batches of an epoch: whole ones, and with a mask field the partial one too.
  virtual uint64_t batches(uint64_t globalRows) const = 0;

  /// Rows [rows.begin, rows.end) of batch `batch` < batches(globalRows) of the epoch; `out[i]`
  /// takes rows.size() samples of field i.
  virtual Status read(uint64_t epoch, uint64_t batch, uint64_t globalRows, Range rows,
                      void *const *out) const = 0;
};

} // namespace of::rt
