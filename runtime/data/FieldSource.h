// One field of a data set: its files as one stream of elements, cut into samples.
//
//   file 0 | file 1 | …          elements in order
//   sample i = elements [i * stride + offset, … + sampleElements)
//
// idx and npy: stride = sampleElements, offset = 0. Tokens: stride = sequence, so inputs and labels
// are two fields over the same files with offsets 0 and 1.
//
// Internal to runtime/data. Immutable after open.
#pragma once

#include "runtime/data/BatchReader.h"
#include "runtime/data/Convert.h"

namespace of::rt::data {

class FieldSource {
public:
  /// Opens the files and checks them against the field and the data set's sample count.
  static Result<FieldSource> open(const plan::Field &field, uint64_t samples,
                                  const std::vector<std::string> &folders);

  const FieldInfo &info() const { return info_; }

  /// Converts sample `index` < samples into `out`.
  void read(uint64_t index, void *out) const;

private:
  Status addFile(const plan::Field &field, const std::string &path);
  Status checkSampleShape(const StoredArray &array) const;
  Status checkSamples(const plan::Field &field, uint64_t samples) const;

  struct File {
    StoredArray array;
    Converter converter;
    uint64_t firstElement;
    uint64_t elements;
  };

  FieldInfo info_;
  std::vector<File> files_;
  uint64_t stride_ = 0, offset_ = 0, sampleElements_ = 0, elements_ = 0;
};

} // namespace of::rt::data
