// The rules of verifyStructure for everything above the tasks: cluster, tensors, programs, roles.
#include "runtime/schema/Rules.h"
#include "runtime/schema/Verify.h"

#include <algorithm>
#include <set>

namespace of::rt {

namespace {

constexpr uint32_t kMaxPrograms = 1u << 16; ///< tokens carry 16 bits
constexpr uint32_t kMaxMicros = 1u << 16;
constexpr uint32_t kMaxWorkers = 64;
constexpr uint32_t kMaxThreads = 4096;     ///< of a device; each becomes one of the process
constexpr uint64_t kMaxEntries = 1u << 23; ///< of the schedule, which a node writes out
constexpr uint64_t kMaxIterations = uint64_t(1) << 53;
constexpr int kMaxLoopDepth = 16;

/// Whether the bytes are UTF-8 without control characters.
bool isText(const std::string &bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const uint8_t first = static_cast<uint8_t>(bytes[at]);
    const size_t size = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
    if (size == 0 || first < 0x20 || bytes.size() - at < size)
      return false;
    for (size_t i = 1; i < size; ++i)
      if ((static_cast<uint8_t>(bytes[at + i]) & 0xc0) != 0x80)
        return false;
    // No second way to write a letter, no halves of pairs, nothing beyond Unicode.
    const uint8_t second = size > 1 ? static_cast<uint8_t>(bytes[at + 1]) : 0;
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
      return false;
    at += size;
  }
  return true;
}

class JobRules {
public:
  explicit JobRules(const plan::Plan &plan) : plan_(plan) {}

  Status run() {
    OF_TRY(cluster());
    OF_TRY(placements());
    OF_TRY(exchanges());
    OF_TRY(variables());
    OF_TRY(datasets());
    OF_TRY(programs());
    Amount all;
    OF_TRY(loop(*plan_.schedule(), 0, all));
    if (all.iterations == 0)
      return broken("the schedule", "runs nothing");
    if (plan_.epoch_steps() > kMaxIterations)
      return broken("an epoch", "has " + std::to_string(plan_.epoch_steps()) + " steps");
    return roles();
  }

private:
  Status cluster() const {
    if (plan_.nodes()->size() == 0 || plan_.devices()->size() == 0)
      return broken("the plan", "has no nodes or no devices");
    for (uint32_t d = 0; d < plan_.devices()->size(); ++d) {
      const plan::Device &device = *plan_.devices()->Get(d);
      const std::string who = "device " + std::to_string(d);
      if (device.node() >= plan_.nodes()->size())
        return broken(who,
                      "is of node " + std::to_string(device.node()) + ", which does not exist");
      if (device.kind()->size() == 0 || device.threads() == 0)
        return broken(who, "has no kind or no threads");
      if (device.threads() > kMaxThreads)
        return broken(who, "has " + std::to_string(device.threads()) + " threads; " +
                               std::to_string(kMaxThreads) + " are possible");
    }
    return Status::ok();
  }

  Status placements() const {
    for (const plan::Placement *placement : *plan_.placements()) {
      const std::string who = "placement " + quoted(placement->name());
      uint64_t points = 1;
      for (uint32_t size : *placement->shape()) {
        points *= size;
        if (points == 0 || points > plan_.devices()->size())
          return broken(who, "has a shape that does not fit the plan's devices");
      }
      if (points != placement->devices()->size())
        return broken(who, "has " + std::to_string(placement->devices()->size()) + " devices for " +
                               std::to_string(points) + " points");
      std::set<uint32_t> seen;
      for (uint32_t device : *placement->devices())
        if (device >= plan_.devices()->size() || !seen.insert(device).second)
          return broken(who, "names device " + std::to_string(device) +
                                 ", which does not exist or stands in it twice");
    }
    return Status::ok();
  }

  Status layout(const std::string &who, const plan::Layout &layout, uint32_t rank,
                bool mayBePartial) const {
    if (layout.placement() >= plan_.placements()->size())
      return broken(who, "lies on placement " + std::to_string(layout.placement()) +
                             ", which does not exist");
    const uint32_t axes = plan_.placements()->Get(layout.placement())->shape()->size();
    if (sizeOfVector(layout.sbp()) != axes)
      return broken(who, "has " + std::to_string(sizeOfVector(layout.sbp())) + " SBPs for " +
                             std::to_string(axes) + " axes of its placement");
    for (uint32_t i = 0; i < axes; ++i) {
      const plan::Sbp &sbp = *layout.sbp()->Get(i);
      if (!known(sbp.kind()))
        return broken(who, "has an SBP of unknown kind");
      if (sbp.kind() == plan::SbpKind::Split && sbp.dim() >= rank)
        return broken(who, "is split along dim " + std::to_string(sbp.dim()) + " of " +
                               std::to_string(rank));
      if (sbp.kind() > plan::SbpKind::Broadcast && !mayBePartial)
        return broken(who, "is partial, which it cannot be");
    }
    return Status::ok();
  }

  Status tensor(const std::string &who, plan::DType dtype,
                const flatbuffers::Vector<int64_t> *shape) const {
    if (!known(dtype))
      return broken(who, "has an unknown dtype");
    if (!bytesOfShape(shapeOf(shape), sizeof(double)))
      return broken(who, "has a shape that no memory holds");
    return Status::ok();
  }

  Status exchanges() const {
    for (uint32_t x = 0; x < sizeOfVector(plan_.exchanges()); ++x) {
      const plan::Exchange &exchange = *plan_.exchanges()->Get(x);
      const std::string who = "exchange " + quoted(exchange.name());
      if (exchange.tensors()->size() == 0)
        return broken(who, "moves nothing");
      for (const plan::ExchangeTensor *t : *exchange.tensors()) {
        OF_TRY(tensor(who, t->dtype(), t->shape()));
        const bool reducible = t->dtype() != plan::DType::Bool;
        OF_TRY(layout(who, *t->src(), sizeOfVector(t->shape()), reducible));
        OF_TRY(layout(who, *t->dst(), sizeOfVector(t->shape()), reducible));
      }
    }
    return Status::ok();
  }

  Status variables() const {
    std::set<std::string> names;
    for (uint32_t v = 0; v < sizeOfVector(plan_.variables()); ++v) {
      const plan::Variable &variable = *plan_.variables()->Get(v);
      const std::string who = "variable " + quoted(variable.name());
      if (!names.insert(variable.name()->str()).second)
        return broken(who, "is there twice");
      if (!isText(variable.name()->str())) // checkpoints are JSON
        return broken("variable " + std::to_string(v), "has a name that is no UTF-8");
      OF_TRY(tensor(who, variable.dtype(), variable.shape()));
      OF_TRY(layout(who, *variable.layout(), sizeOfVector(variable.shape()), false));
    }
    return Status::ok();
  }

  Status datasets() const {
    for (uint32_t d = 0; d < sizeOfVector(plan_.datasets()); ++d) {
      const plan::Dataset &dataset = *plan_.datasets()->Get(d);
      const std::string who = "data set " + quoted(dataset.name());
      if (dataset.fields()->size() == 0 || !known(dataset.mask_dtype()))
        return broken(who, "has no fields or an unknown mask dtype");
      for (const plan::Field *field : *dataset.fields()) {
        OF_TRY(tensor(who + " field " + quoted(field->name()), field->dtype(), field->shape()));
        if (field->files()->size() == 0)
          return broken(who, "has a field without files");
      }
    }
    return Status::ok();
  }

  Status programs() const {
    if (plan_.programs()->size() == 0 || plan_.programs()->size() > kMaxPrograms)
      return broken("the plan", "has " + std::to_string(plan_.programs()->size()) + " programs");
    std::set<std::string> names;
    for (const plan::Program *program : *plan_.programs()) {
      const std::string who = "program " + quoted(program->name());
      if (!known(program->kind()) || !names.insert(program->name()->str()).second)
        return broken(who, "is there twice or of unknown kind");
      if (program->micros() == 0 || program->micros() > kMaxMicros)
        return broken(who, "has " + std::to_string(program->micros()) + " micro-batches");
      if (program->dataset() < -1 ||
          program->dataset() >= static_cast<int64_t>(sizeOfVector(plan_.datasets())))
        return broken(who, "reads data set " + std::to_string(program->dataset()) +
                               ", which does not exist");
    }
    return Status::ok();
  }

  /// What a schedule runs, and how often it turns to another program for that.
  struct Amount {
    uint64_t iterations = 0, entries = 0;
  };

  /// Adds what the loop runs.
  Status loop(const plan::Loop &loop, int depth, Amount &all) const {
    if (depth > kMaxLoopDepth || loop.count() == 0 || loop.count() > kMaxIterations)
      return broken("the schedule", "has a loop of " + std::to_string(loop.count()) +
                                        " rounds at depth " + std::to_string(depth));
    Amount once;
    if (loop.program() >= 0) {
      if (loop.program() >= static_cast<int64_t>(plan_.programs()->size()) ||
          sizeOfVector(loop.body()) != 0)
        return broken("the schedule", "runs program " + std::to_string(loop.program()) +
                                          ", which does not exist or has a loop inside");
      once = {1, 0};
    }
    for (uint32_t i = 0; i < sizeOfVector(loop.body()); ++i)
      OF_TRY(this->loop(*loop.body()->Get(i), depth + 1, once));
    if (once.iterations > kMaxIterations / loop.count() ||
        all.iterations + once.iterations * loop.count() > kMaxIterations)
      return broken("the schedule", "runs more than 2^53 iterations");
    all.iterations += once.iterations * loop.count();
    // A loop around nothing is walked, too.
    const uint64_t rounds = loop.program() >= 0 ? 1 : loop.count();
    const uint64_t each = std::max<uint64_t>(1, once.entries);
    if (rounds > kMaxEntries / each || all.entries + rounds * each > kMaxEntries)
      return broken("the schedule",
                    "turns to programs more than " + std::to_string(kMaxEntries) + " times");
    all.entries += rounds * each;
    return Status::ok();
  }

  Status roles() {
    roleOfDevice_.assign(plan_.devices()->size(), nullptr);
    for (const plan::Role *role : *plan_.roles())
      OF_TRY(instances(*role));
    for (uint32_t d = 0; d < roleOfDevice_.size(); ++d)
      if (!roleOfDevice_[d])
        return broken("device " + std::to_string(d), "has no role");
    OF_TRY(variableParts());
    for (const plan::Role *role : *plan_.roles()) {
      OF_TRY(streamsAndChunks(*role));
      for (uint32_t p = 0; p < plan_.programs()->size(); ++p)
        OF_TRY(verifyRoleProgram(plan_, *role, p));
    }
    return Status::ok();
  }

  Status instances(const plan::Role &role) {
    const std::string who = "role " + quoted(role.name());
    if (role.instances()->size() == 0)
      return broken(who, "has no instance");
    uint32_t previous = 0;
    for (uint32_t i = 0; i < role.instances()->size(); ++i) {
      const uint32_t device = role.instances()->Get(i);
      if (device >= roleOfDevice_.size() || (i > 0 && device <= previous))
        return broken(who, "names device " + std::to_string(device) +
                               ", which does not exist or is out of order");
      if (roleOfDevice_[device])
        return broken("device " + std::to_string(device), "has two roles");
      roleOfDevice_[device] = &role;
      previous = device;
    }
    for (uint32_t c = 0; c < sizeOfVector(role.columns()); ++c)
      if (role.columns()->Get(c)->values()->size() != role.instances()->size())
        return broken(who, "has a column " + quoted(role.columns()->Get(c)->name()) +
                               " without one row for each instance");
    if (role.programs()->size() != plan_.programs()->size())
      return broken(who, "has " + std::to_string(role.programs()->size()) + " programs of " +
                             std::to_string(plan_.programs()->size()));
    return Status::ok();
  }

  Status streamsAndChunks(const plan::Role &role) const {
    const std::string who = "role " + quoted(role.name());
    for (const plan::Stream *stream : *role.streams())
      if (!known(stream->kind()) || stream->worker() >= kMaxWorkers)
        return broken(who, "has a stream " + quoted(stream->name()) +
                               " of unknown kind or on worker " + std::to_string(stream->worker()));
    for (const plan::Chunk *chunk : *role.chunks())
      if (!known(chunk->memory()) || chunk->bytes() > kMaxBytes)
        return broken(who, "has a chunk of " + std::to_string(chunk->bytes()) +
                               " bytes or of unknown memory");
    return Status::ok();
  }

  /// Each device of a variable's layout has one part of it, others have none.
  Status variableParts() const {
    std::set<std::pair<uint32_t, const plan::Role *>> parts;
    for (const plan::Role *role : *plan_.roles())
      for (uint32_t i = 0; i < sizeOfVector(role->variables()); ++i) {
        const plan::VariablePart &part = *role->variables()->Get(i);
        const std::string who = "role " + quoted(role->name());
        if (part.variable() >= sizeOfVector(plan_.variables()) ||
            part.chunk() >= role->chunks()->size())
          return broken(who, "has a part of variable " + std::to_string(part.variable()) +
                                 " in chunk " + std::to_string(part.chunk()) +
                                 ", one of which does not exist");
        const plan::Variable &variable = *plan_.variables()->Get(part.variable());
        if (!parts.insert({part.variable(), role}).second)
          return broken(who, "has two parts of variable " + quoted(variable.name()));
        const Layout layout = layoutOf(plan_, *variable.layout());
        for (uint32_t device : *role->instances())
          if (layout.placement.pointOf(device) < 0)
            return broken(who, "has a part of variable " + quoted(variable.name()) +
                                   ", which does not lie on device " + std::to_string(device));
      }
    for (uint32_t v = 0; v < sizeOfVector(plan_.variables()); ++v) {
      const plan::Variable &variable = *plan_.variables()->Get(v);
      for (uint32_t device : *plan_.placements()->Get(variable.layout()->placement())->devices())
        if (!parts.count({v, roleOfDevice_[device]}))
          return broken("variable " + quoted(variable.name()),
                        "has no place on device " + std::to_string(device));
    }
    return Status::ok();
  }

  const plan::Plan &plan_;
  std::vector<const plan::Role *> roleOfDevice_;
};

} // namespace

Status verifyStructure(const plan::Plan &plan) { return JobRules(plan).run(); }

} // namespace of::rt
