// The work that a probe times.
#include "tools/of-run/Measure.h"

#include "runtime/kernel/Library.h"
#include "runtime/memory/Chunk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace of::run {

namespace {

/// Places in one chunk, on lines of their own.
struct Buffers {
  rt::Chunk chunk;
  std::vector<std::byte *> at;

  /// All bytes are written once.
  static Result<std::shared_ptr<Buffers>> make(const std::vector<size_t> &bytes,
                                               bool shared = false) {
    constexpr size_t line = 64;
    auto out = std::make_shared<Buffers>();
    std::vector<size_t> offsets;
    size_t all = 0;
    for (size_t size : bytes) {
      offsets.push_back(all);
      all += (size + line - 1) / line * line;
    }
    OF_ASSIGN(out->chunk, rt::Chunk::allocate(all, shared));
    std::memset(out->chunk.data(), 0, all);
    for (size_t offset : offsets)
      out->at.push_back(out->chunk.data() + offset);
    return out;
  }
  /// So many equal arrays of so many elements, with this value.
  static Result<std::shared_ptr<Buffers>> floats(size_t arrays, size_t elements, float value,
                                                 bool shared = false) {
    OF_ASSIGN(std::shared_ptr<Buffers> out,
              make(std::vector<size_t>(arrays, elements * sizeof(float)), shared));
    for (size_t i = 0; i < arrays; ++i)
      std::fill_n((*out)[i], elements, value);
    return out;
  }
  float *operator[](size_t i) const { return reinterpret_cast<float *>(at[i]); }
};

/// A library call as a plan would hold it.
class LibraryWork final : public Work {
public:
  static Result<std::unique_ptr<Work>> make(const plan::LibraryT &call,
                                            const std::vector<size_t> &bytes, size_t areaBytes,
                                            uint32_t threads) {
    auto out = std::make_unique<LibraryWork>();
    out->builder_.Finish(plan::Library::Pack(out->builder_, &call));
    const auto *table = flatbuffers::GetRoot<plan::Library>(out->builder_.GetBufferPointer());
    // Tiles of a device: a few for each thread, as the compiler cuts them.
    out->tiles_ = std::min<int64_t>(threads, rt::maxTiles(*table));
    OF_ASSIGN(const size_t scratch, rt::scratchBytes(*table, out->tiles_));
    std::vector<size_t> all = bytes;
    if (scratch > 0)
      all.push_back(scratch);
    OF_TRY(out->allocate(all, areaBytes));
    OF_ASSIGN(out->routine_, rt::makeRoutine(*table, out->tiles_, all));
    return std::unique_ptr<Work>(std::move(out));
  }

  void run(rt::TileTeam &team) override {
    at_ = (at_ + 1) % buffers_.size();
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          LibraryWork &w = *static_cast<LibraryWork *>(context);
          w.routine_->run(w.buffers_[w.at_].data(), nullptr, begin, end);
        },
        this, tiles_);
  }

private:
  Status allocate(const std::vector<size_t> &bytes, size_t areaBytes) {
    const size_t once = std::accumulate(bytes.begin(), bytes.end(), size_t(0));
    const size_t runs = std::max<size_t>(1, areaBytes / once);
    std::vector<size_t> all;
    for (size_t run = 0; run < runs; ++run)
      all.insert(all.end(), bytes.begin(), bytes.end());
    OF_ASSIGN(memory_, Buffers::make(all));
    for (size_t run = 0; run < runs; ++run) {
      const auto first = memory_->at.begin() + static_cast<ptrdiff_t>(run * bytes.size());
      buffers_.emplace_back(first, first + static_cast<ptrdiff_t>(bytes.size()));
    }
    return Status::ok();
  }

  flatbuffers::FlatBufferBuilder builder_;
  std::shared_ptr<Buffers> memory_;
  std::vector<std::vector<void *>> buffers_; ///< of the runs, in turn
  std::unique_ptr<rt::Routine> routine_;
  int64_t tiles_ = 1;
  size_t at_ = 0;
};

/// A function of a range of elements, `cachedRepeats` times in a run.
template <typename Fn> class RangeWork final : public Work {
public:
  RangeWork(int64_t elements, uint32_t threads, Fn fn)
      : elements_(elements), tiles_(threads), fn_(std::move(fn)) {}

  void run(rt::TileTeam &team) override {
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          auto &w = *static_cast<RangeWork *>(context);
          for (int i = 0; i < cachedRepeats; ++i)
            w.fn_(w.elements_ * begin / w.tiles_, w.elements_ * end / w.tiles_);
        },
        this, tiles_);
  }

private:
  const int64_t elements_, tiles_;
  Fn fn_;
};

template <typename Fn> std::unique_ptr<Work> rangeWork(int64_t elements, uint32_t threads, Fn fn) {
  return std::make_unique<RangeWork<Fn>>(elements, threads, std::move(fn));
}

/// A function of a range, in each run of the next piece of an area.
template <typename Fn> class PieceWork final : public Work {
public:
  PieceWork(size_t piece, size_t area, uint32_t threads, Fn fn)
      : piece_(piece), area_(area), threads_(threads), fn_(std::move(fn)) {}

  void run(rt::TileTeam &team) override {
    at_ = at_ + 2 * piece_ <= area_ ? at_ + piece_ : 0;
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          auto &w = *static_cast<PieceWork *>(context);
          w.fn_(w.at_ + w.piece_ * begin / w.threads_, w.at_ + w.piece_ * end / w.threads_);
        },
        this, threads_);
  }

private:
  const size_t piece_, area_, threads_;
  Fn fn_;
  size_t at_ = 0;
};

template <typename Fn>
std::unique_ptr<Work> pieceWork(size_t piece, size_t area, uint32_t threads, Fn fn) {
  return std::make_unique<PieceWork<Fn>>(piece, area, threads, std::move(fn));
}

// What follows is vectorised for the host, like generated kernels.

/// As wide as generated kernels have vectors where the host does; others halve it.
using Floats = float __attribute__((vector_size(64), aligned(4), may_alias));
using Ints = int32_t __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int64_t vectorElements = sizeof(Floats) / sizeof(float);

/// e^x much as generated kernels compute it (lib/Codegen/ExpandMath.cpp): 2^n (1 + r + r^2 Q(r)),
/// and nothing for what is too small. Whole vectors.
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3"))) void
expRange(const float *from, float *to, int64_t count) {
  const Floats zero = {};
  for (int64_t i = 0; i < count; i += vectorElements) {
    const Floats x = *reinterpret_cast<const Floats *>(from + i);
    const Floats most = x > 89.0f ? zero + 89.0f : x;
    const Floats clamped = x < -104.0f ? zero : most;
    const Floats shifted = clamped * 1.44269504f + 12582912.0f;
    const Ints n = reinterpret_cast<Ints>(shifted) - 0x4b400000;
    const Floats nearest = shifted - 12582912.0f;
    const Floats r = (clamped - nearest * 0.693359375f) + nearest * 2.12194440e-4f;
    Floats q = zero + 1.0f / 5040;
    for (float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f})
      q = q * r + term;
    const Floats e = 1.0f + (r * r * q + r);
    const Floats power = reinterpret_cast<Floats>((n + 127) << 23);
    *reinterpret_cast<Floats *>(to + i) = x < -104.0f ? zero : e * power;
  }
}

/// m = 0.9 m + 0.1 g, v = 0.99 v + 0.01 g g, w -= 0.1 m (v + 1)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3"))) void
elementRange(float *__restrict w, float *__restrict m, float *__restrict v,
             const float *__restrict g, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.99f * v[i] + 0.01f * (g[i] * g[i]);
    w[i] -= 0.1f * (m[i] * (v[i] + 1.0f));
  }
}

/// m = 0.9 m + g, w -= 0.1 m
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3"))) void
updateRange(float *__restrict w, float *__restrict m, const float *__restrict g, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] = 0.9f * m[i] + g[i];
    w[i] -= 0.1f * m[i];
  }
}

/// Sums of rows, in any order of additions; each row is begun when the sum before is known, as the
/// passes of a softmax are.
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"),
               optimize("O3", "associative-math", "no-trapping-math"))) void
foldRows(const float *__restrict x, float *__restrict y, int64_t rows, int64_t columns) {
  float sum = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const float *row = x + r * columns + static_cast<int64_t>(sum * 0.0f);
    sum = 0;
    for (int64_t c = 0; c < columns; ++c)
      sum += row[c];
    y[r] = sum;
  }
}

constexpr int64_t filters = 32, extent = 28, window = 3;

} // namespace

WorkFactory libraryWork(plan::LibraryT call, std::vector<size_t> bufferBytes, size_t areaBytes) {
  return [call = std::move(call), bytes = std::move(bufferBytes), areaBytes](uint32_t threads) {
    return LibraryWork::make(call, bytes, areaBytes, threads);
  };
}

static size_t sizeOf(plan::DType dtype) { return dtype == plan::DType::F64 ? 8 : 4; }

double ProductShape::flops() const { return 2 * double(batch) * double(m * n * k); }
double ProductShape::movedBytes(plan::DType dtype) const {
  return double(sizeOf(dtype)) * double(batch) * double(m * k + k * n + 2 * m * n);
}

WorkFactory matmulWork(plan::DType dtype, const ProductShape &shape, size_t areaBytes) {
  const auto [m, n, k, batch, lhsTransposed, rhsTransposed] = shape;
  plan::LibraryT call;
  call.name = "matmul";
  call.dtype = dtype;
  call.ints = {batch, m, n, k, lhsTransposed, rhsTransposed, m * k, k * n, m * n};
  const size_t size = sizeOf(dtype) * static_cast<size_t>(batch);
  return libraryWork(call, {m * k * size, k * n * size, m * n * size}, areaBytes);
}

double ConvolutionShape::flops() const {
  return 2 * depth() * double(samples * filters * extent * extent);
}
double ConvolutionShape::filterWeights() const { return depth() * double(filters); }
double ConvolutionShape::depth() const { return double(channels * window * window); }

/// Bytes of the images, of the results and of the weights.
static std::array<size_t, 3> bytesOf(const ConvolutionShape &shape, plan::DType dtype) {
  const size_t pixels = shape.samples * extent * extent * sizeOf(dtype);
  return {pixels * shape.channels, pixels * filters,
          static_cast<size_t>(shape.filterWeights()) * sizeOf(dtype)};
}

double ConvolutionShape::movedBytes(const std::string &routine, plan::DType dtype) const {
  const auto [image, result, weights] = bytesOf(*this, dtype);
  const size_t written = routine == "conv2d_backward_weights" ? weights
                         : routine == "conv2d_backward_data"  ? image
                                                              : result;
  return double(image + result + weights + written);
}

WorkFactory convolutionWork(const std::string &routine, plan::DType dtype,
                            const ConvolutionShape &shape, size_t areaBytes) {
  plan::LibraryT call;
  call.name = routine;
  call.dtype = dtype;
  call.ints = {0,
               shape.samples,
               shape.channels,
               extent,
               extent,
               filters,
               window,
               window,
               extent,
               extent,
               1,
               1,
               1,
               1,
               1,
               1,
               1,
               1,
               1};
  const auto [image, result, weights] = bytesOf(shape, dtype);
  if (routine == "conv2d_backward_weights")
    return libraryWork(call, {image, result, weights}, areaBytes);
  if (routine == "conv2d_backward_data")
    return libraryWork(call, {result, weights, image}, areaBytes);
  return libraryWork(call, {image, weights, result}, areaBytes);
}

WorkFactory copyWork(size_t bytes, size_t total) {
  return [bytes, total](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    OF_ASSIGN(std::shared_ptr<Buffers> b, Buffers::make({total, total}));
    return pieceWork(bytes, total, threads, [b = std::move(b)](size_t first, size_t last) {
      std::memcpy(b->at[1] + first, b->at[0] + first, last - first);
    });
  };
}

WorkFactory updateWork(size_t bytes, size_t total, bool shared) {
  constexpr size_t size = sizeof(float);
  return [bytes, total, shared](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    OF_ASSIGN(std::shared_ptr<Buffers> b, Buffers::floats(3, total / size, 0.5f, shared));
    return pieceWork(bytes / size, total / size, threads,
                     [b = std::move(b)](size_t first, size_t last) {
                       updateRange((*b)[0] + first, (*b)[1] + first, (*b)[2] + first,
                                   static_cast<int64_t>(last - first));
                     });
  };
}

WorkFactory elementWork(int64_t elements) {
  return [elements](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    OF_ASSIGN(std::shared_ptr<Buffers> b, Buffers::floats(4, elements, 0.5f));
    return rangeWork(elements, threads, [b = std::move(b)](int64_t begin, int64_t end) {
      elementRange((*b)[0] + begin, (*b)[1] + begin, (*b)[2] + begin, (*b)[3] + begin, end - begin);
    });
  };
}

WorkFactory functionWork(int64_t elements) {
  return [elements](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    OF_ASSIGN(std::shared_ptr<Buffers> b, Buffers::floats(2, elements, 0.5f));
    return rangeWork(elements, threads, [b = std::move(b)](int64_t begin, int64_t end) {
      expRange((*b)[0] + begin, (*b)[1] + begin, end - begin);
    });
  };
}

WorkFactory foldWork(int64_t rows, int64_t columns) {
  return [rows, columns](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    OF_ASSIGN(std::shared_ptr<Buffers> b, Buffers::floats(2, rows * columns, 0.5f));
    return rangeWork(rows, threads, [b = std::move(b), columns](int64_t begin, int64_t end) {
      foldRows((*b)[0] + begin * columns, (*b)[1] + begin, end - begin, columns);
    });
  };
}

WorkFactory launchWork() {
  struct Launches final : Work {
    explicit Launches(uint32_t threads) : threads(threads) {}
    void run(rt::TileTeam &team) override {
      for (int i = 0; i < 1000; ++i)
        team.run([](void *, int64_t, int64_t) {}, nullptr, threads);
    }
    const uint32_t threads;
  };
  return [](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    return std::unique_ptr<Work>(std::make_unique<Launches>(threads));
  };
}

} // namespace of::run
