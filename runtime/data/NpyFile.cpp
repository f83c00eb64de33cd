#include "runtime/data/NpyFile.h"

#include "runtime/data/StoredArray.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>

namespace of::rt {

Result<NpyInfo> npyInfo(const std::string &path) {
  OF_ASSIGN(const data::StoredArray array, data::openArray(path, "npy"));
  return NpyInfo{data::nameOf(array.type), array.shape};
}

namespace {

bool isFloat(const std::string &name) { return name[0] == 'f'; }
bool isSigned(const std::string &name) { return name[0] == 'i'; }
int bitsOf(const std::string &name) { return std::atoi(name.c_str() + 1); }

/// As npy calls it; empty if it does not.
std::string npyName(DType dtype) {
  if (dtype == DType::BF16)
    return {};
  if (dtype == DType::Bool)
    return "|b1";
  const char kind = nameOf(dtype)[0];
  return fmt::format("{}{}{}", sizeOf(dtype) == 1 ? '|' : '<', kind, sizeOf(dtype));
}

/// Magic, version, length and the Python literal, together a multiple of 64 bytes.
std::string npyHeader(const std::string &dtype, const Shape &shape) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                 dtype, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const size_t before = 10;
  text.append(64 - (before + text.size() + 1) % 64, ' ');
  text += '\n';
  std::string out = "\x93NUMPY\x01";
  out += '\0';
  out += static_cast<char>(text.size() & 0xff);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

} // namespace

bool holdsValuesOf(DType to, const std::string &stored) {
  const std::string name(nameOf(to));
  if (stored == name)
    return true;
  if (stored == "bool" || name == "bool" || isFloat(stored) != isFloat(name))
    return false;
  if (isFloat(name))
    return true;
  return isSigned(stored) == isSigned(name) ? bitsOf(stored) <= bitsOf(name)
                                            : isSigned(name) && bitsOf(stored) < bitsOf(name);
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string &path, DType dtype,
                                                       const Shape &batch, uint64_t samples) {
  const std::string name = npyName(dtype);
  if (name.empty())
    return Status(Code::Refused, fmt::format("{}: npy files hold no {}", path, nameOf(dtype)));
  std::FILE *file = std::fopen((path + ".part").c_str(), "wb");
  if (!file)
    return Status(Code::Io, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
  std::unique_ptr<OutputFile> out(new OutputFile(path, file));
  Shape whole = batch;
  whole[0] = static_cast<int64_t>(samples);
  out->batchRows_ = static_cast<uint64_t>(batch[0]);
  out->rowBytes_ = static_cast<uint64_t>(elementsOf(batch)) / out->batchRows_ * sizeOf(dtype);
  out->left_ = samples;
  const std::string header = npyHeader(name, whole);
  if (std::fwrite(header.data(), 1, header.size(), file) != header.size())
    return out->failed();
  return out;
}

OutputFile::~OutputFile() {
  if (!file_)
    return;
  std::fclose(file_);
  std::remove(aside().c_str());
}

Status OutputFile::failed() const {
  return Status(Code::Io, fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

Status OutputFile::write(const void *batch) {
  const uint64_t rows = std::min(batchRows_, left_);
  left_ -= rows;
  return std::fwrite(batch, rowBytes_, rows, file_) == rows || rowBytes_ == 0 ? Status::ok()
                                                                              : failed();
}

Status OutputFile::finish() {
  if (left_ > 0)
    return Status(Code::Internal,
                  fmt::format("{} lacks {} rows of the samples that were read", path_, left_));
  std::FILE *file = std::exchange(file_, nullptr);
  if (std::fclose(file) != 0 || std::rename(aside().c_str(), path_.c_str()) != 0) {
    const Status status = failed();
    std::remove(aside().c_str());
    return status;
  }
  return Status::ok();
}

} // namespace of::rt
