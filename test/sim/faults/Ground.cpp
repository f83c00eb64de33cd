#include "test/sim/faults/Ground.h"

#include "runtime/schema/Solve.h"
#include "test/sim/RandomPlan.h"

namespace of::test {

std::unique_ptr<Ground> makeGround(uint64_t seed) {
  RandomPlan random(seed);
  plan::PlanT &plan = random.builder.plan;
  if (plan.nodes.size() < 2 || plan.exchanges.empty() || !rt::certify(plan).isOk())
    return nullptr;
  auto out = std::make_unique<Ground>();
  out->bytes = random.builder.finish();
  bool talks = false;
  for (uint32_t d = 0; d < plan.devices.size(); ++d) {
    auto tables = rt::buildTables(out->plan(), d);
    if (!tables.isOk())
      return nullptr;
    out->tables.push_back(std::move(*tables));
  }
  for (uint32_t d = 0; d < out->tables.size(); ++d) {
    out->firstWorker.push_back(static_cast<uint32_t>(out->workers.size()));
    for (uint32_t w = 0; w < out->tables[d].workers.size(); ++w) {
      const rt::WorkerTables &tables = out->tables[d].workers[w];
      const uint32_t node = plan.devices[d]->node;
      for (uint32_t e = 0; e < tables[0].edges.size(); ++e) {
        const rt::EdgeEntry &edge = tables[0].edges[e];
        if (edge.isSend)
          out->sends[edge.key] = {static_cast<uint32_t>(out->workers.size()), e};
        talks = talks ||
                plan.devices[edge.key.srcDevice]->node != plan.devices[edge.key.dstDevice]->node;
      }
      out->workers.push_back({node, d, w, &tables, &tables[0]});
    }
  }
  if (!talks)
    return nullptr;
  out->iterations = {2 + seed % 3, 1, 1 + seed % 2};
  out->values = std::make_unique<Values>(out->plan(), out->iterations);
  out->exposure.nodes = static_cast<uint32_t>(plan.nodes.size());
  return out;
}

} // namespace of::test
