// The work that a probe times.
#include "tools/of-run/Measure.h"

#include "runtime/kernel/Library.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace of::run {

namespace {

/// A library call as a plan would hold it.
class LibraryWork final : public Work {
public:
  static Result<std::unique_ptr<Work>> make(const plan::LibraryT &call,
                                            const std::vector<size_t> &bytes, uint32_t threads) {
    auto out = std::make_unique<LibraryWork>();
    out->builder_.Finish(plan::Library::Pack(out->builder_, &call));
    const auto *table = flatbuffers::GetRoot<plan::Library>(out->builder_.GetBufferPointer());
    // Tiles of a device: a few for each thread, as the compiler cuts them.
    out->tiles_ = std::min<int64_t>(threads, rt::maxTiles(*table));
    OF_ASSIGN(const size_t scratch, rt::scratchBytes(*table, out->tiles_));
    std::vector<size_t> all = bytes;
    if (scratch > 0)
      all.push_back(scratch);
    for (size_t size : all) {
      out->memory_.emplace_back(size, std::byte{});
      out->buffers_.push_back(out->memory_.back().data());
    }
    OF_ASSIGN(out->routine_, rt::makeRoutine(*table, out->tiles_, all));
    return std::unique_ptr<Work>(std::move(out));
  }

  void run(rt::TileTeam &team) override {
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          LibraryWork &w = *static_cast<LibraryWork *>(context);
          w.routine_->run(w.buffers_.data(), nullptr, begin, end);
        },
        this, tiles_);
  }

private:
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<std::vector<std::byte>> memory_;
  std::vector<void *> buffers_;
  std::unique_ptr<rt::Routine> routine_;
  int64_t tiles_ = 1;
};

/// A function of a range of elements.
template <typename Fn> class RangeWork final : public Work {
public:
  RangeWork(int64_t elements, uint32_t threads, Fn fn)
      : elements_(elements), tiles_(threads), fn_(std::move(fn)) {}

  void run(rt::TileTeam &team) override {
    team.run(
        [](void *context, int64_t begin, int64_t end) {
          auto &w = *static_cast<RangeWork *>(context);
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

/// exp(x) for |x| < 1 as generated kernels compute it: a polynomial, vectorised for the
/// host.
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3"))) void
expOf(const float *x, float *y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    // exp(x) = 2^n exp(r): n by rounding, exp(r) by six terms, 2^n by its bits.
    const float n = (x[i] * 1.44269504f + 12582912.0f) - 12582912.0f;
    const float r = x[i] - n * 0.693147181f;
    float p = 1.0f / 720;
    for (float term : {1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f})
      p = p * r + term;
    const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    y[i] = p * scale;
  }
}

/// m = 0.9 m + 0.1 g, v = 0.99 v + 0.01 g g, w -= 0.1 m / (v + eps): Adam without its
/// root, which GCC computes one by one here
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3"))) void
adamRange(float *__restrict w, float *__restrict m, float *__restrict v, const float *__restrict g,
          int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    m[i] = 0.9f * m[i] + 0.1f * g[i];
    v[i] = 0.99f * v[i] + 0.01f * (g[i] * g[i]);
    w[i] -= 0.1f * (m[i] / (v[i] + 1e-6f));
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

constexpr int64_t filters = 32, extent = 28, window = 3;

} // namespace

WorkFactory libraryWork(plan::LibraryT call, std::vector<size_t> bufferBytes) {
  return [call = std::move(call), bytes = std::move(bufferBytes)](uint32_t threads) {
    return LibraryWork::make(call, bytes, threads);
  };
}

static size_t sizeOf(plan::DType dtype) { return dtype == plan::DType::F64 ? 8 : 4; }

WorkFactory matmulWork(plan::DType dtype, int64_t m, int64_t n, int64_t k) {
  plan::LibraryT call;
  call.name = "matmul";
  call.dtype = dtype;
  call.ints = {1, m, n, k, 0, 0, m * k, k * n, m * n};
  const size_t size = sizeOf(dtype);
  return libraryWork(call, {m * k * size, k * n * size, m * n * size});
}

double ConvolutionShape::flops() const {
  return 2 * depth() * double(samples * filters * extent * extent);
}
double ConvolutionShape::filterWeights() const { return depth() * double(filters); }
double ConvolutionShape::depth() const { return double(channels * window * window); }

WorkFactory convolutionWork(const std::string &routine, plan::DType dtype,
                            const ConvolutionShape &shape) {
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
  const size_t size = sizeOf(dtype);
  const size_t pixels = shape.samples * extent * extent * size, image = pixels * shape.channels,
               result = pixels * filters,
               weights = static_cast<size_t>(shape.filterWeights()) * size;
  if (routine == "conv2d_backward_weights")
    return libraryWork(call, {image, result, weights});
  if (routine == "conv2d_backward_data")
    return libraryWork(call, {result, weights, image});
  return libraryWork(call, {image, weights, result});
}

WorkFactory copyWork(size_t bytes, size_t total) {
  return [bytes, total](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    std::vector<char> from(total, 1), to(total, 2);
    return pieceWork(
        bytes, total, threads,
        [from = std::move(from), to = std::move(to)](size_t first, size_t last) mutable {
          std::memcpy(to.data() + first, from.data() + first, last - first);
        });
  };
}

WorkFactory updateWork(size_t bytes, size_t total) {
  constexpr size_t size = sizeof(float);
  return [bytes, total](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    std::vector<float> w(total / size, 1), m(total / size, 2), g(total / size, 3);
    return pieceWork(
        bytes / size, total / size, threads,
        [w = std::move(w), m = std::move(m), g = std::move(g)](size_t first, size_t last) mutable {
          updateRange(w.data() + first, m.data() + first, g.data() + first,
                      static_cast<int64_t>(last - first));
        });
  };
}

WorkFactory elementWork(int64_t elements) {
  return [elements](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    std::array<std::vector<float>, 4> all;
    all.fill(std::vector<float>(elements, 0.5f));
    return rangeWork(elements, threads, [all = std::move(all)](int64_t begin, int64_t end) mutable {
      auto &[w, m, v, g] = all;
      adamRange(w.data() + begin, m.data() + begin, v.data() + begin, g.data() + begin,
                end - begin);
    });
  };
}

WorkFactory functionWork(int64_t elements) {
  return [elements](uint32_t threads) -> Result<std::unique_ptr<Work>> {
    auto x = std::make_shared<std::vector<float>>(elements, 0.5f),
         y = std::make_shared<std::vector<float>>(elements);
    return rangeWork(elements, threads, [x, y](int64_t begin, int64_t end) {
      expOf(x->data() + begin, y->data() + begin, end - begin);
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
