// Convolutions through oneDNN: one primitive per tile, single-threaded, scratch given by the
// caller.
//
//   tile:  [reorder w]   for each run of samples:  [reorder x] ─▶ convolution ─▶ [reorder result]
//
// Reorders only where the forms differ; what lies between them lives in the tile's part of the
// scratch buffer, and is there for a run of samples at a time, so that it stays in the cache. (The
// gradient of weights takes all samples at once: oneDNN does not add to what is there. Where that
// matters, ConvBySamples gives it a run.)
//
// oneDNN takes its thread count from OpenMP when a primitive is made and when it runs, so both
// happen under omp_set_num_threads(1), which holds for the calling thread only.
#include "runtime/kernel/cpu/Conv.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

namespace of::rt::kernel {

namespace {

using dnnl::memory;
using Dims = memory::dims;

constexpr int scratchBuffer = 3;

/// A memory object and where its bytes lie: in the caller's buffer, at this offset, and for the
/// next run of samples so much further.
struct BoundMemory {
  memory object;
  int buffer;
  size_t offsetBytes;
  size_t runBytes;
};

struct Step {
  dnnl::primitive primitive;
  std::vector<dnnl_exec_arg_t> args;
  bool once = false; ///< in the first run of samples only
};

struct TileWork {
  dnnl::stream stream;
  std::vector<BoundMemory> memories;
  std::vector<Step> steps;
  int64_t runs = 1;              ///< of samples
  std::array<void *, 4> bases{}; ///< for which the memories are set
  int64_t run = 0;               ///< for which they are set
};

/// How one operand lies in the caller's buffer, and the form to ask of oneDNN.
struct Operand {
  int buffer = 0;
  size_t offsetBytes = 0;
  size_t runBytes = 0; ///< from one run of samples to the next
  memory::desc user;   ///< as it lies there
  memory::desc wish;   ///< for the primitive; may be `any`
};

struct Operands {
  Operand x, w, y;
};

memory::desc strided(const Dims &dims, const Dims &strides) {
  return memory::desc(dims, memory::data_type::f32, strides);
}

memory::desc tagged(const Dims &dims, memory::format_tag tag) {
  return memory::desc(dims, memory::data_type::f32, tag);
}

/// An image operand: `channels` of the operand's `allChannels`, from `firstChannel`.
Operand imageOperand(const ConvShape &s, ConvForm form, int buffer, const Dims &dims,
                     int64_t firstSample, int64_t firstChannel, int64_t allChannels) {
  const int64_t h = dims[2], w = dims[3], image = allChannels * h * w;
  Operand out;
  out.buffer = buffer;
  out.offsetBytes = sizeof(float) *
                    static_cast<size_t>(firstSample * image + firstChannel * (s.nhwc ? 1 : h * w));
  out.runBytes = sizeof(float) * static_cast<size_t>(dims[0] * image);
  out.user = strided(dims, s.nhwc ? Dims{image, 1, w * allChannels, allChannels}
                                  : Dims{image, h * w, w, 1});
  const memory::format_tag plain = s.nhwc ? memory::format_tag::nhwc : memory::format_tag::nchw;
  out.wish = tagged(dims, form == ConvForm::Plain ? plain : memory::format_tag::any);
  return out;
}

/// Samples of one run: gradients of weights take all, as oneDNN does not add to what is there.
int64_t samplesOfRun(const ConvShape &s, int64_t samples) {
  return s.kind == ConvKind::BackwardWeights || samples == 0 ? samples : samplesInCache(s, samples);
}

/// Of one run of the slice's samples.
Operands operandsOf(const ConvShape &s, ConvForm form, const ConvSlice &slice) {
  const int64_t outs = s.o / s.groups, ins = s.c / s.groups;
  const int64_t firstGroup = s.groups > 1 ? slice.outChannels.begin / outs : 0;
  const int64_t groups = s.groups > 1 ? slice.outChannels.size() / outs : 1;
  const int64_t firstIn = firstGroup * ins, c = groups * ins;
  const int64_t n = samplesOfRun(s, slice.samples.size()), o = slice.outChannels.size();
  const int xBuffer = s.kind == ConvKind::BackwardData ? 2 : 0;
  const int wBuffer = s.kind == ConvKind::BackwardWeights ? 2 : 1;
  Operands out;
  out.x = imageOperand(s, form, xBuffer, {n, c, s.h, s.w}, slice.samples.begin, firstIn, s.c);
  out.y = imageOperand(s, form, 3 - xBuffer - wBuffer, {n, o, s.oh, s.ow}, slice.samples.begin,
                       slice.outChannels.begin, s.o);
  out.w.buffer = wBuffer;
  out.w.offsetBytes =
      sizeof(float) * static_cast<size_t>(slice.outChannels.begin * ins * s.kh * s.kw);
  const Dims dims = s.groups > 1 ? Dims{groups, outs, ins, s.kh, s.kw} : Dims{o, ins, s.kh, s.kw};
  out.w.user = tagged(dims, s.groups > 1 ? memory::format_tag::goihw : memory::format_tag::oihw);
  out.w.wish = tagged(dims, memory::format_tag::any);
  return out;
}

/// The convolution of one tile before memory is bound: primitive and the forms it wants.
struct Chosen {
  dnnl::primitive primitive;
  memory::desc x, w, y, scratchpad;
};

dnnl::primitive_attr userScratchpad() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

template <typename Descriptor> bool isReference(const Descriptor &pd) {
  return std::strncmp(pd.impl_info_str(), "ref", 3) == 0;
}

/// False if oneDNN has only reference code for it.
bool choose(const dnnl::engine &engine, const ConvShape &s, const Operands &ops, Chosen &out) {
  const Dims strides{s.strideH, s.strideW}, dilations{s.dilationH - 1, s.dilationW - 1};
  const Dims padBegin{s.padTop, s.padLeft}, padEnd{s.padBottom, s.padRight};
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, algorithm, ops.x.wish, ops.w.wish, ops.y.wish, strides,
       dilations, padBegin, padEnd},
      userScratchpad(), engine);
  if (s.kind == ConvKind::Forward) {
    out = {dnnl::convolution_forward(forward), forward.src_desc(), forward.weights_desc(),
           forward.dst_desc(), forward.scratchpad_desc()};
    return !isReference(forward);
  }
  if (s.kind == ConvKind::BackwardData) {
    const dnnl::convolution_backward_data::primitive_desc pd(
        {algorithm, ops.x.wish, ops.w.wish, ops.y.wish, strides, dilations, padBegin, padEnd},
        userScratchpad(), engine, forward);
    out = {dnnl::convolution_backward_data(pd), pd.diff_src_desc(), pd.weights_desc(),
           pd.diff_dst_desc(), pd.scratchpad_desc()};
    return !isReference(pd);
  }
  const dnnl::convolution_backward_weights::primitive_desc pd(
      {algorithm, ops.x.wish, ops.w.wish, ops.y.wish, strides, dilations, padBegin, padEnd},
      userScratchpad(), engine, forward);
  out = {dnnl::convolution_backward_weights(pd), pd.src_desc(), pd.diff_weights_desc(),
         pd.diff_dst_desc(), pd.scratchpad_desc()};
  return !isReference(pd);
}

/// Builds the steps of one tile and lays out its scratch from `scratchOffset` on.
class TileBuilder {
public:
  TileBuilder(const dnnl::engine &engine, size_t scratchOffset, int64_t runs)
      : engine_(engine), scratchOffset_(scratchOffset) {
    work_.stream = dnnl::stream(engine);
    work_.runs = runs;
  }

  void build(const ConvShape &s, const Operands &ops, const Chosen &chosen) {
    const bool backward = s.kind != ConvKind::Forward;
    const bool xOut = s.kind == ConvKind::BackwardData;
    const bool wOut = s.kind == ConvKind::BackwardWeights;
    const dnnl_memory_t x = add(ops.x, chosen.x, xOut);
    const dnnl_memory_t w = add(ops.w, chosen.w, wOut);
    const dnnl_memory_t y = add(ops.y, chosen.y, !backward);
    Step step{chosen.primitive,
              {{xOut ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, x},
               {wOut ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, w},
               {backward ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, y}},
              false};
    addScratchpad(step, chosen.scratchpad);
    work_.steps.push_back(std::move(step));
    for (Step &after : after_)
      work_.steps.push_back(std::move(after));
  }

  TileWork take() { return std::move(work_); }
  size_t scratchOffset() const { return scratchOffset_; }

private:
  dnnl_memory_t bind(const memory::desc &desc, int buffer, size_t offsetBytes,
                     size_t runBytes = 0) {
    work_.memories.push_back({memory(desc, engine_, nullptr), buffer, offsetBytes, runBytes});
    return work_.memories.back().object.get();
  }
  dnnl_memory_t bindScratch(const memory::desc &desc) {
    const size_t at = scratchOffset_;
    scratchOffset_ += alignScratch(desc.get_size());
    return bind(desc, scratchBuffer, at);
  }

  /// The operand as the primitive wants it, with a reorder before or after where it lies otherwise.
  dnnl_memory_t add(const Operand &operand, const memory::desc &wanted, bool isResult) {
    const dnnl_memory_t user =
        bind(operand.user, operand.buffer, operand.offsetBytes, operand.runBytes);
    if (wanted == operand.user)
      return user;
    const dnnl_memory_t inner = bindScratch(wanted);
    addReorder(isResult ? wanted : operand.user, isResult ? inner : user,
               isResult ? operand.user : wanted, isResult ? user : inner, operand.runBytes == 0,
               isResult ? after_ : work_.steps);
    return inner;
  }

  void addReorder(const memory::desc &fromDesc, dnnl_memory_t from, const memory::desc &toDesc,
                  dnnl_memory_t to, bool once, std::vector<Step> &steps) {
    const dnnl::reorder::primitive_desc pd(engine_, fromDesc, engine_, toDesc, userScratchpad());
    Step step{dnnl::reorder(pd), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}, once};
    addScratchpad(step, pd.scratchpad_desc());
    steps.push_back(std::move(step));
  }

  void addScratchpad(Step &step, const memory::desc &desc) {
    if (desc.get_size() > 0)
      step.args.push_back({DNNL_ARG_SCRATCHPAD, bindScratch(desc)});
  }

  const dnnl::engine &engine_;
  size_t scratchOffset_;
  TileWork work_;
  std::vector<Step> after_;
};

class ConvDnnl final : public ConvRoutine {
public:
  /// False if oneDNN has only reference code; throws dnnl::error.
  bool prepare(const ConvShape &shape, ConvForm form, int64_t tiles) {
    size_t scratch = 0;
    for (int64_t tile = 0; tile < std::min(tiles, convUnits(shape)); ++tile) {
      const ConvSlice slice = convSlice(shape, tiles, tile);
      const int64_t samples = slice.samples.size(), run = samplesOfRun(shape, samples);
      const Operands ops = operandsOf(shape, form, slice);
      Chosen chosen;
      if (!choose(engine_, shape, ops, chosen))
        return false;
      TileBuilder builder(engine_, scratch, run == 0 ? 1 : samples / run);
      builder.build(shape, ops, chosen);
      scratch = builder.scratchOffset();
      tiles_.push_back(builder.take());
    }
    // Room to align the base of a buffer that is not.
    scratchBytes_ = scratch == 0 ? 0 : scratch + scratchAlignment;
    return true;
  }

  size_t scratchBytes() const override { return scratchBytes_; }

  void run(void *const *buffers, const int64_t *, int64_t tileBegin, int64_t tileEnd) override {
    omp_set_num_threads(1);
    const int64_t end = std::min(tileEnd, static_cast<int64_t>(tiles_.size()));
    for (int64_t tile = tileBegin; tile < end; ++tile)
      runTile(buffers, tiles_[static_cast<size_t>(tile)]);
  }

private:
  void runTile(void *const *buffers, TileWork &work) const {
    std::array<void *, 4> bases{buffers[0], buffers[1], buffers[2], nullptr};
    if (scratchBytes_ > 0)
      bases[scratchBuffer] = reinterpret_cast<void *>(
          alignScratch(reinterpret_cast<uintptr_t>(buffers[scratchBuffer])));
    for (int64_t run = 0; run < work.runs; ++run) {
      if (bases != work.bases || run != work.run)
        bindAll(bases, run, work);
      for (const Step &step : work.steps)
        if (run == 0 || !step.once)
          check(dnnl_primitive_execute(step.primitive.get(), work.stream.get(),
                                       static_cast<int>(step.args.size()), step.args.data()));
    }
  }

  static void bindAll(const std::array<void *, 4> &bases, int64_t run, TileWork &work) {
    for (BoundMemory &m : work.memories)
      check(
          dnnl_memory_set_data_handle_v2(m.object.get(),
                                         static_cast<char *>(bases[static_cast<size_t>(m.buffer)]) +
                                             m.offsetBytes + static_cast<size_t>(run) * m.runBytes,
                                         work.stream.get()));
    work.bases = bases;
    work.run = run;
  }

  /// Everything that can be wrong was checked when the primitive was made.
  static void check(dnnl_status_t status) {
    if (status == dnnl_success)
      return;
    std::fprintf(stderr, "of-run: oneDNN refuses a prepared convolution (status %d)\n",
                 static_cast<int>(status));
    std::abort();
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  std::vector<TileWork> tiles_;
  size_t scratchBytes_ = 0;
};

/// OpenMP's thread count of this thread is 1 within the scope.
class OneThread {
public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }

private:
  const int before_;
};

} // namespace

Result<std::unique_ptr<ConvRoutine>> makeConvDnnl(const Spec &spec, const ConvShape &shape,
                                                  ConvForm form, int64_t tiles) {
  const OneThread one;
  try {
    auto routine = std::make_unique<ConvDnnl>();
    if (!routine->prepare(shape, form, tiles))
      return std::unique_ptr<ConvRoutine>();
    return std::unique_ptr<ConvRoutine>(std::move(routine));
  } catch (const dnnl::error &e) {
    if (e.status == dnnl_unimplemented)
      return std::unique_ptr<ConvRoutine>();
    return malformed(spec, fmt::format("oneDNN refuses it: {}", e.what()));
  }
}

ConvForm preferredForm(const ConvShape &) { return ConvForm::Blocked; }

std::string dnnlVersion() {
  const dnnl_version_t *v = dnnl_version();
  return fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

} // namespace of::rt::kernel
