// npy files by themselves, outside of a data set: what one holds, and one that is written batch by
// batch.
//
// An OutputFile is written aside and renamed by `finish`, so a run that fails leaves nothing that
// looks whole. `write` is called by one worker, `finish` by the main thread after it.
#pragma once

#include "runtime/base/DType.h"
#include "runtime/base/Geometry.h"
#include "runtime/base/Status.h"

#include <cstdio>
#include <memory>
#include <string>

namespace of::rt {

struct NpyInfo {
  std::string dtype; ///< "f32", "u16": as it is stored
  Shape shape;       ///< dim 0 counts samples
};
/// Of a file that exists. Corrupt or Io, with its name, if it is no npy.
Result<NpyInfo> npyInfo(const std::string &path);

/// Whether every value of a stored dtype is one of `to`, rounding floats.
bool holdsValuesOf(DType to, const std::string &stored);

class OutputFile {
public:
  /// `batch` is the shape of one batch; `samples` rows are kept of all batches. Io if the file
  /// cannot be made; Refused for a dtype that npy does not have.
  static Result<std::unique_ptr<OutputFile>> create(const std::string &path, DType dtype,
                                                    const Shape &batch, uint64_t samples);
  ~OutputFile();

  /// The next batch in order; rows past the last sample are left out.
  Status write(const void *batch);
  /// Io if not everything could be written.
  Status finish();

private:
  OutputFile(std::string path, std::FILE *file) : path_(std::move(path)), file_(file) {}
  std::string aside() const { return path_ + ".part"; }
  Status failed() const;

  const std::string path_;
  std::FILE *file_;
  uint64_t rowBytes_ = 0, batchRows_ = 0, left_ = 0;
};

} // namespace of::rt
