// verifyMemory: collects the byte ranges of a device in one program, then sweeps over them.
#include "runtime/schema/Rules.h"
#include "runtime/schema/Verify.h"

#include <map>
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
  bool operator<(const MemoryRange &o) const {
    return std::tie(chunk, begin, end, kind) < std::tie(o.chunk, o.begin, o.end, o.kind);
  }
};

class MemoryRules : RoleProgramRules {
public:
  using RoleProgramRules::RoleProgramRules;

  Status run() {
    OF_TRY(variables());
    OF_TRY(registers());
    OF_TRY(landings());
    for (const plan::Task *task : *body_.tasks())
      OF_TRY(uses(*task));
    joinTemporaries();
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
    std::vector<bool> written(body_.registers()->size(), false);
    for (const plan::Task *task : *body_.tasks())
      for (uint32_t i = 0; i < sizeOfVector(task->outputs()); ++i)
        written[task->outputs()->Get(i)->reg()] = true;
    for (uint32_t r = 0; r < body_.registers()->size(); ++r) {
      const plan::Register &reg = *body_.registers()->Get(r);
      MemoryRange range;
      range.chunk = reg.chunk();
      range.name = "register " + quoted(reg.name());
      range.constant = !written[r];
      if (reg.slots() == 1 && reg.initial() == 1)
        range.variable = variableAt(reg.chunk(), reg.offset());
      if (range.variable != kNoVariable)
        throughRegister_[range.variable] = range.name;
      OF_TRY(add(range, reg.offset(), reg.slot_bytes(), reg.slots()));
    }
    return Status::ok();
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
  Status uses(const plan::Task &task) {
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
    for (const plan::Call *call : *segment->calls())
      for (const plan::Buffer *buffer : *call->buffers())
        if (buffer->kind() == plan::BufferKind::Chunk && buffer->bytes() > 0)
          OF_TRY(useBuffer(task, *call, *buffer));
    return Status::ok();
  }

  Status useBuffer(const plan::Task &task, const plan::Call &call, const plan::Buffer &buffer) {
    const uint32_t variable = variableAround(buffer);
    if (variable != kNoVariable)
      return useVariable(task, variable);
    MemoryRange range;
    range.kind = Kind::Temporary;
    range.chunk = buffer.index();
    range.stream = task.stream();
    range.name = "a temporary of call " + quoted(call.name()) + " of task " + describe(task);
    return add(range, buffer.offset(), buffer.bytes(), 1);
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

  /// Temporaries of one stream may share bytes: what they cover together counts as one range.
  void joinTemporaries() {
    std::vector<MemoryRange> temporaries, others;
    for (MemoryRange &range : ranges_)
      (range.kind == Kind::Temporary ? temporaries : others).push_back(std::move(range));
    std::stable_sort(
        temporaries.begin(), temporaries.end(), [](const MemoryRange &a, const MemoryRange &b) {
          return std::tie(a.stream, a.chunk, a.begin) < std::tie(b.stream, b.chunk, b.begin);
        });
    std::vector<MemoryRange> joined;
    for (MemoryRange &range : temporaries)
      if (!joined.empty() && joined.back().stream == range.stream &&
          joined.back().chunk == range.chunk && range.begin < joined.back().end)
        joined.back().end = std::max(joined.back().end, range.end);
      else
        joined.push_back(std::move(range));
    ranges_ = std::move(others);
    ranges_.insert(ranges_.end(), joined.begin(), joined.end());
  }

  static bool mayShare(const MemoryRange &a, const MemoryRange &b) {
    if (a.kind == Kind::Register && b.kind == Kind::Register)
      return a.constant && b.constant && a.variable != kNoVariable && a.variable == b.variable;
    if (a.kind == Kind::Register && b.kind == Kind::Variable)
      return a.variable == b.variable;
    if (a.kind == Kind::Variable && b.kind == Kind::Register)
      return a.variable == b.variable;
    return false;
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
                     std::to_string(range.chunk));
      open.push_back(&range);
    }
    return Status::ok();
  }

  std::vector<MemoryRange> ranges_; ///< variables first
  size_t firstOther_ = 0;
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
