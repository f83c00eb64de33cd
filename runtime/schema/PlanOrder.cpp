#include "runtime/schema/PlanOrder.h"

#include "runtime/schema/PlanView.h"

namespace of::rt {

ProgramOrder orderOf(const plan::Plan &plan, const plan::Role &role, uint32_t program) {
  const plan::RoleProgram &body = *role.programs()->Get(program);
  std::vector<uint32_t> firings;
  for (const plan::Task *task : *body.tasks())
    firings.push_back(task->firings());
  ProgramOrder out(std::move(firings));
  for (const plan::Order *order : *body.orders())
    out.addStream({order->tasks()->begin(), order->tasks()->end()});

  constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  std::vector<ProgramOrder::PortUse> writers(body.registers()->size(), {kNone, 0, 1});
  std::map<uint32_t, uint32_t> sends, receives; // by exchange
  for (uint32_t t = 0; t < body.tasks()->size(); ++t) {
    const plan::Task &task = *body.tasks()->Get(t);
    if (const plan::Send *send = task.body_as_Send())
      sends[send->exchange()] = t;
    if (const plan::Receive *receive = task.body_as_Receive())
      receives[receive->exchange()] = t;
    if (task.outputs())
      for (const plan::Port *port : *task.outputs())
        writers[port->reg()] = {t, pointOf(*port, false), port->period()};
  }
  for (uint32_t t = 0; t < body.tasks()->size(); ++t) {
    const plan::Task &task = *body.tasks()->Get(t);
    if (task.inputs())
      for (const plan::Port *port : *task.inputs())
        if (const plan::Register &reg = *body.registers()->Get(port->reg());
            writers[port->reg()].task != kNone)
          out.addRegister(writers[port->reg()],
                          {t, pointOf(*port, task.body_as_Send()), port->period()}, reg.slots(),
                          reg.initial());
  }
  const std::vector<int64_t> devices(role.instances()->begin(), role.instances()->end());
  for (const auto &[exchange, send] : sends)
    if (const auto it = receives.find(exchange);
        it != receives.end() &&
        takeOwnPieces(exchangeParts(plan, exchange), devices, distanceOf(plan)))
      out.addOwnPiece(send, it->second);
  if (body.reuses())
    for (const plan::Reuse *edge : *body.reuses())
      out.addReuse({edge->from(), body.tasks()->Get(edge->from())->body_as_Send()
                                      ? ProgramOrder::kReleased
                                      : ProgramOrder::kEnd},
                   edge->to(), edge->lag());
  return out;
}

} // namespace of::rt
