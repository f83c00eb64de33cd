// From the tree to the struct, and what the values must have to do with each other.
#include "lib/Config/Job.h"

#include <algorithm>

namespace of {
using namespace config;

const JobField *JobDataset::field(const std::string &name) const {
  for (const JobField &f : fields)
    if (f.name == name)
      return &f;
  return nullptr;
}

std::string Job::fieldFor(const std::string &argument) const {
  for (auto &[name, field] : inputs)
    if (name == argument)
      return field;
  return argument;
}

static int64_t integerOr(const Node &node, std::string_view key, int64_t otherwise) {
  const Node *child = node.find(key);
  return child ? integerOf(*child) : otherwise;
}

// Exactly one of two keys; their values, 0 for the absent one.
static void readEither(const Node &node, const char *a, int64_t &aValue, const char *b,
                       int64_t &bValue, Report &report) {
  aValue = integerOr(node, a, 0);
  bValue = integerOr(node, b, 0);
  if ((aValue == 0) == (bValue == 0))
    report.add(node.at, std::string(node.key.empty() ? "the job" : "'" + node.key + "'") +
                            " needs exactly one of " + a + " and " + b +
                            (aValue ? ", not both" : ""));
}

static JobField readField(const Node &node, Report &report) {
  JobField field;
  field.name = node.key;
  field.at = node.keyAt;
  field.files = textsOf(get(node, "files"));
  field.format = get(node, "format").text;
  if (const Node *dtype = node.find("dtype"))
    field.dtype = dtype->text;
  if (const Node *shape = node.find("shape"))
    field.shape = integersOf(*shape);
  field.scale = numberOf(get(node, "scale"));
  field.shift = numberOf(get(node, "shift"));
  field.sequence = integerOr(node, "sequence", 0);
  field.offset = integerOf(get(node, "offset"));
  if (field.files.empty())
    report.add(get(node, "files").at, "field '" + field.name + "' has no files");
  if (field.format == "tokens" && !field.sequence)
    report.add(node.at, "field '" + field.name +
                            "' has format tokens and needs a 'sequence': the tokens of a sample");
  if (field.format != "tokens" && (field.sequence || field.offset))
    report.add(node.at, "field '" + field.name + "' has format " + field.format +
                            "; 'sequence' and 'offset' are for format tokens");
  return field;
}

static JobDataset readDataset(const Node &node, Report &report) {
  JobDataset out;
  out.at = node.keyAt;
  out.samples = integerOf(get(node, "samples"));
  out.shuffle = booleanOf(get(node, "shuffle"));
  for (const Node &field : get(node, "fields").items)
    out.fields.push_back(readField(field, report));
  return out;
}

static JobOptimizer readOptimizer(const Node &node, Report &report) {
  const Node &kind = node.items[0];
  JobOptimizer out;
  out.lr = numberOf(get(kind, "lr"));
  out.weightDecay = numberOf(get(kind, "weight_decay"));
  if (kind.key == "sgd") {
    out.momentum = numberOf(get(kind, "momentum"));
    out.nesterov = booleanOf(get(kind, "nesterov"));
    if (out.nesterov && out.momentum == 0)
      report.add(get(kind, "nesterov").at, "'nesterov' needs a momentum above 0");
    return out;
  }
  out.kind = kind.key == "adam" ? JobOptimizer::Kind::Adam : JobOptimizer::Kind::AdamW;
  out.beta1 = numberOf(get(kind, "beta1"));
  out.beta2 = numberOf(get(kind, "beta2"));
  out.eps = numberOf(get(kind, "eps"));
  for (const char *beta : {"beta1", "beta2"})
    if (numberOf(get(kind, beta)) == 1)
      report.add(get(kind, beta).at, std::string("'") + beta + "' is 1; it must be below 1");
  return out;
}

static JobSchedule readSchedule(const Node &node, Report &report) {
  const Node &kind = node.items[0];
  JobSchedule out;
  if (kind.key == "step") {
    out.kind = JobSchedule::Kind::Step;
    readEither(kind, "every_steps", out.everySteps, "every_epochs", out.everyEpochs, report);
    out.factor = numberOf(get(kind, "factor"));
  } else if (kind.key == "cosine") {
    out.kind = JobSchedule::Kind::Cosine;
    out.warmupSteps = integerOf(get(kind, "warmup_steps"));
    out.final = numberOf(get(kind, "final"));
  }
  return out;
}

static JobEvaluate readEvaluate(const Node &node, const Job &job, Report &report) {
  JobEvaluate out;
  out.at = node.keyAt;
  out.everyEpochs = integerOf(get(node, "every_epochs"));
  out.loss = false;
  for (const std::string &metric : textsOf(get(node, "metrics")))
    (metric == "loss" ? out.loss : out.accuracy) = true;
  if (!job.eval)
    report.add(node.keyAt, "'evaluate' needs a dataset: add data.eval");
  if (job.steps)
    report.add(node.keyAt,
               "'evaluate' counts epochs, but the job counts steps; give 'epochs' instead");
  if (!out.accuracy)
    return out;
  if (const Node *where = node.find("accuracy")) {
    out.logits = integerOf(get(*where, "logits"));
    out.labels = get(*where, "labels").text;
  } else if (job.loss.hasLabels()) {
    out.logits = job.loss.output;
    out.labels = job.loss.target;
    out.followsLoss = true;
  } else {
    report.add(node.at, "metric accuracy needs evaluate.accuracy with logits and labels, since "
                        "loss " +
                            job.loss.word + " has no classes");
  }
  return out;
}

static JobCheckpoint readCheckpoint(const Node &node, const Job &job, Report &report) {
  JobCheckpoint out;
  readEither(node, "every_steps", out.everySteps, "every_epochs", out.everyEpochs, report);
  out.keep = integerOf(get(node, "keep"));
  return out;
}

// The dim of S(dim) has at most three digits, as in the type of a tensor.
static bool isSbp(const std::string &s) {
  if (s == "B" || s == "P")
    return true;
  return s.size() >= 4 && s.size() <= 6 && s.compare(0, 2, "S(") == 0 && s.back() == ')' &&
         s.find_first_not_of("0123456789", 2) == s.size() - 1;
}

static JobPin readPin(const Node &node, const JobParallel &parallel, Report &report) {
  JobPin pin;
  pin.at = node.at;
  const Node *value = node.find("value"), *parameter = node.find("parameter");
  if (!value == !parameter)
    report.add(node.at, "a pin needs exactly one of value and parameter");
  pin.isParameter = parameter;
  if (const Node *name = value ? value : parameter)
    pin.name = name->text;
  for (const Node &item : get(node, "sbp").items) {
    std::vector<std::string> axes;
    for (auto &[axis, size] : parallel.mesh)
      axes.push_back(axis);
    if (std::find(axes.begin(), axes.end(), item.key) == axes.end())
      report.add(item.keyAt,
                 "the mesh has no axis '" + item.key + "'; its axes are " + listOf(axes));
    if (!isSbp(item.text))
      report.add(item.at, "'" + item.text + "' is no SBP: use S(dim), B or P");
    pin.sbp.push_back({item.key, item.text});
  }
  return pin;
}

static JobParallel readParallel(const Node &node, Report &report) {
  JobParallel out;
  out.at = node.at;
  int rest = 0;
  out.strategy = get(node, "strategy").text;
  const Node *mesh = node.find("mesh");
  if (!mesh && (!out.isSearched() || !get(node, "pins").items.empty()))
    out.mesh.push_back({"data", -1});
  for (const Node &axis : mesh ? mesh->items : std::vector<Node>()) {
    out.mesh.push_back({axis.key, integerOf(axis)});
    rest += out.mesh.back().second == -1;
    if (out.mesh.back().second == 0)
      report.add(axis.at, "mesh axis '" + axis.key +
                              "' has size 0; sizes are at least 1, or -1 for the rest");
  }
  if (rest > 1)
    report.add(mesh->at, "only one mesh axis may be -1");
  if (mesh && out.mesh.empty())
    report.add(mesh->at, "the mesh has no axes; give one, or leave 'mesh' out");
  out.stages = textsOf(get(node, "stages"));
  out.recompute = get(node, "recompute").text;
  out.offload = get(node, "offload").text;
  if (out.offload == "activations" && out.recompute != "auto" && out.recompute != "none")
    report.add(get(node, "offload").at,
               "'offload: activations' keeps what 'recompute: " + out.recompute +
                   "' would compute again; leave one of them out");
  for (const Node &pin : get(node, "pins").items)
    out.pins.push_back(readPin(pin, out, report));
  return out;
}

static void readSizes(const Node &node, Job &job, Report &report) {
  const Node &batch = get(node, "batch"), &accumulate = get(node, "accumulate");
  job.batchAt = batch.at;
  job.batch = integerOf(batch);
  job.accumulate = std::max<int64_t>(integerOf(accumulate), 1); // 0: import is told how many
  if (job.batch % job.accumulate)
    report.add(accumulate.at, "'accumulate' is " + accumulate.text +
                                  "; it must divide the batch of " + batch.text);
  if (!job.trains)
    return;
  if (node.find("data") && job.train.samples < job.batch)
    report.add(batch.at, "'batch' is " + batch.text + " but data.train has " +
                             std::to_string(job.train.samples) +
                             " samples: an epoch would have no step");
  readEither(node, "epochs", job.epochs, "steps", job.steps, report);
}

// What of the rest belongs to training.
static void readTraining(const Node &node, Job &job, Report &report) {
  for (const char *key : {"data", "optimizer"})
    if (!node.find(key))
      report.add(node.at, std::string("key '") + key + "' is missing: a job with a loss trains");
  job.loss = readLoss(get(node, "loss"));
  if (const Node *optimizer = node.find("optimizer"))
    job.optimizer = readOptimizer(*optimizer, report);
  job.schedule = readSchedule(get(node, "schedule"), report);
  if (const Node *clip = node.find("clip_norm"))
    job.clipNorm = numberOf(*clip);
  if (const Node *evaluate = node.find("evaluate"))
    job.evaluate = readEvaluate(*evaluate, job, report);
  if (const Node *checkpoint = node.find("checkpoint"))
    job.checkpoint = readCheckpoint(*checkpoint, job, report);
}

static void refuseTraining(const Node &node, Report &report) {
  for (const std::string &key : trainingKeys())
    if (const Node *found = node.find(key))
      report.add(found->keyAt, "'" + key +
                                   "' is for training, but the job has no loss; add 'loss', or "
                                   "drop it to run the model forward");
}

Job readJob(const Node &node, Report &report) {
  Job job;
  job.trains = node.find("loss");
  job.model = get(node, "model").text;
  if (const Node *initial = node.find("initial"))
    job.initial = initial->text;
  if (const Node *patterns = node.find("freeze"))
    for (const Node &pattern : patterns->items)
      job.freeze.push_back({pattern.text, pattern.at});
  job.seed = integerOf(get(node, "seed"));
  job.precision = get(node, "precision").text;
  if (const Node *data = node.find("data")) {
    job.train = readDataset(get(*data, "train"), report);
    if (const Node *eval = data->find("eval"))
      job.eval = readDataset(*eval, report);
  }
  for (const Node &input : get(node, "inputs").items)
    job.inputs.push_back({input.key, input.text});
  readSizes(node, job, report);
  job.trains ? readTraining(node, job, report) : refuseTraining(node, report);
  job.parallel = readParallel(get(node, "parallel"), report);
  if (job.schedule.kind == JobSchedule::Kind::Cosine && report.clean() &&
      job.schedule.warmupSteps > job.totalSteps())
    report.add(get(node, "schedule").at,
               "warmup_steps is " + std::to_string(job.schedule.warmupSteps) + " but the run has " +
                   std::to_string(job.totalSteps()) + " steps");
  return job;
}

} // namespace of
