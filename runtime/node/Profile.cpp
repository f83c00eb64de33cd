#include "runtime/node/Profile.h"

#include "runtime/node/Trace.h"

#include <algorithm>

namespace of::rt {

TaskWork workOf(const plan::RoleProgram &program, const plan::Task &task) {
  TaskWork out;
  if (const plan::Segment *segment = task.body_as_Segment())
    for (const plan::Call *call : *segment->calls())
      out.flops += call->flops();
  for (const auto *ports : {task.inputs(), task.outputs()})
    if (ports)
      for (const plan::Port *port : *ports)
        out.bytes += static_cast<double>(program.registers()->Get(port->reg())->slot_bytes());
  return out;
}

double Samples::medianSeconds() const {
  const size_t kept = std::min<uint64_t>(count_, kCapacity);
  if (kept == 0)
    return 0;
  std::vector<int64_t> sorted(ns_.begin(), ns_.begin() + static_cast<ptrdiff_t>(kept));
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>(kept / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return static_cast<double>(*middle) * 1e-9;
}

double Samples::meanSeconds() const {
  const size_t kept = std::min<uint64_t>(count_, kCapacity);
  double sum = 0;
  for (size_t i = 0; i < kept; ++i)
    sum += static_cast<double>(ns_[i]);
  return kept ? sum * 1e-9 / static_cast<double>(kept) : 0;
}

Profile::Profile(const plan::Plan &plan, uint32_t node, std::vector<WorkerPlace> workers)
    : plan_(plan), node_(node), workers_(std::move(workers)), tasks_(workers_.size()) {
  size_t edges = 0;
  for (size_t w = 0; w < workers_.size(); ++w)
    for (const ProgramTable &table : *workers_[w].tables) {
      tasks_[w].emplace_back(table.tasks.size());
      for (const EdgeEntry &edge : table.edges)
        if (edge.isSend && edge.path == Path::Pushed) {
          ++exchanges_[{edge.key.program, edge.key.exchange}].pushes;
          links_[plan_.devices()->Get(edge.key.dstDevice)->node()];
          edges += edge.window;
        }
    }
  open_.reserve(edges);
}

void Profile::onPush(NodeId, const EdgeKey &edge, uint64_t sequence, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  open_.push_back({edge, sequence, bytes, nowNs(), 0});
}

void Profile::onPushDone(NodeId peer, const EdgeKey &edge, uint64_t sequence) {
  const int64_t now = nowNs();
  std::lock_guard<std::mutex> lock(mutex_);
  const auto push = std::find_if(open_.begin(), open_.end(), [&](const Push &p) {
    return p.sequence == sequence && p.edge == edge;
  });
  if (push == open_.end())
    return;
  // Until now the way out was busy with the oldest, though a small one behind it may be told of
  // first.
  open_.front().ns += now - std::max(open_.front().beginNs, lastDoneNs_);
  lastDoneNs_ = now;
  const int64_t ns = push->ns;
  LinkSamples &link = links_[peer];
  if (push->bytes > link.bytes)
    link = {push->bytes, {}};
  if (push->bytes == link.bytes)
    link.samples.add(ns);
  ExchangeSamples &exchange = exchanges_[{edge.program, edge.exchange}];
  exchange.ns += ns;
  exchange.bytes += static_cast<double>(push->bytes);
  open_.erase(push);
  if (++exchange.done < exchange.pushes)
    return;
  exchange.samples.add(exchange.ns);
  exchange.firingBytes = exchange.bytes;
  exchange.ns = 0;
  exchange.bytes = 0;
  exchange.done = 0;
}

NodeProfile Profile::summary() const {
  NodeProfile out;
  std::map<std::pair<uint32_t, std::string>, TaskTimes> tasks; // program, name
  for (size_t w = 0; w < workers_.size(); ++w) {
    const auto instance = roleOf(plan_, workers_[w].device);
    for (uint32_t p = 0; instance.isOk() && p < tasks_[w].size(); ++p)
      for (uint32_t t = 0; t < tasks_[w][p].size(); ++t) {
        const Samples &samples = tasks_[w][p][t];
        if (samples.count() == 0)
          continue;
        const plan::RoleProgram &program = *instance->role->programs()->Get(p);
        const plan::Task &task = *program.tasks()->Get((*workers_[w].tables)[p].tasks[t].planTask);
        TaskTimes &times = tasks[{p, task.name()->str()}];
        times.program = plan_.programs()->Get(p)->name()->str();
        times.task = task.name()->str();
        const TaskWork work = workOf(program, task);
        times.work = {std::max(times.work.flops, work.flops),
                      std::max(times.work.bytes, work.bytes)};
        times.firings = std::max(times.firings, samples.count());
        times.seconds = std::max(times.seconds, samples.medianSeconds());
      }
  }
  for (auto &[key, times] : tasks)
    out.tasks.push_back(std::move(times));
  for (const auto &[key, exchange] : exchanges_)
    if (exchange.samples.count() > 0)
      out.exchanges.push_back({plan_.programs()->Get(key.first)->name()->str(),
                               plan_.exchanges()->Get(key.second)->name()->str(),
                               exchange.firingBytes, exchange.samples.count(),
                               exchange.samples.meanSeconds()});
  for (const auto &[peer, link] : links_)
    if (link.samples.count() > 0)
      out.links.push_back({plan_.nodes()->Get(node_)->name()->str(),
                           plan_.nodes()->Get(peer)->name()->str(), static_cast<double>(link.bytes),
                           link.samples.count(), link.samples.meanSeconds()});
  return out;
}

} // namespace of::rt
