// A folder of data files for one test, and data sets as a plan holds them.
#pragma once

#include "runtime/data/BatchReader.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <zlib.h>

namespace of::rt::test {

class DataFolder {
public:
  DataFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "of-data-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    path_ = name;
  }
  ~DataFolder() { std::filesystem::remove_all(path_); }
  const std::string &path() const { return path_; }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
    return path_ + "/" + name;
  }
  std::string writeGzip(const std::string &name, const std::string &bytes) const {
    gzFile file = gzopen((path_ + "/" + name).c_str(), "wb");
    REQUIRE(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) > 0);
    gzclose(file);
    return path_ + "/" + name;
  }

private:
  std::string path_;
};

/// A plan::Dataset with the buffer it lives in.
class PlanDataset {
public:
  explicit PlanDataset(const plan::DatasetT &dataset) {
    builder_.Finish(plan::Dataset::Pack(builder_, &dataset));
  }
  const plan::Dataset &operator*() const {
    return *flatbuffers::GetRoot<plan::Dataset>(builder_.GetBufferPointer());
  }

private:
  flatbuffers::FlatBufferBuilder builder_;
};

inline std::unique_ptr<plan::FieldT> field(const std::string &name, const std::string &file,
                                           const std::string &format, plan::DType dtype,
                                           Shape shape) {
  auto out = std::make_unique<plan::FieldT>();
  out->name = name;
  out->files = {file};
  out->format = format;
  out->dtype = dtype;
  out->shape = std::move(shape);
  return out;
}

/// An IDX file: type code, dims, big-endian elements already in `elements`.
inline std::string idxFile(uint8_t type, const std::vector<uint32_t> &dims,
                           const std::string &elements) {
  std::string out = {0, 0, static_cast<char>(type), static_cast<char>(dims.size())};
  for (uint32_t dim : dims)
    for (int shift = 24; shift >= 0; shift -= 8)
      out += static_cast<char>(dim >> shift);
  return out + elements;
}

/// An npy file of version 1.0.
inline std::string npyFile(const std::string &descr, const std::string &shape,
                           const std::string &elements, const std::string &order = "False") {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string out = "\x93NUMPY";
  out += {1, 0, static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  return out + header + elements;
}

/// The bytes of values, in host order.
template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

} // namespace of::rt::test
