#include "lib/Search/CyclicGraph.h"

#include <algorithm>
#include <functional>
#include <queue>

namespace of::search {

CyclicGraph::CyclicGraph(const CyclicProblem &problem) : problem_(problem) {
  for (const CyclicRegister &r : problem.registers)
    for (uint32_t reader : r.readers)
      edges_.push_back({r.producer, reader, 0});
  for (const CyclicPrecedence &p : problem.precedences)
    edges_.push_back({p.from, p.to, p.lagNs});
  into_.resize(problem.tasks.size());
  outOf_.resize(problem.tasks.size());
  for (uint32_t e = 0; e < edges_.size(); ++e) {
    into_[edges_[e].to].push_back(e);
    outOf_[edges_[e].from].push_back(e);
  }
  sort();
  afterMicro_.assign(problem.tasks.size(), false);
  tail_.assign(problem.tasks.size(), 0);
  for (uint32_t task : topological_)
    for (uint32_t e : into_[task])
      if (problem.tasks[edges_[e].from].micro || afterMicro_[edges_[e].from])
        afterMicro_[task] = true;
  for (size_t i = topological_.size(); i-- > 0;) {
    const uint32_t task = topological_[i];
    for (uint32_t e : outOf_[task])
      tail_[task] = std::max(tail_[task], edges_[e].lagNs + tail_[edges_[e].to]);
    tail_[task] += problem.tasks[task].durationNs;
  }
}

void CyclicGraph::sort() {
  std::vector<size_t> waits(into_.size());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<uint32_t>> ready;
  for (uint32_t t = 0; t < waits.size(); ++t) {
    waits[t] = into_[t].size();
    if (waits[t] == 0)
      ready.push(t);
  }
  while (!ready.empty()) {
    const uint32_t task = ready.top();
    ready.pop();
    topological_.push_back(task);
    for (uint32_t e : outOf_[task])
      if (--waits[edges_[e].to] == 0)
        ready.push(edges_[e].to);
  }
}

} // namespace of::search
