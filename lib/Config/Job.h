// The job: everything about a training run that is neither the model nor the machines (job.yaml).
//
// `jobKeys` is the one table of keys, with a sentence for each; the check, the JSON schema and the
// reference page come from it. `readJob` turns a completed tree into this struct and checks how
// values relate. Positions stay, so that later checks against the model can still name the line.
// Plain values, any thread.
#pragma once

#include "lib/Config/Schema.h"

namespace of {

struct JobField {
  std::string name;
  std::vector<std::string> files;
  std::string format;               ///< idx, npy, tokens
  std::optional<std::string> dtype; ///< of the produced tensor; default: the model argument's
  std::optional<std::vector<int64_t>> shape; ///< of one sample; default: the model argument's
  double scale = 1, shift = 0;               ///< value = stored * scale + shift
  int64_t sequence = 0, offset = 0;          ///< tokens: length of a sample, shift of the window
  config::Position at;
};

struct JobDataset {
  int64_t samples = 0;
  bool shuffle = false;
  std::vector<JobField> fields;
  config::Position at;
  const JobField *field(const std::string &name) const;
};

struct JobLoss {
  enum class Kind { CrossEntropy, MarginSoftmax, Mse, BinaryCrossEntropy, Output };
  Kind kind = Kind::Output;
  std::string word;     ///< its key, for messages
  int64_t output = 0;   ///< index of the model's result: logits, prediction or the loss itself
  std::string target;   ///< dataset field with the labels or targets
  double smoothing = 0; ///< with labels: share of the label that all classes share
  std::optional<int64_t> ignore; ///< with labels: elements with this one do not count
  bool nextToken = false;        ///< with labels: position i is to say the label of i + 1
  double scale = 1, angularMargin = 0, cosineMargin = 0; ///< margin softmax
  config::Position at;
  /// The target holds class indices; else values like the output's, or there is none.
  bool hasLabels() const { return kind == Kind::CrossEntropy || kind == Kind::MarginSoftmax; }
};

struct JobOptimizer {
  enum class Kind { Sgd, Adam, AdamW } kind = Kind::Sgd;
  double lr = 0, weightDecay = 0;
  double momentum = 0; ///< sgd
  bool nesterov = false;
  double beta1 = 0, beta2 = 0, eps = 0; ///< adam, adamw
};

struct JobSchedule {
  enum class Kind { Constant, Step, Cosine } kind = Kind::Constant;
  int64_t everySteps = 0; ///< step: one of the two
  int64_t everyEpochs = 0;
  double factor = 1;
  int64_t warmupSteps = 0;
  double final = 0; ///< cosine: share of lr at the end
};

struct JobEvaluate {
  int64_t everyEpochs = 1;
  bool loss = true, accuracy = false;
  int64_t logits = 0;       ///< accuracy: result of the model
  std::string labels;       ///< accuracy: dataset field
  bool followsLoss = false; ///< accuracy: of what the loss counts, as it pairs logits and labels
  config::Position at;
};

struct JobCheckpoint {
  int64_t everySteps = 0, everyEpochs = 0; ///< exactly one is set
  int64_t keep = 0;                        ///< newest ones that are kept; 0 keeps all
};

struct JobPin {
  bool isParameter = false;
  std::string name;
  std::vector<std::pair<std::string, std::string>> sbp; ///< mesh axis -> "S(1)", "B", "P"
  config::Position at;
};

/// Names of parameters, with * and ?.
struct JobPattern {
  std::string text;
  config::Position at;
};

struct JobParallel {
  std::vector<std::pair<std::string, int64_t>>
      mesh;                        ///< axis -> size; -1: what the other axes leave; empty: chosen
  std::string strategy;            ///< "data", "none", "auto" or the name of a family
  std::vector<std::string> stages; ///< values with which the second, third, ... stage begins
  std::vector<JobPin> pins;
  std::string recompute; ///< "auto", "none", "selective" or "full"
  std::string offload;   ///< "auto", "none" or "activations"
  config::Position at;
  /// Distributions are searched for, rather than spread from what is given.
  bool isSearched() const { return strategy != "data" && strategy != "none"; }
};

struct Job {
  std::string model, initial; ///< files, as written; `initial` may be empty
  bool trains = true;         ///< else it has none of the keys of training, maybe data
  int64_t seed = 0;
  std::string precision; ///< fp32, fp64
  int64_t batch = 0, accumulate = 1;
  int64_t epochs = 0, steps = 0; ///< exactly one is set
  double clipNorm = 0;           ///< 0: no clipping
  JobDataset train;
  std::optional<JobDataset> eval;
  std::vector<std::pair<std::string, std::string>> inputs; ///< model argument -> field
  JobLoss loss;
  JobOptimizer optimizer;
  JobSchedule schedule;
  std::optional<JobEvaluate> evaluate;
  std::optional<JobCheckpoint> checkpoint;
  JobParallel parallel;
  std::vector<JobPattern> freeze;
  config::Position batchAt;

  int64_t microRows() const { return batch / accumulate; }
  /// Steps of an epoch: the last partial batch is dropped.
  int64_t epochSteps() const { return train.samples / batch; }
  int64_t totalSteps() const { return steps ? steps : epochs * epochSteps(); }
  /// Field bound to a model argument: the one of the same name unless `inputs` says otherwise.
  std::string fieldFor(const std::string &argument) const;
};

/// The keys of job.yaml.
config::Key jobKeys();

/// Keys that only a job that trains has.
const std::vector<std::string> &trainingKeys();

/// `loss` of job.yaml (LossKeys.cpp): its keys, and what they say once complete.
config::Key lossKeys();
JobLoss readLoss(const config::Node &completed);

/// The job in a tree that `config::complete` accepted. Contradictions between values are reported;
/// then the result must not be used.
Job readJob(const config::Node &completed, config::Report &report);

} // namespace of
