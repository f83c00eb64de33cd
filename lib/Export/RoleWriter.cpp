#include "lib/Export/RoleWriter.h"

#include "lib/Cost/ComputeCost.h"
#include "lib/Schedule/SegmentBuffers.h"
#include "lib/Schedule/TaskCost.h"

using namespace mlir;

namespace of {

// ---- Which devices share a role
// ------------------------------------------------------------------------------------

static void distributedTypes(ModuleOp module, llvm::SetVector<Type> &types) {
  module.walk([&](Operation *op) {
    if (auto variable = dyn_cast<VariableOp>(op))
      types.insert(variable.getType());
    for (Type type : op->getResultTypes())
      if (isa<RankedTensorType>(type) && distOf(type))
        types.insert(type);
  });
}

// Does another process of its host map the device's chunk?
static bool isShared(const Cluster &cluster, const ClusterDevice &device) {
  return llvm::any_of(cluster.devices, [&](const ClusterDevice &other) {
    return other.node != device.node &&
           cluster.nodes[other.node].host == cluster.nodes[device.node].host;
  });
}

std::vector<std::vector<int64_t>> groupDevices(ModuleOp module, const Cluster &cluster) {
  llvm::SetVector<Type> types;
  distributedTypes(module, types);
  std::vector<std::string> keys;
  for (const ClusterDevice &d : cluster.devices)
    keys.push_back(d.kind + " " + std::to_string(d.threads) + " " + d.isa +
                   (isShared(cluster, d) ? " shared" : ""));
  for (auto [i, type] : llvm::enumerate(types)) {
    MeshAttr mesh = distOf(type).getMesh();
    for (auto [point, device] : llvm::enumerate(mesh.getDevices())) {
      std::string &key = keys[device];
      key += " " + std::to_string(i) + ":";
      for (int64_t dim : localTypeAt(type, point).getShape())
        key += std::to_string(dim) + "x";
    }
  }
  std::vector<std::vector<int64_t>> groups;
  std::map<std::string, size_t> index;
  for (auto [device, key] : llvm::enumerate(keys)) {
    auto [it, isNew] = index.try_emplace(key, groups.size());
    if (isNew)
      groups.emplace_back();
    groups[it->second].push_back(device);
  }
  return groups;
}

// ---- The role
// ------------------------------------------------------------------------------------------------------

RoleWriter::RoleWriter(ModuleOp module, const Cluster &cluster, PlanTables &tables,
                       KernelObjects &objects, std::vector<int64_t> devices)
    : module(module), symbols(module), cluster(cluster), tables(tables), objects(objects),
      devices(std::move(devices)), device(cluster.devices[this->devices.front()]) {}

bool RoleWriter::takesPart(MeshAttr mesh) const { return pointOn(mesh) >= 0; }

int64_t RoleWriter::pointOn(MeshAttr mesh) const {
  return mesh.placement().pointOf(devices.front());
}

RankedTensorType RoleWriter::typeHere(Type type) const {
  return localTypeAt(type, pointOn(distOf(type).getMesh()));
}

int64_t RoleWriter::bytesHere(Type type) const { return tensorBytes(typeHere(type)); }

FailureOr<std::unique_ptr<plan::RoleT>> RoleWriter::write() {
  role = std::make_unique<plan::RoleT>();
  role->name =
      "devices " + std::to_string(devices.front()) +
      (devices.size() > 1 ? " and " + std::to_string(devices.size() - 1) + " like it" : "");
  role->instances.assign(devices.begin(), devices.end());
  if (failed(addChunk()))
    return failure();
  addVariables();
  for (auto program : module.getOps<task::ProgramOp>())
    if (failed(addProgram(program)))
      return failure();
  for (const KernelScalar &scalar : columns) {
    auto made = std::make_unique<plan::ColumnT>();
    made->name = "offset of dim " + std::to_string(scalar.dim);
    Layout layout = scalar.dist.layout();
    for (int64_t d : devices)
      made->values.push_back(
          boxAt(scalar.shape, layout, layout.placement.pointOf(d)).dims[scalar.dim].begin);
    role->columns.push_back(std::move(made));
  }
  return std::move(role);
}

// The packer named chunks after the first mesh of those that share devices; this device's is the
// one whose group holds a mesh it takes part in.
LogicalResult RoleWriter::addChunk() {
  auto bytesOf = [&](StringRef attr) -> std::optional<int64_t> {
    auto table = module->getAttrOfType<DictionaryAttr>(attr);
    auto groups = module->getAttrOfType<DictionaryAttr>(task::TaskDialect::groupsAttrName);
    if (!table || !groups)
      return std::nullopt;
    for (NamedAttribute entry : groups)
      for (int64_t member : cast<DenseI64ArrayAttr>(entry.getValue()).asArrayRef())
        if (member == devices.front()) {
          auto bytes = table.getAs<IntegerAttr>(entry.getName());
          return bytes ? bytes.getInt() : 0;
        }
    return 0;
  };
  std::optional<int64_t> bytes = bytesOf(task::TaskDialect::chunksAttrName);
  if (!bytes)
    return module.emitError("has no memory layout; run of-assign-memory before export");
  auto chunk = std::make_unique<plan::ChunkT>();
  chunk->bytes = *bytes;
  chunk->shared = isShared(cluster, device);
  role->chunks.push_back(std::move(chunk));
  if (const int64_t onHost = bytesOf(task::TaskDialect::hostChunksAttrName).value_or(0)) {
    auto host = std::make_unique<plan::ChunkT>();
    host->memory = plan::MemoryKind::Pinned;
    host->bytes = onHost;
    role->chunks.push_back(std::move(host));
  }
  role->max_live_bytes = bytesOf("task.max_live").value_or(0);
  return success();
}

/// Chunk 0 is the device's own.
static constexpr uint32_t kHostChunk = 1;

static uint64_t offsetOf(Operation *op) {
  return op->getAttrOfType<IntegerAttr>(task::TaskDialect::offsetAttrName).getInt();
}

void RoleWriter::addVariables() {
  for (auto variable : module.getOps<VariableOp>()) {
    if (!takesPart(distOf(variable.getType()).getMesh()))
      continue;
    auto part = std::make_unique<plan::VariablePartT>();
    part->variable = tables.variable(variable.getSymName());
    part->offset = offsetOf(variable);
    role->variables.push_back(std::move(part));
  }
}

LogicalResult RoleWriter::addProgram(task::ProgramOp program) {
  auto out = std::make_unique<plan::RoleProgramT>();
  out->certificate = std::make_unique<plan::CertificateT>();
  registers.clear();
  taskIndex.clear();
  for (auto reg : program.getBody().front().getOps<task::RegisterOp>()) {
    if (!takesPart(distOf(reg.getType()).getMesh()))
      continue;
    registers[reg.getResult()] = out->registers.size();
    auto made = std::make_unique<plan::RegisterT>();
    made->name = reg.getName().str();
    made->chunk = reg.getHost() ? kHostChunk : 0;
    made->offset = offsetOf(reg);
    made->slot_bytes = alignedBytes(partBytes(reg.getType()));
    made->slots = reg.getSlots();
    out->registers.push_back(std::move(made));
  }
  std::vector<TaskInfo> tasks;
  for (TaskInfo &info : tasksOf(program))
    if (takesPart(info.mesh))
      tasks.push_back(std::move(info));
  for (const TaskInfo &info : tasks)
    if (failed(addTask(info, *out)))
      return failure();
  addOrders(program, tasks, *out);
  addReuses(program, *out);
  role->programs.push_back(std::move(out));
  return success();
}

// Kinds of work, and which worker does it: what moves data between devices is done by the compute
// worker between its calls, because on a CPU it takes the same cores; what waits for disks or
// people is done beside it, and so is each direction of what passes between device and host.
static std::pair<plan::StreamKind, uint32_t> placeOf(StringRef stream) {
  if (stream == "compute")
    return {plan::StreamKind::Compute, 0};
  if (stream == "send" || stream == "receive")
    return {plan::StreamKind::Transfer, 0};
  if (stream == "offload")
    return {plan::StreamKind::Copy, 2};
  if (stream == "fetch")
    return {plan::StreamKind::Copy, 3};
  return {plan::StreamKind::Io, 1};
}

uint32_t RoleWriter::stream(const TaskInfo &info) {
  auto [it, isNew] = streams.try_emplace(info.streamName(), role->streams.size());
  if (isNew) {
    auto made = std::make_unique<plan::StreamT>();
    made->name = info.streamName();
    std::tie(made->kind, made->worker) = placeOf(info.stream);
    role->streams.push_back(std::move(made));
  }
  return it->second;
}

LogicalResult RoleWriter::addTask(const TaskInfo &info, plan::RoleProgramT &out) {
  auto task = std::make_unique<plan::TaskT>();
  task->name = info.name;
  task->location = sourceOf(info.op->getLoc());
  task->stream = stream(info);
  task->firings = info.firings;
  for (const TaskInfo::Port &port : info.inputs)
    task->inputs.emplace_back(registers[port.reg], port.period, port.call);
  for (const TaskInfo::Port &port : info.outputs)
    task->outputs.emplace_back(registers[port.reg], port.period, port.call);
  if (auto seconds = info.op->getAttrOfType<DenseF64ArrayAttr>(secondsAttrName))
    task->seconds = seconds[info.end == TaskInfo::End::Receive ? 1 : 0];
  if (failed(setBody(info, *task)))
    return failure();
  taskIndex[info.name] = out.tasks.size();
  out.tasks.push_back(std::move(task));
  return success();
}

void RoleWriter::addOrders(task::ProgramOp program, const std::vector<TaskInfo> &tasks,
                           plan::RoleProgramT &out) {
  llvm::SetVector<StringRef> names;
  std::vector<std::string> storage;
  for (const TaskInfo &info : tasks)
    storage.push_back(info.streamName());
  for (const std::string &name : storage)
    names.insert(name);
  for (StringRef name : names) {
    auto order = std::make_unique<plan::OrderT>();
    order->stream = streams.lookup(name);
    for (Attribute task : program.getOrdersAttr().getAs<ArrayAttr>(name))
      order->tasks.push_back(taskIndex.at(cast<StringAttr>(task).str()));
    out.orders.push_back(std::move(order));
  }
}

void RoleWriter::addReuses(task::ProgramOp program, plan::RoleProgramT &out) {
  auto edges = program->getAttrOfType<ArrayAttr>(task::TaskDialect::reusesAttrName);
  if (!edges)
    return;
  for (auto edge : edges.getAsRange<ArrayAttr>()) {
    auto from = taskIndex.find(cast<StringAttr>(edge[0]).str()),
         to = taskIndex.find(cast<StringAttr>(edge[1]).str());
    if (from != taskIndex.end() && to != taskIndex.end())
      out.reuses.emplace_back(from->second, to->second, cast<IntegerAttr>(edge[2]).getInt());
  }
}

// ---- Bodies
// --------------------------------------------------------------------------------------------------------

LogicalResult RoleWriter::setBody(const TaskInfo &info, plan::TaskT &task) {
  if (isa<task::SegmentOp>(info.op))
    return setSegment(info, task);
  if (auto exchange = dyn_cast<task::ExchangeOp>(info.op)) {
    if (info.end == TaskInfo::End::Send) {
      plan::SendT send;
      send.exchange = tables.exchange(exchange);
      task.body.Set(std::move(send));
      return success();
    }
    auto landing = exchange->getAttrOfType<DenseI64ArrayAttr>("task.landing");
    plan::ReceiveT receive;
    receive.exchange = tables.exchange(exchange);
    receive.landing_offset = landing[0];
    receive.landing_slot_bytes = landing[1];
    receive.landing_slots = landing[2];
    auto seconds = exchange->getAttrOfType<DenseF64ArrayAttr>(secondsAttrName);
    if (seconds && seconds.size() > 2)
      receive.network_seconds = seconds[2];
    task.body.Set(std::move(receive));
  } else if (auto copy = dyn_cast<task::CopyOp>(info.op)) {
    plan::CopyT body;
    for (Value input : copy.getInputs())
      body.bytes.push_back(bytesHere(input.getType()));
    task.body.Set(std::move(body));
  } else if (auto read = dyn_cast<task::ReadOp>(info.op)) {
    plan::ReadT body;
    body.dataset = tables.dataset(read.getDataset());
    auto type = cast<RankedTensorType>(read.getOutputs()[0].getType());
    body.layout = tables.layout(distOf(type));
    body.global_rows = type.getDimSize(0);
    task.body.Set(std::move(body));
  } else if (auto metric = dyn_cast<task::MetricOp>(info.op)) {
    plan::MetricT body;
    for (Attribute name : metric.getNames())
      body.names.push_back(cast<StringAttr>(name).str());
    body.dtype = planType(cast<RankedTensorType>(metric.getInputs()[0].getType()).getElementType());
    body.emitter = info.mesh.getDevices().front();
    body.location = task.location;
    task.body.Set(std::move(body));
  } else if (auto output = dyn_cast<task::OutputOp>(info.op)) {
    auto type = cast<RankedTensorType>(output.getInput().getType());
    plan::OutputT body;
    body.name = output.getOutput().str();
    body.dtype = planType(type.getElementType());
    body.shape.assign(type.getShape().begin(), type.getShape().end());
    body.emitter = info.mesh.getDevices().front();
    task.body.Set(std::move(body));
  } else if (auto check = dyn_cast<task::CheckFiniteOp>(info.op)) {
    plan::CheckFiniteT body;
    RankedTensorType type = typeHere(check.getInput().getType());
    body.dtype = planType(type.getElementType());
    body.elements = type.getNumElements();
    body.what = check.getWhat().str();
    body.location = task.location;
    task.body.Set(std::move(body));
  } else if (auto write = dyn_cast<task::WriteOp>(info.op)) {
    plan::WriteT body;
    body.variables = variablesOf(write.getVariables());
    task.body.Set(std::move(body));
  } else if (auto load = dyn_cast<task::LoadOp>(info.op)) {
    plan::LoadT body;
    body.variables = variablesOf(load.getVariables());
    task.body.Set(std::move(body));
  } else {
    return info.op->emitOpError("has no body in a plan");
  }
  return success();
}

std::vector<uint32_t> RoleWriter::variablesOf(ArrayAttr names) {
  std::vector<uint32_t> out;
  for (Attribute name : names)
    out.push_back(tables.variable(cast<FlatSymbolRefAttr>(name).getValue()));
  return out;
}

LogicalResult RoleWriter::setSegment(const TaskInfo &info, plan::TaskT &task) {
  auto segment = cast<task::SegmentOp>(info.op);
  plan::SegmentT body;
  // A kernel whose results are empty here is left out; ports then wait for the one before it.
  SmallVector<int32_t> callOf;
  for (auto kernel : segment.getBody().front().getOps<task::KernelOp>()) {
    if (!isEmpty(kernel)) {
      FailureOr<std::unique_ptr<plan::CallT>> call = makeCall(segment, kernel);
      if (failed(call))
        return failure();
      body.calls.push_back(std::move(*call));
    }
    callOf.push_back(static_cast<int32_t>(body.calls.size()) - 1);
  }
  for (auto *ports : {&task.inputs, &task.outputs})
    for (plan::Port &port : *ports)
      if (port.call() >= 0)
        port = plan::Port(port.reg(), port.period(), callOf[port.call()]);
  task.body.Set(std::move(body));
  return success();
}

// Where a value of a segment lies: in a port's slot, in a variable, or in a temporary.
plan::Buffer RoleWriter::bufferOf(task::SegmentOp segment, Value value) {
  uint64_t bytes = bytesHere(value.getType());
  Value root = segmentRoot(value);
  auto chunk = [&](uint64_t offset) {
    return plan::Buffer(plan::BufferKind::Chunk, 0, offset, bytes);
  };
  auto output = [&](size_t port) { return plan::Buffer(plan::BufferKind::Output, port, 0, bytes); };
  auto variableAt = [&](StringRef name) {
    return chunk(offsetOf(symbols.lookup<VariableOp>(name)));
  };
  if (auto argument = dyn_cast<BlockArgument>(root)) {
    unsigned index = argument.getArgNumber();
    if (index < segment.getInputs().size())
      return plan::Buffer(plan::BufferKind::Input, index, 0, bytes);
    index -= segment.getInputs().size(); // the accumulators' previous values
    for (auto [port, period] : llvm::enumerate(segment.getOutPeriods()))
      if (period > 1 && index-- == 0)
        return output(port);
  }
  if (auto get = root.getDefiningOp<GetOp>())
    return variableAt(get.getVariable());
  for (OpOperand &use : root.getUses()) {
    if (isa<task::ReturnOp>(use.getOwner()))
      return output(use.getOperandNumber());
    if (auto set = dyn_cast<SetOp>(use.getOwner()))
      return variableAt(set.getVariable());
  }
  auto offsets =
      root.getDefiningOp()->getAttrOfType<DenseI64ArrayAttr>(task::TaskDialect::offsetAttrName);
  return chunk(offsets[cast<OpResult>(root).getResultNumber()]);
}

FailureOr<std::unique_ptr<plan::CallT>> RoleWriter::makeCall(task::SegmentOp segment,
                                                             task::KernelOp kernel) {
  auto call = std::make_unique<plan::CallT>();
  call->name = kernel.getName().str();
  call->location = sourceOf(kernel.getLoc());
  for (Value value : llvm::concat<Value>(llvm::to_vector<4>(kernel.getInputs()),
                                         llvm::to_vector<4>(kernel.getResults()))) {
    call->buffers.push_back(bufferOf(segment, value));
    call->bytes += call->buffers.back().bytes();
  }
  const KernelWork work =
      workOf(kernel, pointOn(distOf(kernel.getResult(0)).getMesh()), hasAges(device));
  call->flops = work.flops;
  call->seconds = kernelSeconds(work, device);
  Operation &first = kernel.getBody().front().front();
  if (auto op = dyn_cast<LibraryOpInterface>(first)) {
    callLibrary(op, kernel, *call);
    return {std::move(call)};
  }
  FailureOr<GeneratedKernel> made = generate(kernel);
  if (failed(made))
    return failure();
  call->object = objects.index(device.isa);
  call->symbol = made->symbol;
  call->tiles = made->tiles;
  for (const KernelScalar &scalar : made->scalars)
    call->scalars.push_back(column(scalar));
  return {std::move(call)};
}

uint32_t RoleWriter::column(const KernelScalar &scalar) {
  if (scalar.kind == KernelScalar::MicroIndex)
    return static_cast<uint32_t>(plan::ReservedColumn::MicroIndex);
  for (auto [i, known] : llvm::enumerate(columns))
    if (known.dist == scalar.dist && known.shape == scalar.shape && known.dim == scalar.dim)
      return i;
  columns.push_back(scalar);
  return columns.size() - 1;
}

bool RoleWriter::isEmpty(task::KernelOp kernel) const {
  return llvm::all_of(kernel.getResultTypes(),
                      [&](Type t) { return typeHere(t).getNumElements() == 0; });
}

FailureOr<GeneratedKernel> RoleWriter::generate(task::KernelOp kernel) {
  OwningOpRef<ModuleOp> function = kernelModule(kernel);
  return objects.emitter(device.isa)
      .add(*function->getOps<func::FuncOp>().begin(),
           pointOn(distOf(kernel.getResult(0)).getMesh()));
}

LogicalResult RoleWriter::addKernels() {
  for (auto program : module.getOps<task::ProgramOp>())
    for (auto segment : program.getBody().front().getOps<task::SegmentOp>()) {
      if (!takesPart(meshOfSegment(segment)))
        continue;
      for (auto kernel : segment.getBody().front().getOps<task::KernelOp>())
        if (!isEmpty(kernel) && !isa<LibraryOpInterface>(kernel.getBody().front().front()) &&
            failed(generate(kernel)))
          return failure();
    }
  return success();
}

void RoleWriter::callLibrary(LibraryOpInterface op, task::KernelOp kernel, plan::CallT &call) {
  auto local = [&](TypeRange types) {
    return llvm::map_to_vector(types, [&](Type t) { return typeHere(t); });
  };
  SmallVector<RankedTensorType> operands = local(op->getOperandTypes()),
                                results = local(op->getResultTypes());
  LibraryCall made = op.getLibraryCall(operands, results);
  call.library = std::make_unique<plan::LibraryT>();
  call.library->name = made.name;
  call.library->dtype = static_cast<plan::DType>(made.dtype);
  call.library->ints.assign(made.ints.begin(), made.ints.end());
  call.library->floats.assign(made.floats.begin(), made.floats.end());
  call.tiles = libraryTiles(workOf(op, operands, results), device);
  for (auto [value, dim] : made.offsets) {
    unsigned operands = op->getNumOperands();
    Type type = value < operands ? op->getOperand(value).getType()
                                 : op->getResult(value - operands).getType();
    auto shape = cast<RankedTensorType>(type).getShape();
    KernelScalar scalar{KernelScalar::Offset, distOf(type), Shape(shape.begin(), shape.end()), dim};
    call.scalars.push_back(column(scalar));
  }
  if (auto scratch = kernel->getAttrOfType<DenseI64ArrayAttr>("task.scratch");
      scratch && made.scratch)
    call.buffers.emplace_back(plan::BufferKind::Chunk, 0, scratch[1], scratch[0]);
}

} // namespace of
