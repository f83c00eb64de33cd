// The rules of verifyStructure for the tasks of one role in one program: ports, bodies, orders.
#include "runtime/base/Landing.h"
#include "runtime/schema/Rules.h"

namespace of::rt {

namespace {

constexpr uint64_t kMaxFirings = uint64_t(1) << 24; ///< of one iteration on one device
constexpr uint32_t kMaxSlots = 1u << 16;

class TaskRules {
public:
  TaskRules(const plan::Plan &plan, const plan::Role &role, uint32_t program)
      : plan_(plan), role_(role), program_(program), body_(*role.programs()->Get(program)) {}

  Status run() {
    OF_TRY(registers());
    writer_.assign(body_.registers()->size(), false);
    for (const plan::Task *task : *body_.tasks())
      OF_TRY(ports(*task));
    for (const plan::Task *task : *body_.tasks()) {
      OF_TRY(constants(*task));
      OF_TRY(bodyOf(*task));
    }
    return orders();
  }

private:
  Status bad(const std::string &what) const {
    return broken("role " + quoted(role_.name()) + " in program " +
                      quoted(plan_.programs()->Get(program_)->name()) + ":",
                  what);
  }
  Status bad(const plan::Task &task, const std::string &what) const {
    return bad("task " + describe(task) + " " + what);
  }
  const plan::Register &reg(const plan::Port &port) const {
    return *body_.registers()->Get(port.reg());
  }

  Status registers() const {
    for (const plan::Register *r : *body_.registers())
      if (r->chunk() >= role_.chunks()->size() || r->slots() == 0 || r->slots() > kMaxSlots ||
          r->initial() > r->slots())
        return bad("register " + quoted(r->name()) + " lies in chunk " +
                   std::to_string(r->chunk()) + " and has " + std::to_string(r->slots()) +
                   " slots and " + std::to_string(r->initial()) + " initial versions");
    return Status::ok();
  }

  Status ports(const plan::Task &task) {
    if (task.stream() >= role_.streams()->size())
      return bad(task, "is of stream " + std::to_string(task.stream()) + ", which does not exist");
    if (task.firings() != 1 && task.firings() != plan_.programs()->Get(program_)->micros())
      return bad(task, "fires " + std::to_string(task.firings()) +
                           " times per iteration, neither once nor once per micro-batch");
    if (!(task.seconds() >= 0 && task.seconds() < 1e9))
      return bad(task, "has no sensible predicted duration");
    for (uint32_t i = 0; i < sizeOfVector(task.inputs()); ++i)
      OF_TRY(port(task, *task.inputs()->Get(i)));
    for (uint32_t i = 0; i < sizeOfVector(task.outputs()); ++i) {
      const plan::Port &output = *task.outputs()->Get(i);
      OF_TRY(port(task, output));
      if (writer_[output.reg()])
        return bad(task, "is the second writer of register " + quoted(reg(output).name()));
      writer_[output.reg()] = true;
      // Versions are counted anew in each entry of the program: what is left must lie where the
      // next entry looks for it.
      if (const plan::Register &r = reg(output);
          r.initial() > 0 && task.firings() / output.period() % r.slots() != 0)
        return bad(task, "leaves initial versions of register " + quoted(r.name()) +
                             " in other slots than it found them: its " +
                             std::to_string(r.slots()) + " slots do not divide the " +
                             std::to_string(task.firings() / output.period()) +
                             " versions of an iteration");
    }
    return Status::ok();
  }

  Status port(const plan::Task &task, const plan::Port &port) const {
    if (port.reg() >= body_.registers()->size())
      return bad(task,
                 "has a port on register " + std::to_string(port.reg()) + ", which does not exist");
    if (port.period() == 0 || task.firings() % port.period() != 0)
      return bad(task, "has a port on register " + quoted(reg(port).name()) + " of period " +
                           std::to_string(port.period()) + ", which does not divide its " +
                           std::to_string(task.firings()) + " firings");
    const plan::Segment *segment = task.body_as_Segment();
    const int64_t calls = segment ? segment->calls()->size() : 0;
    if (port.call() < -1 || (port.call() >= 0 && port.call() >= calls))
      return bad(task, "moves register " + quoted(reg(port).name()) + " after call " +
                           std::to_string(port.call()) + " of " + std::to_string(calls));
    return Status::ok();
  }

  Status constants(const plan::Task &task) const {
    for (uint32_t i = 0; i < sizeOfVector(task.inputs()); ++i) {
      const plan::Port &input = *task.inputs()->Get(i);
      if (!writer_[input.reg()] && (reg(input).slots() != 1 || reg(input).initial() != 1))
        return bad(task, "reads register " + quoted(reg(input).name()) +
                             ", which nobody writes; it needs one slot and one initial version");
    }
    return Status::ok();
  }

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

  Status bodyOf(const plan::Task &task) const {
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
      return sizeOfVector(task.inputs()) == 0
                 ? counts(task, 0, 0)
                 : counts(task, task.body_as_Write()->variables()->size(), 0);
    case plan::Body::Load:
      OF_TRY(variables(task, *task.body_as_Load()->variables()));
      return sizeOfVector(task.outputs()) == 0
                 ? counts(task, 0, 0)
                 : counts(task, 0, task.body_as_Load()->variables()->size());
    default:
      return bad(task, "has a body of unknown kind");
    }
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
      if (call->tiles() == 0)
        return bad(task, who + " has no tiles");
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

  /// What another process of the host reads in place must be shared with it.
  Status sourceIsMapped(const plan::Task &task, uint32_t index) const {
    bool shared = true;
    for (const plan::Port *port : *task.inputs())
      shared = shared && role_.chunks()->Get(reg(*port).chunk())->shared();
    if (shared)
      return Status::ok();
    const DistanceFn distance = distanceOf(plan_);
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
    std::vector<ExchangePart> parts;
    for (const plan::ExchangeTensor *t : *plan_.exchanges()->Get(receive.exchange())->tensors())
      parts.push_back({dtypeOf(t->dtype()), shapeOf(t->shape()), layoutOf(plan_, *t->src()),
                       layoutOf(plan_, *t->dst())});
    const DistanceFn distance = distanceOf(plan_);
    for (uint32_t device : *role_.instances())
      if (const uint64_t needed = static_cast<uint64_t>(landingSlotBytes(parts, device, distance));
          needed > 0 && (receive.landing_slot_bytes() < needed ||
                         receive.landing_chunk() >= role_.chunks()->size()))
        return bad(task, "has landing slots of " + std::to_string(receive.landing_slot_bytes()) +
                             " bytes in chunk " + std::to_string(receive.landing_chunk()) +
                             "; other hosts push " + std::to_string(needed) + " to device " +
                             std::to_string(device));
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

  Status checkFinite(const plan::Task &task, const plan::CheckFinite &check) const {
    OF_TRY(counts(task, 1, 0));
    if (!known(check.dtype()) || check.elements() > kMaxBytes)
      return bad(task, "has an unknown dtype or too many elements");
    return holds(task, *task.inputs()->Get(0), check.elements() * sizeOf(dtypeOf(check.dtype())));
  }

  Status copy(const plan::Task &task, const plan::Copy &copy) const {
    const uint32_t count = sizeOfVector(copy.bytes());
    OF_TRY(counts(task, count, count));
    for (uint32_t i = 0; i < count; ++i) {
      OF_TRY(holds(task, *task.inputs()->Get(i), copy.bytes()->Get(i)));
      OF_TRY(holds(task, *task.outputs()->Get(i), copy.bytes()->Get(i)));
    }
    return count > 0 ? Status::ok() : bad(task, "copies nothing");
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

  Status orders() const {
    std::vector<uint32_t> found(body_.tasks()->size(), 0);
    std::vector<bool> ordered(role_.streams()->size(), false);
    uint64_t total = 0;
    for (const plan::Order *order : *body_.orders()) {
      if (order->stream() >= ordered.size() || ordered[order->stream()])
        return bad("the order of stream " + std::to_string(order->stream()) +
                   " is there twice, or the stream does not exist");
      ordered[order->stream()] = true;
      for (uint32_t t : *order->tasks()) {
        if (t >= found.size() || body_.tasks()->Get(t)->stream() != order->stream())
          return bad("the order of stream " +
                     quoted(role_.streams()->Get(order->stream())->name()) + " names task " +
                     std::to_string(t) + ", which is not of that stream");
        ++found[t];
      }
      total += order->tasks()->size();
    }
    for (uint32_t t = 0; t < found.size(); ++t)
      if (const plan::Task &task = *body_.tasks()->Get(t); task.firings() != found[t])
        return bad(task, "stands " + std::to_string(found[t]) +
                             " times in its stream's order, but fires " +
                             std::to_string(task.firings()) + " times");
    return total <= kMaxFirings ? Status::ok()
                                : bad("an iteration has " + std::to_string(total) + " firings");
  }

  const plan::Plan &plan_;
  const plan::Role &role_;
  const uint32_t program_;
  const plan::RoleProgram &body_;
  std::vector<bool> writer_; ///< by register: a task of this program writes it
};

} // namespace

Status verifyRoleProgram(const plan::Plan &plan, const plan::Role &role, uint32_t program) {
  return TaskRules(plan, role, program).run();
}

} // namespace of::rt
