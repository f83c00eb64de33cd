#include "runtime/kernel/cpu/Matmul.h"

#include "runtime/base/Geometry.h"
#include "runtime/kernel/cpu/Blas.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace of::rt::kernel {

namespace {

/// Rows of one unit of work: small enough to balance, large enough for BLAS to run at speed.
constexpr int64_t unitRows = 32;

struct MatmulShape {
  int64_t batch, m, n, k;
  bool transA, transB;
  int64_t strideA, strideB, strideC;
  double alpha, beta;

  int64_t unitsPerMatrix() const { return (m + unitRows - 1) / unitRows; }
  int64_t units() const { return batch * unitsPerMatrix(); }
};

MatmulShape shapeOf(const Spec &spec) {
  const std::vector<int64_t> &v = spec.ints;
  return {v[0],
          v[1],
          v[2],
          v[3],
          v[4] != 0,
          v[5] != 0,
          v[6],
          v[7],
          v[8],
          spec.floats.empty() ? 1.0 : spec.floats[0],
          spec.floats.size() < 2 ? 0.0 : spec.floats[1]};
}

/// One product is one product: a batch of A's that lie row after row against one B.
MatmulShape folded(MatmulShape s) {
  if (s.batch > 1 && !s.transA && s.strideB == 0 && s.strideA == s.m * s.k &&
      s.strideC == s.m * s.n && s.m * s.batch <= std::numeric_limits<int32_t>::max()) {
    s.m *= s.batch;
    s.batch = 1;
  }
  return s;
}

/// Bytes that a batch of [rows, columns] matrices spans.
int64_t spanOf(int64_t size, int64_t batch, int64_t stride, int64_t rows, int64_t columns) {
  return batch == 0 || rows * columns == 0
             ? 0
             : productOf({size, batch - 1, stride}) + productOf({size, rows, columns});
}

Status checkShape(const Spec &spec, const MatmulShape &s) {
  OF_TRY(checkSizes(spec, {s.batch, s.m, s.n, s.k}));
  for (int64_t stride : {s.strideA, s.strideB, s.strideC})
    if (stride < 0 || stride > static_cast<int64_t>(kMostBytes))
      return malformed(spec, fmt::format("stride {} is negative or larger than memory", stride));
  if (s.batch > 1 && s.strideC < s.m * s.n)
    return malformed(spec, fmt::format("results of a batch overlap: stride {} under {} elements",
                                       s.strideC, s.m * s.n));
  return Status::ok();
}

template <typename T> class Matmul final : public Routine {
public:
  Matmul(const MatmulShape &shape, int64_t tiles) : shape_(shape), tiles_(tiles) {}

  void run(void *const *buffers, const int64_t *, int64_t tileBegin, int64_t tileEnd) override {
    for (int64_t tile = tileBegin; tile < tileEnd; ++tile)
      runUnits(buffers, balancedPart({0, shape_.units()}, tiles_, tile));
  }

private:
  /// Units of one matrix that follow each other are one product.
  void runUnits(void *const *buffers, Range units) const {
    const int64_t perMatrix = shape_.unitsPerMatrix();
    for (int64_t unit = units.begin; unit < units.end;) {
      const int64_t matrix = unit / perMatrix;
      const int64_t end = std::min(units.end, (matrix + 1) * perMatrix);
      const int64_t rowBegin = (unit - matrix * perMatrix) * unitRows;
      const int64_t rowEnd = std::min((end - matrix * perMatrix) * unitRows, shape_.m);
      runRows(buffers, matrix, {rowBegin, rowEnd});
      unit = end;
    }
  }

  void runRows(void *const *buffers, int64_t matrix, Range rows) const {
    const MatmulShape &s = shape_;
    const int64_t lda = s.transA ? s.m : s.k;
    const T *a =
        static_cast<const T *>(buffers[0]) + matrix * s.strideA + rows.begin * (s.transA ? 1 : lda);
    const T *b = static_cast<const T *>(buffers[1]) + matrix * s.strideB;
    T *c = static_cast<T *>(buffers[2]) + matrix * s.strideC + rows.begin * s.n;
    gemm<T>(s.transA, s.transB, rows.size(), s.n, s.k, static_cast<T>(s.alpha), a, lda, b,
            s.transB ? s.k : s.n, static_cast<T>(s.beta), c, s.n);
  }

  const MatmulShape shape_;
  const int64_t tiles_;
};

} // namespace

Result<std::unique_ptr<Routine>> makeMatmul(const Spec &spec, int64_t tiles,
                                            const std::vector<size_t> &bufferBytes) {
  OF_TRY(checkAttributes(spec, 9, 2));
  const MatmulShape s = shapeOf(spec);
  OF_TRY(checkShape(spec, s));
  const int64_t size = static_cast<int64_t>(sizeOf(spec.dtype));
  OF_TRY(checkBuffers(spec,
                      {{"A", spanOf(size, s.batch, s.strideA, s.m, s.k)},
                       {"B", spanOf(size, s.batch, s.strideB, s.k, s.n)},
                       {"C", spanOf(size, s.batch, s.strideC, s.m, s.n)}},
                      bufferBytes));
  useSingleThreadedBlas();
  if (spec.dtype == DType::F32)
    return std::unique_ptr<Routine>(new Matmul<float>(folded(s), tiles));
  if (spec.dtype == DType::F64)
    return std::unique_ptr<Routine>(new Matmul<double>(folded(s), tiles));
  return malformed(spec, "is there for f32 and f64 only");
}

int64_t matmulTiles(const Spec &spec) {
  if (spec.ints.size() != 9)
    return 1;
  return std::max<int64_t>(1, folded(shapeOf(spec)).units());
}

} // namespace of::rt::kernel
