// The rules of verifyStructure for the tasks of one role in one program: registers, ports, orders.
#include "runtime/schema/Rules.h"

namespace of::rt {

namespace {

constexpr uint64_t kMaxFirings = uint64_t(1) << 24; ///< of one iteration on one device
constexpr uint32_t kMaxSlots = 1u << 16;

class TaskRules : RoleProgramRules {
public:
  using RoleProgramRules::RoleProgramRules;

  Status run() {
    OF_TRY(registers());
    writer_.assign(body_.registers()->size(), false);
    for (const plan::Task *task : *body_.tasks())
      OF_TRY(ports(*task));
    for (const plan::Task *task : *body_.tasks()) {
      OF_TRY(constants(*task));
      OF_TRY(verifyBody(plan_, role_, program_, *task));
    }
    OF_TRY(reuses());
    return orders();
  }

private:
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

  Status reuses() const {
    for (uint32_t i = 0; i < sizeOfVector(body_.reuses()); ++i) {
      const plan::Reuse &edge = *body_.reuses()->Get(i);
      if (edge.from() >= body_.tasks()->size() || edge.to() >= body_.tasks()->size() ||
          edge.lag() > 1)
        return bad("the reuse edge from task " + std::to_string(edge.from()) + " to task " +
                   std::to_string(edge.to()) + " names a task that does not exist, or the lag " +
                   std::to_string(edge.lag()) + ", which is neither 0 nor 1");
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

  std::vector<bool> writer_; ///< by register: a task of this program writes it
};

} // namespace

Status verifyRoleProgram(const plan::Plan &plan, const plan::Role &role, uint32_t program) {
  return TaskRules(plan, role, program).run();
}

} // namespace of::rt
