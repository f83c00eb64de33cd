// Source: NEP 1, "A simple file format for NumPy arrays".
//   \x93NUMPY major minor, header length (2 bytes in 1.0, 4 from 2.0), a Python literal
//   {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }, elements
#include "runtime/data/StoredArray.h"

#include <cstring>
#include <fmt/format.h>
#include <optional>

namespace of::rt::data {

namespace {

struct DescriptorName {
  const char *name;
  StoredType type;
};

std::optional<StoredType> npyType(const std::string &descr) {
  constexpr DescriptorName names[] = {{"|u1", StoredType::U8},  {"|i1", StoredType::I8},
                                      {"<u2", StoredType::U16}, {"<i2", StoredType::I16},
                                      {"<u4", StoredType::U32}, {"<i4", StoredType::I32},
                                      {"<i8", StoredType::I64}, {"<f4", StoredType::F32},
                                      {"<f8", StoredType::F64}, {"|b1", StoredType::Bool}};
  for (const DescriptorName &entry : names)
    if (descr == entry.name)
      return entry.type;
  return std::nullopt;
}

/// Where the value of a key begins; npos if the key is not there.
size_t valueOf(const std::string &header, const std::string &key) {
  const size_t at = header.find("'" + key + "'");
  const size_t colon = at == std::string::npos ? at : header.find(':', at);
  return colon == std::string::npos ? colon : header.find_first_not_of(' ', colon + 1);
}

/// "(60000, 28, 28)"; nothing if it is not that.
std::optional<Shape> parseShape(const std::string &header, size_t at) {
  if (at == std::string::npos || at >= header.size() || header[at] != '(')
    return std::nullopt;
  Shape shape;
  for (++at; at < header.size() && header[at] != ')';) {
    if (header[at] == ' ' || header[at] == ',') {
      ++at;
      continue;
    }
    int64_t dim = 0;
    const size_t first = at;
    for (; at < header.size() && header[at] >= '0' && header[at] <= '9'; ++at) {
      if (at - first == 15)
        return std::nullopt;
      dim = dim * 10 + (header[at] - '0');
    }
    if (at == first)
      return std::nullopt;
    shape.push_back(dim);
  }
  return at < header.size() ? std::optional<Shape>(shape) : std::nullopt;
}

/// Length and begin of the header text; nothing if the file is no npy.
struct HeaderPlace {
  size_t begin, length;
};
std::optional<HeaderPlace> headerPlace(const FileBytes &bytes) {
  const uint8_t *at = bytes.data();
  if (bytes.size() < 12 || std::memcmp(at, "\x93NUMPY", 6) != 0 || at[6] < 1 || at[6] > 3)
    return std::nullopt;
  const size_t low = at[8] | size_t(at[9]) << 8;
  const HeaderPlace place =
      at[6] == 1 ? HeaderPlace{10, low}
                 : HeaderPlace{12, low | size_t(at[10]) << 16 | size_t(at[11]) << 24};
  if (place.begin + place.length > bytes.size())
    return std::nullopt;
  return place;
}

Status corrupt(const std::string &path, const std::string &what) {
  return Status(Code::Corrupt, fmt::format("{} {}", path, what));
}

} // namespace

Result<StoredArray> parseNpy(const std::string &path, FileBytes bytes) {
  const std::optional<HeaderPlace> place = headerPlace(bytes);
  if (!place)
    return corrupt(path, "is not an npy file of version 1 to 3, or ends within its header");
  const std::string header(reinterpret_cast<const char *>(bytes.data()) + place->begin,
                           place->length);
  const size_t descrAt = valueOf(header, "descr");
  const size_t orderAt = valueOf(header, "fortran_order");
  const std::optional<Shape> shape = parseShape(header, valueOf(header, "shape"));
  if (descrAt == std::string::npos || orderAt == std::string::npos || !shape)
    return corrupt(path, "has an npy header without descr, fortran_order or shape");
  const std::string descr = header.substr(descrAt + 1, 3);
  const std::optional<StoredType> type = npyType(descr);
  if (!type || header[descrAt] != '\'' || header.compare(descrAt + 4, 1, "'") != 0)
    return corrupt(path, fmt::format("has elements of NumPy type {}, which is not read; save it as "
                                     "a little-endian number type",
                                     header.substr(descrAt, header.find(',', descrAt) - descrAt)));
  if (header.compare(orderAt, 5, "False") != 0)
    return corrupt(path, "is in Fortran order; save it with numpy.ascontiguousarray");
  if (shape->empty())
    return corrupt(path, "holds a single number, not an array of samples");
  StoredArray out;
  out.path = path;
  out.type = *type;
  out.shape = *shape;
  out.begin = place->begin + place->length;
  out.bytes = std::move(bytes);
  OF_TRY(checkSize(out));
  return out;
}

} // namespace of::rt::data
