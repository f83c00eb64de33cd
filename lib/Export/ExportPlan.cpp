#include "lib/Export/ExportPlan.h"

#include "lib/Export/RoleWriter.h"
#include "runtime/schema/Solve.h"
#include "runtime/schema/Verify.h"

#include <future>
#include <set>

using namespace mlir;

namespace of {

// Each stream has an order that names each of its tasks as often as it fires.
static LogicalResult checkOrders(task::ProgramOp program) {
  DictionaryAttr orders = program.getOrdersAttr();
  if (!orders)
    return program.emitOpError("has no orders; run of-schedule before export");
  std::map<std::pair<std::string, std::string>, int64_t> left; // of a task in its stream
  for (const TaskInfo &task : tasksOf(program))
    left[{task.streamName(), task.name}] = task.firings;
  for (NamedAttribute stream : orders)
    for (Attribute entry : cast<ArrayAttr>(stream.getValue())) {
      auto name = dyn_cast<StringAttr>(entry);
      auto task = left.find({stream.getName().str(), name ? name.str() : ""});
      if (task == left.end() || --task->second < 0)
        return program.emitOpError("has in the order of stream '")
               << stream.getName().strref() << "' " << entry
               << ", which is none of its tasks or there too often; run of-schedule again";
    }
  for (auto &[task, missing] : left)
    if (missing > 0)
      return program.emitOpError("has an order of stream '")
             << task.first << "' in which '" << task.second
             << "' is missing; run of-schedule again";
  return success();
}

static LogicalResult checkReuses(task::ProgramOp program) {
  Attribute all = program->getAttr(task::TaskDialect::reusesAttrName);
  std::set<std::string> names;
  for (const TaskInfo &task : tasksOf(program))
    names.insert(task.name);
  auto isEdge = [&](Attribute attribute) {
    auto edge = dyn_cast<ArrayAttr>(attribute);
    if (!edge || edge.size() != 3)
      return false;
    auto from = dyn_cast<StringAttr>(edge[0]), to = dyn_cast<StringAttr>(edge[1]);
    auto lag = dyn_cast<IntegerAttr>(edge[2]);
    return from && to && lag && names.count(from.str()) && names.count(to.str()) &&
           (lag.getInt() == 0 || lag.getInt() == 1);
  };
  if (all && (!isa<ArrayAttr>(all) || !llvm::all_of(cast<ArrayAttr>(all), isEdge)))
    return program.emitOpError("has reuse edges ")
           << all << "; each is [task, task, 0 or 1]; run of-assign-memory again";
  return success();
}

static LogicalResult checkOffsets(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    if (!isa<VariableOp, task::RegisterOp>(op) ||
        op->getAttrOfType<IntegerAttr>(task::TaskDialect::offsetAttrName))
      return WalkResult::advance();
    op->emitOpError("has no place in memory; run of-assign-memory before export");
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

FailureOr<std::unique_ptr<plan::PlanT>> exportPlan(ModuleOp module, StringRef compiler,
                                                   std::unique_ptr<EarlyKernels> early) {
  FailureOr<Job> job = jobOf(module);
  FailureOr<Cluster> cluster = clusterOf(module);
  if (failed(job) || failed(cluster) || failed(checkOffsets(module)))
    return failure();
  for (auto program : module.getOps<task::ProgramOp>())
    if (failed(checkOrders(program)) || failed(checkReuses(program)))
      return failure();
  auto plan = std::make_unique<plan::PlanT>();
  plan->compiler = compiler.str();
  plan->job = module.getSymName().value_or("job").str();
  PlanTables tables(module, *job, *cluster, *plan);
  if (failed(tables.build()))
    return failure();
  std::unique_ptr<KernelObjects> objects = early ? early->take() : nullptr;
  if (!objects)
    objects = std::make_unique<KernelObjects>(module.getContext());
  for (std::vector<int64_t> &devices : groupDevices(module, *cluster)) {
    FailureOr<std::unique_ptr<plan::RoleT>> role =
        RoleWriter(module, *cluster, tables, *objects, std::move(devices)).write();
    if (failed(role))
      return failure();
    plan->roles.push_back(std::move(*role));
  }
  objects->declare(*plan);
  // What every node will check again; a failure here is a defect of this compiler.
  Status certified = Status::ok(), verified = Status::ok();
  auto prove = [&] { // which the code is no part of
    certified = rt::certify(*plan);
    if (!certified.isOk())
      return;
    flatbuffers::FlatBufferBuilder builder;
    plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, plan.get()));
    verified = rt::verifyPlan(*plan::GetPlan(builder.GetBufferPointer()));
  };
  std::future<void> proof = std::async(std::launch::async, prove);
  const LogicalResult compiled = objects->compile();
  proof.wait();
  if (failed(compiled))
    return failure();
  if (!certified.isOk())
    return module.emitError("no order of tasks can be proven to run: ") << certified.message();
  if (!verified.isOk())
    return module.emitError("the plan does not verify: ") << verified.message();
  objects->finish(*plan);
  return plan;
}

} // namespace of
