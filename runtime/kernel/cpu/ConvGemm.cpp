// Convolutions as matrix products: for each sample and group
//   forward           y  = w · im2col(x)
//   backward data     dx = col2im(wᵀ · dy)
//   backward weights  dw = Σ_n dy · im2col(x)ᵀ
// with im2col(x) of [c/groups * kh * kw, oh * ow] in the scratch of the tile. NHWC differs only in
// the strides of im2col and in y being the transposed matrix. Of a pointwise convolution im2col(x)
// is x.
#include "runtime/kernel/cpu/Blas.h"
#include "runtime/kernel/cpu/Conv.h"

#include <algorithm>
#include <type_traits>

namespace of::rt::kernel {

namespace {

template <typename T> class ConvGemm final : public ConvRoutine {
public:
  ConvGemm(const ConvShape &shape, int64_t tiles)
      : s_(shape), tiles_(tiles), taps_(shape.c / shape.groups * shape.kh * shape.kw),
        pixels_(shape.oh * shape.ow), pointwise_(isPointwise(shape)),
        tileScratch_(pointwise_ ? 0
                                : alignScratch(static_cast<size_t>(taps_ * pixels_) * sizeof(T))),
        strideC_(shape.nhwc ? 1 : shape.h * shape.w),
        strideH_(shape.nhwc ? shape.w * shape.c : shape.w), strideW_(shape.nhwc ? shape.c : 1) {}

  size_t scratchBytes() const override {
    if (s_.empty())
      return 0;
    return tileScratch_ *
           static_cast<size_t>(std::min(tiles_, std::max<int64_t>(1, convUnits(s_))));
  }

  void run(void *const *buffers, const int64_t *, int64_t tileBegin, int64_t tileEnd) override {
    for (int64_t tile = tileBegin; tile < tileEnd; ++tile) {
      const ConvSlice slice = convSlice(s_, tiles_, tile);
      if (slice.samples.size() == 0 && s_.kind != ConvKind::BackwardWeights)
        continue;
      runSlice(buffers, slice, tile);
    }
  }

private:
  void runSlice(void *const *buffers, const ConvSlice &slice, int64_t tile) const {
    T *col = pointwise_ || nothingToDo(slice)
                 ? nullptr
                 : reinterpret_cast<T *>(static_cast<char *>(buffers[3]) +
                                         static_cast<size_t>(tile) * tileScratch_);
    switch (s_.kind) {
    case ConvKind::Forward:
      return forward(constant(buffers[0]), constant(buffers[1]), static_cast<T *>(buffers[2]), col,
                     slice);
    case ConvKind::BackwardData:
      return backwardData(constant(buffers[0]), constant(buffers[1]), static_cast<T *>(buffers[2]),
                          col, slice);
    case ConvKind::BackwardWeights:
      return backwardWeights(constant(buffers[0]), constant(buffers[1]),
                             static_cast<T *>(buffers[2]), col, slice);
    }
  }

  bool nothingToDo(const ConvSlice &slice) const {
    return s_.empty() || slice.outChannels.size() == 0;
  }

  /// im2col of a group of a sample: in `col`, or where x lies.
  const T *columns(const T *x, T *col) const {
    if (pointwise_)
      return x;
    im2col(x, col);
    return col;
  }

  static const T *constant(void *buffer) { return static_cast<const T *>(buffer); }

  void forward(const T *x, const T *w, T *y, T *col, const ConvSlice &slice) const {
    const int64_t sample = s_.o * pixels_;
    if (nothingToDo(slice)) {
      std::fill(y + slice.samples.begin * sample, y + slice.samples.end * sample, T(0));
      return;
    }
    const int64_t outs = s_.o / s_.groups;
    for (int64_t n = slice.samples.begin; n < slice.samples.end; ++n)
      for (int64_t g = 0; g < s_.groups; ++g) {
        const T *xg = columns(x + inputOffset(n, g), col);
        const T *wg = w + g * outs * taps_;
        T *yg = y + outputOffset(n, g * outs);
        if (s_.nhwc)
          gemm<T>(true, true, pixels_, outs, taps_, 1, xg, pixels_, wg, taps_, 0, yg, s_.o);
        else
          gemm<T>(false, false, outs, pixels_, taps_, 1, wg, taps_, xg, pixels_, 0, yg, pixels_);
      }
  }

  void backwardData(const T *dy, const T *w, T *dx, T *col, const ConvSlice &slice) const {
    const int64_t sample = s_.c * s_.h * s_.w;
    if (!pointwise_ || nothingToDo(slice))
      std::fill(dx + slice.samples.begin * sample, dx + slice.samples.end * sample, T(0));
    if (nothingToDo(slice))
      return;
    const int64_t outs = s_.o / s_.groups;
    for (int64_t n = slice.samples.begin; n < slice.samples.end; ++n)
      for (int64_t g = 0; g < s_.groups; ++g) {
        T *dxg = dx + inputOffset(n, g);
        gemm<T>(true, s_.nhwc, taps_, pixels_, outs, 1, w + g * outs * taps_, taps_,
                dy + outputOffset(n, g * outs), s_.nhwc ? s_.o : pixels_, 0, pointwise_ ? dxg : col,
                pixels_);
        if (!pointwise_)
          col2im(col, dxg);
      }
  }

  void backwardWeights(const T *x, const T *dy, T *dw, T *col, const ConvSlice &slice) const {
    if (nothingToDo(slice)) {
      std::fill(dw + slice.outChannels.begin * taps_, dw + slice.outChannels.end * taps_, T(0));
      return;
    }
    const int64_t outs = s_.o / s_.groups;
    for (int64_t n = slice.samples.begin; n < slice.samples.end; ++n)
      for (int64_t g = slice.outChannels.begin / outs; g * outs < slice.outChannels.end; ++g) {
        const Range channels{std::max(slice.outChannels.begin, g * outs),
                             std::min(slice.outChannels.end, (g + 1) * outs)};
        const T *xg = columns(x + inputOffset(n, g), col);
        gemm<T>(s_.nhwc, true, channels.size(), taps_, pixels_, 1,
                dy + outputOffset(n, channels.begin), s_.nhwc ? s_.o : pixels_, xg, pixels_,
                n == slice.samples.begin ? T(0) : T(1), dw + channels.begin * taps_, taps_);
      }
  }

  /// Offset of the first input channel of group g of sample n.
  int64_t inputOffset(int64_t n, int64_t g) const {
    return n * s_.c * s_.h * s_.w + g * (s_.c / s_.groups) * strideC_;
  }
  int64_t outputOffset(int64_t n, int64_t channel) const {
    return n * s_.o * pixels_ + channel * (s_.nhwc ? 1 : pixels_);
  }

  /// Calls f(input offset, or -1 in the padding; column offset; elements) for every run of the
  /// matrix within a row of the image: from one element to the next the input moves by step().
  template <typename F> void forEachRun(F f) const {
    int64_t at = 0;
    for (int64_t c = 0; c < s_.c / s_.groups; ++c)
      for (int64_t i = 0; i < s_.kh; ++i)
        for (int64_t j = 0; j < s_.kw; ++j)
          for (int64_t p = 0; p < s_.oh; ++p, at += s_.ow) {
            const int64_t row = p * s_.strideH - s_.padTop + i * s_.dilationH;
            const Range inside = row >= 0 && row < s_.h ? columnsInside(j) : Range{0, 0};
            const int64_t shift = j * s_.dilationW - s_.padLeft;
            const int64_t first = c * strideC_ + row * strideH_ + shift * strideW_;
            f(-1, at, inside.begin);
            f(first + inside.begin * step(), at + inside.begin, inside.size());
            f(-1, at + inside.end, s_.ow - inside.end);
          }
  }
  int64_t step() const { return s_.strideW * strideW_; }
  /// Columns of the result whose tap j lies in the image.
  Range columnsInside(int64_t j) const {
    const int64_t shift = j * s_.dilationW - s_.padLeft;
    // How many of shift, shift + stride, ... are below the bound.
    const auto below = [&](int64_t bound) {
      const int64_t room = std::max<int64_t>(bound - shift, 0);
      return std::min((room + s_.strideW - 1) / s_.strideW, s_.ow);
    };
    return {below(0), below(s_.w)};
  }
  void im2col(const T *x, T *col) const {
    withStep([&](auto step) {
      forEachRun([&](int64_t from, int64_t at, int64_t count) {
        if (from < 0)
          return void(std::fill_n(col + at, count, T(0)));
        for (int64_t q = 0; q < count; ++q)
          col[at + q] = x[from + q * step];
      });
    });
  }
  void col2im(const T *col, T *dx) const {
    withStep([&](auto step) {
      forEachRun([&](int64_t to, int64_t at, int64_t count) {
        for (int64_t q = 0; to >= 0 && q < count; ++q)
          dx[to + q * step] += col[at + q];
      });
    });
  }
  /// Calls f with step(), as a constant where it is a usual one: its loops are then vector code.
  template <typename F> void withStep(F f) const {
    if (step() == 1)
      return f(std::integral_constant<int64_t, 1>());
    if (step() == 2)
      return f(std::integral_constant<int64_t, 2>());
    f(step());
  }

  const ConvShape s_;
  const int64_t tiles_;
  const int64_t taps_;   ///< c / groups * kh * kw
  const int64_t pixels_; ///< oh * ow
  const bool pointwise_;
  const size_t tileScratch_;
  const int64_t strideC_, strideH_, strideW_; ///< of x within a sample
};

} // namespace

std::unique_ptr<ConvRoutine> makeConvGemm(DType dtype, const ConvShape &shape, int64_t tiles) {
  useSingleThreadedBlas();
  if (dtype == DType::F32)
    return std::make_unique<ConvGemm<float>>(shape, tiles);
  return std::make_unique<ConvGemm<double>>(shape, tiles);
}

} // namespace of::rt::kernel
