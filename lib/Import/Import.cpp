#include "lib/Import/Import.h"

#include "dialects/Of/Of.h"
#include "lib/Config/Attributes.h"
#include "lib/Import/Bind.h"
#include "lib/Import/Freeze.h"
#include "lib/Import/Model.h"
#include "lib/Import/Onnx/Onnx.h"
#include "lib/Import/Specialize.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace of {
using config::Node;
using config::Report;

namespace {
/// A file's completed tree and what was complained about.
struct Description {
  Description(const std::string &file, const config::Key &keys,
              llvm::ArrayRef<std::string> dropped = {})
      : report(file), tree(config::readYaml(report)) {
    llvm::erase_if(tree.items,
                   [&](const Node &item) { return llvm::is_contained(dropped, item.key); });
    if (report.clean())
      tree = config::complete(tree, keys, report);
  }
  Report report;
  Node tree;
};
} // namespace

// The job's, without the keys of training if it is to run forward.
static Description jobDescription(const ImportOptions &options) {
  return Description(options.jobFile, jobKeys(),
                     options.forwardOnly ? trainingKeys() : std::vector<std::string>());
}

// ---- Micro-batches

// `accumulate: 0`.
static Node *openAccumulate(Node &tree) {
  for (Node &item : tree.items)
    if (item.key == "accumulate" && item.text == "0")
      return &item;
  return nullptr;
}

std::vector<int64_t> microBatchChoices(const ImportOptions &options) {
  Description file = jobDescription(options);
  if (!file.report.clean() || !openAccumulate(file.tree))
    return {};
  const Job job = readJob(file.tree, file.report);
  if (!file.report.clean() || !job.trains || !job.parallel.isSearched())
    return {};
  std::vector<int64_t> out;
  for (int64_t least = 1; least <= job.batch; least *= 2) {
    int64_t count = least;
    while (job.batch % count)
      ++count;
    if (out.empty() || out.back() != count)
      out.push_back(count);
  }
  return out;
}

// Writes the number that was chosen into the tree and the job.
static void setMicroBatches(int64_t chosen, Job &job, Node &tree, Report &report) {
  Node *open = openAccumulate(tree);
  if (!open)
    return;
  if (!job.trains)
    chosen = 1;
  if (chosen == 0)
    return report.add(open->at,
                      job.parallel.isSearched()
                          ? "'accumulate' is 0, which lets of-compile choose; give a number here"
                          : "'accumulate' is 0, which leaves it to the search, but strategy " +
                                job.parallel.strategy +
                                " searches nothing; give a number, or take strategy auto");
  job.accumulate = chosen;
  open->text = std::to_string(chosen);
}

static void numberRandomOps(func::FuncOp model) {
  int64_t next = 1;
  model.walk([&](RandomOpInterface op) { op.setRandomId(next++); });
}

// Files named in a job are relative to it.
static std::string besideJob(const std::string &jobFile, const std::string &file) {
  if (llvm::sys::path::is_absolute(file))
    return file;
  llvm::SmallString<128> path(llvm::sys::path::parent_path(jobFile));
  llvm::sys::path::append(path, file);
  return path.str().str();
}

static LogicalResult specialize(func::FuncOp model, const Job &job) {
  if (job.precision == "fp64")
    retypeToF64(model);
  return specializeBatch(model, job.microRows());
}

// Dims of a sample where the job says them: an ONNX model may leave them open.
static std::optional<std::vector<int64_t>> sampleShape(const Job &job, llvm::StringRef input) {
  const JobField *field = job.train.field(job.fieldFor(input.str()));
  if (!field)
    return std::nullopt;
  if (field->format == "tokens")
    return std::vector<int64_t>{field->sequence};
  return field->shape;
}

static OwningOpRef<ModuleOp> readAnyModel(MLIRContext *context, const std::string &file,
                                          const Job *job, Weights &weights) {
  if (!onnx::isOnnx(file))
    return readModel(context, file);
  if (!job)
    return {}; // the batch is not known
  auto shape = [&](llvm::StringRef input) { return sampleShape(*job, input); };
  return onnx::readModel(context, {file, job->microRows(), shape}, weights);
}

// The job names the file of the weights as it would name another of first values.
static void bindWeights(const Job &job, const std::string &file, Node &tree, Weights &weights) {
  if (!job.initial.empty())
    weights = Weights();
  if (weights.empty())
    return;
  if (job.precision == "fp64")
    weights.widen();
  Node name = Node::scalar(file);
  name.key = "initial";
  tree.items.push_back(std::move(name));
}

OwningOpRef<ModuleOp> importJob(MLIRContext *context, const ImportOptions &options,
                                Weights &weights) {
  Description jobFile = jobDescription(options);
  Description clusterFile(options.clusterFile, clusterKeys());
  Job job;
  Cluster cluster;
  if (jobFile.report.clean())
    job = readJob(jobFile.tree, jobFile.report);
  if (jobFile.report.clean())
    setMicroBatches(options.microBatches, job, jobFile.tree, jobFile.report);
  if (clusterFile.report.clean())
    cluster = readCluster(clusterFile.tree, clusterFile.report);
  bool jobIsGood = jobFile.report.clean(), clusterIsGood = clusterFile.report.clean();

  OwningOpRef<ModuleOp> module;
  if (jobIsGood || !options.modelFile.empty())
    module = readAnyModel(context,
                          options.modelFile.empty() ? besideJob(options.jobFile, job.model)
                                                    : options.modelFile,
                          jobIsGood ? &job : nullptr, weights);
  bool modelIsGood = static_cast<bool>(module);
  if (modelIsGood && jobIsGood) {
    func::FuncOp model = modelFunction(*module);
    modelIsGood = succeeded(specialize(model, job));
    if (modelIsGood) {
      if (job.trains)
        bindData(model, job, jobFile.tree, jobFile.report);
      else
        checkForward(model, job, jobFile.report);
      bindPlacement(model, job, jobFile.report);
      freezeParameters(model, job.freeze, jobFile.report);
      modelIsGood = succeeded(freezeParameters(model, options.freeze));
      bindWeights(job, options.weightsFile, jobFile.tree, weights);
      numberRandomOps(model);
    }
  }
  if (jobIsGood && clusterIsGood)
    bindMesh(job, cluster, jobFile.tree, jobFile.report);
  bool described = succeeded(emitReport(context, jobFile.report));
  described &= succeeded(emitReport(context, clusterFile.report));
  if (!described || !modelIsGood)
    return {};
  module->setSymName(llvm::sys::path::stem(options.jobFile));
  (*module)->setAttr(jobAttrName, toAttribute(context, jobFile.tree, jobKeys()));
  (*module)->setAttr(clusterAttrName, toAttribute(context, clusterFile.tree, clusterKeys()));
  return succeeded(verify(*module)) ? std::move(module) : OwningOpRef<ModuleOp>();
}

} // namespace of
