#include "benchmarks/training-step/Rates.h"

#include "runtime/kernel/Library.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <memory>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

namespace of::bench {

namespace {

using dnnl::memory;

/// Of this thread on a processor: others use the machine too.
double threadSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// At least so often, and then so long.
constexpr int leastRepeats = 4;
constexpr double repeatSeconds = 0.03;

double fastest(const std::function<void()> &work) {
  work(); // caches, pages
  double best = 1e30;
  const double start = threadSeconds();
  for (int i = 0; i < leastRepeats || threadSeconds() - start < repeatSeconds; ++i) {
    const double begin = threadSeconds();
    work();
    best = std::min(best, threadSeconds() - begin);
  }
  return best;
}

using Buffer = std::vector<float>;

Buffer filled(size_t elements) {
  Buffer out(elements);
  for (size_t i = 0; i < elements; ++i)
    out[i] = 0.01f * static_cast<float>(i % 97) - 0.5f;
  return out;
}

/// The routine as a device runs it, in one tile.
Rate routineRate(const plan::Library &library, const std::vector<size_t> &elements,
                 const std::string &by) {
  std::vector<Buffer> memory;
  std::vector<size_t> bytes;
  for (size_t count : elements)
    memory.push_back(filled(count));
  auto scratch = rt::scratchBytes(library, 1);
  if (!scratch.isOk())
    return {};
  if (*scratch > 0)
    memory.emplace_back(*scratch / sizeof(float) + 1);
  std::vector<void *> buffers;
  for (Buffer &buffer : memory) {
    buffers.push_back(buffer.data());
    bytes.push_back(buffer.size() * sizeof(float));
  }
  auto routine = rt::makeRoutine(library, 1, bytes);
  if (!routine.isOk())
    return {};
  return {fastest([&] { (*routine)->run(buffers.data(), nullptr, 0, 1); }), by};
}

const dnnl::engine &engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory filledMemory(const memory::desc &desc) {
  memory out(desc, engine());
  float *data = static_cast<float *>(out.get_data_handle());
  const Buffer values = filled(desc.get_size() / sizeof(float));
  std::copy(values.begin(), values.end(), data);
  return out;
}

double primitiveSeconds(const dnnl::primitive &primitive,
                        const std::vector<std::pair<int, memory::desc>> &operands) {
  dnnl::stream stream(engine());
  std::unordered_map<int, memory> arguments;
  for (const auto &[argument, desc] : operands)
    arguments.emplace(argument, filledMemory(desc));
  return fastest([&] {
    primitive.execute(stream, arguments);
    stream.wait();
  });
}

/// The least of both; `routine` is how our own call of the library does.
Rate faster(const Rate &routine, const Rate &other) {
  Rate out = other.by.empty() || (!routine.by.empty() && routine.seconds <= other.seconds) ? routine
                                                                                           : other;
  out.routineSeconds = routine.seconds;
  return out;
}

Rate dnnlMatmul(const std::vector<int64_t> &v) {
  const int64_t batch = v[0], m = v[1], n = v[2], k = v[3];
  const auto desc = [&](int64_t stride, int64_t rows, int64_t columns, bool transposed) {
    return memory::desc({batch, rows, columns}, memory::data_type::f32,
                        transposed ? memory::dims{stride, 1, rows}
                                   : memory::dims{stride, columns, 1});
  };
  if (batch > 1 && (v[6] == 0 || v[7] == 0)) // has no such strides
    return {};
  const memory::desc a = desc(batch > 1 ? v[6] : m * k, m, k, v[4] != 0);
  const memory::desc b = desc(batch > 1 ? v[7] : k * n, k, n, v[5] != 0);
  const memory::desc c = desc(batch > 1 ? v[8] : m * n, m, n, false);
  try {
    const dnnl::matmul::primitive_desc pd({a, b, c}, engine());
    return {primitiveSeconds(dnnl::matmul(pd),
                             {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}}),
            "oneDNN"};
  } catch (const dnnl::error &) {
    return {};
  }
}

/// Positions of a convolution's integers, as runtime/kernel/README.md lists them.
struct Geometry {
  int64_t n, c, h, w, o, kh, kw, oh, ow;
  memory::dims strides, padBegin, padEnd, dilations;
  int64_t groups;

  explicit Geometry(const std::vector<int64_t> &v)
      : n(v[1]), c(v[2]), h(v[3]), w(v[4]), o(v[5]), kh(v[6]), kw(v[7]), oh(v[8]),
        ow(v[9]), strides{v[10], v[11]}, padBegin{v[12], v[13]}, padEnd{v[14], v[15]},
        dilations{v[16] - 1, v[17] - 1}, groups(v[18]) {}

  memory::desc any(const memory::dims &dims) const {
    return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
  }
  memory::desc x() const { return any({n, c, h, w}); }
  memory::desc y() const { return any({n, o, oh, ow}); }
  memory::desc weights() const {
    return any(groups > 1 ? memory::dims{groups, o / groups, c / groups, kh, kw}
                          : memory::dims{o, c, kh, kw});
  }
};

Rate dnnlConvolution(const std::string &name, const Geometry &g) {
  const auto algorithm = dnnl::algorithm::convolution_direct;
  try {
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, algorithm, g.x(), g.weights(), g.y(), g.strides,
         g.dilations, g.padBegin, g.padEnd},
        engine());
    if (name == "conv2d_forward")
      return {primitiveSeconds(dnnl::convolution_forward(forward),
                               {{DNNL_ARG_SRC, forward.src_desc()},
                                {DNNL_ARG_WEIGHTS, forward.weights_desc()},
                                {DNNL_ARG_DST, forward.dst_desc()}}),
              "oneDNN"};
    if (name == "conv2d_backward_data") {
      const dnnl::convolution_backward_data::primitive_desc pd(
          {algorithm, g.x(), g.weights(), g.y(), g.strides, g.dilations, g.padBegin, g.padEnd},
          engine(), forward);
      return {primitiveSeconds(dnnl::convolution_backward_data(pd),
                               {{DNNL_ARG_DIFF_SRC, pd.diff_src_desc()},
                                {DNNL_ARG_WEIGHTS, pd.weights_desc()},
                                {DNNL_ARG_DIFF_DST, pd.diff_dst_desc()}}),
              "oneDNN"};
    }
    const dnnl::convolution_backward_weights::primitive_desc pd(
        {algorithm, g.x(), g.weights(), g.y(), g.strides, g.dilations, g.padBegin, g.padEnd},
        engine(), forward);
    return {primitiveSeconds(dnnl::convolution_backward_weights(pd),
                             {{DNNL_ARG_SRC, pd.src_desc()},
                              {DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc()},
                              {DNNL_ARG_DIFF_DST, pd.diff_dst_desc()}}),
            "oneDNN"};
  } catch (const dnnl::error &) {
    return {};
  }
}

std::vector<int64_t> integersOf(const plan::Library &library) {
  return {library.ints()->begin(), library.ints()->end()};
}

size_t spanOf(int64_t batch, int64_t stride, int64_t elements) {
  return static_cast<size_t>((batch - 1) * stride + elements);
}

} // namespace

Rate matmulRate(const plan::Library &library) {
  const std::vector<int64_t> v = integersOf(library);
  const Rate routine =
      routineRate(library,
                  {spanOf(v[0], v[6], v[1] * v[3]), spanOf(v[0], v[7], v[3] * v[2]),
                   spanOf(v[0], v[8], v[1] * v[2])},
                  "the routine");
  omp_set_num_threads(1);
  return faster(routine, dnnlMatmul(v));
}

Rate convolutionRate(const plan::Library &library) {
  const Geometry g(integersOf(library));
  const std::string name = library.name()->str();
  const size_t x = static_cast<size_t>(g.n * g.c * g.h * g.w),
               w = static_cast<size_t>(g.o * g.c / g.groups * g.kh * g.kw),
               y = static_cast<size_t>(g.n * g.o * g.oh * g.ow);
  const std::vector<size_t> elements = name == "conv2d_forward"         ? std::vector{x, w, y}
                                       : name == "conv2d_backward_data" ? std::vector{y, w, x}
                                                                        : std::vector{x, y, w};
  const Rate routine = routineRate(library, elements, "the routine");
  omp_set_num_threads(1);
  return faster(routine, dnnlConvolution(name, g));
}

double triadRate(size_t bytes) {
  const size_t count = std::max<size_t>(bytes / 3 / sizeof(float), 1024);
  Buffer x = filled(count), y = filled(count), z = filled(count);
  const double seconds = fastest([&] {
    float *out = y.data();
    const float *a = x.data(), *b = z.data();
    for (size_t i = 0; i < count; ++i)
      out[i] = a[i] + 0.5f * b[i];
    asm volatile("" : : "r"(out) : "memory");
  });
  return static_cast<double>(3 * count * sizeof(float)) / seconds;
}

} // namespace of::bench
