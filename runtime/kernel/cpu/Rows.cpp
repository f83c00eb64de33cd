#include "runtime/kernel/cpu/Rows.h"

#include "runtime/base/Geometry.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace of::rt::kernel {

namespace {

struct RowsShape {
  int64_t rows, rowElements, count;
  DType index;
};

Result<RowsShape> shapeOf(const Spec &spec) {
  OF_TRY(checkAttributes(spec, 4, 0));
  const RowsShape s{spec.ints[0], spec.ints[1], spec.ints[2], static_cast<DType>(spec.ints[3])};
  for (int64_t size : {s.rows, s.rowElements, s.count})
    if (size < 0 || size > static_cast<int64_t>(kMostBytes))
      return malformed(spec, fmt::format("size {} is negative or larger than memory", size));
  if (spec.ints[3] != static_cast<int64_t>(DType::I32) &&
      spec.ints[3] != static_cast<int64_t>(DType::I64))
    return malformed(spec,
                     fmt::format("index dtype {} is neither i32 ({}) nor i64 ({})", spec.ints[3],
                                 static_cast<int>(DType::I32), static_cast<int>(DType::I64)));
  return s;
}

int64_t rowBytesOf(const Spec &spec, const RowsShape &s) {
  return productOf({s.rowElements, static_cast<int64_t>(sizeOf(spec.dtype))});
}

/// Row of this device's part; an index far outside wraps to another row that is none.
template <typename Index> int64_t rowOf(Index index, int64_t first) {
  return static_cast<int64_t>(static_cast<uint64_t>(index) - static_cast<uint64_t>(first));
}

template <typename Index> class GatherRows final : public Routine {
public:
  GatherRows(const RowsShape &shape, size_t rowBytes, int64_t tiles)
      : shape_(shape), rowBytes_(rowBytes), tiles_(tiles) {}

  void run(void *const *buffers, const int64_t *scalars, int64_t tileBegin,
           int64_t tileEnd) override {
    if (tileBegin >= tileEnd)
      return;
    const char *table = static_cast<const char *>(buffers[0]);
    const Index *indices = static_cast<const Index *>(buffers[1]);
    char *out = static_cast<char *>(buffers[2]);
    const int64_t begin = balancedPart({0, shape_.count}, tiles_, tileBegin).begin;
    const int64_t end = balancedPart({0, shape_.count}, tiles_, tileEnd - 1).end;
    for (int64_t j = begin; j < end; ++j) {
      const int64_t row = rowOf(indices[j], scalars[0]);
      char *to = out + j * static_cast<int64_t>(rowBytes_);
      if (row >= 0 && row < shape_.rows)
        std::memcpy(to, table + row * static_cast<int64_t>(rowBytes_), rowBytes_);
      else
        std::memset(to, 0, rowBytes_);
    }
  }

private:
  const RowsShape shape_;
  const size_t rowBytes_;
  const int64_t tiles_;
};

/// Each tile owns a range of table rows and walks all indices in order, so a row is the sum of its
/// gradients in the order of the batch: the value of a stable sort by row followed by segment sums,
/// without the sort.
template <typename T, typename Index> class ScatterAddRows final : public Routine {
public:
  ScatterAddRows(const RowsShape &shape, int64_t tiles) : shape_(shape), tiles_(tiles) {}

  void run(void *const *buffers, const int64_t *scalars, int64_t tileBegin,
           int64_t tileEnd) override {
    if (tileBegin >= tileEnd)
      return;
    const Range own{balancedPart({0, shape_.rows}, tiles_, tileBegin).begin,
                    balancedPart({0, shape_.rows}, tiles_, tileEnd - 1).end};
    const Index *indices = static_cast<const Index *>(buffers[0]);
    const T *dy = static_cast<const T *>(buffers[1]);
    T *dtable = static_cast<T *>(buffers[2]);
    const int64_t width = shape_.rowElements;
    std::fill(dtable + own.begin * width, dtable + own.end * width, T(0));
    for (int64_t j = 0; j < shape_.count; ++j) {
      const int64_t row = rowOf(indices[j], scalars[0]);
      if (row >= own.begin && row < own.end)
        add(dy + j * width, dtable + row * width, width);
    }
  }

private:
  static void add(const T *from, T *to, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      to[i] += from[i];
  }

  const RowsShape shape_;
  const int64_t tiles_;
};

template <typename T> std::unique_ptr<Routine> scatterOf(const RowsShape &shape, int64_t tiles) {
  if (shape.index == DType::I32)
    return std::make_unique<ScatterAddRows<T, int32_t>>(shape, tiles);
  return std::make_unique<ScatterAddRows<T, int64_t>>(shape, tiles);
}

} // namespace

Result<std::unique_ptr<Routine>> makeGatherRows(const Spec &spec, int64_t tiles,
                                                const std::vector<size_t> &bufferBytes) {
  OF_ASSIGN(const RowsShape s, shapeOf(spec));
  const int64_t rowBytes = rowBytesOf(spec, s);
  OF_TRY(checkBuffers(spec,
                      {{"table", productOf({s.rows, rowBytes})},
                       {"indices", productOf({s.count, static_cast<int64_t>(sizeOf(s.index))})},
                       {"out", productOf({s.count, rowBytes})}},
                      bufferBytes));
  const size_t bytes = static_cast<size_t>(rowBytes);
  if (s.index == DType::I32)
    return std::unique_ptr<Routine>(new GatherRows<int32_t>(s, bytes, tiles));
  return std::unique_ptr<Routine>(new GatherRows<int64_t>(s, bytes, tiles));
}

int64_t gatherRowsTiles(const Spec &spec) {
  return spec.ints.size() == 4 ? std::max<int64_t>(1, spec.ints[2]) : 1;
}

Result<std::unique_ptr<Routine>> makeScatterAddRows(const Spec &spec, int64_t tiles,
                                                    const std::vector<size_t> &bufferBytes) {
  OF_ASSIGN(const RowsShape s, shapeOf(spec));
  const int64_t rowBytes = rowBytesOf(spec, s);
  OF_TRY(checkBuffers(spec,
                      {{"indices", productOf({s.count, static_cast<int64_t>(sizeOf(s.index))})},
                       {"dy", productOf({s.count, rowBytes})},
                       {"dtable", productOf({s.rows, rowBytes})},
                       {"scratch", 0}},
                      bufferBytes));
  if (spec.dtype == DType::F32)
    return scatterOf<float>(s, tiles);
  if (spec.dtype == DType::F64)
    return scatterOf<double>(s, tiles);
  return malformed(spec, "is there for f32 and f64 only");
}

int64_t scatterAddRowsTiles(const Spec &spec) {
  return spec.ints.size() == 4 ? std::max<int64_t>(1, spec.ints[0]) : 1;
}

} // namespace of::rt::kernel
