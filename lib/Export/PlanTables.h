// The parts of a plan that all roles share: cluster, placements, variables, data, exchanges,
// programs and the loop nest. Indices are those of the plan. Borrows module, job and cluster.
#pragma once

#include "dialects/Task/Task.h"
#include "lib/Config/Job.h"
#include "lib/Cost/Cluster.h"
#include "runtime/schema/plan_generated.h"

#include "llvm/ADT/StringMap.h"

#include <map>

namespace of {

class PlanTables {
public:
  PlanTables(mlir::ModuleOp module, const Job &job, const Cluster &cluster, plan::PlanT &plan)
      : module(module), job(job), cluster(cluster), plan(plan) {}

  mlir::LogicalResult build();

  std::unique_ptr<plan::LayoutT> layout(DistAttr dist);
  int32_t variable(llvm::StringRef name) const { return variables.lookup(name); }
  uint32_t dataset(llvm::StringRef name) const { return datasets.lookup(name); }
  uint32_t exchange(task::ExchangeOp op) const { return exchanges.lookup(op); }

private:
  void addCluster();
  void addVariables();
  void addDatasets();
  void addPrograms();
  void addExchange(task::ExchangeOp op);
  mlir::LogicalResult addLoop(mlir::Block &block, plan::LoopT &out);
  uint32_t placement(MeshAttr mesh);

  mlir::ModuleOp module;
  const Job &job;
  const Cluster &cluster;
  plan::PlanT &plan;
  llvm::StringMap<int32_t> variables, programs;
  llvm::StringMap<uint32_t> datasets;
  llvm::DenseMap<mlir::Attribute, uint32_t> placements;
  llvm::DenseMap<mlir::Operation *, uint32_t> exchanges;
};

/// "model.mlir:12:3" for an op of the model or derived from one, else empty.
std::string sourceOf(mlir::Location loc);

inline plan::DType planType(mlir::Type element) {
  return static_cast<plan::DType>(dtypeOf(element));
}

} // namespace of
