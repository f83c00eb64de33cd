#include "lib/Schedule/TaskList.h"

#include "lib/Codegen/Codegen.h"
#include "lib/Schedule/MeshGroups.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace of {

std::vector<ExchangePart> exchangeParts(task::ExchangeOp exchange) {
  std::vector<ExchangePart> parts;
  for (auto [in, out] : llvm::zip(exchange.getInputs(), exchange.getOutputs())) {
    auto type = cast<RankedTensorType>(in.getType());
    parts.push_back({dtypeOf(type.getElementType()),
                     Shape(type.getShape().begin(), type.getShape().end()), distOf(in).layout(),
                     distOf(out).layout()});
  }
  return parts;
}

OwningOpRef<ModuleOp> kernelModule(task::KernelOp kernel) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  auto type = b.getFunctionType(kernel.getInputs().getTypes(), kernel.getResultTypes());
  auto func = func::FuncOp::create(b, kernel.getLoc(), "kernel", type);
  Block *block = func.addEntryBlock();
  IRMapping map;
  map.map(kernel.getBody().front().getArguments(), block->getArguments());
  b.setInsertionPointToEnd(block);
  for (Operation &op : kernel.getBody().front().without_terminator())
    b.clone(op, map);
  func::ReturnOp::create(
      b, kernel.getLoc(),
      llvm::map_to_vector(kernel.getBody().front().getTerminator()->getOperands(),
                          [&](Value v) { return map.lookup(v); }));
  for (auto [result, argument] : llvm::enumerate(kernel.getInPlace()))
    if (argument >= 0)
      func.setArgAttr(argument, inPlaceAttrName, b.getI64IntegerAttr(result));
  return module;
}

MeshAttr meshOfSegment(task::SegmentOp segment) {
  for (Operation &op : segment.getBody().front()) {
    if (isa<task::KernelOp>(op))
      return distOf(op.getResult(0)).getMesh();
    if (auto set = dyn_cast<SetOp>(op))
      return distOf(set.getValue()).getMesh();
  }
  return distOf(segment.getOutputs()[0]).getMesh();
}

namespace {

class TaskLister {
public:
  std::vector<TaskInfo> list(task::ProgramOp program) {
    for (Operation &op : program.getBody().front())
      add(&op);
    nameGroups(program->getParentOfType<ModuleOp>());
    return std::move(tasks);
  }

private:
  TaskInfo &begin(Operation *op, StringRef name, MeshAttr mesh, const char *stream,
                  int64_t firings) {
    TaskInfo info;
    info.op = op;
    info.name = name.str();
    info.mesh = mesh;
    info.stream = stream;
    info.firings = firings;
    tasks.push_back(std::move(info));
    return tasks.back();
  }
  /// A device has one stream of a kind, however many stages lie on it.
  void nameGroups(ModuleOp module) {
    llvm::MapVector<ArrayRef<int64_t>, MeshAttr> first;
    const MeshGroups groups(module);
    for (MeshAttr mesh : groups.meshes())
      first.insert({mesh.getDevices(), mesh});
    for (TaskInfo &task : tasks) {
      const auto it = first.find(task.mesh.getDevices());
      task.group = (it == first.end() ? task.mesh : it->second).getName().str();
    }
  }
  static void addPorts(SmallVectorImpl<TaskInfo::Port> &ports, ValueRange values) {
    for (Value value : values)
      ports.push_back({value, 1, -1});
  }

  void add(Operation *op) {
    if (auto segment = dyn_cast<task::SegmentOp>(op)) {
      addSegment(segment);
    } else if (auto exchange = dyn_cast<task::ExchangeOp>(op)) {
      StringRef name = exchange.getName();
      TaskInfo &send = begin(op, (name + ".send").str(), distOf(exchange.getInputs()[0]).getMesh(),
                             "send", exchange.getFirings());
      send.end = TaskInfo::End::Send;
      addPorts(send.inputs, exchange.getInputs());
      TaskInfo &receive =
          begin(op, (name + ".receive").str(), distOf(exchange.getOutputs()[0]).getMesh(),
                "receive", exchange.getFirings());
      receive.end = TaskInfo::End::Receive;
      addPorts(receive.outputs, exchange.getOutputs());
    } else if (auto copy = dyn_cast<task::CopyOp>(op)) {
      TaskInfo &info = begin(op, copy.getName(), distOf(copy.getInputs()[0]).getMesh(),
                             copy.isToHost() ? "offload" : "fetch", copy.getFirings());
      addPorts(info.inputs, copy.getInputs());
      addPorts(info.inputs, copy.getAwaited());
      addPorts(info.outputs, copy.getOutputs());
    } else if (auto read = dyn_cast<task::ReadOp>(op)) {
      addPorts(begin(op, read.getName(), distOf(read.getOutputs()[0]).getMesh(), "read",
                     read.getFirings())
                   .outputs,
               read.getOutputs());
    } else if (auto metric = dyn_cast<task::MetricOp>(op)) {
      addPorts(
          begin(op, metric.getName(), distOf(metric.getInputs()[0]).getMesh(), "report", 1).inputs,
          metric.getInputs());
    } else if (auto output = dyn_cast<task::OutputOp>(op)) {
      addPorts(begin(op, output.getName(), distOf(output.getInput()).getMesh(), "report", 1).inputs,
               output.getInput());
    } else if (auto check = dyn_cast<task::CheckFiniteOp>(op)) {
      addPorts(begin(op, check.getName(), distOf(check.getInput()).getMesh(), "report", 1).inputs,
               check.getInput());
    } else if (auto write = dyn_cast<task::WriteOp>(op)) {
      begin(op, write.getName(), meshOfVariable(write, write.getVariables()[0]), "write", 1);
    } else if (auto load = dyn_cast<task::LoadOp>(op)) {
      begin(op, load.getName(), meshOfVariable(load, load.getVariables()[0]), "load", 1);
    }
  }

  static MeshAttr meshOfVariable(Operation *from, Attribute name) {
    auto variable = SymbolTable::lookupNearestSymbolFrom<VariableOp>(
        from->getParentOfType<ModuleOp>(), cast<FlatSymbolRefAttr>(name));
    return distOf(variable.getType()).getMesh();
  }

  void addSegment(task::SegmentOp segment) {
    TaskInfo &info =
        begin(segment, segment.getName(), meshOfSegment(segment), "compute", segment.getFirings());
    for (auto [i, reg] : llvm::enumerate(segment.getInputs()))
      info.inputs.push_back({reg, segment.getInPeriods()[i], segment.getInCalls()[i]});
    for (auto [i, reg] : llvm::enumerate(segment.getOutputs()))
      info.outputs.push_back({reg, segment.getOutPeriods()[i], segment.getOutCalls()[i]});
  }

  std::vector<TaskInfo> tasks;
};

} // namespace

std::vector<TaskInfo> tasksOf(task::ProgramOp program) { return TaskLister().list(program); }

} // namespace of
