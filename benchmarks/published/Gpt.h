// Iteration time of a GPT trained as Megatron-DeepSpeed trains it, by the planner's cost model:
// its kernels through kernelSeconds, its exchanges through exchangeCost, stages through
// pipelineSeconds. Nothing here knows how fast anything is.
//
// Work of one stage for one micro-batch, with full recomputation:
//   forward ▸ forward again ▸ backward, of its layers; the first stage embeds, the last has the
//   head
// then once a step: gradients between data-parallel replicas, and Adam.
#pragma once

#include "benchmarks/published/Rows.h"
#include "lib/Cost/Cluster.h"

#include <map>
#include <tuple>

namespace of::published {

/// Predicts rows for one cluster; remembers exchanges, so the cluster must not change meanwhile.
class GptPredictor {
public:
  /// `cluster` outlives the predictor.
  explicit GptPredictor(const Cluster &cluster) : cluster(cluster) {}

  /// Seconds of an iteration. The row's GPUs are the first devices of the cluster.
  double seconds(const Row &row);

private:
  struct Work;
  /// Two of the three axes of a job; the exchange is along the second.
  enum class Along { Tensor, Data };

  void addForward(const Row &row, Work &out);
  void addBackward(const Row &row, Work &out);
  void addHead(const Row &row, Work &out);
  void addEmbedding(const Row &row, Work &out);
  double stepSeconds(const Row &row);
  double allReduceSeconds(const Row &row, Along along, double elements);
  double sendSeconds(const Row &row, double elements);

  const Cluster &cluster;
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, double> exchanges;
};

} // namespace of::published
