#include "tools/of-plan/Describe.h"

#include "tools/of-plan/DescribeProgram.h"

namespace of::planTool {

namespace {

Json shapeJson(const flatbuffers::Vector<int64_t> *shape) { return rt::shapeOf(shape); }

std::string layoutText(const plan::Plan &plan, const plan::Layout &layout) {
  return plan.placements()->Get(layout.placement())->name()->str() + " " +
         toString(rt::layoutOf(plan, layout).sbp);
}

std::string loopText(const plan::Plan &plan, const plan::Loop &loop, bool top) {
  std::string out;
  if (loop.program() >= 0) {
    out = plan.programs()->Get(static_cast<uint32_t>(loop.program()))->name()->str();
    return loop.count() == 1 ? out : out + " x " + std::to_string(loop.count());
  }
  if (loop.body())
    for (const plan::Loop *child : *loop.body())
      out += (out.empty() ? "" : ", ") + loopText(plan, *child, false);
  return top && loop.count() == 1 ? out : std::to_string(loop.count()) + " x (" + out + ")";
}

Json exchangeJson(const plan::Plan &plan, const plan::Exchange &exchange) {
  int64_t moved = 0;
  Json tensors = Json::array();
  for (const plan::ExchangeTensor *t : *exchange.tensors()) {
    const DType dtype = rt::dtypeOf(t->dtype());
    moved += elementsMoved(rt::shapeOf(t->shape()), rt::layoutOf(plan, *t->src()),
                           rt::layoutOf(plan, *t->dst()), rt::distanceOf(plan)) *
             static_cast<int64_t>(sizeOf(dtype));
    tensors.push_back({{"dtype", nameOf(dtype)},
                       {"shape", shapeJson(t->shape())},
                       {"from", layoutText(plan, *t->src())},
                       {"to", layoutText(plan, *t->dst())}});
  }
  return {{"name", text(exchange.name())},
          {"location", text(exchange.location())},
          {"bytes_moved", moved},
          {"tensors", std::move(tensors)}};
}

Json programJson(const plan::Plan &plan, uint32_t index) {
  const plan::Program &program = *plan.programs()->Get(index);
  const plan::Certificate &certificate =
      *plan.roles()->Get(0)->programs()->Get(index)->certificate();
  Json roles = Json::array();
  for (const plan::Role *role : *plan.roles())
    roles.push_back(describeRoleProgram(plan, *role, index));
  return {{"name", text(program.name())},
          {"kind", lower(program.kind(), plan::EnumNameProgramKind)},
          {"micros", program.micros()},
          {"step_seconds", static_cast<double>(certificate.step_period()) * 1e-9},
          {"micro_seconds", static_cast<double>(certificate.micro_period()) * 1e-9},
          {"roles", std::move(roles)}};
}

Json roleJson(const plan::Role &role) {
  Json devices = Json::array();
  for (uint32_t device : *role.instances())
    devices.push_back(device);
  return {{"name", text(role.name())},
          {"devices", std::move(devices)},
          {"max_live_bytes", role.max_live_bytes()},
          {"streams", listOf(role.streams(),
                             [](const plan::Stream &s) -> Json {
                               return {{"name", text(s.name())},
                                       {"kind", lower(s.kind(), plan::EnumNameStreamKind)},
                                       {"worker", s.worker()}};
                             })},
          {"chunks", listOf(role.chunks(), [](const plan::Chunk &c) -> Json {
             return {{"memory", lower(c.memory(), plan::EnumNameMemoryKind)},
                     {"bytes", c.bytes()},
                     {"shared", c.shared()}};
           })}};
}

Json clusterJson(const plan::Plan &plan) {
  Json devices = Json::array();
  for (const plan::Device *d : *plan.devices())
    devices.push_back({{"node", text(plan.nodes()->Get(d->node())->name())},
                       {"kind", text(d->kind())},
                       {"threads", d->threads()}});
  return {{"nodes", listOf(plan.nodes(),
                           [](const plan::Node &n) -> Json {
                             return {{"name", text(n.name())}, {"host", n.host()}};
                           })},
          {"devices", std::move(devices)}};
}

} // namespace

Json describePlan(const plan::Plan &plan, const std::string &digest) {
  Json out = {{"job", text(plan.job())},
              {"compiler", text(plan.compiler())},
              {"digest", digest},
              {"batch", plan.batch()},
              {"seed", plan.seed()},
              {"schedule", loopText(plan, *plan.schedule(), true)},
              {"cluster", clusterJson(plan)}};
  out["placements"] = listOf(plan.placements(), [](const plan::Placement &p) -> Json {
    return {{"name", text(p.name())},
            {"shape", std::vector<uint32_t>(p.shape()->begin(), p.shape()->end())},
            {"devices", std::vector<uint32_t>(p.devices()->begin(), p.devices()->end())}};
  });
  out["variables"] = listOf(plan.variables(), [&](const plan::Variable &v) -> Json {
    return {{"name", text(v.name())},
            {"dtype", nameOf(rt::dtypeOf(v.dtype()))},
            {"shape", shapeJson(v.shape())},
            {"layout", layoutText(plan, *v.layout())}};
  });
  out["exchanges"] =
      listOf(plan.exchanges(), [&](const plan::Exchange &x) { return exchangeJson(plan, x); });
  out["roles"] = listOf(plan.roles(), roleJson);
  out["programs"] = Json::array();
  for (uint32_t p = 0; p < plan.programs()->size(); ++p)
    out["programs"].push_back(programJson(plan, p));
  out["objects"] = listOf(plan.objects(), [](const plan::KernelObject &o) -> Json {
    return {{"isa", text(o.isa())}, {"bytes", o.data()->size()}};
  });
  out["libraries"] = listOf(plan.libraries(), [](const plan::LibraryVersion &l) -> Json {
    return {{"name", text(l.name())}, {"version", text(l.version())}};
  });
  return out;
}

} // namespace of::planTool
