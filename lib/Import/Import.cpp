#include "lib/Import/Import.h"

#include "dialects/Of/Of.h"
#include "lib/Config/Attributes.h"
#include "lib/Import/Bind.h"
#include "lib/Import/Model.h"
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
  explicit Description(const std::string &file, const config::Key &keys)
      : report(file), tree(config::readYaml(report)) {
    if (report.clean())
      tree = config::complete(tree, keys, report);
  }
  Report report;
  Node tree;
};
} // namespace

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

OwningOpRef<ModuleOp> importJob(MLIRContext *context, const ImportOptions &options) {
  Description jobFile(options.jobFile, jobKeys()), clusterFile(options.clusterFile, clusterKeys());
  Job job;
  Cluster cluster;
  if (jobFile.report.clean())
    job = readJob(jobFile.tree, jobFile.report);
  if (clusterFile.report.clean())
    cluster = readCluster(clusterFile.tree, clusterFile.report);
  bool jobIsGood = jobFile.report.clean(), clusterIsGood = clusterFile.report.clean();

  OwningOpRef<ModuleOp> module;
  if (jobIsGood || !options.modelFile.empty())
    module = readModel(context, options.modelFile.empty() ? besideJob(options.jobFile, job.model)
                                                          : options.modelFile);
  bool modelIsGood = static_cast<bool>(module);
  if (modelIsGood && jobIsGood) {
    func::FuncOp model = modelFunction(*module);
    modelIsGood = succeeded(specialize(model, job));
    if (modelIsGood) {
      bindData(model, job, jobFile.tree, jobFile.report);
      bindPlacement(model, job, jobFile.report);
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
