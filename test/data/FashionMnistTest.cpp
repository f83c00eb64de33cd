// The real data, where the system has it.
#include "test/data/DataFolder.h"

#include <numeric>

using namespace of;
using namespace of::rt;
using namespace of::rt::test;

namespace {
const std::string folder = "/usr/share/datasets/fashion-mnist";
}

TEST_CASE("Fashion-MNIST reads as 60000 images with balanced labels") {
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: " << folder << " is not there (package dataset-fashion-mnist)");
    return;
  }
  plan::DatasetT dataset;
  dataset.name = "train";
  dataset.samples = 60000;
  dataset.shuffle = true;
  dataset.seed = 1;
  dataset.fields.push_back(
      field("image", "train-images-idx3-ubyte.gz", "idx", plan::DType::F32, {1, 28, 28}));
  dataset.fields[0]->scale = 1.0 / 255;
  dataset.fields.push_back(
      field("label", "train-labels-idx1-ubyte.gz", "idx", plan::DType::I64, {}));
  auto reader = BatchReader::open(*PlanDataset(dataset), {folder});
  REQUIRE(reader.status().message() == "");

  std::vector<int> counts(10);
  double sum = 0;
  std::vector<float> images(600 * 784);
  std::vector<int64_t> labels(600);
  void *out[] = {images.data(), labels.data()};
  for (uint64_t batch = 0; batch < 100; ++batch) {
    REQUIRE((*reader)->read(0, batch, 600, {0, 600}, out).isOk());
    sum = std::accumulate(images.begin(), images.end(), sum);
    for (int64_t label : labels)
      ++counts.at(static_cast<size_t>(label));
  }
  CHECK(counts == std::vector<int>(10, 6000));
  CHECK(sum / (60000.0 * 784) == Approx(0.2860).margin(1e-4)); // the published mean
}
