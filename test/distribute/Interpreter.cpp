#include "test/distribute/Interpreter.h"

#include "lib/Codegen/Localize.h"
#include "runtime/base/Exchange.h"

using namespace mlir;

namespace of::test {

// ---- Values and their parts

static Shape shapeOf(Type type) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
  return Shape(shape.begin(), shape.end());
}

static DType dtypeOfTensor(Type type) { return dtypeOf(getElementTypeOrSelf(type)); }

static int64_t pointsOf(Type type) {
  DistAttr dist = distOf(type);
  return dist ? dist.getMesh().numDevices() : 1;
}

static Box boxOf(Type type, int64_t point) {
  DistAttr dist = distOf(type);
  return dist ? boxAt(shapeOf(type), dist.layout(), point) : wholeBox(shapeOf(type));
}

static Parts split(const Buffer &whole, Type type) {
  Parts parts;
  for (int64_t point = 0; point < pointsOf(type); ++point) {
    Buffer part = makeBuffer(localTypeAt(type, point));
    Box box = boxOf(type, point);
    copyRegion(dtypeOfTensor(type), box, whole.bytes.data(), wholeBox(shapeOf(type)),
               part.bytes.data(), box);
    parts.push_back(std::move(part));
  }
  return parts;
}

// Parts overlap where a value is broadcast: there they must have the same bits.
static FailureOr<Buffer> join(Operation *op, const Parts &parts, Type type) {
  Buffer whole = makeBuffer(withoutDist(type));
  for (auto [point, part] : llvm::enumerate(parts)) {
    Box box = boxOf(type, point);
    copyRegion(dtypeOfTensor(type), box, part.bytes.data(), box, whole.bytes.data(),
               wholeBox(shapeOf(type)));
  }
  for (auto [part, again] : llvm::zip(parts, split(whole, type)))
    if (part.bytes != again.bytes)
      return op->emitError("copies of a broadcast value differ");
  return whole;
}

static Distance distanceOf(int64_t a, int64_t b) {
  return a == b ? Distance::SameDevice : Distance::Remote;
}

static Parts exchange(const Parts &from, Type src, Type dst) {
  Parts parts;
  Layout srcLayout = distOf(src).layout(), dstLayout = distOf(dst).layout();
  DType dtype = dtypeOfTensor(dst);
  for (int64_t point = 0; point < pointsOf(dst); ++point) {
    ReceivePlan plan = receivePlan(shapeOf(dst), srcLayout, dstLayout, point, distanceOf);
    Buffer part = makeBuffer(localTypeAt(dst, point));
    if (plan.fillNeutral)
      fillNeutral(dtype, plan.reduction, part.bytes.data(), plan.box.elements());
    for (const Piece &piece : plan.pieces) {
      int64_t at = srcLayout.placement.pointOf(piece.srcDevice);
      const void *bytes = from[at].bytes.data();
      if (piece.first)
        copyRegion(dtype, piece.region, bytes, boxOf(src, at), part.bytes.data(), plan.box);
      else
        reduceRegion(dtype, plan.reduction, piece.region, bytes, boxOf(src, at), part.bytes.data(),
                     plan.box);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

// ---- Preparation

static bool isStructure(Operation *op) {
  return isa<GetOp, SetOp, ReadOp, MicroOp, YieldOp, BoxingOp, MetricOp, CheckFiniteOp>(op);
}

// Kernels of equal text do the same. Constants are compiled into their users; where nothing is
// split, all points are alike.
static std::string keyOf(Operation *op, int64_t point) {
  std::string key;
  llvm::raw_string_ostream out(key);
  out << op->getName() << op->getAttrDictionary() << op->getOperandTypes() << op->getResultTypes();
  for (Value operand : op->getOperands())
    if (auto constant = operand.getDefiningOp<ConstantOp>())
      out << constant.getValue();
  bool isSplit = llvm::any_of(llvm::concat<Value>(op->getOperands(), op->getResults()),
                              [](Value v) { return distOf(v) && !distOf(v).isAllBroadcast(); });
  out << (isSplit ? point : 0);
  return key;
}

FailureOr<unsigned> Interpreter::kernelFor(Operation *op, int64_t point) {
  auto [it, isNew] = kernelsByKey.try_emplace(keyOf(op, point));
  if (isNew) {
    auto kernel = kernels.add(op, op->getOperandTypes(), op->getResultTypes(), point);
    if (failed(kernel))
      return failure();
    it->second = *kernel;
  }
  return it->second;
}

LogicalResult Interpreter::compile(ArrayRef<StringRef> programs) {
  for (StringRef name : programs) {
    auto program = module.lookupSymbol<ProgramOp>(name);
    if (!program)
      return module.emitError("there is no program '") << name << "'";
    WalkResult walked = program.getBody().walk([&](Operation *op) {
      if (isStructure(op))
        return WalkResult::advance();
      for (int64_t point = 0; point < pointsOf(op->getResult(0).getType()); ++point) {
        FailureOr<unsigned> kernel = kernelFor(op, point);
        if (failed(kernel))
          return WalkResult::interrupt();
        kernelsOf[op].push_back(*kernel);
      }
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
  }
  return kernels.compile();
}

void Interpreter::setVariables(Source source) {
  for (VariableOp variable : module.getOps<VariableOp>())
    variableValues[variable.getSymName()] =
        source(variable.getSymName(), withoutDist(variable.getType()));
}

std::vector<std::pair<std::string, Buffer>> Interpreter::variables() {
  std::vector<std::pair<std::string, Buffer>> out;
  for (VariableOp variable : module.getOps<VariableOp>())
    out.push_back({variable.getSymName().str(), variableValues.lookup(variable.getSymName())});
  return out;
}

// ---- Runs

LogicalResult Interpreter::run(StringRef program, Source source) {
  values.clear();
  return runBlock(module.lookupSymbol<ProgramOp>(program).getBody().front(), source, 0);
}

LogicalResult Interpreter::runBlock(Block &block, Source source, int64_t micro) {
  for (Operation &op : block)
    if (failed(runOp(op, source, micro)))
      return failure();
  return success();
}

LogicalResult Interpreter::runMicro(MicroOp op, Source source) {
  auto yield = cast<YieldOp>(op.getBody().front().getTerminator());
  for (int64_t micro = 0; micro < int64_t(op.getCount()); ++micro) {
    if (failed(runBlock(op.getBody().front(), source, micro)))
      return failure();
    for (auto [result, yielded] : llvm::zip(op.getResults(), yield.getValues())) {
      Parts now = partsOf(yielded);
      if (micro > 0)
        for (auto [point, part] : llvm::enumerate(now)) {
          Box box = boxOf(result.getType(), point);
          reduceRegion(dtypeOfTensor(result.getType()), SbpKind::PartialSum, box,
                       partsOf(result)[point].bytes.data(), box, part.bytes.data(), box);
        }
      values[result] = std::move(now);
    }
  }
  return success();
}

LogicalResult Interpreter::runKernels(Operation &op, int64_t micro) {
  SmallVector<Parts> results(op.getNumResults());
  for (auto [point, kernel] : llvm::enumerate(kernelsOf.lookup(&op))) {
    SmallVector<const Buffer *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(&partsOf(operand)[point]);
    std::vector<Buffer> made = kernels.run(kernel, operands, micro);
    for (auto [all, mine] : llvm::zip(results, made))
      all.push_back(std::move(mine));
  }
  for (auto [result, parts] : llvm::zip(op.getResults(), results))
    values[result] = std::move(parts);
  return success();
}

LogicalResult Interpreter::runOp(Operation &op, Source source, int64_t micro) {
  if (auto get = dyn_cast<GetOp>(op)) {
    values[get] = split(variableValues.lookup(get.getVariable()), get.getType());
  } else if (auto set = dyn_cast<SetOp>(op)) {
    FailureOr<Buffer> whole = join(&op, partsOf(set.getValue()), set.getValue().getType());
    if (failed(whole))
      return failure();
    variableValues[set.getVariable()] = std::move(*whole);
  } else if (auto read = dyn_cast<ReadOp>(op)) {
    for (auto [i, result] : llvm::enumerate(read.getResults()))
      values[result] = split(
          source(read.getDataset().str() + "." + std::to_string(i) + "." + std::to_string(reads),
                 withoutDist(result.getType())),
          result.getType());
    ++reads;
  } else if (auto boxing = dyn_cast<BoxingOp>(op)) {
    values[boxing] =
        exchange(partsOf(boxing.getInput()), boxing.getInput().getType(), boxing.getType());
  } else if (auto metric = dyn_cast<MetricOp>(op)) {
    for (Value v : metric.getValues()) {
      FailureOr<Buffer> whole = join(&op, partsOf(v), v.getType());
      if (failed(whole))
        return failure();
      metricValues.push_back(test::get(*whole, 0));
    }
  } else if (auto loop = dyn_cast<MicroOp>(op)) {
    return runMicro(loop, source);
  } else if (!isa<YieldOp, CheckFiniteOp>(op)) {
    return runKernels(op, micro);
  }
  return success();
}

} // namespace of::test
