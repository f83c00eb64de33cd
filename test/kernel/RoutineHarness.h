// Runs a routine the way a device does: attributes as a plan holds them, exact buffers, tiles in
// any grouping and order.
#pragma once

#include "runtime/base/DType.h"
#include "runtime/kernel/Library.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

namespace of::rt::test {

/// A plan::Library with the buffer it lives in.
class PlanLibrary {
public:
  PlanLibrary(const std::string &name, DType dtype, std::vector<int64_t> ints,
              std::vector<double> floats = {}) {
    plan::LibraryT table;
    table.name = name;
    table.dtype = static_cast<plan::DType>(dtype);
    table.ints = std::move(ints);
    table.floats = std::move(floats);
    builder_.Finish(plan::Library::Pack(builder_, &table));
  }
  const plan::Library &operator*() const {
    return *flatbuffers::GetRoot<plan::Library>(builder_.GetBufferPointer());
  }

private:
  flatbuffers::FlatBufferBuilder builder_;
};

template <typename T> constexpr DType dtypeOf();
template <> constexpr DType dtypeOf<float>() { return DType::F32; }
template <> constexpr DType dtypeOf<double>() { return DType::F64; }

/// Bytes of a scratch buffer, filled with NaNs so that reading it before writing shows.
struct Scratch {
  explicit Scratch(size_t bytes) : words((bytes + 7) / 8, std::nan("")) {}
  void *data() { return words.data(); }
  std::vector<double> words;
};

/// Runs all tiles one by one, last first: the result may not depend on it.
inline void runBackwards(Routine &routine, const std::vector<void *> &buffers, int64_t tiles,
                         const std::vector<int64_t> &scalars = {}) {
  for (int64_t tile = tiles; tile-- > 0;)
    routine.run(buffers.data(), scalars.data(), tile, tile + 1);
}

template <typename T> std::vector<T> randomValues(int64_t count, std::mt19937 &random) {
  std::uniform_real_distribution<T> value(-1, 1);
  std::vector<T> out(static_cast<size_t>(count));
  for (T &v : out)
    v = value(random);
  return out;
}

/// Largest error relative to the largest value.
template <typename T>
double relativeError(const std::vector<T> &got, const std::vector<double> &want) {
  REQUIRE(got.size() == want.size());
  double error = 0, scale = 1;
  for (size_t i = 0; i < got.size(); ++i) {
    scale = std::max(scale, std::abs(want[i]));
    const double difference = std::abs(static_cast<double>(got[i]) - want[i]);
    error = std::isnan(difference) ? INFINITY : std::max(error, difference);
  }
  return error / scale;
}

template <typename T> constexpr double tolerance() { return sizeof(T) == 4 ? 3e-6 : 1e-14; }

} // namespace of::rt::test
