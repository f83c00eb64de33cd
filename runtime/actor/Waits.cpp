#include "runtime/actor/Waits.h"

#include "runtime/schema/PlanView.h"

namespace of::rt {

std::string describe(const plan::Plan &plan, uint32_t device, const ProgramTable &table,
                     const Wait &wait) {
  using Kind = Wait::Kind;
  std::string out = "device " + std::to_string(device) + ": ";
  const auto instance = roleOf(plan, device);
  if (!instance.isOk() || wait.task == kNone)
    return out + "nothing left to do";
  const plan::RoleProgram &program = *instance->role->programs()->Get(table.program);
  auto registerName = [&](uint32_t reg) { return program.registers()->Get(reg)->name()->str(); };
  out += "task " + describe(*program.tasks()->Get(table.tasks[wait.task].planTask));
  if (wait.kind == Kind::InputEmpty)
    return out + " waits for a version of register " + registerName(table.inputs[wait.index].reg);
  if (wait.kind == Kind::OutputFull)
    return out + " waits for a free slot of register " +
           registerName(table.outputs[wait.index].reg);
  if (wait.kind == Kind::GateShut)
    return out + " waits until task " +
           describe(*program.tasks()->Get(table.gates[wait.index].planTask)) +
           " lets go of memory that it uses again";
  if (wait.kind == Kind::EdgeNotReady) {
    const EdgeKey &key = table.edges[wait.index].key;
    return out + " waits for exchange " + plan.exchanges()->Get(key.exchange)->name()->str() +
           " from device " + std::to_string(key.srcDevice);
  }
  if (wait.kind == Kind::EdgeUnanswered) {
    const EdgeKey &key = table.edges[wait.index].key;
    return out + " waits for device " + std::to_string(key.dstDevice) + " to take exchange " +
           plan.exchanges()->Get(key.exchange)->name()->str();
  }
  if (wait.kind == Kind::LinkUnanswered)
    return out + " waits for the readers of register " +
           registerName(table.outputs[wait.index].reg) + " on worker " +
           std::to_string(wait.peer.worker);
  if (wait.kind == Kind::Running)
    return out + " is running";
  return out + " waits for the destinations of its earlier firings";
}

} // namespace of::rt
