#include "runtime/data/BatchReader.h"

#include "runtime/base/Bijection.h"
#include "runtime/data/FieldSource.h"

#include <cstring>
#include <fmt/format.h>

namespace of::rt {

namespace {

using data::FieldSource;

/// Writes the mask's value for one row.
void writeMask(DType dtype, void *mask, int64_t row, bool real) {
  if (dtype == DType::F64)
    static_cast<double *>(mask)[row] = real;
  else if (dtype == DType::F32)
    static_cast<float *>(mask)[row] = real;
  else
    static_cast<uint8_t *>(mask)[row] = real;
}

class FileBatchReader final : public BatchReader {
public:
  explicit FileBatchReader(const plan::Dataset &dataset)
      : samples_(dataset.samples()), shuffle_(dataset.shuffle()), seed_(dataset.seed()),
        mask_(dataset.mask_field()) {}

  Status openFields(const plan::Dataset &dataset, const std::vector<std::string> &folders) {
    for (const plan::Field *field : *dataset.fields()) {
      auto source = FieldSource::open(*field, samples_, folders);
      if (!source)
        return source.status().withContext(
            fmt::format("data set '{}', field '{}'", dataset.name()->str(), field->name()->str()));
      fields_.push_back(source->info());
      sources_.push_back(std::move(*source));
    }
    return mask_ ? addMask(static_cast<DType>(dataset.mask_dtype())) : Status::ok();
  }

  uint64_t samples() const override { return samples_; }
  const std::vector<FieldInfo> &fields() const override { return fields_; }

  uint64_t batches(uint64_t globalRows) const override {
    return globalRows == 0 ? 0 : (samples_ + (mask_ ? globalRows - 1 : 0)) / globalRows;
  }

  Status read(uint64_t epoch, uint64_t batch, uint64_t globalRows, Range rows,
              void *const *out) const override {
    if (batch >= batches(globalRows) || rows.begin < 0 || rows.end < rows.begin ||
        static_cast<uint64_t>(rows.end) > globalRows)
      return Status(Code::Internal,
                    fmt::format("asked for rows {} to {} of batch {} of {} rows, an epoch has {} "
                                "batches",
                                rows.begin, rows.end, batch, globalRows, batches(globalRows)));
    const Bijection order(samples_, seed_, epoch);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const uint64_t place = batch * globalRows + static_cast<uint64_t>(row);
      const bool real = place < samples_;
      const uint64_t sample = real && shuffle_ ? order(place) : place;
      readRow(sample, real, row - rows.begin, out);
    }
    return Status::ok();
  }

private:
  Status addMask(DType dtype) {
    if (dtype != DType::F32 && dtype != DType::F64 && dtype != DType::Bool)
      return Status(Code::Corrupt,
                    fmt::format("the mask of a data set is {}, not f32, f64 or bool; "
                                "compile the plan again",
                                nameOf(dtype)));
    fields_.push_back({"mask", dtype, {}, sizeOf(dtype)});
    return Status::ok();
  }

  void readRow(uint64_t sample, bool real, int64_t row, void *const *out) const {
    for (size_t i = 0; i < sources_.size(); ++i) {
      char *to = static_cast<char *>(out[i]) + static_cast<size_t>(row) * fields_[i].sampleBytes;
      if (real)
        sources_[i].read(sample, to);
      else
        std::memset(to, 0, fields_[i].sampleBytes);
    }
    if (mask_)
      writeMask(fields_.back().dtype, out[sources_.size()], row, real);
  }

  const uint64_t samples_;
  const bool shuffle_;
  const uint64_t seed_;
  const bool mask_;
  std::vector<FieldInfo> fields_;
  std::vector<FieldSource> sources_;
};

} // namespace

BatchReader::~BatchReader() = default;

Result<std::unique_ptr<BatchReader>> BatchReader::open(const plan::Dataset &dataset,
                                                       const std::vector<std::string> &folders) {
  auto reader = std::make_unique<FileBatchReader>(dataset);
  OF_TRY(reader->openFields(dataset, folders));
  return std::unique_ptr<BatchReader>(std::move(reader));
}

} // namespace of::rt
