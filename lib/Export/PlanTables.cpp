#include "lib/Export/PlanTables.h"

using namespace mlir;

namespace of {

std::string sourceOf(Location loc) {
  std::string out;
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    out = (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" +
           Twine(file.getColumn()))
              .str();
    return WalkResult::interrupt();
  });
  return out;
}

LogicalResult PlanTables::build() {
  addCluster();
  addVariables();
  addDatasets();
  addPrograms();
  if (auto versions = module->getAttrOfType<DictionaryAttr>("task.libraries"))
    for (NamedAttribute entry : versions) {
      auto library = std::make_unique<plan::LibraryVersionT>();
      library->name = entry.getName().str();
      library->version = cast<StringAttr>(entry.getValue()).str();
      plan.libraries.push_back(std::move(library));
    }
  plan.seed = job.seed;
  plan.batch = job.batch;
  plan.epoch_steps = job.epochSteps();
  plan.initial = job.initial;
  if (job.checkpoint) {
    plan.checkpoint_keep = job.checkpoint->keep;
    plan.checkpoint_every_steps = job.checkpoint->everySteps
                                      ? job.checkpoint->everySteps
                                      : job.checkpoint->everyEpochs * job.epochSteps();
  }
  plan.schedule = std::make_unique<plan::LoopT>();
  return addLoop(*module.getBody(), *plan.schedule);
}

void PlanTables::addCluster() {
  for (const ClusterNode &node : cluster.nodes) {
    auto made = std::make_unique<plan::NodeT>();
    made->name = node.name;
    made->host = node.host;
    plan.nodes.push_back(std::move(made));
  }
  for (const ClusterDevice &device : cluster.devices) {
    auto made = std::make_unique<plan::DeviceT>();
    made->node = device.node;
    made->kind = device.kind;
    made->index = device.index;
    made->threads = device.threads;
    plan.devices.push_back(std::move(made));
  }
}

uint32_t PlanTables::placement(MeshAttr mesh) {
  auto [it, isNew] = placements.try_emplace(mesh, plan.placements.size());
  if (isNew) {
    auto made = std::make_unique<plan::PlacementT>();
    made->name = mesh.getName().str();
    for (StringAttr axis : mesh.getAxes())
      made->axes.push_back(axis.str());
    made->shape.assign(mesh.getShape().begin(), mesh.getShape().end());
    made->devices.assign(mesh.getDevices().begin(), mesh.getDevices().end());
    plan.placements.push_back(std::move(made));
  }
  return it->second;
}

std::unique_ptr<plan::LayoutT> PlanTables::layout(DistAttr dist) {
  auto made = std::make_unique<plan::LayoutT>();
  made->placement = placement(dist.getMesh());
  for (Sbp sbp : dist.getSbp())
    made->sbp.emplace_back(static_cast<plan::SbpKind>(sbp.kind), sbp.dim);
  return made;
}

void PlanTables::addVariables() {
  for (auto variable : module.getOps<VariableOp>()) {
    auto type = cast<RankedTensorType>(variable.getType());
    variables[variable.getSymName()] = plan.variables.size();
    auto made = std::make_unique<plan::VariableT>();
    made->name = variable.getSymName().str();
    made->dtype = planType(type.getElementType());
    made->shape.assign(type.getShape().begin(), type.getShape().end());
    made->layout = layout(distOf(type));
    made->trainable = variable.getTrainable();
    made->role = variable.getRole().str();
    plan.variables.push_back(std::move(made));
  }
}

static std::unique_ptr<plan::FieldT> fieldOf(DictionaryAttr field) {
  auto text = [&](StringRef key) { return field.getAs<StringAttr>(key).str(); };
  auto made = std::make_unique<plan::FieldT>();
  made->name = text("name");
  for (Attribute file : field.getAs<ArrayAttr>("files"))
    made->files.push_back(cast<StringAttr>(file).str());
  made->format = text("format");
  std::string dtype = text("dtype");
  for (int d = 0; d <= static_cast<int>(DType::Bool); ++d)
    if (nameOf(static_cast<DType>(d)) == dtype)
      made->dtype = static_cast<plan::DType>(d);
  ArrayRef<int64_t> shape = field.getAs<DenseI64ArrayAttr>("shape");
  made->shape.assign(shape.begin(), shape.end());
  made->scale = field.getAs<FloatAttr>("scale").getValueAsDouble();
  made->shift = field.getAs<FloatAttr>("shift").getValueAsDouble();
  made->sequence = field.getAs<IntegerAttr>("sequence").getInt();
  made->offset = field.getAs<IntegerAttr>("offset").getInt();
  return made;
}

void PlanTables::addDatasets() {
  for (auto dataset : module.getOps<DatasetOp>()) {
    datasets[dataset.getSymName()] = plan.datasets.size();
    auto made = std::make_unique<plan::DatasetT>();
    made->name = dataset.getSymName().str();
    made->samples = dataset.getSamples();
    made->shuffle = dataset.getShuffle();
    made->seed = dataset.getSeed();
    for (Attribute field : dataset.getFields())
      made->fields.push_back(fieldOf(cast<DictionaryAttr>(field)));
    made->mask_field = dataset.getMask();
    made->mask_dtype = plan::DType::F32;
    plan.datasets.push_back(std::move(made));
  }
}

void PlanTables::addPrograms() {
  for (auto program : module.getOps<task::ProgramOp>()) {
    programs[program.getSymName()] = plan.programs.size();
    auto made = std::make_unique<plan::ProgramT>();
    made->name = program.getSymName().str();
    made->kind = static_cast<plan::ProgramKind>(*symbolizeProgramKind(program.getKind()));
    made->micros = program.getMicros();
    program.walk([&](task::ReadOp read) { made->dataset = dataset(read.getDataset()); });
    plan.programs.push_back(std::move(made));
    program.walk([&](task::ExchangeOp exchange) { addExchange(exchange); });
  }
}

void PlanTables::addExchange(task::ExchangeOp op) {
  exchanges[op] = plan.exchanges.size();
  auto made = std::make_unique<plan::ExchangeT>();
  made->name = op.getName().str();
  made->location = sourceOf(op.getLoc());
  for (auto [in, out] : llvm::zip(op.getInputs(), op.getOutputs())) {
    auto type = cast<RankedTensorType>(in.getType());
    auto tensor = std::make_unique<plan::ExchangeTensorT>();
    tensor->dtype = planType(type.getElementType());
    tensor->shape.assign(type.getShape().begin(), type.getShape().end());
    tensor->src = layout(distOf(in));
    tensor->dst = layout(distOf(out));
    made->tensors.push_back(std::move(tensor));
  }
  plan.exchanges.push_back(std::move(made));
}

LogicalResult PlanTables::addLoop(Block &block, plan::LoopT &out) {
  for (Operation &op : block) {
    auto made = std::make_unique<plan::LoopT>();
    if (auto loop = dyn_cast<LoopOp>(op)) {
      made->count = loop.getCount();
      if (failed(addLoop(loop.getBody().front(), *made)))
        return failure();
    } else if (auto run = dyn_cast<RunOp>(op)) {
      auto program = programs.find(run.getProgram());
      if (program == programs.end())
        return run.emitOpError("runs program @") << run.getProgram() << ", which does not exist";
      made->program = program->second;
      made->count = run.getCount();
    } else {
      continue;
    }
    out.body.push_back(std::move(made));
  }
  return success();
}

} // namespace of
