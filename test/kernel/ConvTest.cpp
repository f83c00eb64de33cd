// Convolutions against loops that are the definition.
#include "runtime/kernel/cpu/Conv.h"
#include "test/kernel/RoutineHarness.h"

using namespace of;
using namespace of::rt;
using namespace of::rt::test;
using kernel::ConvForm;
using kernel::ConvKind;
using kernel::ConvShape;

namespace {

const char *nameOf(ConvKind kind) {
  const char *names[] = {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weights"};
  return names[static_cast<int>(kind)];
}

std::vector<int64_t> intsOf(const ConvShape &s) {
  return {s.nhwc,      s.n,        s.c,         s.h,         s.w,       s.o,      s.kh,
          s.kw,        s.oh,       s.ow,        s.strideH,   s.strideW, s.padTop, s.padLeft,
          s.padBottom, s.padRight, s.dilationH, s.dilationW, s.groups};
}

int64_t imageAt(const ConvShape &s, int64_t n, int64_t c, int64_t h, int64_t w, int64_t channels,
                int64_t height, int64_t width) {
  return s.nhwc ? ((n * height + h) * width + w) * channels + c
                : ((n * channels + c) * height + h) * width + w;
}

/// Calls f(x index, w index, y index) for every product of the convolution.
template <typename F> void forEachProduct(const ConvShape &s, F f) {
  const int64_t ins = s.c / s.groups, outs = s.o / s.groups;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t o = 0; o < s.o; ++o)
      for (int64_t p = 0; p < s.oh; ++p)
        for (int64_t q = 0; q < s.ow; ++q)
          for (int64_t c = 0; c < ins; ++c)
            for (int64_t i = 0; i < s.kh; ++i)
              for (int64_t j = 0; j < s.kw; ++j) {
                const int64_t h = p * s.strideH - s.padTop + i * s.dilationH;
                const int64_t w = q * s.strideW - s.padLeft + j * s.dilationW;
                if (h < 0 || h >= s.h || w < 0 || w >= s.w)
                  continue;
                f(imageAt(s, n, o / outs * ins + c, h, w, s.c, s.h, s.w),
                  ((o * ins + c) * s.kh + i) * s.kw + j, imageAt(s, n, o, p, q, s.o, s.oh, s.ow));
              }
}

/// Operands {x, w, y}; the one that `kind` computes is the result.
template <typename T> struct Data {
  std::vector<T> x, w, y;
  std::vector<double> want;
};

template <typename T> Data<T> dataOf(const ConvShape &s, std::mt19937 &random) {
  Data<T> d{randomValues<T>(s.xElements(), random),
            randomValues<T>(s.wElements(), random),
            randomValues<T>(s.yElements(), random),
            {}};
  std::vector<T> &result = s.kind == ConvKind::Forward        ? d.y
                           : s.kind == ConvKind::BackwardData ? d.x
                                                              : d.w;
  d.want.assign(result.size(), 0.0);
  forEachProduct(s, [&](int64_t x, int64_t w, int64_t y) {
    const double vx = d.x[x], vw = d.w[w], vy = d.y[y];
    if (s.kind == ConvKind::Forward)
      d.want[y] += vx * vw;
    else if (s.kind == ConvKind::BackwardData)
      d.want[x] += vy * vw;
    else
      d.want[w] += vx * vy;
  });
  std::fill(result.begin(), result.end(), std::numeric_limits<T>::quiet_NaN());
  return d;
}

template <typename T> std::vector<void *> buffersOf(ConvKind kind, Data<T> &d, Scratch &scratch) {
  void *x = d.x.data(), *w = d.w.data(), *y = d.y.data();
  switch (kind) {
  case ConvKind::Forward:
    return {x, w, y, scratch.data()};
  case ConvKind::BackwardData:
    return {y, w, x, scratch.data()};
  case ConvKind::BackwardWeights:
    return {x, y, w, scratch.data()};
  }
  return {};
}

template <typename T> const std::vector<T> &resultOf(ConvKind kind, const Data<T> &d) {
  return kind == ConvKind::Forward ? d.y : kind == ConvKind::BackwardData ? d.x : d.w;
}

template <typename T>
std::vector<size_t> bytesOf(ConvKind kind, const Data<T> &d, size_t scratchBytes) {
  const size_t x = d.x.size() * sizeof(T), w = d.w.size() * sizeof(T), y = d.y.size() * sizeof(T);
  switch (kind) {
  case ConvKind::Forward:
    return {x, w, y, scratchBytes};
  case ConvKind::BackwardData:
    return {y, w, x, scratchBytes};
  case ConvKind::BackwardWeights:
    return {x, y, w, scratchBytes};
  }
  return {};
}

std::string describe(const ConvShape &s) {
  std::string out = nameOf(s.kind);
  for (int64_t v : intsOf(s))
    out += " " + std::to_string(v);
  return out;
}

template <typename T> double errorBound(const ConvShape &s) {
  return tolerance<T>() * (2 + std::sqrt(static_cast<double>(s.n * s.oh * s.ow + s.c * s.kh)));
}

/// Through the interface, as a device runs it.
template <typename T> void check(const ConvShape &s, int64_t tiles, std::mt19937 &random) {
  INFO(describe(s) << " tiles " << tiles);
  Data<T> d = dataOf<T>(s, random);
  const PlanLibrary library(nameOf(s.kind), dtypeOf<T>(), intsOf(s));
  const Result<size_t> scratchSize = scratchBytes(*library, tiles);
  REQUIRE(scratchSize.status().message() == "");
  auto routine = makeRoutine(*library, tiles, bytesOf(s.kind, d, *scratchSize));
  REQUIRE(routine.status().message() == "");
  Scratch scratch(*scratchSize);
  runBackwards(**routine, buffersOf(s.kind, d, scratch), tiles);
  const double error = relativeError(resultOf(s.kind, d), d.want);
  CHECK(error < errorBound<T>(s));
}

/// One given way of computing it.
void checkForm(const ConvShape &s, ConvForm form, int64_t tiles, std::mt19937 &random) {
  INFO(describe(s) << (form == ConvForm::Plain ? " plain" : " blocked") << " tiles " << tiles);
  Data<float> d = dataOf<float>(s, random);
  auto routine = kernel::makeConvDnnl({nameOf(s.kind), DType::F32, intsOf(s), {}}, s, form, tiles);
  REQUIRE(routine.status().message() == "");
  if (!*routine)
    return; // reference code only: the interface takes the other way
  Scratch scratch((*routine)->scratchBytes());
  runBackwards(**routine, buffersOf(s.kind, d, scratch), tiles);
  CHECK(relativeError(resultOf(s.kind, d), d.want) < errorBound<float>(s));
}

ConvShape finished(ConvShape s) {
  auto out = [](int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads) {
    return (size + pads - dilation * (kernel - 1) - 1) / stride + 1;
  };
  s.oh = out(s.h, s.kh, s.strideH, s.dilationH, s.padTop + s.padBottom);
  s.ow = out(s.w, s.kw, s.strideW, s.dilationW, s.padLeft + s.padRight);
  return s;
}

ConvShape randomShape(std::mt19937 &random) {
  auto pick = [&](int64_t lo, int64_t hi) {
    return std::uniform_int_distribution<int64_t>(lo, hi)(random);
  };
  ConvShape s;
  s.nhwc = pick(0, 1) == 1;
  s.groups = pick(0, 2) == 0 ? pick(2, 4) : 1;
  s.n = pick(1, 4);
  s.c = s.groups * pick(1, 9);
  s.o = s.groups * pick(1, 20);
  s.kh = pick(1, 4), s.kw = pick(1, 4);
  s.dilationH = pick(1, 2), s.dilationW = pick(1, 2);
  s.strideH = pick(1, 3), s.strideW = pick(1, 3);
  s.padTop = pick(0, s.kh - 1), s.padBottom = pick(0, s.kh - 1);
  s.padLeft = pick(0, s.kw - 1), s.padRight = pick(0, s.kw - 1);
  s.h = s.dilationH * (s.kh - 1) + pick(1, 9);
  s.w = s.dilationW * (s.kw - 1) + pick(1, 9);
  return finished(s);
}

constexpr ConvKind kinds[] = {ConvKind::Forward, ConvKind::BackwardData, ConvKind::BackwardWeights};

} // namespace

TEST_CASE("convolutions agree with loops for random attributes, layouts and tiles") {
  std::mt19937 random(Catch::rngSeed());
  for (int i = 0; i < 60; ++i) {
    ConvShape s = randomShape(random);
    for (ConvKind kind : kinds) {
      s.kind = kind;
      check<float>(s, 1 + i % 4, random);
      check<double>(s, 1 + i % 4, random);
    }
  }
}

TEST_CASE("both forms of oneDNN agree with loops") {
  std::mt19937 random(Catch::rngSeed());
  for (int i = 0; i < 40; ++i) {
    ConvShape s = randomShape(random);
    for (ConvKind kind : kinds) {
      s.kind = kind;
      checkForm(s, ConvForm::Plain, 1 + i % 4, random);
      checkForm(s, ConvForm::Blocked, 1 + i % 4, random);
    }
  }
}

TEST_CASE("convolutions of the widths that networks use") {
  std::mt19937 random(Catch::rngSeed());
  for (bool nhwc : {false, true})
    for (ConvKind kind : kinds) {
      ConvShape s;
      s.kind = kind, s.nhwc = nhwc;
      s.n = 3, s.c = 32, s.h = s.w = 14, s.o = 64, s.kh = s.kw = 3;
      s.padTop = s.padBottom = s.padLeft = s.padRight = 1;
      check<float>(finished(s), 2, random);
      s.c = 1, s.h = s.w = 28, s.o = 16, s.kh = s.kw = 5;
      check<float>(finished(s), 2, random);
      s.c = s.o = s.groups = 16; // depthwise
      check<float>(finished(s), 2, random);
    }
}

TEST_CASE("pointwise convolutions agree with loops") {
  std::mt19937 random(Catch::rngSeed());
  for (int64_t groups : {1, 2})
    for (ConvKind kind : kinds) {
      ConvShape s;
      s.kind = kind, s.groups = groups;
      s.n = 3, s.c = 24, s.h = 9, s.w = 7, s.o = 40, s.kh = s.kw = 1;
      check<float>(finished(s), 2, random);
      check<double>(finished(s), 2, random);
      // Enough samples of few pixels to be done together.
      s.n = 9;
      check<float>(finished(s), 2, random);
      s.h = 15;
      check<float>(finished(s), 2, random);
      s.strideH = 3, s.strideW = 2, s.padLeft = 2, s.padBottom = 1;
      check<float>(finished(s), 2, random);
      s.strideH = s.strideW = 1, s.padLeft = s.padBottom = 0;
      s.n = 0;
      check<float>(finished(s), 2, random);
    }
}

TEST_CASE("convolutions of more samples than the cache holds take them in runs") {
  std::mt19937 random(Catch::rngSeed());
  for (int64_t samples : {4, 5}) // two runs of two, five of one
    for (ConvKind kind : kinds) {
      ConvShape s;
      s.kind = kind, s.nhwc = samples == 5;
      s.n = samples, s.c = 4, s.h = s.w = 80, s.o = 16, s.kh = 3, s.kw = 1, s.padTop = 1;
      check<float>(finished(s), 1, random);
    }
}

TEST_CASE("convolutions of empty parts write zeros or nothing") {
  std::mt19937 random(Catch::rngSeed());
  for (ConvKind kind : kinds) {
    ConvShape s;
    s.kind = kind, s.n = 0, s.c = 3, s.h = s.w = 5, s.o = 4, s.kh = s.kw = 3;
    check<float>(finished(s), 2, random);
    s.n = 2, s.c = 0;
    check<double>(finished(s), 2, random);
  }
}

TEST_CASE("a routine follows its buffers when their addresses change") {
  std::mt19937 random(Catch::rngSeed());
  ConvShape s;
  s.n = 2, s.c = 4, s.h = s.w = 8, s.o = 8, s.kh = s.kw = 3;
  s = finished(s);
  const PlanLibrary library(nameOf(s.kind), DType::F32, intsOf(s));
  const size_t size = *scratchBytes(*library, 1);
  auto routine = makeRoutine(*library, 1, bytesOf(s.kind, dataOf<float>(s, random), size));
  REQUIRE(routine.isOk());
  for (int slot = 0; slot < 3; ++slot) {
    Data<float> d = dataOf<float>(s, random);
    Scratch scratch(size);
    runBackwards(**routine, buffersOf(s.kind, d, scratch), 1);
    CHECK(relativeError(d.y, d.want) < errorBound<float>(s));
  }
}
