// Buffers to pack, as CSV.
//
//   id,lower,upper,size            a header names the columns, in any order; more columns are kept,
//   b0,0,4,128                     of which `alignment` counts. A buffer lives in [lower, upper).
//
// Fields are plain: no quotes. Empty lines are skipped.
#pragma once

#include "lib/Search/Packing.h"

#include <string>

namespace of::planTool {

struct BufferFile {
  std::string header;
  std::vector<std::string> lines; ///< of the buffers, as read
  search::PackingProblem problem; ///< a buffer's id is its line where its own is no number
};

/// Error, with file and line: it cannot be read, lacks a column, a field is missing or no integer,
/// an id comes twice, a buffer is no buffer.
Result<BufferFile> readBuffers(const std::string &path, int64_t alignment);

/// The CSV with a column `offset` at the end.
std::string withOffsets(const BufferFile &file, const std::vector<int64_t> &offsets);

} // namespace of::planTool
