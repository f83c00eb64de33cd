#include "runtime/data/FieldSource.h"

#include "runtime/data/FindFile.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace of::rt::data {

namespace {

/// Products of the leading dims.
std::set<int64_t> prefixProducts(const Shape &shape) {
  std::set<int64_t> out;
  int64_t product = 1;
  for (const int64_t dim : shape)
    out.insert(product *= dim);
  return out;
}

/// [28, 28] in the file serves [784] and [1, 28, 28]: one shape merges neighbouring dims of the
/// other. [28, 4] for [4, 28] is more likely a mistake.
bool liesAlike(const Shape &a, const Shape &b) {
  if (elementsOf(a) != elementsOf(b))
    return false;
  const std::set<int64_t> x = prefixProducts(a), y = prefixProducts(b);
  return std::includes(x.begin(), x.end(), y.begin(), y.end()) ||
         std::includes(y.begin(), y.end(), x.begin(), x.end());
}

} // namespace

Result<FieldSource> FieldSource::open(const plan::Field &field, uint64_t samples,
                                      const std::vector<std::string> &folders) {
  FieldSource out;
  out.info_.name = field.name()->str();
  out.info_.dtype = static_cast<DType>(field.dtype());
  if (field.shape())
    out.info_.shape.assign(field.shape()->begin(), field.shape()->end());
  out.sampleElements_ = static_cast<uint64_t>(elementsOf(out.info_.shape));
  out.info_.sampleBytes = out.sampleElements_ * of::sizeOf(out.info_.dtype);
  const bool tokens = isTokens(field.format()->str());
  if (tokens && (field.sequence() != out.sampleElements_ || field.offset() < 0))
    return Status(Code::Corrupt,
                  fmt::format("its samples have {} elements, but sequence is {} and offset {}",
                              out.sampleElements_, field.sequence(), field.offset()));
  out.stride_ = out.sampleElements_;
  out.offset_ = tokens ? static_cast<uint64_t>(field.offset()) : 0;
  for (const flatbuffers::String *name : *field.files()) {
    OF_ASSIGN(const std::string path, findFile(name->str(), folders));
    OF_TRY(out.addFile(field, path));
  }
  OF_TRY(out.checkSamples(field, samples));
  return out;
}

Status FieldSource::addFile(const plan::Field &field, const std::string &path) {
  const std::string format = field.format()->str();
  OF_ASSIGN(StoredArray array, openArray(path, format));
  if (!isTokens(format))
    OF_TRY(checkSampleShape(array));
  OF_ASSIGN(Converter converter,
            Converter::create(array.type, info_.dtype, field.scale(), field.shift()));
  const uint64_t elements = static_cast<uint64_t>(elementsOf(array.shape));
  files_.push_back({std::move(array), converter, elements_, elements});
  elements_ += elements;
  return Status::ok();
}

Status FieldSource::checkSampleShape(const StoredArray &array) const {
  const Shape stored(array.shape.begin() + 1, array.shape.end());
  if (liesAlike(stored, info_.shape))
    return Status::ok();
  return Status(Code::InvalidArgument,
                fmt::format("{} has samples of shape [{}], the plan expects [{}]; compile the job "
                            "for this data",
                            array.path, fmt::join(stored, ", "), fmt::join(info_.shape, ", ")));
}

Status FieldSource::checkSamples(const plan::Field &field, uint64_t samples) const {
  const uint64_t usable = elements_ < offset_ ? 0 : elements_ - offset_;
  const uint64_t available = sampleElements_ == 0 ? 0 : usable / sampleElements_;
  const bool exact = !isTokens(field.format()->str());
  if (exact ? available == samples : available >= samples)
    return Status::ok();
  return Status(
      Code::InvalidArgument,
      fmt::format("{}{} has {} samples, the plan expects {}; compile the job for this data",
                  files_.empty() ? "the data set" : files_[0].array.path,
                  files_.size() > 1 ? " with the files after it" : "", available, samples));
}

void FieldSource::read(uint64_t index, void *out) const {
  uint64_t at = index * stride_ + offset_;
  const uint64_t end = at + sampleElements_;
  char *to = static_cast<char *>(out);
  auto file = std::upper_bound(files_.begin(), files_.end(), at,
                               [](uint64_t v, const File &f) { return v < f.firstElement; }) -
              1;
  for (; at < end; ++file) {
    const uint64_t begin = at - file->firstElement;
    const uint64_t count = std::min(end - at, file->elements - begin);
    file->converter.run(file->array.elements() + begin * sizeOf(file->array.type), to, count);
    to += count * of::sizeOf(info_.dtype);
    at += count;
  }
}

} // namespace of::rt::data
