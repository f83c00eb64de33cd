// The rules of verifyStructure for what a task does when it fires.
#include "runtime/base/Landing.h"
#include "runtime/schema/Rules.h"

#include <set>

namespace of::rt {

namespace {

constexpr uint32_t kMaxTiles = 1u << 16; ///< each is a step of a loop, whether it has work or not

class BodyRules : RoleProgramRules {
public:
  using RoleProgramRules::RoleProgramRules;

  Status run(const plan::Task &task) const {
    switch (task.body_type()) {
    case plan::Body::Segment:
      return segment(task, *task.body_as_Segment());
    case plan::Body::Send:
      return exchangeEnd(task, task.body_as_Send()->exchange(), true);
    case plan::Body::Receive:
      OF_TRY(exchangeEnd(task, task.body_as_Receive()->exchange(), false));
      return landing(task, *task.body_as_Receive());
    case plan::Body::Read:
      return read(task, *task.body_as_Read());
    case plan::Body::Metric:
      return metric(task, *task.body_as_Metric());
    case plan::Body::CheckFinite:
      return checkFinite(task, *task.body_as_CheckFinite());
    case plan::Body::Copy:
      return copy(task, *task.body_as_Copy());
    case plan::Body::Write:
      OF_TRY(variables(task, *task.body_as_Write()->variables()));
      if (sizeOfVector(task.inputs()) == 0)
        return counts(task, 0, 0);
      OF_TRY(counts(task, task.body_as_Write()->variables()->size(), 0));
      return holdVariables(task, *task.inputs(), *task.body_as_Write()->variables());
    case plan::Body::Load:
      OF_TRY(variables(task, *task.body_as_Load()->variables()));
      if (sizeOfVector(task.outputs()) == 0)
        return counts(task, 0, 0);
      OF_TRY(counts(task, 0, task.body_as_Load()->variables()->size()));
      return holdVariables(task, *task.outputs(), *task.body_as_Load()->variables());
    case plan::Body::Output:
      return output(task, *task.body_as_Output());
    default:
      return bad(task, "has a body of unknown kind");
    }
  }

private:
  Status counts(const plan::Task &task, uint32_t inputs, uint32_t outputs) const {
    if (sizeOfVector(task.inputs()) == inputs && sizeOfVector(task.outputs()) == outputs)
      return Status::ok();
    return bad(task, "has " + std::to_string(sizeOfVector(task.inputs())) + " inputs and " +
                         std::to_string(sizeOfVector(task.outputs())) + " outputs, its body " +
                         std::to_string(inputs) + " and " + std::to_string(outputs));
  }
  Status holds(const plan::Task &task, const plan::Port &port, uint64_t bytes) const {
    if (reg(port).slot_bytes() >= bytes)
      return Status::ok();
    return bad(task, "needs " + std::to_string(bytes) + " bytes in register " +
                         quoted(reg(port).name()) + ", whose slots have " +
                         std::to_string(reg(port).slot_bytes()));
  }

  Status segment(const plan::Task &task, const plan::Segment &segment) const {
    if (segment.calls()->size() == 0)
      return bad(task, "is a segment without calls");
    for (const plan::Call *call : *segment.calls()) {
      const std::string who = "call " + quoted(call->name());
      const bool generated = call->object() >= 0;
      if (generated ? static_cast<uint32_t>(call->object()) >= sizeOfVector(plan_.objects()) ||
                          !call->symbol() || call->symbol()->size() == 0
                    : call->object() != -1 || !call->library() || !known(call->library()->dtype()))
        return bad(task, who + " names neither a symbol of an object nor a library routine");
      if (call->tiles() == 0 || call->tiles() > kMaxTiles)
        return bad(task, who +
                             (call->tiles() ? " has " + std::to_string(call->tiles()) : " has no") +
                             " tiles; 1 to " + std::to_string(kMaxTiles) + " are possible");
      for (uint32_t i = 0; i < sizeOfVector(call->scalars()); ++i)
        if (const uint32_t column = call->scalars()->Get(i);
            column >= sizeOfVector(role_.columns()) &&
            column != static_cast<uint32_t>(plan::ReservedColumn::MicroIndex))
          return bad(task,
                     who + " reads column " + std::to_string(column) + ", which does not exist");
      for (const plan::Buffer *b : *call->buffers())
        OF_TRY(buffer(task, who, *b));
    }
    return Status::ok();
  }

  Status buffer(const plan::Task &task, const std::string &who, const plan::Buffer &b) const {
    if (!known(b.kind()))
      return bad(task, who + " has a buffer of unknown kind");
    uint64_t room = 0;
    if (b.kind() == plan::BufferKind::Chunk) {
      if (b.index() >= role_.chunks()->size())
        return bad(task,
                   who + " uses chunk " + std::to_string(b.index()) + ", which does not exist");
      room = role_.chunks()->Get(b.index())->bytes();
    } else {
      const auto *list = b.kind() == plan::BufferKind::Input ? task.inputs() : task.outputs();
      if (b.index() >= sizeOfVector(list))
        return bad(task,
                   who + " uses port " + std::to_string(b.index()) + ", which does not exist");
      room = reg(*list->Get(b.index())).slot_bytes();
    }
    if (b.offset() > room || b.bytes() > room - b.offset())
      return bad(task, who + " uses bytes " + std::to_string(b.offset()) + " to " +
                           std::to_string(b.offset()) + " + " + std::to_string(b.bytes()) + " of " +
                           std::to_string(room));
    return Status::ok();
  }

  Status exchangeEnd(const plan::Task &task, uint32_t index, bool isSend) const {
    if (index >= sizeOfVector(plan_.exchanges()))
      return bad(task, "names exchange " + std::to_string(index) + ", which does not exist");
    const auto &tensors = *plan_.exchanges()->Get(index)->tensors();
    OF_TRY(counts(task, isSend ? tensors.size() : 0, isSend ? 0 : tensors.size()));
    for (uint32_t i = 0; i < tensors.size(); ++i) {
      const plan::ExchangeTensor &tensor = *tensors[i];
      const plan::Port &port = *(isSend ? task.inputs() : task.outputs())->Get(i);
      if (port.period() != 1)
        return bad(task, "is an end of an exchange, whose ports have period 1");
      const plan::Layout &layout = isSend ? *tensor.src() : *tensor.dst();
      const Layout placed = layoutOf(plan_, layout);
      for (uint32_t device : *role_.instances())
        if (placed.placement.pointOf(device) < 0)
          return bad(task, "runs on device " + std::to_string(device) +
                               ", on which that end of the exchange does not lie");
      OF_TRY(holds(task, port, partBytes(plan_, role_, tensor.dtype(), tensor.shape(), layout)));
    }
    return isSend ? sourceIsMapped(task, index) : Status::ok();
  }

  /// Whether two processes run on one host.
  bool hostsAreShared() const {
    std::set<uint32_t> hosts;
    for (const plan::Node *node : *plan_.nodes())
      if (!hosts.insert(node->host()).second)
        return true;
    return false;
  }

  /// What another process of the host reads in place must be shared with it.
  Status sourceIsMapped(const plan::Task &task, uint32_t index) const {
    bool shared = true;
    for (const plan::Port *port : *task.inputs())
      shared = shared && role_.chunks()->Get(reg(*port).chunk())->shared();
    if (shared || !hostsAreShared())
      return Status::ok();
    const DistanceFn distance = preparedDistanceOf(plan_);
    for (const auto &[src, dst] : exchangePairs(plan_, *plan_.exchanges()->Get(index)))
      if (distance(src, dst) == Distance::SameHost)
        for (uint32_t device : *role_.instances())
          if (device == src)
            return bad(task, "sends from a chunk that is not shared to device " +
                                 std::to_string(dst) + ", of another process of its host");
    return Status::ok();
  }

  Status landing(const plan::Task &task, const plan::Receive &receive) const {
    if (receive.landing_slots() == 0 || receive.landing_slots() > 64)
      return bad(task, "has " + std::to_string(receive.landing_slots()) +
                           " landing slots; 1 to 64 are possible");
    const std::vector<int64_t> devices(role_.instances()->begin(), role_.instances()->end());
    const std::vector<int64_t> bytes = landingSlotBytes(exchangeParts(plan_, receive.exchange()),
                                                        devices, preparedDistanceOf(plan_));
    for (size_t i = 0; i < devices.size(); ++i)
      if (const uint64_t needed = static_cast<uint64_t>(bytes[i]);
          needed > 0 && (receive.landing_slot_bytes() < needed ||
                         receive.landing_chunk() >= role_.chunks()->size()))
        return bad(task, "has landing slots of " + std::to_string(receive.landing_slot_bytes()) +
                             " bytes in chunk " + std::to_string(receive.landing_chunk()) +
                             "; other hosts push " + std::to_string(needed) + " to device " +
                             std::to_string(devices[i]));
    return Status::ok();
  }

  Status read(const plan::Task &task, const plan::Read &read) const {
    if (read.dataset() >= sizeOfVector(plan_.datasets()))
      return bad(task,
                 "names data set " + std::to_string(read.dataset()) + ", which does not exist");
    const plan::Dataset &dataset = *plan_.datasets()->Get(read.dataset());
    OF_TRY(counts(task, 0, dataset.fields()->size() + (dataset.mask_field() ? 1 : 0)));
    const plan::Layout &layout = *read.layout();
    if (layout.placement() >= plan_.placements()->size() ||
        sizeOfVector(layout.sbp()) !=
            plan_.placements()->Get(layout.placement())->shape()->size() ||
        read.global_rows() == 0 || read.global_rows() > kMaxBytes)
      return bad(task, "reads " + std::to_string(read.global_rows()) +
                           " rows in a layout that does not fit its placement");
    for (const plan::Sbp *sbp : *layout.sbp())
      if (sbp->kind() > plan::SbpKind::Broadcast || sbp->dim() != 0)
        return bad(task, "reads a batch that is neither split along its rows nor whole");
    const Layout placed = layoutOf(plan_, layout);
    for (uint32_t device : *role_.instances())
      if (placed.placement.pointOf(device) < 0)
        return bad(task, "runs on device " + std::to_string(device) +
                             ", on which its batch does not lie");
    return Status::ok();
  }

  Status metric(const plan::Task &task, const plan::Metric &metric) const {
    OF_TRY(counts(task, metric.names()->size(), 0));
    if (!known(metric.dtype()) || metric.emitter() >= plan_.devices()->size())
      return bad(task, "has an unknown dtype or emitter " + std::to_string(metric.emitter()));
    for (uint32_t i = 0; i < metric.names()->size(); ++i)
      OF_TRY(holds(task, *task.inputs()->Get(i), sizeOf(dtypeOf(metric.dtype()))));
    return Status::ok();
  }

  Status output(const plan::Task &task, const plan::Output &output) const {
    OF_TRY(counts(task, 1, 0));
    if (!known(output.dtype()) || output.emitter() >= plan_.devices()->size())
      return bad(task, "has an unknown dtype or emitter " + std::to_string(output.emitter()));
    uint64_t bytes = sizeOf(dtypeOf(output.dtype()));
    for (const int64_t dim : *output.shape()) {
      if (dim <= 0 || bytes > kMaxBytes / static_cast<uint64_t>(dim))
        return bad(task, "hands out a batch with a dim of " + std::to_string(dim));
      bytes *= static_cast<uint64_t>(dim);
    }
    return output.shape()->size() > 0 ? holds(task, *task.inputs()->Get(0), bytes)
                                      : bad(task, "hands out a batch without rows");
  }

  Status checkFinite(const plan::Task &task, const plan::CheckFinite &check) const {
    OF_TRY(counts(task, 1, 0));
    if (!known(check.dtype()) || check.elements() > kMaxBytes)
      return bad(task, "has an unknown dtype or too many elements");
    return holds(task, *task.inputs()->Get(0), check.elements() * sizeOf(dtypeOf(check.dtype())));
  }

  Status copy(const plan::Task &task, const plan::Copy &copy) const {
    const uint32_t count = sizeOfVector(copy.bytes());
    OF_TRY(counts(task, std::max(count, sizeOfVector(task.inputs())), count));
    for (uint32_t i = 0; i < count; ++i) {
      OF_TRY(holds(task, *task.inputs()->Get(i), copy.bytes()->Get(i)));
      OF_TRY(holds(task, *task.outputs()->Get(i), copy.bytes()->Get(i)));
    }
    return count > 0 ? Status::ok() : bad(task, "copies nothing");
  }

  /// Port i holds this device's part of variable i.
  Status holdVariables(const plan::Task &task, const flatbuffers::Vector<const plan::Port *> &ports,
                       const flatbuffers::Vector<uint32_t> &list) const {
    for (uint32_t i = 0; i < list.size(); ++i) {
      const plan::Variable &variable = *plan_.variables()->Get(list[i]);
      OF_TRY(
          holds(task, *ports[i],
                partBytes(plan_, role_, variable.dtype(), variable.shape(), *variable.layout())));
    }
    return Status::ok();
  }

  Status variables(const plan::Task &task, const flatbuffers::Vector<uint32_t> &list) const {
    for (uint32_t variable : list) {
      bool here = false;
      for (uint32_t i = 0; i < sizeOfVector(role_.variables()); ++i)
        here = here || role_.variables()->Get(i)->variable() == variable;
      if (!here)
        return bad(task, "names variable " + std::to_string(variable) +
                             ", of which its device has no part");
    }
    return Status::ok();
  }
};

} // namespace

Status verifyBody(const plan::Plan &plan, const plan::Role &role, uint32_t program,
                  const plan::Task &task) {
  return BodyRules(plan, role, program).run(task);
}

} // namespace of::rt
