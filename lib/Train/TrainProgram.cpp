// The train program:
//
//   gets                          %w = of.get @"fc1.weight" ...  %t = of.get @step
//   micro-batches, summed         %dw, %loss = of.micro count M { read; forward; loss; backward;
//   yield } mean over the global batch    %g = of.mul %dw, 1/N clip, learning rate, update
//   pointwise, parameter by parameter sets, check, metrics          of.set @"fc1.weight", ...
//   of.set @step, ...  of.check_finite  of.metric
#include "lib/Train/TrainProgram.h"

#include "lib/Train/Autodiff.h"
#include "lib/Train/Blocks.h"
#include "lib/Train/Decompose.h"
#include "lib/Train/Initialise.h"
#include "lib/Train/Loss.h"
#include "lib/Train/Optimizer.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace of {

namespace {

class TrainBuilder {
public:
  TrainBuilder(OpBuilder &module, TrainInput in)
      : in(in), loc(derivedLoc(in.model.getLoc(), "train")),
        program(module, "train", ProgramKind::Train, in.variables, loc), f(program.body, loc) {}

  LogicalResult build() {
    declareStep();
    if (failed(buildMicro()))
      return failure();
    takeMeans();
    update();
    followRunning();
    report();
    program.finish();
    eraseDeadOps(program.program.getBody().front());
    return success();
  }

private:
  void declareStep() {
    auto i64 = RankedTensorType::get({}, IntegerType::get(in.model.getContext(), 64));
    in.variables.declare(Variable(stepVariable.str(), i64, "counter", false, loc));
  }

  // ---- Micro-batches
  // ---------------------------------------------------------------------------------------------------

  LogicalResult buildMicro() {
    // The region is filled first, since what it yields is known only then.
    OperationState state(loc, MicroOp::getOperationName());
    state.addRegion();
    micro = program.body.create(state);
    Block &block = micro->getRegion(0).emplaceBlock();
    OpBuilder b = OpBuilder::atBlockEnd(&block);
    Batch batch = readBatch(b, loc, "train_data", in.job.train, in.job.microRows(), false);
    FailureOr<ModelCopy> copy =
        copyModel(in.model, b, argumentsOf(b, in.model, in.job, batch), program, true, in.job.seed);
    if (failed(copy))
      return failure();
    running = copy->running;
    Formula inner(b, derivedLoc(in.model.getLoc(), "loss"));
    Elements losses = elementLosses(inner, in.job.loss, copy->results, batch);
    elements = double(tensorType(losses.each).getNumElements()) * in.job.accumulate;
    Value loss = inner.sum(losses.each);
    SmallVector<Value> kept{loss};
    for (ModelCopy::Running &r : running)
      kept.push_back(r.batchValue);
    isCounted = static_cast<bool>(losses.counted);
    if (isCounted)
      kept.push_back(inner.sum(losses.counted));
    auto keep = YieldOp::create(b, loc, kept);
    if (failed(decomposeAll(micro, /*areDifferentiated=*/false)))
      return failure();
    kept.assign(keep.getValues().begin(), keep.getValues().end());
    keep->erase();
    return differentiate(&block, kept);
  }

  // Adds the backward pass of kept[0], the summed loss, and yields gradients, running statistics,
  // the number of losses where it is counted, and the loss.
  LogicalResult differentiate(Block *block, ArrayRef<Value> kept) {
    OpBuilder b = OpBuilder::atBlockEnd(block);
    SmallVector<Value> parameters;
    SmallVector<std::string> names;
    for (const Variable &v : in.variables.all())
      if (v.trainable) {
        parameters.push_back(program.get(v.name));
        names.push_back(v.name);
      }
    numberRest(*block);
    Location seedLoc = derivedLoc(kept[0].getLoc(), "grad");
    Value seed = Formula(b, seedLoc).scalar(in.element, 1);
    FailureOr<SmallVector<Value>> found = buildGradients(kept[0], seed, parameters);
    if (failed(found))
      return failure();
    SmallVector<Value> yielded;
    for (auto [name, gradient] : llvm::zip(names, *found)) {
      if (!gradient) {
        emitWarning(in.variables.find(name)->loc)
            << "the loss does not depend on parameter '" << name << "'; it keeps its initial value";
        continue;
      }
      trained.push_back(name);
      yielded.push_back(gradient);
    }
    yielded.append(kept.begin() + 1, kept.end());
    yielded.push_back(kept[0]);
    b.setInsertionPointToEnd(block);
    auto all = YieldOp::create(b, loc, yielded);
    if (failed(decomposeAll(micro)))
      return failure();
    eraseDeadOps(*block);
    return wrapMicro(all.getValues());
  }

  // What is computed around the model, the loss above all, belongs to its last block.
  static void numberRest(Block &block) {
    IntegerAttr last;
    for (Operation &op : block)
      if (auto number = op.getAttrOfType<IntegerAttr>(forwardBlockAttrName))
        last = last && last.getInt() > number.getInt() ? last : number;
    for (Operation &op : block)
      if (last && !op.hasAttr(forwardBlockAttrName))
        op.setAttr(forwardBlockAttrName, last);
  }

  // The op again, now with its results.
  LogicalResult wrapMicro(ValueRange yielded) {
    auto done = MicroOp::create(program.body, loc, yielded.getTypes(), in.job.accumulate);
    done.getBody().takeBody(micro->getRegion(0));
    micro->erase();
    micro = done;
    sums.assign(done.getResults().begin(), done.getResults().end());
    return success();
  }

  // ---- After the micro-batches
  // -----------------------------------------------------------------------------------------

  Formula at(const Variable &v, StringRef what) {
    return Formula(program.body, derivedLoc(v.loc, what));
  }

  // Runs `build` and puts what it adds on the stage of the variable.
  void onStageOf(const Variable &v, function_ref<void()> build) {
    tagNewOps(program.body.getInsertionBlock(), build, [&](Operation *op) {
      if (v.stage)
        op->setAttr(OfDialect::stageAttrName, v.stage);
    });
  }

  void takeMeans() {
    if (isCounted) {
      // Without anything to count the sums are 0 too, and so are the means.
      Value found = sums[trained.size() + running.size()];
      count = MaxOp::create(f.b, f.loc, found, f.like(found, 1));
    }
    for (auto [i, name] : llvm::enumerate(trained)) {
      const Variable &v = *in.variables.find(name);
      onStageOf(v, [&] { gradients.push_back(mean(at(v, "grad"), sums[i])); });
    }
    meanLoss = mean(f, sums.back());
    if (in.job.clipNorm == 0)
      return;
    norm = globalNorm(f, gradients);
    Value factor = f.cast(clipFactor(f, norm, in.job.clipNorm), in.element);
    for (auto [name, gradient] : llvm::zip(trained, gradients)) {
      const Variable &v = *in.variables.find(name);
      onStageOf(v, [&] { gradient = at(v, "clip").mul(gradient, factor); });
    }
  }

  Value mean(Formula g, Value sum) { return count ? g.div(sum, count) : g.mul(sum, 1 / elements); }

  void update() {
    Value step = program.get(stepVariable);
    StepScalars scalars = stepScalars(f, in.job, step, in.element);
    rate = scalars.rate;
    for (auto [name, gradient] : llvm::zip(trained, gradients))
      updateOne(name, gradient, scalars);
    program.set(stepVariable, Formula(program.body, loc).add(step, 1));
  }

  void updateOne(StringRef name, Value gradient, const StepScalars &scalars) {
    SmallVector<StringRef> kinds = optimizerState(in.job.optimizer);
    SmallVector<std::string> names;
    SmallVector<Value> state;
    for (StringRef kind : kinds) {
      Variable v = *in.variables.find(name); // state lies as its parameter does
      v.name = (name + "." + kind).str();
      v.loc = derivedLoc(v.loc, kind);
      v.role = "state";
      v.trainable = false;
      v.init = {};
      v.gradPin = {};
      names.push_back(in.variables.declare(v).name);
      state.push_back(program.get(names.back()));
    }
    const Variable &v = *in.variables.find(name);
    onStageOf(v, [&] {
      program.set(name, updateParameter(at(v, "update"), in.job.optimizer, scalars,
                                        program.get(name), gradient, state));
    });
    for (auto [stateName, value] : llvm::zip(names, state))
      program.set(stateName, value);
  }

  void followRunning() {
    for (auto [i, r] : llvm::enumerate(running)) {
      const Variable &v = *in.variables.find(r.variable);
      onStageOf(v, [&] {
        Formula g = at(v, "update");
        Value mean = g.mul(sums[trained.size() + i], r.momentum / in.job.accumulate);
        program.set(r.variable, g.add(g.mul(program.get(r.variable), 1 - r.momentum), mean));
      });
    }
  }

  void report() {
    CheckFiniteOp::create(f.b, f.loc, meanLoss, f.b.getStringAttr("loss"));
    SmallVector<StringRef> names{"loss", "lr"};
    SmallVector<Value> values{meanLoss, rate};
    if (norm) {
      names.push_back("grad_norm");
      values.push_back(f.cast(norm, in.element));
    }
    MetricOp::create(f.b, f.loc, f.b.getStrArrayAttr(names), values);
  }

  TrainInput in;
  Location loc;
  ProgramWriter program;
  Formula f;
  Operation *micro = nullptr;
  SmallVector<ModelCopy::Running> running;
  SmallVector<std::string> trained; ///< parameters with a gradient, in order
  SmallVector<Value> sums, gradients;
  Value meanLoss, norm, rate;
  double elements = 1;    ///< losses that one step averages over, unless
  bool isCounted = false; ///< only some of them do; then
  Value count;            ///< how many, at least 1
};

} // namespace

LogicalResult buildTrain(OpBuilder &module, TrainInput input) {
  return TrainBuilder(module, input).build();
}

// ---- Init, snapshot
// ------------------------------------------------------------------------------------------------

// Philox keys have 32 bits for an op. Ids of variables come from their names, so that one
// variable's values do not depend on the others, and lie above those of the model's random ops;
// should two names collide, the later takes another.
static int64_t variableId(StringRef name, llvm::DenseSet<int64_t> &taken) {
  for (std::string key = name.str();; key += "'") {
    int64_t id = 0x80000000 | (llvm::xxh3_64bits(key) & 0x7fffffff);
    if (taken.insert(id).second)
      return id;
  }
}

LogicalResult buildInit(OpBuilder &module, TrainInput in) {
  ProgramWriter program(module, "init", ProgramKind::Init, in.variables,
                        derivedLoc(in.model.getLoc(), "init"));
  llvm::DenseSet<int64_t> taken;
  for (const Variable &v : in.variables.all()) {
    // Nobody wants to know what a model with random weights says.
    bool isLoaded = !in.job.initial.empty() || !in.job.trains;
    if (isLoaded && v.isFromModel()) {
      auto load = LoadOp::create(program.body, v.loc, v.name);
      if (v.stage)
        load->setAttr(OfDialect::stageAttrName, v.stage);
      continue;
    }
    FailureOr<Value> value = failure();
    auto build = [&] {
      value = initialValue(Formula(program.body, v.loc), v, in.job.seed, variableId(v.name, taken));
    };
    tagNewOps(program.body.getInsertionBlock(), build, [&](Operation *op) {
      if (v.stage)
        op->setAttr(OfDialect::stageAttrName, v.stage);
    });
    if (failed(value))
      return failure();
    program.set(v.name, *value);
  }
  program.finish();
  return success();
}

LogicalResult buildSnapshot(OpBuilder &module, TrainInput in) {
  ProgramWriter program(module, "snapshot", ProgramKind::Snapshot, in.variables,
                        derivedLoc(in.model.getLoc(), "snapshot"));
  for (const Variable &v : in.variables.all())
    program.get(v.name);
  return success();
}

// ---- Eval
// ----------------------------------------------------------------------------------------------------------

int64_t evalIterations(const Job &job) {
  return job.eval ? (job.eval->samples + job.microRows() - 1) / job.microRows() : 0;
}

namespace {
/// What an evaluation adds up over real rows; the division is left to the metric sink, which
/// divides `x` by `x_weight` where there is one, else by `weight`.
class EvalSums {
public:
  EvalSums(Formula f, Value mask) : f(f), mask(mask), weight(f.sum(mask)) {}

  void add(StringRef name, Elements elements) {
    if (elements.isMean()) // over the batch, which the import checked to be a full one
      return add(name, f.sum(f.mul(elements.each, weight)));
    double each = elements.counted ? 1 : 1 / rowElements(elements.each);
    add(name, real(f.mul(rowSums(f, elements.each), each)));
    if (elements.counted)
      add((name + "_weight").str(), real(rowSums(f, elements.counted)));
  }
  void report() {
    add("weight", weight);
    SmallVector<StringRef> refs(names.begin(), names.end());
    MetricOp::create(f.b, f.loc, f.b.getStrArrayAttr(refs), values);
  }

private:
  void add(StringRef name, Value value) {
    names.push_back(name.str());
    values.push_back(value);
  }
  // A model may give NaN for rows that pad a batch.
  Value real(Value perRow) {
    Value isReal = f.less(f.like(mask, 0), mask);
    return f.sum(f.select(isReal, perRow, f.like(perRow, 0)));
  }

  Formula f;
  Value mask, weight;
  SmallVector<std::string> names;
  SmallVector<Value> values;
};
} // namespace

LogicalResult buildEval(OpBuilder &module, TrainInput in) {
  Location loc = derivedLoc(in.model.getLoc(), "eval");
  ProgramWriter program(module, "eval", ProgramKind::Eval, in.variables, loc);
  Batch batch = readBatch(program.body, loc, "eval_data", *in.job.eval, in.job.microRows(), true);
  FailureOr<ModelCopy> copy =
      copyModel(in.model, program.body, argumentsOf(program.body, in.model, in.job, batch), program,
                false, in.job.seed);
  if (failed(copy))
    return failure();
  Formula f(program.body, loc);
  EvalSums sums(f, f.cast(batch.lookup("mask"), in.element));
  if (in.job.evaluate->loss)
    sums.add("loss", elementLosses(f, in.job.loss, copy->results, batch));
  if (in.job.evaluate->accuracy)
    sums.add("correct", correctElements(f, in.job, copy->results, batch));
  sums.report();
  if (failed(decomposeAll(program.program)))
    return failure();
  eraseDeadOps(program.program.getBody().front());
  return success();
}

} // namespace of
