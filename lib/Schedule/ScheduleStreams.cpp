// of-schedule
//
//   before   task.program @train "train" micros 4 { %g = task.register "g" slots 1 ... }
//   after    task.program @train "train" micros 4 attributes {orders = {main.compute = ["f", "f",
//            ...]}, ...} { %g = task.register "g" slots 2   task.segment ... {task.seconds = 1e-3}
//            }
//
// Writes the program as a cyclic scheduling problem (lib/Search/CyclicSchedule.h), one
// representative of each mesh, and its solution into the IR. What the registers cannot say is said
// by precedences: a receive follows its send, and who sets a variable comes after all who read it.
#include "lib/Cost/Cluster.h"
#include "lib/Schedule/Measured.h"
#include "lib/Schedule/MeshGroups.h"
#include "lib/Schedule/Passes.h"
#include "lib/Schedule/TaskCost.h"
#include "lib/Search/CyclicSchedule.h"

#include "mlir/Pass/Pass.h"

#include <map>

using namespace mlir;

namespace of {

namespace {

/// What the pool of a group's registers on the host is called. No group has such a name.
constexpr const char *kHostPool = " host";

class ProgramScheduler {
public:
  /// `slots`: of every register; 0 leaves it to the schedule.
  ProgramScheduler(task::ProgramOp program, const Cluster &cluster, Measured &measured,
                   uint32_t slots)
      : program(program), cluster(cluster), measured(measured), slots(slots),
        tasks(tasksOf(program)), groups(program->getParentOfType<ModuleOp>()) {}

  LogicalResult run() {
    problem.micros = program.getMicros();
    for (const TaskInfo &task : tasks)
      addTask(task);
    problem.streams = std::max<size_t>(streamNames.size(), 1);
    for (auto reg : program.getBody().front().getOps<task::RegisterOp>())
      addRegister(reg);
    addExchangePrecedences();
    addCopyPrecedences();
    addVariablePrecedences();
    addLimits();
    Result<search::CyclicSolution> solution = search::scheduleCyclic(problem, {0, room()});
    if (!solution.isOk())
      return program.emitError("program @")
             << program.getSymName() << " has no schedule: " << solution.status().message();
    write(*solution);
    return success();
  }

private:
  void addTask(const TaskInfo &task) {
    std::string stream = task.streamName();
    auto it = llvm::find(streamNames, stream);
    uint32_t index = it - streamNames.begin();
    if (it == streamNames.end())
      streamNames.push_back(stream);
    seconds.push_back(measured.refine(program.getSymName().str(), task, secondsOf(task, cluster)));
    int64_t ns = std::max<int64_t>(1, std::llround(seconds.back().total() * 1e9));
    auto copy = dyn_cast<task::CopyOp>(task.op);
    problem.tasks.push_back({task.name, index, ns, task.firings > 1, copy && copy.isToHost()});
  }

  void addRegister(task::RegisterOp reg) {
    search::CyclicRegister made;
    made.name = reg.getName().str();
    made.bytes = alignedBytes(partBytes(reg.getType()));
    made.pool = poolOf(distOf(reg.getType()).getMesh(), reg.getHost());
    if (slots > 0)
      made.minSlots = made.maxSlots = slots;
    for (auto [i, task] : llvm::enumerate(tasks)) {
      for (const TaskInfo::Port &port : task.outputs)
        if (port.reg == reg.getResult())
          made.producer = i;
      for (const TaskInfo::Port &port : task.inputs)
        if (port.reg == reg.getResult())
          made.readers.push_back(i);
    }
    // What is sent is kept until it was received.
    for (uint32_t reader : llvm::to_vector(made.readers))
      if (tasks[reader].end == TaskInfo::End::Send)
        made.readers.push_back(receiveOf(reader));
    problem.registers.push_back(std::move(made));
    registers.push_back(reg);
  }

  /// A pool for each group of devices that share a chunk, and one for what they have on the host.
  uint32_t poolOf(MeshAttr mesh, bool host) {
    const std::string name = groups.groupOf(mesh) + (host ? kHostPool : "");
    const auto it = llvm::find(poolNames, name);
    const uint32_t pool = it - poolNames.begin();
    if (it == poolNames.end()) {
      poolNames.push_back(name);
      pools.push_back(host ? MeshAttr() : mesh);
    }
    return pool;
  }

  /// Half of a device's memory, less its variables and one slot of each register: what registers
  /// and temporaries really take is not known before they are packed.
  std::vector<int64_t> room() {
    std::vector<int64_t> out(pools.size(), std::numeric_limits<int64_t>::max());
    std::vector<int64_t> used(pools.size());
    for (const search::CyclicRegister &reg : problem.registers)
      used[reg.pool] += reg.bytes;
    for (auto variable : program->getParentOfType<ModuleOp>().getOps<VariableOp>())
      if (const auto it =
              llvm::find(poolNames, groups.groupOf(distOf(variable.getType()).getMesh()));
          it != poolNames.end())
        used[it - poolNames.begin()] += alignedBytes(partBytes(variable.getType()));
    for (auto [pool, mesh] : llvm::enumerate(pools)) {
      if (!mesh)
        continue;
      const auto devices = mesh.getDevices();
      if (const auto memory = cluster.leastMemory({devices.begin(), devices.end()}))
        out[pool] = std::max<int64_t>(0, *memory / 2 - used[pool]);
    }
    return out;
  }

  // Of whoever laid the program out before and found it too large (lib/Pipeline/FitMemory.h).
  void addLimits() {
    auto all =
        program->getParentOfType<ModuleOp>()->getAttrOfType<DictionaryAttr>(registerLimitsAttrName);
    auto limits = all ? all.getAs<DictionaryAttr>(program.getSymName()) : DictionaryAttr();
    if (!limits)
      return;
    problem.poolBytes.assign(poolNames.size(), std::numeric_limits<int64_t>::max());
    for (auto [bytes, name] : llvm::zip(problem.poolBytes, poolNames))
      if (auto limit = limits.getAs<IntegerAttr>(name))
        bytes = limit.getInt();
  }

  uint32_t receiveOf(uint32_t send) const {
    for (auto [i, task] : llvm::enumerate(tasks))
      if (task.op == tasks[send].op && task.end == TaskInfo::End::Receive)
        return i;
    llvm_unreachable("an exchange has two ends");
  }

  // A receive may come as late as its exchange takes once more: a plan whose exchanges need to be
  // on time waits for each that is not. The price is a slot, or a micro-batch more under way.
  void addExchangePrecedences() {
    for (auto [i, task] : llvm::enumerate(tasks))
      if (task.end == TaskInfo::End::Send) {
        uint32_t receive = receiveOf(i);
        problem.precedences.push_back(
            {static_cast<uint32_t>(i), receive, problem.tasks[receive].durationNs});
      }
  }

  // In each direction in the order of the program: what is there first leaves first, what is needed
  // first comes first.
  void addCopyPrecedences() {
    std::map<std::string, uint32_t> last; // by stream
    for (auto [i, task] : llvm::enumerate(tasks))
      if (isa<task::CopyOp>(task.op)) {
        const auto [it, isFirst] = last.insert({task.streamName(), i});
        if (!isFirst)
          problem.precedences.push_back(
              {std::exchange(it->second, i), static_cast<uint32_t>(i), 0});
      }
  }

  void addVariablePrecedences() {
    std::map<std::string, SmallVector<uint32_t>> readers;
    for (auto [i, task] : llvm::enumerate(tasks))
      if (isa<task::SegmentOp>(task.op))
        task.op->walk([&](GetOp get) { readers[get.getVariable().str()].push_back(i); });
    for (auto [i, task] : llvm::enumerate(tasks))
      task.op->walk([&](SetOp set) {
        for (uint32_t reader : readers[set.getVariable().str()])
          if (reader != i)
            problem.precedences.push_back({reader, static_cast<uint32_t>(i), 0});
      });
  }

  void write(const search::CyclicSolution &solution) {
    Builder b(program.getContext());
    SmallVector<NamedAttribute> orders;
    for (auto [stream, name] : llvm::enumerate(streamNames)) {
      SmallVector<Attribute> order;
      for (uint32_t task : solution.orders[stream])
        order.push_back(b.getStringAttr(tasks[task].name));
      orders.push_back(b.getNamedAttr(name, b.getArrayAttr(order)));
    }
    program.setOrdersAttr(b.getDictionaryAttr(orders));
    for (auto [reg, slots] : llvm::zip(registers, solution.slots))
      reg.setSlots(slots);
    program->setAttr(periodAttrName, b.getI64IntegerAttr(solution.stepPeriod));
    for (auto [i, task] : llvm::enumerate(tasks)) {
      SmallVector<double> list;
      SmallVector<int64_t> starts, lasts;
      if (task.end == TaskInfo::End::Receive) {
        list.push_back(task.op->getAttrOfType<DenseF64ArrayAttr>(secondsAttrName)[0]);
        starts.push_back(task.op->getAttrOfType<DenseI64ArrayAttr>(startAttrName)[0]);
        lasts.push_back(task.op->getAttrOfType<DenseI64ArrayAttr>(lastAttrName)[0]);
      }
      list.push_back(seconds[i].total());
      starts.push_back(solution.start[i]);
      lasts.push_back(solution.timeOf(i, task.firings - 1));
      if (task.end == TaskInfo::End::Receive)
        list.push_back(seconds[i].network);
      task.op->setAttr(secondsAttrName, b.getDenseF64ArrayAttr(list));
      task.op->setAttr(startAttrName, b.getDenseI64ArrayAttr(starts));
      task.op->setAttr(lastAttrName, b.getDenseI64ArrayAttr(lasts));
    }
  }

  task::ProgramOp program;
  const Cluster &cluster;
  Measured &measured;
  uint32_t slots;
  std::vector<TaskInfo> tasks;
  SmallVector<std::string> streamNames;
  SmallVector<TaskSeconds> seconds;
  SmallVector<task::RegisterOp> registers;
  search::CyclicProblem problem;
  const MeshGroups groups;
  SmallVector<std::string> poolNames;
  SmallVector<MeshAttr> pools; ///< a mesh of each; null: on the host
};

struct SchedulePass : PassWrapper<SchedulePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SchedulePass)
  SchedulePass() = default;
  SchedulePass(const SchedulePass &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "of-schedule"; }
  StringRef getDescription() const override {
    return "Finds the static order of every stream and the slots of every register";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<OfDialect, task::TaskDialect>();
  }
  Option<unsigned> slots{*this, "of-slots", llvm::cl::init(0),
                         llvm::cl::desc("Slots of every register; 0: by the schedule")};

  void runOnOperation() override {
    FailureOr<Cluster> cluster = clusterOf(getOperation());
    if (failed(cluster))
      return signalPassFailure();
    FailureOr<std::optional<Profile>> profile = profileOf(getOperation());
    if (failed(profile))
      return signalPassFailure();
    Measured measured(*profile);
    for (auto program : getOperation().getOps<task::ProgramOp>())
      if (failed(ProgramScheduler(program, *cluster, measured, slots).run()))
        return signalPassFailure();
    if (failed(measured.report(getOperation())))
      return signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> createSchedulePass() { return std::make_unique<SchedulePass>(); }

} // namespace of
