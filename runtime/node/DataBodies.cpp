#include "runtime/node/DataBodies.h"

namespace of::rt {

namespace {

const plan::Task &taskOf(const TaskPlace &place, const plan::Role &role) {
  return *role.programs()
              ->Get(place.table->program)
              ->tasks()
              ->Get(place.table->tasks[place.task].planTask);
}

Result<std::vector<PartPlace>> partsOf(const TaskPlace &place, const plan::Role &role,
                                       const flatbuffers::Vector<uint32_t> &variables) {
  std::vector<PartPlace> out;
  for (uint32_t v : variables) {
    const plan::Variable &variable = *place.plan->variables()->Get(v);
    PartPlace part;
    part.variable = v;
    part.name = variable.name()->str();
    part.box = variableBox(*place.plan, variable, place.device);
    if (role.variables())
      for (const plan::VariablePart *entry : *role.variables())
        if (entry->variable() == v)
          part.data = place.memory->base(place.device, entry->chunk()) + entry->offset();
    if (!part.data)
      return Status(Code::Corrupt, "device " + std::to_string(place.device) +
                                       " has no part of variable " + part.name);
    out.push_back(std::move(part));
  }
  return out;
}

} // namespace

// ---- Read
// -------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Body>> ReadBody::create(const TaskPlace &place, const BatchReader &reader) {
  OF_ASSIGN(const RoleInstance instance, roleOf(*place.plan, place.device));
  const plan::Task &task = taskOf(place, *instance.role);
  const plan::Read &read = *task.body_as_Read();
  auto body = std::make_unique<ReadBody>();
  body->reader_ = &reader;
  body->globalRows_ = read.global_rows();
  body->training_ =
      place.plan->programs()->Get(place.table->program)->kind() == plan::ProgramKind::Train;
  const Layout layout = layoutOf(*place.plan, *read.layout());
  const int64_t point = layout.placement.pointOf(place.device);
  if (point < 0)
    return Status(Code::Corrupt,
                  "task " + describe(task) + " runs on a device that its batch does not lie on");
  body->rows_ = boxAt({static_cast<int64_t>(body->globalRows_)}, layout, point).dims[0];
  const uint64_t available = reader.batches(body->globalRows_);
  body->batchesPerEpoch_ = body->training_ && place.plan->epoch_steps() > 0
                               ? place.plan->epoch_steps() * task.firings()
                               : available;
  if (available == 0 || body->batchesPerEpoch_ > available)
    return Status(
        Code::InvalidArgument,
        "task " + describe(task) + ": the plan takes " + std::to_string(body->batchesPerEpoch_) +
            " batches of " + std::to_string(body->globalRows_) + " from data set '" +
            place.plan->datasets()->Get(read.dataset())->name()->str() + "', which has " +
            std::to_string(available) + "; give --data the folder the job was compiled for");
  const plan::RoleProgram &program = *instance.role->programs()->Get(place.table->program);
  const TaskEntry &entry = place.table->tasks[place.task];
  if (entry.numOutputs != reader.fields().size())
    return Status(Code::Corrupt, "task " + describe(task) + " has " +
                                     std::to_string(entry.numOutputs) + " outputs for " +
                                     std::to_string(reader.fields().size()) + " fields");
  for (uint32_t i = 0; i < entry.numOutputs; ++i) {
    const plan::Register &reg =
        *program.registers()->Get(place.table->outputs[entry.firstOutput + i].reg);
    const uint64_t needed =
        static_cast<uint64_t>(body->rows_.size()) * reader.fields()[i].sampleBytes;
    if (reg.slot_bytes() < needed)
      return Status(Code::Corrupt, "task " + describe(task) + ": register " + reg.name()->str() +
                                       " holds " + std::to_string(reg.slot_bytes()) +
                                       " bytes, field '" + reader.fields()[i].name + "' needs " +
                                       std::to_string(needed));
  }
  return std::unique_ptr<Body>(std::move(body));
}

Status ReadBody::run(int32_t, const FiringContext &context) {
  const uint64_t before = training_ ? context.entry->firstStep * context.slots.firings : 0;
  const uint64_t batch = before + context.slots.firing;
  return reader_->read(batch / batchesPerEpoch_, batch % batchesPerEpoch_, globalRows_, rows_,
                       reinterpret_cast<void *const *>(context.slots.outputs));
}

// ---- Write
// ------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Body>> WriteBody::create(const TaskPlace &place, Snapshots &snapshots,
                                                const std::atomic<bool> &stopped) {
  OF_ASSIGN(const RoleInstance instance, roleOf(*place.plan, place.device));
  const plan::Task &task = taskOf(place, *instance.role);
  std::unique_ptr<WriteBody> body(new WriteBody(snapshots, stopped));
  OF_ASSIGN(body->parts_, partsOf(place, *instance.role, *task.body_as_Write()->variables()));
  for (PartPlace &part : body->parts_) {
    const plan::Variable &variable = *place.plan->variables()->Get(part.variable);
    if (ownsPart(shapeOf(variable.shape()), layoutOf(*place.plan, *variable.layout()),
                 place.device))
      part.snapshotPart = snapshots.addPart(part.variable, part.box);
  }
  body->fromPorts_ = place.table->tasks[place.task].numInputs == body->parts_.size();
  return std::unique_ptr<Body>(std::move(body));
}

Status WriteBody::run(int32_t, const FiringContext &context) {
  OF_TRY(snapshots_.await(stopped_));
  for (size_t i = 0; i < parts_.size() && !stopped_; ++i)
    if (parts_[i].snapshotPart != kNone)
      snapshots_.put(parts_[i].snapshotPart, fromPorts_ ? context.slots.inputs[i] : parts_[i].data);
  return Status::ok();
}

// ---- Load
// -------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Body>> LoadBody::create(const TaskPlace &place, const Checkpoint &weights) {
  OF_ASSIGN(const RoleInstance instance, roleOf(*place.plan, place.device));
  const plan::Task &task = taskOf(place, *instance.role);
  auto body = std::make_unique<LoadBody>();
  body->weights_ = &weights;
  OF_ASSIGN(body->parts_, partsOf(place, *instance.role, *task.body_as_Load()->variables()));
  body->toPorts_ = place.table->tasks[place.task].numOutputs == body->parts_.size();
  return std::unique_ptr<Body>(std::move(body));
}

Status LoadBody::run(int32_t, const FiringContext &context) {
  for (size_t i = 0; i < parts_.size(); ++i)
    if (const PartPlace &part = parts_[i]; !part.box.empty())
      OF_TRY(weights_->read(part.name, part.box, toPorts_ ? context.slots.outputs[i] : part.data));
  return Status::ok();
}

} // namespace of::rt
