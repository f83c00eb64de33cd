#include "benchmarks/published/Gpt.h"

#include "lib/Cost/ComputeCost.h"
#include "lib/Cost/ExchangeCost.h"
#include "lib/Cost/StepCost.h"

#include <cmath>

namespace of::published {

namespace {

constexpr double half = 2; ///< bytes of an fp16 element

/// GPT-2's 50,257 words; a split vocabulary is padded to 128 words a part, as Megatron does.
double vocabulary(const Row &row) {
  constexpr double words = 50257;
  return row.tensor == 1 ? words : std::ceil(words / (128 * row.tensor)) * 128;
}

double tokens(const Row &row) { return row.microBatch * row.sequence; }
/// Elements of the activation between layers, and of one device's attention scores.
double activation(const Row &row) { return tokens(row) * row.hidden; }
double scores(const Row &row) { return tokens(row) * row.sequence * row.heads / row.tensor; }

KernelWork product(double batch, double m, double n, double k) {
  KernelWork work;
  work.routine = "matmul";
  work.dtype = DType::F16;
  work.flops = 2 * batch * m * n * k;
  work.bytes = half * batch * (m * n + m * k + n * k);
  work.outputs = batch * m * n;
  for (double row : {n, k})
    work.aligned &= std::fmod(row, 8) == 0;
  return work;
}

} // namespace

/// Kernels in a row, and the exchanges among them.
struct GptPredictor::Work {
  explicit Work(const ClusterDevice &device) : device(device) {}

  void add(const KernelWork &work) {
    seconds += kernelSeconds(work, device);
    kernels += 1;
  }
  /// A linear layer's two gradients, and that of its bias.
  void addLinearBackward(double m, double n, double k) {
    add(product(1, m, k, n));
    add(product(1, k, n, m));
    pass(m * n);
  }
  /// A generated kernel that reads and writes so many fp16 elements.
  void pass(double elements, double times = 1) {
    KernelWork work;
    work.dtype = DType::F16;
    work.bytes = half * elements;
    for (double i = 0; i < times; ++i)
      add(work);
  }
  void exchange(double exchangeSeconds) {
    seconds += exchangeSeconds;
    kernels += exchangeSeconds > 0;
  }

  const ClusterDevice &device;
  double seconds = 0, kernels = 0;
};

// ---- A layer ------------------------------------------------------------------------------------

/// Megatron's fused softmax works on four score matrices at a time; otherwise it is spelt out.
static bool softmaxIsFused(const Row &row) {
  return std::fmod(row.microBatch * row.heads / row.tensor, 4) == 0;
}

void GptPredictor::addForward(const Row &row, Work &out) {
  const double r = tokens(row), h = row.hidden, t = row.tensor, s = row.sequence;
  const double batch = row.microBatch * row.heads / t, act = activation(row), part = act / t;
  out.pass(2 * act, 2); // layer norms
  out.add(product(1, r, 3 * h / t, h));
  out.pass(6 * part); // the fused projections to heads
  out.pass(2 * part, 3);
  out.add(product(batch, s, s, h / row.heads));
  if (!softmaxIsFused(row))
    out.pass(5 * scores(row), 4); // scale, mask, to fp32 and back
  out.pass(2 * scores(row));
  out.pass(2.5 * scores(row)); // dropout, with its mask of bytes
  out.add(product(batch, s, h / row.heads, s));
  out.add(product(1, r, h, h / t));
  out.exchange(allReduceSeconds(row, Along::Tensor, act));
  out.pass(3.5 * act, 2); // bias, dropout, residual
  out.add(product(1, r, 4 * h / t, h));
  out.pass(8 * part); // GELU
  out.add(product(1, r, h, 4 * h / t));
  out.exchange(allReduceSeconds(row, Along::Tensor, act));
}

void GptPredictor::addBackward(const Row &row, Work &out) {
  const double r = tokens(row), h = row.hidden, t = row.tensor, s = row.sequence;
  const double batch = row.microBatch * row.heads / t, act = activation(row), part = act / t;
  out.pass(2.5 * act, 2);
  out.addLinearBackward(r, h, 4 * h / t);
  out.pass(12 * part);
  out.addLinearBackward(r, 4 * h / t, h);
  out.exchange(allReduceSeconds(row, Along::Tensor, act));
  out.addLinearBackward(r, h, h / t);
  out.add(product(batch, s, s, h / row.heads)); // of the scores, of the values
  out.add(product(batch, s, h / row.heads, s));
  out.pass(2.5 * scores(row));
  out.pass(3 * scores(row));
  if (!softmaxIsFused(row))
    out.pass(5 * scores(row), 4);
  for (int i = 0; i < 2; ++i) // of the queries, of the keys
    out.add(product(batch, s, h / row.heads, s));
  out.pass(2 * part, 4);
  out.addLinearBackward(r, 3 * h / t, h);
  out.exchange(allReduceSeconds(row, Along::Tensor, act));
  out.pass(3 * act, 2);
}

// ---- Before and after the layers ----------------------------------------------------------------

void GptPredictor::addEmbedding(const Row &row, Work &out) {
  out.pass(3 * activation(row), 8);
  out.exchange(allReduceSeconds(row, Along::Tensor, activation(row)));
}

void GptPredictor::addHead(const Row &row, Work &out) {
  const double r = tokens(row), h = row.hidden, v = vocabulary(row) / row.tensor, logits = r * v;
  out.pass(3 * activation(row), 4);
  out.add(product(1, r, v, h));
  out.add(product(1, r, h, v));
  out.add(product(1, h, v, r));
  // The loss in fp32, unfused: to fp32, maximum, difference, exponential, sum, quotient; back:
  // product, to fp16. 52 bytes for each logit.
  for (double bytes : {6, 4, 8, 8, 4, 8, 8, 6})
    out.pass(bytes / half * logits);
  out.exchange(allReduceSeconds(row, Along::Tensor, activation(row)));
  if (row.tensor > 1) // the loss's maximum, sum and target
    for (int i = 0; i < 3; ++i)
      out.exchange(allReduceSeconds(row, Along::Tensor, 2 * r));
}

/// Gradients between replicas, then Adam on what a device holds.
double GptPredictor::stepSeconds(const Row &row) {
  const double h = row.hidden, t = row.tensor, layers = row.layers / row.pipeline;
  const double parameters = 12 * h * h / t * layers + vocabulary(row) / t * h;
  Work out(cluster.devices[0]);
  // Gradient and its zeroing 2 + 2 bytes, master copy and moments read and written 24, fp16 copy 2.
  for (double i = 0; i < layers; ++i)
    out.pass(30 / half * parameters / layers);
  return allReduceSeconds(row, Along::Data, parameters) + out.seconds;
}

// ---- Exchanges ----------------------------------------------------------------------------------

/// Devices of the job: ranks count tensor first, then data, then pipeline.
static std::vector<int64_t> stageDevices(const Row &row, int64_t stage) {
  const auto count = static_cast<int64_t>(row.tensor * row.data);
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back(stage * count + i);
  return out;
}

double GptPredictor::allReduceSeconds(const Row &row, Along along, double elements) {
  const auto t = static_cast<int64_t>(row.tensor), d = static_cast<int64_t>(row.data),
             n = static_cast<int64_t>(elements);
  const bool tensor = along == Along::Tensor;
  if ((tensor ? t : d) == 1)
    return 0;
  auto [it, isNew] = exchanges.try_emplace({tensor, d, t, n}, 0);
  if (!isNew)
    return it->second;
  // All groups of the stage exchange at once: (data, tensor) is one mesh.
  const Placement mesh{{d, t}, stageDevices(row, 0)};
  auto layout = [&](Sbp sbp) {
    return Layout{mesh, tensor ? NdSbp{Sbp::broadcast(), sbp} : NdSbp{sbp, Sbp::broadcast()}};
  };
  const Layout partial = layout(Sbp::partialSum()), split = layout(Sbp::split(0)),
               whole = layout(Sbp::broadcast());
  it->second = exchangeCost(cluster, {n}, DType::F16, partial, split).seconds +
               exchangeCost(cluster, {n}, DType::F16, split, whole).seconds;
  return it->second;
}

/// One micro-batch's activation from a stage to the next.
double GptPredictor::sendSeconds(const Row &row, double elements) {
  const auto t = static_cast<int64_t>(row.tensor), d = static_cast<int64_t>(row.data),
             n = static_cast<int64_t>(elements * row.data);
  auto [it, isNew] = exchanges.try_emplace({2, d, t, n}, 0);
  if (!isNew)
    return it->second;
  auto layout = [&](int64_t stage) {
    return Layout{{{d, t}, stageDevices(row, stage)}, {Sbp::split(0), Sbp::broadcast()}};
  };
  it->second = exchangeCost(cluster, {n}, DType::F16, layout(0), layout(1)).seconds;
  return it->second;
}

// ---- A step -------------------------------------------------------------------------------------

double GptPredictor::seconds(const Row &row) {
  const ClusterDevice &device = cluster.devices[0];
  Work layer(device), head(device), embedding(device);
  addForward(row, layer);
  addForward(row, layer);
  addBackward(row, layer);
  addHead(row, head);
  addEmbedding(row, embedding);
  const double layers = row.layers / row.pipeline;
  const auto stages = static_cast<int64_t>(row.pipeline);
  std::vector<StageTime> times;
  for (int64_t stage = 0; stage < stages; ++stage) {
    double seconds = layers * layer.seconds, kernels = layers * layer.kernels;
    for (const auto &[work, here] :
         {std::pair(&embedding, stage == 0), {&head, stage == stages - 1}})
      if (here) {
        seconds += work->seconds;
        kernels += work->kernels;
      }
    StageTime time{queuedSeconds(seconds, kernels, device), 0};
    if (stages > 1)
      time.backward = sendSeconds(row, activation(row));
    times.push_back(time);
  }
  return pipelineSeconds(times, static_cast<int64_t>(row.microBatches())) + stepSeconds(row);
}

} // namespace of::published
