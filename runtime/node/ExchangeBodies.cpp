#include "runtime/node/ExchangeBodies.h"

#include "runtime/memory/Afar.h"

#include <algorithm>

namespace of::rt {

namespace {

const plan::RoleProgram &programOf(const plan::Role &role, uint32_t program) {
  return *role.programs()->Get(program);
}

const plan::Task &planTask(const TaskPlace &place, const plan::Role &role) {
  const TaskEntry &entry = place.table->tasks[place.task];
  return *programOf(role, place.table->program).tasks()->Get(entry.planTask);
}

} // namespace

SlotRange slotRange(const TaskPlace &place, uint32_t device, const plan::RoleProgram &body,
                    uint32_t reg) {
  const plan::Register &r = *body.registers()->Get(reg);
  SlotRange out;
  if (std::byte *base = place.memory->base(device, r.chunk()))
    out.base = base + r.offset();
  out.slotBytes = r.slot_bytes();
  out.slots = r.slots();
  return out;
}

// ---- Send
// -------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<SendBody>> SendBody::create(const TaskPlace &place) {
  OF_ASSIGN(const RoleInstance instance, roleOf(*place.plan, place.device));
  const TaskEntry &entry = place.table->tasks[place.task];
  const EndEntry &end = place.table->ends[place.task];
  const plan::Task &task = planTask(place, *instance.role);
  const std::vector<ExchangePart> parts =
      exchangeParts(*place.plan, task.body_as_Send()->exchange());
  if (entry.numInputs != parts.size())
    return Status(Code::Corrupt,
                  "task " + describe(task) + " has " + std::to_string(entry.numInputs) +
                      " inputs for an exchange of " + std::to_string(parts.size()) + " tensors");
  auto body = std::make_unique<SendBody>();
  body->firstInput_ = entry.firstInput;
  body->firstEdge_ = end.firstEdge;
  for (uint32_t i = 0; i < entry.numInputs; ++i)
    body->inputs_.push_back(slotRange(place, place.device,
                                      programOf(*instance.role, place.table->program),
                                      place.table->inputs[entry.firstInput + i].reg));
  body->edges_.resize(end.numEdges);
  for (uint32_t e = 0; e < end.numEdges; ++e)
    if (const EdgeEntry &edge = place.table->edges[end.firstEdge + e]; edge.path == Path::Pushed)
      body->prepareEdge(place, edge, parts, body->edges_[e]);
  return body;
}

void SendBody::prepareEdge(const TaskPlace &place, const EdgeEntry &edge,
                           const std::vector<ExchangePart> &parts, PushedEdge &out) const {
  out.window = edge.window;
  for (const LandingPayload &payload :
       landingPayloads(parts, edge.key.dstDevice, distanceOf(*place.plan))) {
    if (payload.srcDevice != edge.key.srcDevice)
      continue;
    out.bytes = payload.bytes;
    for (const LandingPiece &piece : payload.pieces) {
      const ExchangePart &part = parts[piece.tensor];
      const Box box = boxAt(part.shape, part.src, part.src.placement.pointOf(place.device));
      out.pieces.push_back({piece.tensor, part.dtype,
                            RegionRuns(piece.piece.region, box, piece.piece.region), piece.offset});
    }
    const Source &first = out.pieces[0];
    if (payload.pieces.size() != 1 || !first.runs.isOne())
      continue;
    out.direct = true;
    out.directOffset = static_cast<uint64_t>(first.runs.src()) * sizeOf(first.dtype);
    out.bytes = payload.pieces[0].bytes;
  }
  if (!out.direct)
    out.staging.resize(static_cast<size_t>(out.bytes) * out.window);
}

SendBody::Bytes SendBody::pack(const Machine &machine, uint32_t edge, uint64_t sequence) {
  PushedEdge &out = edges_[edge - firstEdge_];
  const size_t bytes = static_cast<size_t>(out.bytes);
  auto slot = [&](uint32_t port) {
    return inputs_[port].base +
           machine.sendSlot(firstInput_ + port, sequence) * inputs_[port].slotBytes;
  };
  if (out.direct)
    return {slot(out.pieces[0].port) + out.directOffset, bytes};
  std::byte *data = out.staging.data() + (sequence % out.window) * bytes;
  for (const Source &piece : out.pieces)
    copyRegion(piece.dtype, piece.runs, slot(piece.port), data + piece.offset);
  return {data, bytes};
}

// ---- Receive
// ----------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<ReceiveBody>> ReceiveBody::create(const TaskPlace &place) {
  OF_ASSIGN(const RoleInstance instance, roleOf(*place.plan, place.device));
  const TaskEntry &entry = place.table->tasks[place.task];
  const plan::Task &task = planTask(place, *instance.role);
  const plan::Receive &receive = *task.body_as_Receive();
  const std::vector<ExchangePart> parts = exchangeParts(*place.plan, receive.exchange());
  if (entry.numOutputs != parts.size())
    return Status(Code::Corrupt,
                  "task " + describe(task) + " has " + std::to_string(entry.numOutputs) +
                      " outputs for an exchange of " + std::to_string(parts.size()) + " tensors");
  auto body = std::make_unique<ReceiveBody>();
  const EndEntry &end = place.table->ends[place.task];
  body->firstEdge_ = end.firstEdge;
  body->byEdge_.assign(end.numEdges, nullptr);
  Status status = body->prepareLandings(place, parts, receive);
  for (uint32_t t = 0; t < parts.size() && status.isOk(); ++t)
    status = body->prepareOutput(place, parts[t], t, receive.exchange());
  if (!status.isOk())
    return status.withContext("task " + describe(task));
  body->findRooms();
  return body;
}

void ReceiveBody::findRooms() {
  pushed_.resize(byEdge_.size());
  for (uint32_t t = 0; t < outputs_.size(); ++t)
    for (const Step &step : outputs_[t].steps)
      if (step.edge != kNone && byEdge_[step.edge]->pieces.size() == 1 && !outputs_[t].fill &&
          !step.reduce && step.terms == 1 && step.runs.isOne())
        pushed_[step.edge].room = {t, static_cast<uint64_t>(step.runs.dst()) *
                                          sizeOf(outputs_[t].dtype)};
}

bool ReceiveBody::mayLandInPlace() const {
  return std::any_of(pushed_.begin(), pushed_.end(),
                     [](const Pushed &edge) { return edge.room.output != kNone; });
}

const ReceiveBody::Room *ReceiveBody::newRoom(uint32_t edge, uint64_t sequence) {
  Pushed &pushed = pushed_[edge - firstEdge_];
  if (pushed.room.output == kNone || pushed.askedFor == sequence + 1)
    return nullptr;
  pushed.askedFor = sequence + 1;
  return &pushed.room;
}

void ReceiveBody::noteLanding(uint32_t edge, uint64_t sequence, bool inPlace) {
  Pushed &pushed = pushed_[edge - firstEdge_];
  pushed.askedFor = 0;
  if (inPlace) // later versions may land before this one is taken
    pushed.inPlace = sequence + 1;
}

bool ReceiveBody::tookRoom(const Step &step, uint64_t firing) {
  if (step.edge == kNone || pushed_[step.edge].inPlace != firing + 1)
    return false;
  pushed_[step.edge].inPlace = 0; // the next entry of the program counts anew
  return true;
}

Status ReceiveBody::prepareLandings(const TaskPlace &place, const std::vector<ExchangePart> &parts,
                                    const plan::Receive &receive) {
  payloads_ = landingPayloads(parts, place.device, distanceOf(*place.plan));
  if (payloads_.empty())
    return Status::ok();
  const uint64_t needed = static_cast<uint64_t>(payloads_.back().offset + payloads_.back().bytes);
  if (receive.landing_slot_bytes() < needed)
    return Status(Code::Corrupt, "its landing slot has " +
                                     std::to_string(receive.landing_slot_bytes()) +
                                     " bytes, other hosts push " + std::to_string(needed));
  std::byte *base = place.memory->base(place.device, receive.landing_chunk());
  if (!base)
    return Status(Code::Corrupt, "its landing chunk does not exist");
  landing_ = {base + receive.landing_offset(), receive.landing_slot_bytes(),
              receive.landing_slots()};
  for (uint32_t e = 0; e < byEdge_.size(); ++e)
    for (const LandingPayload &payload : payloads_)
      if (payload.srcDevice == place.table->edges[firstEdge_ + e].key.srcDevice)
        byEdge_[e] = &payload;
  return Status::ok();
}

Result<SlotRange> ReceiveBody::sourceSlots(const TaskPlace &place, int64_t device,
                                           uint32_t exchange, uint32_t tensor) const {
  const uint32_t source = static_cast<uint32_t>(device);
  OF_ASSIGN(const RoleInstance instance, roleOf(*place.plan, source));
  const plan::RoleProgram &body = programOf(*instance.role, place.table->program);
  for (const plan::Task *task : *body.tasks()) {
    const plan::Send *send = task->body_as_Send();
    if (!send || send->exchange() != exchange)
      continue;
    const SlotRange slots = slotRange(place, source, body, task->inputs()->Get(tensor)->reg());
    if (!slots.base)
      return Status(Code::Corrupt, "the source's chunk on device " + std::to_string(source) +
                                       " is not mapped here; it must be marked shared in the plan");
    return slots;
  }
  return Status(Code::Corrupt, "device " + std::to_string(source) +
                                   " has no send task for exchange " + std::to_string(exchange));
}

Status ReceiveBody::prepareStep(const TaskPlace &place, const ExchangePart &part,
                                const Piece &piece, const Box &box, uint32_t tensor,
                                uint32_t exchange, Step &step) const {
  step.reduce = !piece.first;
  const Distance distance = distanceOf(*place.plan)(piece.srcDevice, place.device);
  if (distance != Distance::Remote) {
    step.isAfar = distance == Distance::SameHost;
    const int64_t point = part.src.placement.pointOf(piece.srcDevice);
    step.runs = RegionRuns(piece.region, boxAt(part.shape, part.src, point), box);
    OF_ASSIGN(step.source, sourceSlots(place, piece.srcDevice, exchange, tensor));
    return Status::ok();
  }
  step.runs = RegionRuns(piece.region, piece.region, box);
  step.source = landing_;
  for (const LandingPayload &payload : payloads_)
    for (const LandingPiece &landed : payload.pieces)
      if (payload.srcDevice == piece.srcDevice && landed.tensor == tensor &&
          landed.piece.region == piece.region)
        step.offset = static_cast<uint64_t>(payload.offset + landed.offset);
  for (uint32_t e = 0; e < byEdge_.size(); ++e)
    if (byEdge_[e] && byEdge_[e]->srcDevice == piece.srcDevice)
      step.edge = e;
  return Status::ok();
}

Status ReceiveBody::prepareOutput(const TaskPlace &place, const ExchangePart &part, uint32_t tensor,
                                  uint32_t exchange) {
  const int64_t point = part.dst.placement.pointOf(place.device);
  if (point < 0)
    return Status(Code::Corrupt, "the device is not in the destination placement of tensor " +
                                     std::to_string(tensor));
  const ReceivePlan plan =
      receivePlan(part.shape, part.src, part.dst, point, distanceOf(*place.plan));
  Output output;
  output.dtype = part.dtype;
  output.reduction = plan.reduction;
  output.box = plan.box;
  output.fill = plan.fillNeutral;
  for (const Piece &piece : plan.pieces) {
    Step step;
    OF_TRY(prepareStep(place, part, piece, plan.box, tensor, exchange, step));
    output.steps.push_back(std::move(step));
  }
  joinTerms(output);
  outputs_.push_back(std::move(output));
  return Status::ok();
}

/// Terms of a region that is one run in each of their slots.
void ReceiveBody::joinTerms(Output &output) {
  std::vector<Step> &steps = output.steps;
  for (size_t first = 0, next = 0; first < steps.size(); first = next) {
    bool isOne = steps[first].runs.isOne();
    for (next = first + 1; next < steps.size() && steps[next].reduce; ++next)
      isOne = isOne && steps[next].runs.isOne();
    if (isOne)
      steps[first].terms = static_cast<uint32_t>(next - first);
    output.terms.resize(std::max(output.terms.size(), next - first));
  }
}

ReceiveBody::Landing ReceiveBody::landing(uint32_t edge, uint64_t sequence) const {
  const LandingPayload &payload = *byEdge_[edge - firstEdge_];
  // A payload of one piece travels without the padding behind it: it may come straight from the
  // source's slot.
  const int64_t bytes = payload.pieces.size() == 1 ? payload.pieces[0].bytes : payload.bytes;
  return {landing_.at(sequence) + payload.offset, static_cast<size_t>(bytes)};
}

void ReceiveBody::take(Output &output, std::byte *out, uint64_t firing) {
  const size_t bytes = sizeOf(output.dtype);
  for (size_t i = 0; i < output.steps.size(); i += output.steps[i].terms) {
    const Step &step = output.steps[i];
    if (tookRoom(step, firing))
      continue;
    const std::byte *in = step.source.at(firing) + step.offset;
    if (step.terms > 1) {
      for (uint32_t t = 0; t < step.terms; ++t) {
        const Step &term = output.steps[i + t];
        output.terms[t] =
            term.source.at(firing) + term.offset + static_cast<size_t>(term.runs.src()) * bytes;
      }
      reduceBuffers(output.dtype, output.reduction, output.terms.data(), step.terms,
                    out + static_cast<size_t>(step.runs.dst()) * bytes, step.runs.run());
    } else if (step.reduce) {
      reduceRegion(output.dtype, output.reduction, step.runs, in, out);
    } else if (step.isAfar && step.runs.isOne()) {
      copyFromAfar(out + static_cast<size_t>(step.runs.dst()) * bytes,
                   in + static_cast<size_t>(step.runs.src()) * bytes,
                   static_cast<size_t>(step.runs.run()) * bytes);
    } else {
      copyRegion(output.dtype, step.runs, in, out);
    }
  }
}

Status ReceiveBody::run(int32_t, const FiringContext &context) {
  for (size_t t = 0; t < outputs_.size(); ++t) {
    Output &output = outputs_[t];
    std::byte *out = context.slots.outputs[t];
    if (output.fill)
      fillNeutral(output.dtype, output.reduction, out, output.box.elements());
    take(output, out, context.slots.firing);
  }
  return Status::ok();
}

} // namespace of::rt
