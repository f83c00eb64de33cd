#include "runtime/checkpoint/Safetensors.h"

#include "runtime/base/Sizes.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace of::rt::checkpoint {

namespace {

using Json = nlohmann::json;
constexpr uint64_t kMaxHeader = 100u << 20, kAlignment = 64;
constexpr const char *kDtypeNames[] = {"F32", "F64", "F16", "BF16", "I8",
                                       "U8",  "I32", "I64", "BOOL"};

std::optional<DType> dtypeNamed(const std::string &name) {
  for (uint8_t i = 0; i < std::size(kDtypeNames); ++i)
    if (name == kDtypeNames[i])
      return static_cast<DType>(i);
  return std::nullopt;
}

Status corrupt(const std::string &path, const std::string &why) {
  return Status(Code::Corrupt, path + " is no intact safetensors file: " + why);
}

/// A list of integers of at least 0; nothing if it is something else.
std::optional<Shape> numbersOf(const Json &list) {
  Shape out;
  for (const Json &number : list) {
    const bool isSmall = number.is_number_unsigned() &&
                         number.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max());
    if (!isSmall)
      return std::nullopt;
    out.push_back(number.get<int64_t>());
  }
  return list.is_array() ? std::optional<Shape>(std::move(out)) : std::nullopt;
}

Result<StoredTensor> readEntry(const std::string &path, const std::string &name, const Json &entry,
                               uint64_t dataStart, uint64_t fileBytes) {
  StoredTensor out;
  out.info.name = name;
  std::optional<Shape> shape, offsets;
  try {
    const auto dtype = dtypeNamed(entry.at("dtype").get<std::string>());
    if (!dtype)
      return corrupt(path, "tensor '" + name + "' has dtype " +
                               entry.at("dtype").get<std::string>() + ", which is not supported");
    out.info.dtype = *dtype;
    shape = numbersOf(entry.at("shape"));
    offsets = numbersOf(entry.at("data_offsets"));
  } catch (const Json::exception &error) {
    return corrupt(path, "the entry of tensor '" + name + "': " + error.what());
  }
  if (!shape || !offsets || offsets->size() != 2)
    return corrupt(path, "shape or data_offsets of tensor '" + name +
                             "' are no lists of integers of at least 0");
  out.info.shape = std::move(*shape);
  const uint64_t begin = uint64_t((*offsets)[0]), end = uint64_t((*offsets)[1]);
  out.offset = dataStart + begin;
  if (end < begin || bytesOfShape(out.info.shape, sizeOf(out.info.dtype)) != end - begin ||
      end > fileBytes - dataStart)
    return corrupt(path, "tensor '" + name + "' does not lie where its shape and dtype say");
  return out;
}

} // namespace

uint64_t bytesOf(const TensorInfo &tensor) {
  return static_cast<uint64_t>(elementsOf(tensor.shape)) * sizeOf(tensor.dtype);
}

FileLayout layOut(const std::vector<TensorInfo> &tensors) {
  FileLayout out;
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}}; // readers such as transformers ask for it
  uint64_t offset = 0;
  for (const TensorInfo &tensor : tensors) {
    header[tensor.name] = {{"dtype", kDtypeNames[static_cast<size_t>(tensor.dtype)]},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + bytesOf(tensor)}}};
    out.tensors.push_back({tensor, offset});
    offset += bytesOf(tensor);
  }
  std::string text = header.dump();
  while ((text.size() + sizeof(uint64_t)) % kAlignment != 0)
    text += ' ';
  const uint64_t length = text.size();
  out.header.assign(reinterpret_cast<const char *>(&length), sizeof length);
  out.header += text;
  for (StoredTensor &tensor : out.tensors)
    tensor.offset += out.header.size();
  out.fileBytes = out.header.size() + offset;
  return out;
}

Result<std::vector<StoredTensor>> readHeader(const std::string &path, int fd) {
  struct stat info {};
  uint64_t length = 0;
  if (::fstat(fd, &info) != 0 || static_cast<uint64_t>(info.st_size) < sizeof length)
    return corrupt(path, "it is shorter than a header");
  const uint64_t fileBytes = static_cast<uint64_t>(info.st_size);
  OF_TRY(readAt(path, fd, &length, sizeof length, 0));
  if (length > kMaxHeader || length + sizeof length > fileBytes)
    return corrupt(path, "its header would have " + std::to_string(length) + " bytes");
  std::string text(length, '\0');
  OF_TRY(readAt(path, fd, text.data(), length, sizeof length));
  const Json header = Json::parse(text, nullptr, false);
  if (!header.is_object())
    return corrupt(path, "its header is no JSON object");
  std::vector<StoredTensor> out;
  for (const auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    OF_ASSIGN(StoredTensor tensor, readEntry(path, name, entry, length + sizeof length, fileBytes));
    out.push_back(std::move(tensor));
  }
  return out;
}

std::vector<Run> runsOf(const Shape &shape, const Box &box) {
  std::vector<Run> out;
  if (box.empty())
    return out;
  const size_t rank = shape.size();
  // Inner dims that the box holds entirely make one run with the next dim.
  size_t outer = rank;
  int64_t run = 1;
  while (outer > 0) {
    --outer;
    run *= box.dims[outer].size();
    if (box.dims[outer].size() != shape[outer])
      break;
  }
  std::vector<int64_t> index(rank, 0);
  const int64_t count = box.elements() / run;
  for (int64_t i = 0; i < count; ++i) {
    int64_t whole = 0;
    for (size_t d = 0; d < rank; ++d)
      whole = whole * shape[d] + box.dims[d].begin + index[d];
    out.push_back({whole, i * run, run});
    for (size_t d = outer; d-- > 0;) {
      if (++index[d] < box.dims[d].size())
        break;
      index[d] = 0;
    }
  }
  return out;
}

Status writeAt(const std::string &path, int fd, const void *data, size_t bytes, uint64_t offset) {
  const char *at = static_cast<const char *>(data);
  while (bytes > 0) {
    const ssize_t n = ::pwrite(fd, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return Status(Code::Io,
                    "cannot write " + path + ": " + std::strerror(n < 0 ? errno : ENOSPC));
    at += n;
    bytes -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return Status::ok();
}

Status readAt(const std::string &path, int fd, void *data, size_t bytes, uint64_t offset) {
  char *at = static_cast<char *>(data);
  while (bytes > 0) {
    const ssize_t n = ::pread(fd, at, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return Status(Code::Io, "cannot read " + path + ": " + std::strerror(errno));
    if (n == 0)
      return Status(Code::Corrupt, path + " ends too early");
    at += n;
    bytes -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return Status::ok();
}

std::string digestOf(const void *data, size_t bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, bytes));
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (unsigned char byte : canonical.digest) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Result<std::string> readText(const std::string &path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return Status(errno == ENOENT ? Code::InvalidArgument : Code::Io,
                  "cannot open " + path + ": " + std::strerror(errno));
  struct stat info {};
  Status status;
  std::string text;
  if (::fstat(fd, &info) == 0) {
    text.resize(static_cast<size_t>(info.st_size));
    status = readAt(path, fd, text.data(), text.size(), 0);
  }
  ::close(fd);
  if (!status.isOk())
    return status;
  return text;
}

std::string partsToJson(const std::vector<Part> &parts) {
  Json out = Json::array();
  for (const Part &part : parts) {
    Shape begin, end;
    for (const Range &range : part.box.dims) {
      begin.push_back(range.begin);
      end.push_back(range.end);
    }
    out.push_back(
        {{"tensor", part.tensor}, {"begin", begin}, {"end", end}, {"digest", part.digest}});
  }
  return out.dump();
}

Result<std::vector<Part>> partsFromJson(const std::string &path, const std::string &text) {
  return partsFromJson(path, Json::parse(text, nullptr, false));
}

Result<std::vector<Part>> partsFromJson(const std::string &path, const Json &json) {
  std::vector<Part> out;
  try {
    for (const Json &entry : json) {
      Part part;
      part.tensor = entry.at("tensor").get<std::string>();
      part.digest = entry.at("digest").get<std::string>();
      const std::optional<Shape> begin = numbersOf(entry.at("begin")),
                                 end = numbersOf(entry.at("end"));
      if (!begin || !end || begin->size() != end->size())
        return Status(Code::Corrupt,
                      path + " is damaged: the part of '" + part.tensor + "' is no box");
      for (size_t d = 0; d < begin->size(); ++d)
        part.box.dims.push_back({(*begin)[d], (*end)[d]});
      out.push_back(std::move(part));
    }
  } catch (const Json::exception &error) {
    return Status(Code::Corrupt, path + " is damaged: " + error.what());
  }
  return out;
}

} // namespace of::rt::checkpoint
