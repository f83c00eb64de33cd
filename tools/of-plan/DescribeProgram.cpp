#include "tools/of-plan/DescribeProgram.h"

#include <map>

namespace of::planTool {

namespace {

Json callJson(const plan::Call &call) {
  Json out = {{"name", text(call.name())}, {"location", text(call.location())}};
  if (call.object() >= 0) {
    out["object"] = call.object();
    out["symbol"] = text(call.symbol());
  } else if (call.library()) {
    out["library"] = text(call.library()->name());
    out["dtype"] = nameOf(rt::dtypeOf(call.library()->dtype()));
  }
  out["tiles"] = call.tiles();
  out["flops"] = call.flops();
  out["bytes"] = call.bytes();
  out["seconds"] = call.seconds();
  return out;
}

/// Names of tasks in the order they fire; repeats counted: "gradient x 4, update".
std::string orderText(const plan::RoleProgram &program, const plan::Order &order) {
  std::string out;
  for (uint32_t i = 0; i < order.tasks()->size();) {
    uint32_t end = i + 1;
    while (end < order.tasks()->size() && order.tasks()->Get(end) == order.tasks()->Get(i))
      ++end;
    out += (out.empty() ? "" : ", ") + text(program.tasks()->Get(order.tasks()->Get(i))->name());
    if (end - i > 1)
      out += " x " + std::to_string(end - i);
    i = end;
  }
  return out;
}

class RoleProgramDescriber {
public:
  RoleProgramDescriber(const plan::Plan &plan, const plan::Role &role, uint32_t program)
      : plan_(plan), role_(role), program_(*role.programs()->Get(program)) {
    if (role.variables())
      for (const plan::VariablePart *part : *role.variables())
        partBytes_.push_back(partBytes(*part));
  }

  Json run() const {
    Json tasks = Json::array();
    for (uint32_t t = 0; t < program_.tasks()->size(); ++t)
      tasks.push_back(task(t));
    Json orders = Json::object();
    for (const plan::Order *order : *program_.orders())
      orders[text(role_.streams()->Get(order->stream())->name())] = orderText(program_, *order);
    return {{"role", text(role_.name())},
            {"orders", std::move(orders)},
            {"tasks", std::move(tasks)},
            {"registers", listOf(program_.registers(),
                                 [](const plan::Register &r) -> Json {
                                   return {{"name", text(r.name())},
                                           {"slots", r.slots()},
                                           {"slot_bytes", r.slot_bytes()},
                                           {"initial", r.initial()}};
                                 })},
            {"reuses",
             listOf(program_.reuses(),
                    [this](const plan::Reuse &e) -> Json {
                      auto name = [this](uint32_t task) {
                        return text(program_.tasks()->Get(task)->name());
                      };
                      return {{"from", name(e.from())}, {"to", name(e.to())}, {"lag", e.lag()}};
                    })},
            {"memory", memory()}};
  }

private:
  Json port(const plan::Port &p) const {
    Json out = {{"register", text(program_.registers()->Get(p.reg())->name())}};
    if (p.period() != 1)
      out["period"] = p.period();
    if (p.call() >= 0)
      out["call"] = p.call();
    return out;
  }

  /// Of the task's first firing: offsets are of tasks or of firings.
  int64_t startNs(uint32_t index) const {
    const auto &offsets = *program_.certificate()->offsets();
    uint32_t at = index;
    if (offsets.size() != program_.tasks()->size()) {
      at = 0;
      for (uint32_t t = 0; t < index; ++t)
        at += program_.tasks()->Get(t)->firings();
    }
    return at < offsets.size() ? offsets.Get(at) : 0;
  }

  Json task(uint32_t index) const {
    const plan::Task &t = *program_.tasks()->Get(index);
    Json out = {{"name", text(t.name())},
                {"location", text(t.location())},
                {"kind", lower(t.body_type(), plan::EnumNameBody)},
                {"stream", text(role_.streams()->Get(t.stream())->name())},
                {"firings", t.firings()},
                {"seconds", t.seconds()},
                {"starts_ns", startNs(index)}};
    auto ports = [this](const plan::Port &p) { return port(p); };
    out["inputs"] = listOf(t.inputs(), ports);
    out["outputs"] = listOf(t.outputs(), ports);
    if (const plan::Segment *segment = t.body_as_Segment())
      out["kernels"] = listOf(segment->calls(), callJson);
    const plan::Send *send = t.body_as_Send();
    const plan::Receive *receive = t.body_as_Receive();
    if (send || receive)
      out["exchange"] =
          text(plan_.exchanges()->Get(send ? send->exchange() : receive->exchange())->name());
    if (receive)
      out["landing_slots"] = receive->landing_slots();
    return out;
  }

  /// What lies where, ascending.
  Json memory() const {
    std::map<std::pair<uint32_t, uint64_t>, std::vector<std::pair<uint64_t, std::string>>> places;
    for (uint32_t i = 0; i < partBytes_.size(); ++i) {
      const plan::VariablePart &part = *role_.variables()->Get(i);
      places[{part.chunk(), part.offset()}].push_back(
          {partBytes_[i], "variable " + text(plan_.variables()->Get(part.variable())->name())});
    }
    for (const plan::Register *r : *program_.registers())
      places[{r->chunk(), r->offset()}].push_back(
          {r->slot_bytes() * r->slots(), "register " + text(r->name())});
    for (const plan::Task *t : *program_.tasks())
      if (const plan::Receive *receive = t->body_as_Receive();
          receive && receive->landing_slot_bytes() > 0)
        places[{receive->landing_chunk(), receive->landing_offset()}].push_back(
            {receive->landing_slot_bytes() * receive->landing_slots(),
             "landing of " + text(t->name())});
    for (const auto &[at, end] : temporaries())
      places[{at.first, end.first}].push_back(
          {end.second - end.first,
           "temporaries of " + text(role_.streams()->Get(at.second)->name())});
    Json out = Json::array();
    for (const auto &[at, list] : places)
      for (const auto &[bytes, what] : list)
        out.push_back(
            {{"chunk", at.first}, {"offset", at.second}, {"bytes", bytes}, {"what", what}});
    return out;
  }

  bool inVariable(const plan::Buffer &b) const {
    for (uint32_t i = 0; i < partBytes_.size(); ++i)
      if (const plan::VariablePart &part = *role_.variables()->Get(i);
          part.chunk() == b.index() && part.offset() <= b.offset() &&
          b.offset() + b.bytes() <= part.offset() + partBytes_[i])
        return true;
    return false;
  }

  /// (chunk, stream) -> the bytes from the first to the last temporary.
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint64_t, uint64_t>> temporaries() const {
    std::map<std::pair<uint32_t, uint32_t>, std::pair<uint64_t, uint64_t>> out;
    for (const plan::Task *t : *program_.tasks())
      if (const plan::Segment *segment = t->body_as_Segment())
        for (const plan::Call *call : *segment->calls())
          for (const plan::Buffer *b : *call->buffers()) {
            if (b->kind() != plan::BufferKind::Chunk || b->bytes() == 0 || inVariable(*b))
              continue;
            const auto [it, fresh] =
                out.insert({{b->index(), t->stream()}, {b->offset(), b->offset() + b->bytes()}});
            it->second.first = std::min(it->second.first, b->offset());
            it->second.second = std::max(it->second.second, b->offset() + b->bytes());
          }
    return out;
  }

  uint64_t partBytes(const plan::VariablePart &part) const {
    const plan::Variable &variable = *plan_.variables()->Get(part.variable());
    const Layout layout = rt::layoutOf(plan_, *variable.layout());
    int64_t elements = 0;
    for (uint32_t device : *role_.instances())
      elements = std::max(
          elements, boxAt(rt::shapeOf(variable.shape()), layout, layout.placement.pointOf(device))
                        .elements());
    return static_cast<uint64_t>(elements) * sizeOf(rt::dtypeOf(variable.dtype()));
  }

  const plan::Plan &plan_;
  const plan::Role &role_;
  const plan::RoleProgram &program_;
  std::vector<uint64_t> partBytes_; ///< by Role.variables
};

} // namespace

Json describeRoleProgram(const plan::Plan &plan, const plan::Role &role, uint32_t program) {
  return RoleProgramDescriber(plan, role, program).run();
}

} // namespace of::planTool
