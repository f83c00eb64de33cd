#include "test/of/Evaluator.h"

#include "dialects/Of/Build.h"
#include "lib/Train/Autodiff.h"
#include "lib/Train/Decompose.h"
#include "test/of/OpKernels.h"
#include "test/of/Splits.h"
#include "test/of/Values.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace of::test {

static std::unique_ptr<MLIRContext> makeContext() {
  DialectRegistry registry;
  registry.insert<OfDialect, func::FuncDialect, arith::ArithDialect>();
  registerCodegen(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

std::vector<OpTraits> opsOfDialect() {
  std::unique_ptr<MLIRContext> context = makeContext();
  std::vector<OpTraits> out;
  for (RegisteredOperationName name : context->getRegisteredOperations())
    if (name.getDialectNamespace() == OfDialect::getDialectNamespace())
      out.push_back({name.getStringRef().str(), name.hasInterface<ShardingOpInterface>(),
                     name.hasInterface<DifferentiableOpInterface>(),
                     name.hasInterface<DecomposableOpInterface>()});
  return out;
}

struct Evaluator::State {
  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  std::string errors;
  unsigned numArguments = 0, numResults = 0;
  SmallVector<int> gradientOf; ///< index among the function's results for each argument, or -1
  std::unique_ptr<OpKernels> kernels;
  llvm::DenseMap<Operation *, unsigned> whole;
  std::vector<Split> splits;

  LogicalResult differentiate();
  LogicalResult compile(std::set<std::string> *seen);
  Values evaluate(const std::vector<Array> &arguments, ArrayRef<Array> seeds, int64_t micro,
                  ValueRange wanted) const;
  Operation *terminator() { return function.front().getTerminator(); }
};

// Appends seeds to the arguments and gradients to the results.
LogicalResult Evaluator::State::differentiate() {
  Block &block = function.front();
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  Operation *end = terminator();
  SmallVector<Value> results(end->getOperands());
  b.setInsertionPoint(end);
  Location loc = function.getLoc();
  Value loss;
  for (Value result : results) {
    auto type = tensorType(result);
    if (!isa<FloatType>(type.getElementType()))
      continue;
    Value product = MulOp::create(b, loc, result, block.addArgument(type, loc));
    auto dims = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    Value sum = ReduceSumOp::create(b, loc, product, dims, false);
    loss = loss ? AddOp::create(b, loc, loss, sum).getResult() : sum;
  }
  if (!loss)
    return function.emitError("has no float result to differentiate");
  Value seed = scalarLike(b, loc, loss, 1);
  end->remove();
  SmallVector<Value> wrt;
  for (Value argument : block.getArguments().take_front(numArguments))
    if (isa<FloatType>(tensorType(argument).getElementType()))
      wrt.push_back(argument);
  auto found = buildGradients(loss, seed, wrt);
  block.push_back(end);
  if (failed(found))
    return failure();
  gradientOf.assign(numArguments, -1);
  for (auto [argument, gradient] : llvm::zip(wrt, *found))
    if (gradient) {
      gradientOf[cast<BlockArgument>(argument).getArgNumber()] = results.size();
      results.push_back(gradient);
    }
  end->setOperands(results);
  function.setType(FunctionType::get(function.getContext(), block.getArgumentTypes(),
                                     ValueRange(results).getTypes()));
  eraseDeadOps(block);
  return verify(function);
}

LogicalResult Evaluator::State::compile(std::set<std::string> *seen) {
  kernels = std::make_unique<OpKernels>(context.get());
  for (Operation &op : function.front().without_terminator()) {
    auto added = kernels->add(&op, op.getOperandTypes(), op.getResultTypes(), 0);
    if (failed(added))
      return failure();
    whole[&op] = *added;
    if (seen && failed(addSplits(&op, *kernels, *seen, splits)))
      return failure();
  }
  return kernels->compile();
}

Evaluator::Evaluator(const std::string &text, EvaluatorOptions options)
    : state(std::make_unique<State>()) {
  State &s = *state;
  ScopedDiagnosticHandler handler(s.context.get(), [&](Diagnostic &d) {
    s.errors += d.str() + "\n";
    return success();
  });
  s.module = parseSourceString<ModuleOp>(text, ParserConfig(s.context.get()));
  if (!s.module)
    return;
  s.function = *s.module->getOps<func::FuncOp>().begin();
  s.numArguments = s.function.getNumArguments();
  s.numResults = s.function.getNumResults();
  bool ok = succeeded(decomposeAll(*s.module)) &&
            (!options.gradients || succeeded(s.differentiate())) &&
            succeeded(s.compile(options.splits));
  if (!ok && s.errors.empty())
    s.errors = "failed without a message";
}
Evaluator::~Evaluator() = default;

const std::string &Evaluator::errors() const { return state->errors; }

Values Evaluator::State::evaluate(const std::vector<Array> &arguments, ArrayRef<Array> seeds,
                                  int64_t micro, ValueRange wanted) const {
  Values values;
  Block &block = const_cast<State *>(this)->function.front();
  for (auto [i, argument] : llvm::enumerate(block.getArguments())) {
    if (i >= numArguments + seeds.size())
      break;
    values[argument] =
        toBuffer(i < numArguments ? arguments[i] : seeds[i - numArguments], argument.getType());
  }
  llvm::DenseSet<Value> needed(wanted.begin(), wanted.end());
  for (Operation &op : llvm::reverse(block))
    if (llvm::any_of(op.getResults(), [&](Value v) { return needed.contains(v); }))
      needed.insert(op.operand_begin(), op.operand_end());
  for (Operation &op : block.without_terminator()) {
    if (llvm::none_of(op.getResults(), [&](Value v) { return needed.contains(v); }))
      continue;
    SmallVector<const Buffer *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(&values.find(operand)->second);
    std::vector<Buffer> results = kernels->run(whole.lookup(&op), operands, micro);
    for (auto [value, buffer] : llvm::zip(op.getResults(), results))
      values[value] = std::move(buffer);
  }
  return values;
}

std::vector<Array> Evaluator::results(const std::vector<Array> &arguments, int64_t micro) const {
  auto wanted = state->terminator()->getOperands().take_front(state->numResults);
  Values values = state->evaluate(arguments, {}, micro, wanted);
  std::vector<Array> out;
  for (Value value : wanted)
    out.push_back(toArray(values.find(value)->second));
  return out;
}

std::vector<Array> Evaluator::gradients(const std::vector<Array> &arguments,
                                        const std::vector<Array> &seeds, int64_t micro) const {
  auto wanted = state->terminator()->getOperands();
  Values values = state->evaluate(arguments, seeds, micro, wanted);
  std::vector<Array> out(state->numArguments);
  for (auto [i, index] : llvm::enumerate(state->gradientOf))
    if (index >= 0)
      out[i] = toArray(values.find(wanted[index])->second);
  return out;
}

std::string Evaluator::checkSplits(const std::vector<Array> &arguments,
                                   const std::vector<Array> &seeds, unsigned seed, int64_t micro,
                                   int64_t &count) const {
  SmallVector<Value> all;
  for (Operation &op : state->function.front().without_terminator())
    llvm::append_range(all, op.getResults());
  Values values = state->evaluate(arguments, seeds, micro, all);
  std::mt19937_64 random(seed);
  std::string failures;
  for (const Split &split : state->splits)
    failures += checkSplit(split, *state->kernels, values, random, micro);
  count += state->splits.size();
  return failures;
}

} // namespace of::test
