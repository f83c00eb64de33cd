#include "runtime/base/Bijection.h"
#include "test/data/DataFolder.h"

#include <algorithm>
#include <numeric>
#include <random>

using namespace of;
using namespace of::rt;
using namespace of::rt::test;
using Catch::Matchers::Contains;

namespace {

/// `samples` samples of two bytes, (i, i + 100), and a label i.
plan::DatasetT pairs(const DataFolder &folder, uint64_t samples) {
  std::string x, label;
  for (uint64_t i = 0; i < samples; ++i) {
    x += {static_cast<char>(i), static_cast<char>(i + 100)};
    label += static_cast<char>(i);
  }
  folder.writeGzip("x.gz", idxFile(8, {static_cast<uint32_t>(samples), 2}, x));
  folder.write("label", idxFile(8, {static_cast<uint32_t>(samples)}, label));
  plan::DatasetT out;
  out.name = "pairs";
  out.samples = samples;
  out.seed = 11;
  out.fields.push_back(field("x", "x.gz", "idx", plan::DType::F32, {1, 2}));
  out.fields.push_back(field("label", "label", "idx", plan::DType::I64, {}));
  return out;
}

struct Batch {
  explicit Batch(size_t rows) : x(rows * 2, -1), label(rows, -1), mask(rows, -1) {}
  std::vector<float> x;
  std::vector<int64_t> label;
  std::vector<double> mask;
  std::array<void *, 3> out() { return {x.data(), label.data(), mask.data()}; }
};

std::unique_ptr<BatchReader> openOk(const plan::DatasetT &dataset, const DataFolder &folder) {
  auto reader = BatchReader::open(*PlanDataset(dataset), {"/nonexistent", folder.path()});
  REQUIRE(reader.status().message() == "");
  return std::move(*reader);
}

} // namespace

TEST_CASE("a shuffled epoch holds each sample once, in the order of the bijection") {
  DataFolder folder;
  plan::DatasetT dataset = pairs(folder, 24);
  dataset.shuffle = true;
  auto reader = openOk(dataset, folder);
  REQUIRE(reader->batches(8) == 3);
  for (uint64_t epoch : {0, 1, 7}) {
    const Bijection order(24, 11, epoch);
    std::vector<int64_t> seen;
    for (uint64_t batch = 0; batch < 3; ++batch) {
      Batch b(8);
      REQUIRE(reader->read(epoch, batch, 8, {0, 8}, b.out().data()).isOk());
      for (uint64_t j = 0; j < 8; ++j) {
        const int64_t want = static_cast<int64_t>(order(batch * 8 + j));
        CHECK(b.label[j] == want);
        CHECK(b.x[2 * j] == static_cast<float>(want));
        CHECK(b.x[2 * j + 1] == static_cast<float>(want + 100));
        seen.push_back(b.label[j]);
      }
    }
    std::sort(seen.begin(), seen.end());
    std::vector<int64_t> all(24);
    std::iota(all.begin(), all.end(), 0);
    CHECK(seen == all);
  }
}

TEST_CASE("the split of a batch does not change what it holds") {
  DataFolder folder;
  plan::DatasetT dataset = pairs(folder, 50);
  dataset.shuffle = true;
  auto reader = openOk(dataset, folder);
  std::mt19937 random(Catch::rngSeed());
  for (int i = 0; i < 20; ++i) {
    const uint64_t rows = std::uniform_int_distribution<uint64_t>(1, 20)(random);
    const int64_t cut =
        std::uniform_int_distribution<int64_t>(0, static_cast<int64_t>(rows))(random);
    Batch whole(rows), low(rows), high(rows);
    const int64_t end = static_cast<int64_t>(rows);
    REQUIRE(reader->read(2, 1, rows, {0, end}, whole.out().data()).isOk());
    REQUIRE(reader->read(2, 1, rows, {0, cut}, low.out().data()).isOk());
    REQUIRE(reader->read(2, 1, rows, {cut, end}, high.out().data()).isOk());
    std::copy_n(high.label.begin(), end - cut, low.label.begin() + cut);
    std::copy_n(high.x.begin(), 2 * (end - cut), low.x.begin() + 2 * cut);
    CHECK(low.label == whole.label);
    CHECK(low.x == whole.x);
  }
}

TEST_CASE("training drops the last partial batch, evaluation pads and masks it") {
  DataFolder folder;
  plan::DatasetT dataset = pairs(folder, 10);
  CHECK(openOk(dataset, folder)->batches(4) == 2);
  Batch dropped(4);
  CHECK_THAT(openOk(dataset, folder)->read(0, 2, 4, {0, 4}, dropped.out().data()).message(),
             Contains("an epoch has 2 batches"));

  dataset.mask_field = true;
  dataset.mask_dtype = plan::DType::F64;
  auto reader = openOk(dataset, folder);
  REQUIRE(reader->batches(4) == 3);
  CHECK(reader->fields().back().name == "mask");
  Batch b(3);
  REQUIRE(reader->read(0, 2, 4, {1, 4}, b.out().data()).isOk());
  CHECK(b.label == std::vector<int64_t>{9, 0, 0});
  CHECK(b.x == std::vector<float>{9, 109, 0, 0, 0, 0});
  CHECK(b.mask == std::vector<double>{1, 0, 0});
}

TEST_CASE("tokens give windows, shifted by one for the labels, also across files") {
  DataFolder folder;
  folder.write("a.bin", "abcdefg");
  folder.write("b.bin", "hij");
  plan::DatasetT dataset;
  dataset.name = "text";
  dataset.samples = 3;
  for (int64_t offset : {0, 1}) {
    auto f = field(offset ? "next" : "now", "a.bin", "tokens", plan::DType::I32, {3});
    f->files.push_back("b.bin");
    f->sequence = 3;
    f->offset = offset;
    dataset.fields.push_back(std::move(f));
  }
  auto reader = openOk(dataset, folder);
  std::vector<int32_t> now(9), next(9);
  void *out[] = {now.data(), next.data()};
  REQUIRE(reader->read(0, 0, 3, {0, 3}, out).isOk());
  CHECK(std::string(now.begin(), now.end()) == "abcdefghi");
  CHECK(std::string(next.begin(), next.end()) == "bcdefghij");

  dataset.samples = 4;
  CHECK_THAT(BatchReader::open(*PlanDataset(dataset), {folder.path()}).status().message(),
             Contains("a.bin") && Contains("has 3 samples, the plan expects 4"));
}

TEST_CASE("samples of several files follow each other") {
  DataFolder folder;
  folder.write("one.npy", npyFile("<f4", "(2,)", bytesOf<float>({1, 2})));
  folder.write("two.idx", idxFile(8, {3}, std::string("\3\4\5", 3)));
  folder.write("two.npy", npyFile("<i8", "(3,)", bytesOf<int64_t>({3, 4, 5})));
  plan::DatasetT dataset;
  dataset.name = "numbers";
  dataset.samples = 5;
  dataset.fields.push_back(field("x", "one.npy", "npy", plan::DType::F64, {}));
  dataset.fields[0]->files.push_back("two.npy");
  dataset.fields[0]->scale = 0.5;
  dataset.fields[0]->shift = 1;
  auto reader = openOk(dataset, folder);
  std::vector<double> x(5);
  void *out[] = {x.data()};
  REQUIRE(reader->read(0, 0, 5, {0, 5}, out).isOk());
  CHECK(x == std::vector<double>{1.5, 2, 2.5, 3, 3.5});
}

TEST_CASE("data that does not fit the plan is refused with file and numbers") {
  DataFolder folder;
  plan::DatasetT dataset = pairs(folder, 10);
  const auto message = [&] {
    auto reader = BatchReader::open(*PlanDataset(dataset), {folder.path()});
    REQUIRE_FALSE(reader.isOk());
    return reader.status().message();
  };
  dataset.samples = 11;
  CHECK_THAT(message(), Contains("data set 'pairs', field 'x'") && Contains("x.gz") &&
                            Contains("has 10 samples, the plan expects 11"));
  dataset.samples = 10;
  dataset.fields[0]->shape = {3};
  CHECK_THAT(message(), Contains("x.gz has samples of shape [2], the plan expects [3]"));
  dataset.fields[0]->shape = {2};
  dataset.fields[0]->dtype = plan::DType::BF16;
  CHECK_THAT(message(), Contains("does not produce bf16"));
  dataset.fields[0]->dtype = plan::DType::F32;
  dataset.fields[1]->files = {"labels"};
  CHECK_THAT(message(), Contains("no file 'labels' in " + folder.path()) && Contains("--data"));
  dataset.fields[1]->files = {"label"};
  dataset.fields[1]->format = "csv";
  CHECK_THAT(message(), Contains("format 'csv' is not known"));
}
