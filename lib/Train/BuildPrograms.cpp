// of-build-programs
//
//   before   module attributes {of.job = {...}} { func.func @mlp(%x {of.name = "x"}, ...) -> logits
//   { ... } } after    module attributes {of.job = {...}} {
//              of.variable @"fc1.weight" ...  of.dataset @train_data ...
//              of.program @init init {...}  of.program @train train {...}  of.program @eval eval
//              {...}  of.program @snapshot snapshot {...} of.loop 1 { of.run @init count 1  of.loop
//              5 { of.run @train count 937  of.run @snapshot count 1  of.run @eval count 157 } }
//            }
#include "lib/Config/Attributes.h"
#include "lib/Train/Passes.h"
#include "lib/Train/RunLoop.h"
#include "lib/Train/TrainProgram.h"

#include "mlir/Pass/Pass.h"

using namespace mlir;

namespace of {

static DictionaryAttr fieldAttribute(Builder &b, const JobField &field) {
  SmallVector<StringRef> files(field.files.begin(), field.files.end());
  return b.getDictionaryAttr({
      b.getNamedAttr("name", b.getStringAttr(field.name)),
      b.getNamedAttr("files", b.getStrArrayAttr(files)),
      b.getNamedAttr("format", b.getStringAttr(field.format)),
      b.getNamedAttr("dtype", b.getStringAttr(*field.dtype)),
      b.getNamedAttr("shape", b.getDenseI64ArrayAttr(*field.shape)),
      b.getNamedAttr("scale", b.getF64FloatAttr(field.scale)),
      b.getNamedAttr("shift", b.getF64FloatAttr(field.shift)),
      b.getNamedAttr("sequence", b.getI64IntegerAttr(field.sequence)),
      b.getNamedAttr("offset", b.getI64IntegerAttr(field.offset)),
  });
}

static void emitDataset(OpBuilder &b, Location loc, StringRef name, const JobDataset &dataset,
                        bool mask, int64_t seed) {
  SmallVector<Attribute> fields;
  for (const JobField &field : dataset.fields)
    fields.push_back(fieldAttribute(b, field));
  DatasetOp::create(b, loc, name, dataset.samples, b.getArrayAttr(fields), dataset.shuffle, mask,
                    seed);
}

static void emitRuns(OpBuilder &b, Location loc, ArrayRef<RunItem> items) {
  for (const RunItem &item : items) {
    if (!item.program.empty()) {
      RunOp::create(b, loc, item.program, item.count);
      continue;
    }
    auto loop = LoopOp::create(b, loc, item.count);
    OpBuilder inner = OpBuilder::atBlockEnd(&loop.getBody().emplaceBlock());
    emitRuns(inner, loc, item.body);
  }
}

// Import fills in what a job leaves open; a job written straight into IR must have it.
static LogicalResult checkFields(func::FuncOp model, const JobDataset &dataset) {
  for (const JobField &field : dataset.fields)
    if (!field.dtype || !field.shape)
      return model.emitError("field '")
             << field.name << "' of the job has no dtype or shape; import fills them in";
  return success();
}

static LogicalResult checkModel(func::FuncOp model, const Job &job) {
  for (unsigned i = 0; i < model.getNumArguments(); ++i) {
    auto name = model.getArgAttrOfType<StringAttr>(i, "of.name");
    if (!name)
      return model.emitError("argument ") << i << " has no of.name; import gives it one";
    if (job.trains && !job.train.field(job.fieldFor(name.str())))
      return model.emitError("argument ")
             << i << " has no of.name that the job binds to a field of data.train";
    if (!cast<RankedTensorType>(model.getArgumentTypes()[i]).hasStaticShape())
      return model.emitError("argument ")
             << i << " has a dynamic shape; import fixes it to the rows of a micro-batch";
  }
  if (!job.trains)
    return success();
  if (job.loss.output >= model.getNumResults())
    return model.emitError("the loss is result ")
           << job.loss.output << " of a model with " << model.getNumResults();
  if (failed(checkFields(model, job.train)) || (job.eval && failed(checkFields(model, *job.eval))))
    return failure();
  return success();
}

namespace {
struct BuildProgramsPass : PassWrapper<BuildProgramsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BuildProgramsPass)
  StringRef getArgument() const override { return "of-build-programs"; }
  StringRef getDescription() const override {
    return "Builds the programs that train, evaluate and save a model, or run it forward";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<OfDialect>();
  }

  void runOnOperation() override {
    FailureOr<Job> job = jobOf(getOperation());
    auto models = getOperation().getOps<func::FuncOp>();
    if (succeeded(job) && !llvm::hasSingleElement(models)) {
      getOperation().emitError("needs one func.func, the model");
      return signalPassFailure();
    }
    if (failed(job) || failed(build(*models.begin(), *job)))
      signalPassFailure();
  }

  LogicalResult build(func::FuncOp model, const Job &job) {
    if (failed(checkModel(model, job)))
      return failure();
    FailureOr<VariableTable> variables = VariableTable::ofModel(model);
    if (failed(variables))
      return failure();
    OpBuilder b = OpBuilder::atBlockEnd(getOperation().getBody());
    Type element = job.precision == "fp64" ? Type(b.getF64Type()) : Type(b.getF32Type());
    TrainInput input{model, job, *variables, element};
    if (!job.trains)
      return buildForward(b, input);
    // Training comes first: it declares the optimizer's state, which the others need to know.
    if (failed(buildTrain(b, input)))
      return failure();
    Operation *train = &getOperation().getBody()->back();
    if (job.evaluate && failed(buildEval(b, input)))
      return failure();
    if (failed(buildSnapshot(b, input)))
      return failure();
    b.setInsertionPoint(train);
    Location loc = model.getLoc();
    variables->emit(b);
    emitDataset(b, loc, "train_data", job.train, false, job.seed);
    if (job.evaluate)
      emitDataset(b, loc, "eval_data", *job.eval, true, job.seed);
    if (failed(buildInit(b, input)))
      return failure();
    finish(b, model, runSchedule(job, evalIterations(job)));
    return success();
  }

  LogicalResult buildForward(OpBuilder &b, TrainInput input) {
    if (failed(buildInfer(b, input)))
      return failure();
    b.setInsertionPoint(&getOperation().getBody()->back());
    input.variables.emit(b);
    emitDataset(b, input.model.getLoc(), inferDataset, inferInputs(input.model, input.job), true,
                input.job.seed);
    if (failed(buildInit(b, input)))
      return failure();
    finish(b, input.model, {RunItem{"infer", 1, {}}});
    return success();
  }

  // First values, then the run; the model has gone into the programs.
  void finish(OpBuilder &b, func::FuncOp model, std::vector<RunItem> items) {
    b.setInsertionPointToEnd(getOperation().getBody());
    items.insert(items.begin(), RunItem{"init", 1, {}});
    emitRuns(b, model.getLoc(), RunItem{"", 1, std::move(items)});
    model->erase();
  }
};
} // namespace

std::unique_ptr<Pass> createBuildProgramsPass() { return std::make_unique<BuildProgramsPass>(); }

void registerTrainPasses() {
  registerPass(createDecomposePass);
  registerPass(createMarkBlocksPass);
  registerPass(createBuildProgramsPass);
}

} // namespace of
