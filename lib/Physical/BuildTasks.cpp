// of-build-tasks
//
//   before   of.program @train train { of.get, task.kernel, of.boxing, of.micro {...}, of.set, ...
//   } after    task.program @train "train" micros 4 {
//              %x = task.register "x" ...   %g = task.register "g" ...
//              task.read "read" ... to (%x)
//              task.segment "compute.0" firings 4 ins(%x) outs(%g) { ... task.kernel ... }
//              task.exchange "g" firings 1 from (%g) to (%sum)
//              task.segment "compute.1" firings 1 ins(%sum) outs() { ... of.set ... }
//            }
//
// What runs without a handshake in between is one segment (SegmentLabels.h); of a pipeline the part
// of it that nobody waits for may be a segment of its own (BackwardSplit.h). Values that leave a
// segment lie in registers; views and gets are repeated where they are used.
#include "lib/Physical/BackwardSplit.h"
#include "lib/Physical/Passes.h"
#include "lib/Physical/SegmentLabels.h"
#include "lib/Physical/TaskInputs.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace of {

namespace {

// Small tensors that become ready together travel in one exchange, up to about this many bytes
// of one device's parts: the handshake costs as much as copying some ten thousand bytes.
constexpr int64_t kGroupBytes = 4 << 20;

std::string nameOf(Location loc, StringRef fallback) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return name.getName().str();
  return fallback.str();
}

/// The ops of one segment and what goes in and out.
struct SegmentParts {
  std::string name;
  bool micro = false;
  SmallVector<Operation *> ops; ///< kernels and sets, in program order
  llvm::SetVector<Value> inputs, outputs;
};

class TaskBuilder {
public:
  TaskBuilder(ProgramOp program, const BackwardSplit &split, OpBuilder &module)
      : program(program), labels(program),
        out(task::ProgramOp::create(module, program.getLoc(), program.getSymName(),
                                    stringifyProgramKind(program.getKind()), labels.micros,
                                    DictionaryAttr())),
        b(module.getContext()) {
    b.setInsertionPointToEnd(&out.getBody().emplaceBlock());
    if (split.pays(labels))
      labels.delayUnawaited();
  }

  LogicalResult build() {
    dropOrder();
    collectSegments();
    collectInputs();
    for (const PhysicalItem &item : labels.items)
      addRegisters(item);
    groupExchanges();
    for (const PhysicalItem &item : labels.items)
      if (failed(addTask(item)))
        return failure();
    if (program.getKind() == ProgramKind::Snapshot) // nothing but gets
      addVariableTasks<GetOp, task::WriteOp>("write");
    addVariableTasks<LoadOp, task::LoadOp>("load");
    return success();
  }

private:
  using Key =
      std::tuple<std::string, int, bool, bool, bool>; // mesh, label, micro, afterMicro, late

  static MeshAttr meshOf(Operation *op) {
    Value value = isa<SetOp>(op) ? op->getOperand(0) : op->getResult(0);
    return distOf(value).getMesh();
  }

  // Labels and the order of kernels have it by now.
  void dropOrder() {
    program.walk([](task::AfterOp after) {
      after.getResult().replaceAllUsesWith(after.getInput());
      after.erase();
    });
  }

  void collectSegments() {
    for (const PhysicalItem &item : labels.items) {
      if (!isa<task::KernelOp, SetOp>(item.op))
        continue;
      Key key{meshOf(item.op).getName().str(), item.label, item.micro, item.afterMicro, item.late};
      auto [it, isNew] = index.try_emplace(key, segments.size());
      if (isNew) {
        segments.emplace_back();
        segments.back().name = std::get<0>(key) + ".compute." + std::to_string(item.label) +
                               (item.late         ? ".late"
                                : item.micro      ? ".micro"
                                : item.afterMicro ? ".after"
                                                  : "");
        segments.back().micro = item.micro;
      }
      segments[it->second].ops.push_back(item.op);
      segmentOf[item.op] = it->second;
    }
    // A new value is there at the end of the step, wherever the program says it.
    for (SegmentParts &segment : segments)
      std::stable_partition(segment.ops.begin(), segment.ops.end(),
                            [](Operation *op) { return !isa<SetOp>(op); });
  }

  // Roots that a segment uses and does not compute.
  void collectInputs() {
    for (SegmentParts &segment : segments)
      for (Operation *op : segment.ops)
        for (Value operand : op->getOperands()) {
          Value root = rootOf(operand);
          Operation *producer = root.getDefiningOp();
          if (!producer || isa<GetOp>(producer) ||
              (segmentOf.contains(producer) && &segments[segmentOf[producer]] == &segment))
            continue;
          segment.inputs.insert(root);
          leave(root);
        }
    for (const PhysicalItem &item : labels.items)
      if (!segmentOf.contains(item.op))
        for (Value operand : item.op->getOperands())
          leave(throughMicro(operand));
    program.walk([&](YieldOp yield) { // accumulators live in registers whoever reads them
      for (Value value : yield.getValues())
        leave(value);
    });
  }
  void leave(Value root) {
    if (auto it = segmentOf.find(root.getDefiningOp()); it != segmentOf.end())
      segments[it->second].outputs.insert(root);
  }

  Value addRegister(Value value, StringRef name) {
    return registers[value] = task::RegisterOp::create(b, value.getLoc(), value.getType(),
                                                       b.getStringAttr(unique(name)), 1);
  }
  std::string unique(StringRef name) {
    for (std::string out = name.str();; out = (name + "." + Twine(++suffixes[name])).str())
      if (names.insert(out).second)
        return out;
  }

  void addRegisters(const PhysicalItem &item) {
    if (isa<task::ToHostOp, task::ToDeviceOp>(item.op)) {
      Value reg = addRegister(item.op->getResult(0), nameOf(item.op->getLoc(), "value"));
      reg.getDefiningOp<task::RegisterOp>().setHost(isa<task::ToHostOp>(item.op));
    } else if (isa<ReadOp, BoxingOp>(item.op)) {
      for (Value result : item.op->getResults())
        addRegister(result,
                    nameOf(result.getLoc(), "value") + (isa<BoxingOp>(item.op) ? ".boxed" : ""));
    } else if (auto it = segmentOf.find(item.op); it != segmentOf.end()) {
      for (Value result : item.op->getResults())
        if (segments[it->second].outputs.contains(result))
          addRegister(result, nameOf(result.getLoc(), "value"));
    }
  }

  int64_t firings(bool micro) const { return micro ? labels.micros : 1; }

  // ---- Exchanges

  struct Group {
    SegmentLabels::ExchangeKey key;
    MeshAttr from, to;
    int64_t bytes = 0;
    SmallVector<BoxingOp> ops;
  };

  void groupExchanges() {
    for (const PhysicalItem &item : labels.items) {
      auto boxing = dyn_cast<BoxingOp>(item.op);
      if (!boxing)
        continue;
      Group wanted{labels.keyOf(boxing),
                   distOf(boxing.getInput()).getMesh(),
                   distOf(boxing.getResult()).getMesh(),
                   0,
                   {}};
      auto fits = [&](const Group &g) {
        return g.key == wanted.key && g.from == wanted.from && g.to == wanted.to &&
               g.bytes < kGroupBytes;
      };
      auto it = llvm::find_if(llvm::reverse(groups), fits);
      size_t at = it == groups.rend() ? groups.size() : groups.rend() - it - 1;
      if (at == groups.size())
        groups.push_back(wanted);
      Group &group = groups[at];
      group.bytes += partBytes(boxing.getInput().getType());
      group.ops.push_back(boxing);
    }
  }

  // At the place of its last member, whose input is ready last.
  void addExchange(BoxingOp boxing, bool micro) {
    auto it = llvm::find_if(groups, [&](const Group &g) { return g.ops.back() == boxing; });
    if (it == groups.end())
      return;
    SmallVector<Value> inputs, outputs;
    SmallVector<Location> locs;
    for (BoxingOp op : it->ops) {
      inputs.push_back(registers[throughMicro(op.getInput())]);
      outputs.push_back(registers[op.getResult()]);
      locs.push_back(op.getLoc());
    }
    std::string name = nameOf(boxing.getLoc(), "value") + ".exchange";
    task::ExchangeOp::create(b, b.getFusedLoc(locs), b.getStringAttr(unique(name)),
                             b.getI64IntegerAttr(firings(micro)), inputs, outputs);
  }

  // ---- Segments

  // A value inside the segment being built; views and gets are made where they are first used.
  Value localOf(Value value, OpBuilder &inner, IRMapping &map) {
    value = throughMicro(value);
    if (Value known = map.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (isa<ViewOpInterface>(op))
      localOf(op->getOperand(0), inner, map);
    return inner.clone(*op, map)->getResult(cast<OpResult>(value).getResultNumber());
  }

  void addSegment(const SegmentParts &parts) {
    SmallVector<Value> inputs, outputs;
    SmallVector<int64_t> inPeriods, outPeriods, inCalls(parts.inputs.size(), -1), outCalls;
    for (Value root : parts.inputs) {
      inputs.push_back(registers[root]);
      bool held = parts.micro && !isMicro(root);
      inPeriods.push_back(held ? labels.micros : 1);
    }
    llvm::DenseMap<Operation *, int64_t> call;
    for (Operation *op : parts.ops)
      if (isa<task::KernelOp>(op))
        call.try_emplace(op, call.size());
    for (Value value : parts.outputs) {
      outputs.push_back(registers[value]);
      outPeriods.push_back(isAccumulated(value) ? labels.micros : 1);
      outCalls.push_back(call.lookup(value.getDefiningOp()));
    }
    for (Operation *op : parts.ops)
      for (Value operand : op->getOperands())
        if (auto it = llvm::find(parts.inputs, rootOf(operand)); it != parts.inputs.end())
          inCalls[it - parts.inputs.begin()] =
              isa<SetOp>(op) ? static_cast<int64_t>(call.size()) - 1 : call.lookup(op);
    auto segment =
        task::SegmentOp::create(b, program.getLoc(), unique(parts.name), firings(parts.micro),
                                inputs, outputs, inPeriods, outPeriods, inCalls, outCalls);
    fillSegment(segment, parts);
  }

  void fillSegment(task::SegmentOp segment, const SegmentParts &parts) {
    Block &body = segment.getBody().emplaceBlock();
    OpBuilder inner = OpBuilder::atBlockEnd(&body);
    IRMapping map;
    for (Value root : parts.inputs)
      map.map(root, body.addArgument(root.getType(), root.getLoc()));
    for (Value value : parts.outputs)
      if (BlockArgument sum = accumulatorOf(value))
        map.map(sum, body.addArgument(value.getType(), value.getLoc()));
    for (Operation *op : parts.ops) {
      for (Value operand : op->getOperands())
        map.map(operand, localOf(operand, inner, map));
      inner.clone(*op, map);
    }
    task::ReturnOp::create(
        inner, program.getLoc(),
        llvm::map_to_vector(parts.outputs, [&](Value v) { return map.lookup(v); }));
  }

  static bool isMicro(Value root) { return isa<MicroOp>(root.getDefiningOp()->getParentOp()); }
  // The block argument that holds the sum so far of a value that is yielded.
  static BlockArgument accumulatorOf(Value value) {
    for (OpOperand &use : value.getUses())
      if (isa<YieldOp>(use.getOwner()))
        return use.getOwner()->getBlock()->getArgument(use.getOperandNumber());
    return {};
  }
  static bool isAccumulated(Value value) { return static_cast<bool>(accumulatorOf(value)); }

  // ---- Tasks

  LogicalResult addTask(const PhysicalItem &item) {
    Operation *op = item.op;
    if (isa<LoadOp>(op)) // gathered in the end
      return success();
    if (auto it = segmentOf.find(op); it != segmentOf.end()) {
      const SegmentParts &parts = segments[it->second];
      if (parts.ops.front() == op)
        addSegment(parts);
    } else if (auto boxing = dyn_cast<BoxingOp>(op)) {
      addExchange(boxing, item.micro);
    } else if (isa<task::ToHostOp, task::ToDeviceOp>(op)) {
      addCopy(op, item.micro);
    } else if (auto read = dyn_cast<ReadOp>(op)) {
      addRead(read, item.micro);
    } else if (auto metric = dyn_cast<MetricOp>(op)) {
      addMetric(metric);
    } else if (auto output = dyn_cast<OutputOp>(op)) {
      task::OutputOp::create(b, op->getLoc(),
                             b.getStringAttr(unique("output_" + output.getName().str())),
                             output.getNameAttr(), registers[throughMicro(output.getValue())]);
    } else if (auto check = dyn_cast<CheckFiniteOp>(op)) {
      task::CheckFiniteOp::create(b, op->getLoc(),
                                  b.getStringAttr(unique("check_" + check.getWhat().str())),
                                  check.getWhatAttr(), registers[throughMicro(check.getValue())]);
    } else {
      return op->emitOpError("has no physical form; programs hold kernels, boxings, reads, sets, "
                             "metrics, outputs and checks here");
    }
    return success();
  }

  // Of a value to the host, or back.
  void addCopy(Operation *op, bool micro) {
    auto registerOf = [&](Value value) { return registers[rootOf(value)]; };
    SmallVector<Value> awaited;
    if (auto back = dyn_cast<task::ToDeviceOp>(op))
      awaited.push_back(registerOf(back.getEarlier()));
    task::CopyOp::create(b, op->getLoc(),
                         b.getStringAttr(unique(nameOf(op->getLoc(), "value") + ".copy")),
                         b.getI64IntegerAttr(firings(micro)), registerOf(op->getOperand(0)),
                         registers[op->getResult(0)], awaited);
  }

  void addRead(ReadOp read, bool micro) {
    task::ReadOp::create(
        b, read.getLoc(), b.getStringAttr(unique(read.getDataset())),
        b.getI64IntegerAttr(firings(micro)), read.getDatasetAttr(),
        llvm::map_to_vector(read.getResults(), [&](Value v) { return registers[v]; }));
  }

  void addMetric(MetricOp metric) {
    SmallVector<Value> inputs;
    for (Value value : metric.getValues())
      inputs.push_back(registers[throughMicro(value)]);
    task::MetricOp::create(b, metric.getLoc(), b.getStringAttr(unique("metric")),
                           metric.getNamesAttr(), inputs);
  }

  // One task of each mesh for all its variables that are written to or read from files.
  template <typename From, typename To> void addVariableTasks(StringRef name) {
    llvm::MapVector<MeshAttr, SmallVector<Attribute>> variables;
    const SymbolTable symbols(program->getParentOfType<ModuleOp>());
    for (auto op : program.getBody().front().getOps<From>()) {
      auto variable = symbols.lookup<VariableOp>(op.getVariableAttr().getAttr());
      variables[distOf(variable.getType()).getMesh()].push_back(op.getVariableAttr());
    }
    for (auto &[mesh, list] : variables)
      To::create(b, program.getLoc(), b.getStringAttr(unique((mesh.getName() + "." + name).str())),
                 b.getArrayAttr(list));
  }

  ProgramOp program;
  SegmentLabels labels;
  task::ProgramOp out;
  OpBuilder b;
  std::map<Key, size_t> index;
  SmallVector<SegmentParts> segments;
  llvm::DenseMap<Operation *, size_t> segmentOf;
  llvm::DenseMap<Value, Value> registers;
  llvm::StringSet<> names;
  llvm::StringMap<int64_t> suffixes; ///< last one given to a name
  SmallVector<Group> groups;
};

struct BuildTasksPass : PassWrapper<BuildTasksPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BuildTasksPass)
  StringRef getArgument() const override { return "of-build-tasks"; }
  StringRef getDescription() const override {
    return "Turns programs into segments, exchanges and other tasks with registers between them";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<OfDialect, task::TaskDialect>();
  }
  void runOnOperation() override {
    FailureOr<BackwardSplit> split = BackwardSplit::of(getOperation());
    if (failed(split))
      return signalPassFailure();
    for (auto program : llvm::to_vector(getOperation().getOps<ProgramOp>())) {
      OpBuilder b(program);
      if (failed(prepareForTasks(program)) || failed(TaskBuilder(program, *split, b).build()))
        return signalPassFailure();
      program.erase();
    }
  }
};

} // namespace

std::unique_ptr<Pass> createBuildTasksPass() { return std::make_unique<BuildTasksPass>(); }

} // namespace of
