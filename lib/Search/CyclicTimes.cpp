#include "lib/Search/CyclicTimes.h"

#include <algorithm>

namespace of::search {

void TimeSolver::solve(int64_t period, bool sequential) {
  s_.microPeriod = period;
  s_.start.assign(p_.tasks.size(), 0);
  std::fill(free_.begin(), free_.end(), 0);
  appendAll(pre_);
  placeMicro();
  delayMicro();
  if (sequential)
    shorten();
  for (uint32_t t : micro_)
    occupy(t);
  appendAll(post_);
  delayPre();
  const int64_t first = s_.start.empty() ? 0 : *std::min_element(s_.start.begin(), s_.start.end());
  for (int64_t &start : s_.start)
    start -= first;
}

int64_t TimeSolver::ready(uint32_t t) const {
  int64_t time = free_[p_.tasks[t].stream];
  for (uint32_t e : graph_.into(t)) {
    const CyclicEdge &edge = graph_.edges()[e];
    time = std::max(time, graph_.earliest(edge, s_.start[edge.from], s_.microPeriod));
  }
  return time;
}

std::optional<int64_t> TimeSolver::due(uint32_t t) const {
  std::optional<int64_t> time;
  for (uint32_t e : graph_.outOf(t)) {
    const CyclicEdge &edge = graph_.edges()[e];
    if (p_.tasks[t].micro && !p_.tasks[edge.to].micro)
      return std::nullopt;
    const int64_t limit = s_.start[edge.to] - graph_.span(edge, s_.microPeriod);
    time = time ? std::min(*time, limit) : limit;
  }
  return time;
}

void TimeSolver::appendAll(const std::vector<uint32_t> &tasks) {
  for (uint32_t t : tasks) {
    s_.start[t] = ready(t);
    occupy(t);
  }
}

void TimeSolver::placeMicro() {
  streams_.clear();
  for (uint32_t stream = 0; stream < p_.streams; ++stream)
    streams_.emplace_back(s_.microPeriod, work_[stream]);
  for (uint32_t t : micro_) {
    const CyclicTask &task = p_.tasks[t];
    s_.start[t] = streams_[task.stream].earliest(ready(t), task.durationNs);
    streams_[task.stream].add(s_.start[t], task.durationNs);
  }
}

double TimeSolver::growth(uint32_t t, int64_t start) const {
  const double shift = double(start - s_.start[t]);
  double bytes = 0;
  for (uint32_t r : writes_[t])
    bytes -= double(p_.registers[r].bytes) * shift;
  for (uint32_t r : reads_[t]) {
    const CyclicRegister &reg = p_.registers[r];
    int64_t others = s_.start[reg.producer];
    for (uint32_t reader : reg.readers)
      if (reader != t)
        others = std::max(others, lastUse(p_, s_, reg, reader));
    const int64_t end = s_.start[t] + p_.tasks[t].durationNs;
    const int64_t longer = end + (start - s_.start[t]) - std::max(others, end);
    bytes += double(reg.bytes) * double(std::max<int64_t>(0, longer));
  }
  return bytes;
}

void TimeSolver::indexRegisters() {
  writes_.assign(p_.tasks.size(), {});
  reads_.assign(p_.tasks.size(), {});
  for (uint32_t r = 0; r < p_.registers.size(); ++r) {
    if (!isMicroRegister(p_, p_.registers[r]))
      continue;
    writes_[p_.registers[r].producer].push_back(r);
    for (uint32_t reader : p_.registers[r].readers)
      reads_[reader].push_back(r);
  }
}

void TimeSolver::delayMicro() {
  indexRegisters();
  std::vector<int64_t> end(p_.streams);
  for (uint32_t t : micro_)
    end[p_.tasks[t].stream] =
        std::max(end[p_.tasks[t].stream], s_.start[t] + p_.tasks[t].durationNs);
  for (size_t i = micro_.size(); i-- > 0;) {
    const uint32_t t = micro_[i];
    const CyclicTask &task = p_.tasks[t];
    std::optional<int64_t> limit = due(t);
    if (!limit || task.eager)
      continue;
    limit = std::min(*limit, end[task.stream] - task.durationNs);
    PeriodicStream &stream = streams_[task.stream];
    stream.remove(s_.start[t], task.durationNs);
    const std::optional<int64_t> start = stream.latest(s_.start[t] + 1, *limit, task.durationNs);
    if (start && growth(t, *start) < 0)
      s_.start[t] = *start;
    stream.add(s_.start[t], task.durationNs);
  }
}

void TimeSolver::shorten() {
  int64_t begin = std::numeric_limits<int64_t>::max(), end = 0;
  for (uint32_t t : micro_) {
    begin = std::min(begin, s_.start[t]);
    end = std::max(end, s_.start[t] + p_.tasks[t].durationNs);
  }
  if (!micro_.empty())
    s_.microPeriod = end - begin;
}

void TimeSolver::delayPre() {
  std::vector<int64_t> next(p_.streams, std::numeric_limits<int64_t>::max());
  for (const std::vector<uint32_t> *tasks : {&micro_, &post_})
    for (uint32_t t : *tasks)
      next[p_.tasks[t].stream] = std::min(next[p_.tasks[t].stream], s_.start[t]);
  std::vector<uint32_t> order = pre_;
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return s_.start[a] > s_.start[b]; });
  for (uint32_t t : order) {
    const CyclicTask &task = p_.tasks[t];
    int64_t limit = s_.start[t];
    if (const std::optional<int64_t> latest = due(t); latest && !task.eager)
      limit = std::min(*latest, next[task.stream] - task.durationNs);
    s_.start[t] = std::max(s_.start[t], limit);
    next[task.stream] = s_.start[t];
  }
}

} // namespace of::search
