// An array as a file stores it, whatever the format: samples one after another.
//
//   IDX     00 00 type rank, rank sizes (32-bit), elements; all big-endian; gzip or not
//   npy     NumPy's format 1.0 to 3.0, C order, little-endian; gzip or not
//   tokens  integers without a header; the format's name gives their type: tokens (u8),
//           tokens-u16, tokens-u32, tokens-i32, tokens-i64; little-endian
//
// Internal to runtime/data. Values, immutable once parsed.
#pragma once

#include "runtime/base/Geometry.h"
#include "runtime/data/FileBytes.h"

namespace of::rt::data {

enum class StoredType : uint8_t { U8, I8, U16, I16, U32, I32, I64, F32, F64, Bool };

size_t sizeOf(StoredType type);
const char *nameOf(StoredType type);

struct StoredArray {
  std::string path;
  FileBytes bytes;
  StoredType type = StoredType::U8;
  Shape shape;      ///< dim 0 counts samples (tokens: elements)
  size_t begin = 0; ///< of the first element in `bytes`, host byte order from there

  const uint8_t *elements() const { return bytes.data() + begin; }
};

Result<StoredArray> parseIdx(const std::string &path, FileBytes bytes);
Result<StoredArray> parseNpy(const std::string &path, FileBytes bytes);
Result<StoredArray> parseTokens(const std::string &path, FileBytes bytes, StoredType type);

/// Whether the elements from `begin` on are as many as the shape says. Corrupt, with the file, if
/// not, or if the shape is one that no file has.
Status checkSize(const StoredArray &array);

/// Opens a file of a format of plan::Field; InvalidArgument for an unknown format.
Result<StoredArray> openArray(const std::string &path, const std::string &format);

/// Whether the format is one of tokens.
bool isTokens(const std::string &format);

} // namespace of::rt::data
