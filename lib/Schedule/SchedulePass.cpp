// of-schedule
#include "lib/Cost/Cluster.h"
#include "lib/Schedule/Passes.h"
#include "lib/Schedule/TaskList.h"

#include "mlir/Pass/Pass.h"

#include <map>
#include <set>

using namespace mlir;

namespace of {

namespace {

struct SchedulePass : PassWrapper<SchedulePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedulePass)
  StringRef getArgument() const override { return "of-schedule"; }
  StringRef getDescription() const override {
    return "Finds the static order of every stream and the slots of every register";
  }
  void runOnOperation() override {
    for (auto program : getOperation().getOps<task::ProgramOp>())
      schedule(program);
  }

  void schedule(task::ProgramOp program) {
    std::vector<TaskInfo> tasks = tasksOf(program);
    size_t n = tasks.size();
    std::vector<std::set<size_t>> after(n);
    llvm::DenseMap<Value, size_t> producer;
    for (size_t i = 0; i < n; ++i)
      for (auto &p : tasks[i].outputs)
        producer[p.reg] = i;
    std::map<std::string, std::vector<size_t>> readers;
    for (size_t i = 0; i < n; ++i) {
      for (auto &p : tasks[i].inputs)
        after[i].insert(producer[p.reg]);
      if (tasks[i].end == TaskInfo::End::Receive)
        for (size_t j = 0; j < n; ++j)
          if (tasks[j].op == tasks[i].op && tasks[j].end == TaskInfo::End::Send)
            after[i].insert(j);
      tasks[i].op->walk([&](GetOp get) {
        if (readers[get.getVariable().str()].empty() ||
            readers[get.getVariable().str()].back() != i)
          readers[get.getVariable().str()].push_back(i);
      });
    }
    for (size_t i = 0; i < n; ++i)
      tasks[i].op->walk([&](SetOp set) {
        for (size_t r : readers[set.getVariable().str()])
          if (r != i)
            after[i].insert(r);
      });
    std::vector<size_t> topo;
    std::vector<bool> done(n, false);
    while (topo.size() < n)
      for (size_t i = 0; i < n; ++i)
        if (!done[i] && llvm::all_of(after[i], [&](size_t d) { return done[d]; })) {
          done[i] = true;
          topo.push_back(i);
        }
    std::vector<int> phase(n, 0); // 0 before micro, 1 micro, 2 after
    for (size_t i : topo) {
      if (tasks[i].firings > 1)
        phase[i] = 1;
      else
        for (size_t d : after[i])
          if (phase[d] >= 1)
            phase[i] = 2;
    }
    Builder b(&getContext());
    std::map<std::string, SmallVector<Attribute>> orders;
    for (int ph = 0; ph < 3; ++ph)
      for (int64_t m = 0; m < (ph == 1 ? (int64_t)program.getMicros() : 1); ++m)
        for (size_t i : topo)
          if (phase[i] == ph)
            orders[tasks[i].streamName()].push_back(b.getStringAttr(tasks[i].name));
    SmallVector<NamedAttribute> list;
    for (auto &[name, order] : orders)
      list.push_back(b.getNamedAttr(name, b.getArrayAttr(order)));
    program.setOrdersAttr(b.getDictionaryAttr(list));
    for (auto reg : program.getBody().front().getOps<task::RegisterOp>())
      reg.setSlots(2);
  }
};

} // namespace

std::unique_ptr<Pass> createSchedulePass() { return std::make_unique<SchedulePass>(); }

} // namespace of
