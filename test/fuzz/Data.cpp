#include "runtime/data/BatchReader.h"
#include "runtime/data/Convert.h"
#include "runtime/data/NpyFile.h"
#include "runtime/data/StoredArray.h"
#include "test/fuzz/InputFile.h"
#include "test/fuzz/Targets.h"

#include <algorithm>

namespace of::fuzz {

namespace {

constexpr const char *kFormats[] = {"idx",        "npy",        "tokens",    "tokens-u16",
                                    "tokens-u32", "tokens-i32", "tokens-i64"};

constexpr size_t kDTypes = static_cast<size_t>(plan::DType::MAX) + 1;

/// The data set that a plan would describe for such a file.
std::vector<uint8_t> datasetOf(const rt::data::StoredArray &array, const std::string &format,
                               plan::DType dtype, const std::string &path) {
  plan::DatasetT dataset;
  dataset.name = "train";
  dataset.samples = static_cast<uint64_t>(array.shape[0]);
  dataset.shuffle = true;
  auto field = std::make_unique<plan::FieldT>();
  field->name = "x";
  field->files = {path};
  field->format = format;
  field->dtype = dtype;
  field->scale = array.shape[0] % 2 == 0 ? 0.5 : 1;
  field->shape.assign(array.shape.begin() + 1, array.shape.end());
  if (rt::data::isTokens(format)) {
    field->sequence = 3;
    field->offset = 1;
    field->shape = {3};
    dataset.samples = (dataset.samples - std::min<uint64_t>(dataset.samples, 1)) / 3;
  }
  dataset.fields.push_back(std::move(field));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(plan::Dataset::Pack(builder, &dataset));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

Status readBatches(const rt::data::StoredArray &array, const std::string &format, plan::DType dtype,
                   const std::string &path) {
  const std::vector<uint8_t> bytes = datasetOf(array, format, dtype, path);
  const auto &dataset = *flatbuffers::GetRoot<plan::Dataset>(bytes.data());
  OF_ASSIGN(const auto reader, rt::BatchReader::open(dataset, {}));
  constexpr uint64_t kRows = 2;
  const uint64_t batches = reader->batches(kRows);
  if (batches == 0) // samples of any size may be none
    return Status::ok();
  std::vector<char> rows(kRows * reader->fields()[0].sampleBytes);
  void *out[] = {rows.data()};
  for (const uint64_t batch : {uint64_t(0), batches - 1})
    OF_TRY(reader->read(0, batch, kRows, {0, kRows}, out));
  return Status::ok();
}

} // namespace

std::string data(std::string_view input) {
  static InputFile file;
  if (input.empty())
    return "no format";
  const auto choice = static_cast<uint8_t>(input[0]);
  const std::string format = kFormats[choice % std::size(kFormats)];
  const auto dtype = static_cast<plan::DType>(choice / std::size(kFormats) % kDTypes);
  file.assign(input.substr(1));
  if (format == "npy")
    (void)rt::npyInfo(file.path());
  const auto array = rt::data::openArray(file.path(), format);
  if (!array)
    return messageOf(array.status());
  return messageOf(readBatches(*array, format, dtype, file.path()));
}

} // namespace of::fuzz
