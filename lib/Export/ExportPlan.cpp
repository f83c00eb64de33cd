#include "lib/Export/ExportPlan.h"

#include "lib/Export/RoleWriter.h"
#include "runtime/schema/Solve.h"
#include "runtime/schema/Verify.h"

using namespace mlir;

namespace of {

FailureOr<std::unique_ptr<plan::PlanT>> exportPlan(ModuleOp module, const ExportOptions &options) {
  FailureOr<Job> job = jobOf(module);
  FailureOr<Cluster> cluster = clusterOf(module);
  if (failed(job) || failed(cluster))
    return failure();
  for (auto program : module.getOps<task::ProgramOp>())
    if (!program.getOrdersAttr())
      return program.emitOpError("has no orders; run of-schedule before export");
  auto plan = std::make_unique<plan::PlanT>();
  plan->compiler = options.compiler;
  plan->job = options.job;
  PlanTables tables(module, *job, *cluster, *plan);
  if (failed(tables.build()))
    return failure();
  KernelObjects objects(module.getContext());
  for (std::vector<int64_t> &devices : groupDevices(module, *cluster)) {
    FailureOr<std::unique_ptr<plan::RoleT>> role =
        RoleWriter(module, *cluster, tables, objects, std::move(devices)).write();
    if (failed(role))
      return failure();
    plan->roles.push_back(std::move(*role));
  }
  if (failed(objects.finish(*plan)))
    return failure();
  if (Status status = rt::certify(*plan); !status.isOk())
    return module.emitError("no order of tasks can be proven to run: ") << status.message();
  // What every node will check again; a failure here is a defect of this compiler.
  flatbuffers::FlatBufferBuilder builder;
  plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, plan.get()));
  if (Status status = rt::verifyPlan(*plan::GetPlan(builder.GetBufferPointer())); !status.isOk())
    return module.emitError("the plan does not verify: ") << status.message();
  return std::move(plan);
}

} // namespace of
