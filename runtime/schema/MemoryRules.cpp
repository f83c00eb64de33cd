// verifyMemory: collects the byte ranges of a device in one program, then sweeps over them. Ranges
// that share bytes need an order of their uses (ProgramOrder.h).
#include "runtime/schema/PlanOrder.h"
#include "runtime/schema/Rules.h"
#include "runtime/schema/Verify.h"

#include <map>
#include <memory>
#include <tuple>

namespace of::rt {

namespace {

constexpr uint32_t kNoVariable = std::numeric_limits<uint32_t>::max();

struct MemoryRange {
  enum class Kind : uint8_t { Register, Landing, Variable, Temporary };
  Kind kind = Kind::Register;
  uint32_t chunk = 0;
  uint64_t begin = 0, end = 0;
  std::string name;
  uint32_t variable = kNoVariable; ///< the one it is, or whose place a register is
  uint32_t stream = 0;             ///< Temporary
  bool constant = false;           ///< Register: no task writes it
  bool ordered = false;            ///< may share bytes where its uses come before or after
  uint32_t writer = 0;             ///< task that uses it first, in the first firing of an iteration
  int64_t firstCall = 0;           ///< of that task
  std::vector<ProgramOrder::Point> last; ///< all uses of an iteration have ended after these
  bool operator<(const MemoryRange &o) const {
    return std::tie(chunk, begin, end, kind) < std::tie(o.chunk, o.begin, o.end, o.kind);
  }
};

class MemoryRules : RoleProgramRules {
public:
  MemoryRules(const plan::Plan &plan, const plan::Role &role, uint32_t program)
      : RoleProgramRules(plan, role, program) {}

  Status run() {
    OF_TRY(variables());
    OF_TRY(registers());
    OF_TRY(landings());
    for (uint32_t t = 0; t < body_.tasks()->size(); ++t)
      OF_TRY(uses(t));
    return sweep();
  }

private:
  using Kind = MemoryRange::Kind;

  /// Adds `count` slots of `bytes` each.
  Status add(MemoryRange range, uint64_t offset, uint64_t bytes, uint64_t count) {
    const uint64_t room = role_.chunks()->Get(range.chunk)->bytes();
    if (offset > room || bytes > (room - offset) / count)
      return bad(range.name + " leaves chunk " + std::to_string(range.chunk) + " of " +
                 std::to_string(room) + " bytes");
    range.begin = offset;
    range.end = offset + bytes * count;
    if (range.begin != range.end)
      ranges_.push_back(std::move(range));
    return Status::ok();
  }

  Status variables() {
    for (uint32_t i = 0; i < sizeOfVector(role_.variables()); ++i) {
      const plan::VariablePart &part = *role_.variables()->Get(i);
      const plan::Variable &variable = *plan_.variables()->Get(part.variable());
      MemoryRange range;
      range.kind = Kind::Variable;
      range.chunk = part.chunk();
      range.name = "variable " + quoted(variable.name());
      range.variable = part.variable();
      OF_TRY(add(range, part.offset(),
                 partBytes(plan_, role_, variable.dtype(), variable.shape(), *variable.layout()),
                 1));
    }
    firstOther_ = ranges_.size();
    return Status::ok();
  }

  Status registers() {
    std::vector<MemoryRange> uses(body_.registers()->size());
    for (uint32_t t = 0; t < body_.tasks()->size(); ++t)
      OF_TRY(registerUses(t, uses));
    for (uint32_t r = 0; r < body_.registers()->size(); ++r) {
      const plan::Register &reg = *body_.registers()->Get(r);
      MemoryRange &range = uses[r];
      range.chunk = reg.chunk();
      range.name = "register " + quoted(reg.name());
      range.constant = !range.ordered;
      range.ordered &= reg.initial() == 0;
      if (reg.slots() == 1 && reg.initial() == 1)
        range.variable = variableAt(reg.chunk(), reg.offset());
      if (range.variable != kNoVariable)
        throughRegister_[range.variable] = range.name;
      OF_TRY(add(range, reg.offset(), reg.slot_bytes(), reg.slots()));
    }
    return Status::ok();
  }

  /// First and last uses of the registers at the ports of a task.
  Status registerUses(uint32_t index, std::vector<MemoryRange> &uses) const {
    const plan::Task &task = *body_.tasks()->Get(index);
    const bool isSend = task.body_as_Send() != nullptr;
    for (uint32_t i = 0; i < sizeOfVector(task.outputs()); ++i) {
      const plan::Port &port = *task.outputs()->Get(i);
      const auto [first, last] = touches(task, plan::BufferKind::Output, i);
      MemoryRange &range = uses[port.reg()];
      range.ordered = true;
      range.writer = index;
      range.firstCall = first;
      range.last.push_back({index, std::max(pointOf(port, false), last)});
    }
    for (uint32_t i = 0; i < sizeOfVector(task.inputs()); ++i) {
      const plan::Port &port = *task.inputs()->Get(i);
      const int64_t last = touches(task, plan::BufferKind::Input, i).second;
      if (last > pointOf(port, isSend))
        return bad(task, "reads register " + quoted(reg(port).name()) + " in call " +
                             std::to_string(last) + ", after it gave it back");
      uses[port.reg()].last.push_back({index, pointOf(port, isSend)});
    }
    return Status::ok();
  }

  /// The first and the last call of a segment that uses a port; 0 and -1 if none does.
  std::pair<int64_t, int64_t> touches(const plan::Task &task, plan::BufferKind kind,
                                      uint32_t port) const {
    std::pair<int64_t, int64_t> found = {0, -1};
    const plan::Segment *segment = task.body_as_Segment();
    for (uint32_t c = 0; segment && c < segment->calls()->size(); ++c)
      for (const plan::Buffer *buffer : *segment->calls()->Get(c)->buffers())
        if (buffer->kind() == kind && buffer->index() == port) {
          found.first = found.second < 0 ? c : found.first;
          found.second = c;
        }
    return found;
  }

  Status landings() {
    for (const plan::Task *task : *body_.tasks())
      if (const plan::Receive *receive = task->body_as_Receive();
          receive && receive->landing_slot_bytes() > 0) {
        if (receive->landing_chunk() >= role_.chunks()->size())
          return bad("task " + describe(*task) + " lands in chunk " +
                     std::to_string(receive->landing_chunk()) + ", which does not exist");
        MemoryRange range;
        range.kind = Kind::Landing;
        range.chunk = receive->landing_chunk();
        range.name = "the landing slots of task " + describe(*task);
        OF_TRY(add(range, receive->landing_offset(), receive->landing_slot_bytes(),
                   receive->landing_slots()));
      }
    return Status::ok();
  }

  /// Variables that a task uses in place, and its temporaries.
  Status uses(uint32_t index) {
    const plan::Task &task = *body_.tasks()->Get(index);
    const plan::Write *write = task.body_as_Write();
    const plan::Load *load = task.body_as_Load();
    if (write && sizeOfVector(task.inputs()) == 0)
      for (uint32_t variable : *write->variables())
        OF_TRY(useVariable(task, variable));
    if (load && sizeOfVector(task.outputs()) == 0)
      for (uint32_t variable : *load->variables())
        OF_TRY(useVariable(task, variable));
    const plan::Segment *segment = task.body_as_Segment();
    if (!segment)
      return Status::ok();
    std::map<Place, MemoryRange> temporaries;
    for (uint32_t c = 0; c < segment->calls()->size(); ++c)
      for (const plan::Buffer *buffer : *segment->calls()->Get(c)->buffers())
        if (buffer->kind() == plan::BufferKind::Chunk && buffer->bytes() > 0)
          OF_TRY(useBuffer(index, c, *buffer, temporaries));
    for (const auto &[place, range] : temporaries)
      OF_TRY(add(range, place.offset, place.bytes, 1));
    return Status::ok();
  }

  /// A place that several calls of a segment use counts as used from the first to the last of them.
  struct Place {
    uint32_t chunk = 0;
    uint64_t offset = 0, bytes = 0;
    bool operator<(const Place &o) const {
      return std::tie(chunk, offset, bytes) < std::tie(o.chunk, o.offset, o.bytes);
    }
  };

  Status useBuffer(uint32_t index, uint32_t at, const plan::Buffer &buffer,
                   std::map<Place, MemoryRange> &temporaries) {
    const plan::Task &task = *body_.tasks()->Get(index);
    const uint32_t variable = variableAround(buffer);
    if (variable != kNoVariable)
      return useVariable(task, variable);
    const auto [it, fresh] =
        temporaries.insert({{buffer.index(), buffer.offset(), buffer.bytes()}, {}});
    MemoryRange &range = it->second;
    range.last = {{index, int64_t(at)}};
    if (!fresh)
      return Status::ok();
    const plan::Call &call = *task.body_as_Segment()->calls()->Get(at);
    range.kind = Kind::Temporary;
    range.chunk = buffer.index();
    range.stream = task.stream();
    range.ordered = true;
    range.writer = index;
    range.firstCall = at;
    range.name = "a temporary of call " + quoted(call.name()) + " of task " + describe(task);
    return Status::ok();
  }

  Status useVariable(const plan::Task &task, uint32_t variable) {
    const std::string name = quoted(plan_.variables()->Get(variable)->name());
    if (const auto it = throughRegister_.find(variable); it != throughRegister_.end())
      return bad("task " + describe(task) + " uses variable " + name +
                 " in place, which others use through " + it->second);
    const auto [it, fresh] = inPlace_.insert({variable, &task});
    if (!fresh && it->second->stream() != task.stream())
      return bad("tasks " + describe(*it->second) + " and " + describe(task) +
                 " of different streams use variable " + name + " in place");
    return Status::ok();
  }

  /// The variable that starts there.
  uint32_t variableAt(uint32_t chunk, uint64_t offset) const {
    for (size_t i = 0; i < firstOther_; ++i)
      if (ranges_[i].chunk == chunk && ranges_[i].begin == offset)
        return ranges_[i].variable;
    return kNoVariable;
  }
  uint32_t variableAround(const plan::Buffer &buffer) const {
    for (size_t i = 0; i < firstOther_; ++i)
      if (ranges_[i].chunk == buffer.index() && ranges_[i].begin <= buffer.offset() &&
          buffer.offset() + buffer.bytes() <= ranges_[i].end)
        return ranges_[i].variable;
    return kNoVariable;
  }

  /// All uses of `a` end before the first of `b`, `lag` iterations later at most.
  bool before(const MemoryRange &a, const MemoryRange &b, uint32_t lag) {
    for (const ProgramOrder::Point &point : a.last) {
      const bool inside =
          point.task == b.writer && order().firings(b.writer) == 1 && point.after < b.firstCall;
      if (!inside && order().lag(point, b.writer) > lag)
        return false;
    }
    return true;
  }
  bool takeTurns(const MemoryRange &a, const MemoryRange &b) {
    if (!a.ordered || !b.ordered)
      return false;
    return (before(a, b, 0) && before(b, a, 1)) || (before(b, a, 0) && before(a, b, 1));
  }
  const ProgramOrder &order() {
    if (!order_)
      order_ = std::make_unique<ProgramOrder>(orderOf(plan_, role_, program_));
    return *order_;
  }

  bool mayShare(const MemoryRange &a, const MemoryRange &b) {
    if (a.kind == Kind::Register && b.kind == Kind::Register && a.constant && b.constant)
      return a.variable != kNoVariable && a.variable == b.variable;
    if (a.kind == Kind::Register && b.kind == Kind::Variable)
      return a.variable == b.variable;
    if (a.kind == Kind::Variable && b.kind == Kind::Register)
      return a.variable == b.variable;
    // The calls of a segment use its temporaries in turn, and segments of one stream never overlap.
    if (a.kind == Kind::Temporary && b.kind == Kind::Temporary && a.stream == b.stream)
      return true;
    return takeTurns(a, b);
  }

  Status sweep() {
    std::stable_sort(ranges_.begin(), ranges_.end());
    std::vector<const MemoryRange *> open;
    for (const MemoryRange &range : ranges_) {
      open.erase(std::remove_if(open.begin(), open.end(),
                                [&](const MemoryRange *o) {
                                  return o->chunk != range.chunk || o->end <= range.begin;
                                }),
                 open.end());
      for (const MemoryRange *other : open)
        if (!mayShare(*other, range))
          return bad(other->name + " and " + range.name + " share bytes " +
                     std::to_string(range.begin) + " to " +
                     std::to_string(std::min(other->end, range.end)) + " of chunk " +
                     std::to_string(range.chunk) +
                     (other->ordered && range.ordered ? ", and nothing orders their uses" : ""));
      open.push_back(&range);
    }
    return Status::ok();
  }

  std::vector<MemoryRange> ranges_; ///< variables first
  size_t firstOther_ = 0;
  std::unique_ptr<ProgramOrder> order_; ///< made when ranges share bytes
  std::map<uint32_t, std::string> throughRegister_;
  std::map<uint32_t, const plan::Task *> inPlace_;
};

} // namespace

Status verifyMemory(const plan::Plan &plan) {
  for (const plan::Role *role : *plan.roles())
    for (uint32_t p = 0; p < plan.programs()->size(); ++p)
      OF_TRY(MemoryRules(plan, *role, p).run());
  return Status::ok();
}

} // namespace of::rt
