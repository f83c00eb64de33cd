#include "tools/of-plan/report/MemoryMap.h"

#include "tools/of-plan/DescribeProgram.h"

#include <map>
#include <set>

namespace of::planTool {

namespace {

/// Firings of one task on one device, by index.
using FiringTimes = std::map<uint64_t, std::pair<double, double>>;

class ChunkMapper {
public:
  ChunkMapper(const Focus &focus, const plan::Role &role, int firstTask, const Spans &predicted)
      : plan_(*focus.plan), role_(role), program_(*role.programs()->Get(focus.program)),
        device_(role.instances()->Get(0)), firstTask_(firstTask), blocks_(role.chunks()->size()),
        times_(program_.tasks()->size()) {
    for (const Span &span : predicted.spans) {
      if (span.device == device_)
        times_[span.task][span.index] = {span.beginUs, span.endUs};
      if (const plan::Receive *receive = focus.task(span).body_as_Receive()) {
        double &end = received_[{receive->exchange(), span.index}];
        end = std::max(end, span.endUs);
      }
    }
  }

  void run(Json &out) {
    fixed();
    for (uint32_t r = 0; r < program_.registers()->size(); ++r)
      versions(r);
    for (uint32_t t = 0; t < program_.tasks()->size(); ++t)
      temporaries(t);
    for (uint32_t c = 0; c < role_.chunks()->size(); ++c) {
      const plan::Chunk &chunk = *role_.chunks()->Get(c);
      out.push_back({{"role", text(role_.name())},
                     {"device", device_},
                     {"memory", lower(chunk.memory(), plan::EnumNameMemoryKind)},
                     {"bytes", chunk.bytes()},
                     {"max_live_bytes", role_.max_live_bytes()},
                     {"blocks", std::move(blocks_[c])}});
    }
  }

private:
  void always(uint32_t chunk, uint64_t offset, uint64_t bytes, const char *kind, Json name,
              int task) {
    if (bytes > 0 && chunk < blocks_.size())
      blocks_[chunk].push_back(
          Json::array({0, nullptr, offset, bytes, kind, std::move(name), task}));
  }

  void fixed() {
    if (role_.variables())
      for (const plan::VariablePart *part : *role_.variables()) {
        const plan::Variable &variable = *plan_.variables()->Get(part->variable());
        const Layout layout = rt::layoutOf(plan_, *variable.layout());
        const int64_t elements =
            boxAt(rt::shapeOf(variable.shape()), layout, layout.placement.pointOf(device_))
                .elements();
        always(part->chunk(), part->offset(),
               static_cast<uint64_t>(elements) * sizeOf(rt::dtypeOf(variable.dtype())), "variable",
               text(variable.name()), -1);
        variables_.insert({part->chunk(), part->offset()});
      }
    for (uint32_t t = 0; t < program_.tasks()->size(); ++t)
      if (const plan::Receive *receive = program_.tasks()->Get(t)->body_as_Receive())
        always(receive->landing_chunk(), receive->landing_offset(),
               receive->landing_slot_bytes() * receive->landing_slots(), "landing",
               text(program_.tasks()->Get(t)->name()), static_cast<int>(t) + firstTask_);
  }

  /// When version -> the firings of a port take place: begin of the first, end of the last.
  template <typename F> void eachVersion(uint32_t task, const plan::Port &port, F f) const {
    std::map<uint64_t, std::pair<double, double>> versions;
    for (const auto &[index, times] : times_[task]) {
      const auto [it, fresh] = versions.insert({index / port.period(), times});
      it->second.second = std::max(it->second.second, endOf(task, index, times.second));
    }
    for (const auto &[version, times] : versions)
      f(version, times);
  }

  /// A Send lets go of its input when all destinations have it.
  double endOf(uint32_t task, uint64_t index, double end) const {
    const plan::Send *send = program_.tasks()->Get(task)->body_as_Send();
    if (!send)
      return end;
    const auto received = received_.find({send->exchange(), index});
    return received == received_.end() ? end : std::max(end, received->second);
  }

  template <typename F> void eachPort(uint32_t reg, bool outputs, F f) const {
    for (uint32_t t = 0; t < program_.tasks()->size(); ++t) {
      const auto *ports =
          outputs ? program_.tasks()->Get(t)->outputs() : program_.tasks()->Get(t)->inputs();
      for (uint32_t p = 0; ports && p < ports->size(); ++p)
        if (ports->Get(p)->reg() == reg)
          f(t, *ports->Get(p));
    }
  }

  void versions(uint32_t reg) {
    const plan::Register &r = *program_.registers()->Get(reg);
    if (variables_.count({r.chunk(), r.offset()}))
      return; // the variable itself is shown
    std::map<uint64_t, std::pair<double, double>> lives;
    int producer = -1;
    eachPort(reg, true, [&](uint32_t task, const plan::Port &port) {
      producer = static_cast<int>(task) + firstTask_;
      eachVersion(task, port, [&](uint64_t version, const std::pair<double, double> &times) {
        lives[version + r.initial()] = times;
      });
    });
    if (producer < 0)
      return always(r.chunk(), r.offset(), r.slot_bytes() * r.slots(), "register", text(r.name()),
                    -1);
    eachPort(reg, false, [&](uint32_t task, const plan::Port &port) {
      eachVersion(task, port, [&](uint64_t version, const std::pair<double, double> &times) {
        const auto life = lives.insert({version, {0, times.second}}).first; // written before
        life->second.second = std::max(life->second.second, times.second);
      });
    });
    if (r.slot_bytes() == 0 || r.chunk() >= blocks_.size())
      return;
    for (const auto &[version, life] : lives)
      blocks_[r.chunk()].push_back(
          Json::array({life.first, life.second, r.offset() + version % r.slots() * r.slot_bytes(),
                       r.slot_bytes(), "register", text(r.name()), producer}));
  }

  void temporaries(uint32_t task) {
    const plan::Segment *segment = program_.tasks()->Get(task)->body_as_Segment();
    if (!segment)
      return;
    std::set<std::tuple<uint32_t, uint64_t, uint64_t>> places;
    for (const plan::Call *call : *segment->calls())
      for (const plan::Buffer *b : *call->buffers())
        if (b->kind() == plan::BufferKind::Chunk && b->bytes() > 0 && b->index() < blocks_.size() &&
            !variables_.count({b->index(), b->offset()}))
          places.insert({b->index(), b->offset(), b->bytes()});
    for (const auto &[index, times] : times_[task])
      for (const auto &[chunk, offset, bytes] : places)
        blocks_[chunk].push_back(Json::array({times.first, times.second, offset, bytes, "temporary",
                                              text(program_.tasks()->Get(task)->name()),
                                              static_cast<int>(task) + firstTask_}));
  }

  const plan::Plan &plan_;
  const plan::Role &role_;
  const plan::RoleProgram &program_;
  const uint32_t device_;
  const int firstTask_;
  std::vector<Json::array_t> blocks_;                        ///< by chunk
  std::vector<FiringTimes> times_;                           ///< by task
  std::map<std::pair<uint32_t, uint64_t>, double> received_; ///< (exchange, firing) -> by all
  std::set<std::pair<uint32_t, uint64_t>> variables_;        ///< (chunk, offset)
};

} // namespace

Json memoryMaps(const Focus &focus, const Spans &predicted) {
  Json out = Json::array();
  int firstTask = 0;
  for (const plan::Role *role : *focus.plan->roles()) {
    ChunkMapper(focus, *role, firstTask, predicted).run(out);
    firstTask += static_cast<int>(role->programs()->Get(focus.program)->tasks()->size());
  }
  return out;
}

} // namespace of::planTool
