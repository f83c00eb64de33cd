#include "benchmarks/training-step/Rates.h"

#include "benchmarks/training-step/Timing.h"
#include "runtime/kernel/Library.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

namespace of::bench {

namespace {

using dnnl::memory;

using Buffer = std::vector<float>;

Buffer filled(size_t elements) {
  Buffer out(elements);
  for (size_t i = 0; i < elements; ++i)
    out[i] = 0.01f * static_cast<float>(i % 97) - 0.5f;
  return out;
}

/// A routine and its memory.
struct BoundRoutine {
  std::unique_ptr<rt::Routine> routine;
  std::vector<Buffer> memory;
  std::vector<void *> buffers;
};

/// The routine as a device runs it, in one tile.
Work routineWork(const plan::Library &library, const std::vector<size_t> &elements,
                 const Conditions &conditions) {
  auto bound = std::make_shared<BoundRoutine>();
  for (size_t count : elements)
    bound->memory.push_back(filled(count));
  auto scratch = rt::scratchBytes(library, 1);
  if (!scratch.isOk())
    return {};
  if (*scratch > 0)
    bound->memory.emplace_back(*scratch / sizeof(float) + 1);
  std::vector<size_t> bytes;
  for (Buffer &buffer : bound->memory) {
    bound->buffers.push_back(buffer.data());
    bytes.push_back(buffer.size() * sizeof(float));
  }
  auto routine = rt::makeRoutine(library, 1, bytes);
  if (!routine.isOk())
    return {};
  bound->routine = std::move(*routine);
  Work work;
  for (size_t i = 0; i < conditions.cold.size(); ++i)
    if (conditions.cold[i])
      work.cold.push_back({bound->memory[i].data(), bytes[i]});
  work.run = [bound] { bound->routine->run(bound->buffers.data(), nullptr, 0, 1); };
  return work;
}

Rate routineRate(const plan::Library &library, const std::vector<size_t> &elements,
                 const Conditions &conditions) {
  const double seconds = fastestTogether(
      conditions.threads, [&] { return routineWork(library, elements, conditions); });
  return {seconds, seconds > 0 ? "the routine" : "", seconds};
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

/// What oneDNN is asked for: made anew on each thread, because it takes its thread count then.
/// Operands are in the plan's order, the result last.
struct PrimitiveSpec {
  dnnl::primitive primitive;
  std::vector<std::pair<int, memory::desc>> operands;
};
using MakePrimitive = std::function<PrimitiveSpec()>;

Work primitiveWork(const MakePrimitive &make, const Conditions &conditions) {
  struct Bound {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
    dnnl::stream stream{engine()};
  };
  try {
    const PrimitiveSpec spec = make();
    auto bound = std::make_shared<Bound>();
    bound->primitive = spec.primitive;
    Work work;
    for (const auto &[argument, desc] : spec.operands) {
      const memory &operand = bound->arguments.emplace(argument, filledMemory(desc)).first->second;
      const size_t index = bound->arguments.size() - 1;
      if (index < conditions.cold.size() && conditions.cold[index])
        work.cold.push_back({operand.get_data_handle(), desc.get_size()});
    }
    work.run = [bound] {
      bound->primitive.execute(bound->stream, bound->arguments);
      bound->stream.wait();
    };
    return work;
  } catch (const dnnl::error &) {
    return {};
  }
}

/// The least of both; `routine` is how our own call of the library does.
Rate faster(const Rate &routine, const Rate &other) {
  Rate out = other.by.empty() || (!routine.by.empty() && routine.seconds <= other.seconds) ? routine
                                                                                           : other;
  out.routineSeconds = routine.seconds;
  return out;
}

/// On each thread by itself, or once on all threads: that is then as if each took so often as long.
Rate primitiveRate(const MakePrimitive &make, const Conditions &conditions) {
  const MakeWork work = [&] { return primitiveWork(make, conditions); };
  Rate apart{fastestTogether(conditions.threads, work), "oneDNN"};
  if (apart.seconds == 0)
    return {};
  if (conditions.threads == 1)
    return apart;
  omp_set_num_threads(conditions.threads);
  const double shared = conditions.threads * fastestByWall(work);
  return faster(apart, {shared, "oneDNN on all threads"});
}

Rate dnnlMatmul(const std::vector<int64_t> &v, const Conditions &conditions) {
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
  return primitiveRate(
      [&]() -> PrimitiveSpec {
        return {dnnl::matmul({{a, b, c}, engine()}),
                {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}}};
      },
      conditions);
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

PrimitiveSpec dnnlConvolution(const std::string &name, const Geometry &g) {
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, algorithm, g.x(), g.weights(), g.y(), g.strides,
       g.dilations, g.padBegin, g.padEnd},
      engine());
  if (name == "conv2d_forward")
    return {dnnl::convolution_forward(forward),
            {{DNNL_ARG_SRC, forward.src_desc()},
             {DNNL_ARG_WEIGHTS, forward.weights_desc()},
             {DNNL_ARG_DST, forward.dst_desc()}}};
  if (name == "conv2d_backward_data") {
    const dnnl::convolution_backward_data::primitive_desc pd(
        {algorithm, g.x(), g.weights(), g.y(), g.strides, g.dilations, g.padBegin, g.padEnd},
        engine(), forward);
    return {dnnl::convolution_backward_data(pd),
            {{DNNL_ARG_DIFF_DST, pd.diff_dst_desc()},
             {DNNL_ARG_WEIGHTS, pd.weights_desc()},
             {DNNL_ARG_DIFF_SRC, pd.diff_src_desc()}}};
  }
  const dnnl::convolution_backward_weights::primitive_desc pd(
      {algorithm, g.x(), g.weights(), g.y(), g.strides, g.dilations, g.padBegin, g.padEnd},
      engine(), forward);
  return {dnnl::convolution_backward_weights(pd),
          {{DNNL_ARG_SRC, pd.src_desc()},
           {DNNL_ARG_DIFF_DST, pd.diff_dst_desc()},
           {DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc()}}};
}

std::vector<int64_t> integersOf(const plan::Library &library) {
  return {library.ints()->begin(), library.ints()->end()};
}

size_t spanOf(int64_t batch, int64_t stride, int64_t elements) {
  return static_cast<size_t>((batch - 1) * stride + elements);
}

} // namespace

Rate matmulRate(const plan::Library &library, const Conditions &conditions) {
  const std::vector<int64_t> v = integersOf(library);
  const Rate routine =
      routineRate(library,
                  {spanOf(v[0], v[6], v[1] * v[3]), spanOf(v[0], v[7], v[3] * v[2]),
                   spanOf(v[0], v[8], v[1] * v[2])},
                  conditions);
  return faster(routine, dnnlMatmul(v, conditions));
}

Rate convolutionRate(const plan::Library &library, const Conditions &conditions) {
  const Geometry g(integersOf(library));
  const std::string name = library.name()->str();
  const size_t x = static_cast<size_t>(g.n * g.c * g.h * g.w),
               w = static_cast<size_t>(g.o * g.c / g.groups * g.kh * g.kw),
               y = static_cast<size_t>(g.n * g.o * g.oh * g.ow);
  const std::vector<size_t> elements = name == "conv2d_forward"         ? std::vector{x, w, y}
                                       : name == "conv2d_backward_data" ? std::vector{y, w, x}
                                                                        : std::vector{x, y, w};
  return faster(routineRate(library, elements, conditions),
                primitiveRate([&] { return dnnlConvolution(name, g); }, conditions));
}

double triadRate(size_t bytes, int threads) {
  const size_t count =
      std::max<size_t>(bytes / 3 / sizeof(float) / static_cast<size_t>(threads), 1024);
  const double seconds = fastestTogether(threads, [count]() -> Work {
    struct Arrays {
      Buffer x, y, z;
    };
    auto arrays = std::make_shared<Arrays>(Arrays{filled(count), filled(count), filled(count)});
    return {[arrays, count] {
              float *out = arrays->y.data();
              const float *a = arrays->x.data(), *b = arrays->z.data();
              for (size_t i = 0; i < count; ++i)
                out[i] = a[i] + 0.5f * b[i];
              asm volatile("" : : "r"(out) : "memory");
            },
            {}};
  });
  return static_cast<double>(3 * count * sizeof(float)) / seconds;
}

} // namespace of::bench
