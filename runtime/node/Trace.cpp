#include "runtime/node/Trace.h"

#include "runtime/actor/TraceEvents.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <map>
#include <tuple>

namespace of::rt {

using trace::microseconds, trace::quoted, trace::trackOf;

namespace {
constexpr size_t kMaxMessages = 1 << 18;
} // namespace

int64_t nowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t threadNs() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Trace::Trace(const plan::Plan &plan, uint32_t node, std::vector<WorkerPlace> workers,
             size_t eventsPerWorker)
    : plan_(plan), node_(node), workers_(std::move(workers)), buffers_(workers_.size()) {
  for (Buffer &buffer : buffers_)
    buffer.spans.reserve(eventsPerWorker);
  messages_.reserve(kMaxMessages);
}

void Trace::firing(uint32_t worker, uint32_t program, uint32_t task, uint64_t index,
                   int64_t beginNs, int64_t endNs) {
  add(worker, {program, task, -1, index, beginNs, endNs, 0});
}

void Trace::kernel(uint32_t worker, uint32_t program, uint32_t task, int32_t call, uint64_t index,
                   int64_t beginNs, int64_t endNs, int64_t threadNs) {
  add(worker, {program, task, call, index, beginNs, endNs, threadNs});
}

void Trace::add(uint32_t worker, const Span &span) {
  Buffer &buffer = buffers_[worker];
  if (buffer.spans.size() == buffer.spans.capacity())
    ++buffer.dropped;
  else
    buffer.spans.push_back(span);
}

void Trace::onMessage(bool outgoing, NodeId peer, const char *kind, const EdgeKey &edge,
                      uint64_t sequence) {
  const int64_t time = nowNs();
  std::lock_guard<std::mutex> lock(messageMutex_);
  if (messages_.size() == kMaxMessages)
    ++droppedMessages_;
  else
    messages_.push_back({outgoing, peer, kind, edge, sequence, time});
}

// What a segment consists of, once for each of a stream's: a
// segment of one kernel has no spans of kernels.
static void writeKernels(std::FILE *file, const plan::Plan &plan, const plan::Role &role,
                         uint32_t stream, uint32_t node, uint32_t track) {
  for (uint32_t p = 0; p < plan.programs()->size(); ++p)
    for (const plan::Task *task : *role.programs()->Get(p)->tasks()) {
      const plan::Segment *segment = task->body_as_Segment();
      if (task->stream() != stream || !segment)
        continue;
      std::fprintf(file,
                   ",\n{\"name\":\"kernels\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{"
                   "\"program\":%s,\"task\":%s,\"kernels\":[",
                   node, track, quoted(plan.programs()->Get(p)->name()->str()).c_str(),
                   quoted(task->name()->str()).c_str());
      const char *separator = "";
      for (const plan::Call *call : *segment->calls()) {
        std::fprintf(file, "%s{\"name\":%s,\"location\":%s}", separator,
                     quoted(call->name()->str()).c_str(),
                     quoted(call->location() ? call->location()->str() : "").c_str());
        separator = ",";
      }
      std::fprintf(file, "]}}");
    }
}

// What the times of this file may be wrong by is the most at its ends.
void Trace::writeClock(std::FILE *file, const ClockMap &clock) const {
  int64_t firstNs = INT64_MAX, lastNs = 0;
  auto cover = [&](int64_t ns) {
    firstNs = std::min(firstNs, ns);
    lastNs = std::max(lastNs, ns);
  };
  for (const Buffer &buffer : buffers_)
    for (const Span &span : buffer.spans) {
      cover(span.beginNs);
      cover(span.endNs);
    }
  for (const MessageEvent &message : messages_)
    cover(message.timeNs);
  firstNs = std::min(firstNs, lastNs);
  std::fprintf(file,
               ",\n{\"name\":\"clock\",\"ph\":\"M\",\"pid\":%u,\"args\":{\"offset_us\":%.3f,"
               "\"drift_ppm\":%.3f,\"error_us\":%.3f}}",
               node_, microseconds(clock.offsetAt(lastNs)), clock.drift() * 1e6,
               microseconds(std::max(clock.errorAt(firstNs), clock.errorAt(lastNs))));
}

void Trace::writeSpan(std::FILE *file, const ClockMap &clock, const plan::Role &role,
                      const WorkerPlace &place, const Span &span) const {
  const TaskEntry &entry = (*place.tables)[span.program].tasks[span.task];
  const plan::Task &task = *role.programs()->Get(span.program)->tasks()->Get(entry.planTask);
  trace::firing(file, node_, place.device,
                {plan_.programs()->Get(span.program)->name()->c_str(), &task, span.call, span.index,
                 microseconds(clock.toRoot(span.beginNs)), microseconds(span.endNs - span.beginNs),
                 microseconds(span.threadNs)});
}

namespace {

// Counts the runs of a program by where the firings of its tasks begin anew, the same on all nodes.
class EntryCounter {
public:
  uint32_t entryOf(uint32_t program, uint32_t task, uint64_t index) {
    const auto [it, fresh] = last_.insert({{program, task}, {index, 0}});
    if (!fresh && index <= it->second.first)
      ++it->second.second;
    it->second.first = index;
    return it->second.second;
  }

private:
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint64_t, uint32_t>> last_;
};

// Credits of the edges that begin on this node: one to another node of the host lends its slot
// until the destination acknowledges, one to another host spends what the destination has granted.
class CreditCounter {
public:
  void write(std::FILE *file, const plan::Plan &plan, uint32_t node, const std::string &kind,
             bool outgoing, const EdgeKey &edge, int64_t timeNs) {
    const bool leaves = kind == "ready" || kind == "push";
    if (outgoing != leaves)
      return; // of the other end
    int64_t &count = counts_[{edge.program, edge.exchange, edge.srcDevice, edge.dstDevice}];
    count += kind == "ready" || kind == "grant" ? 1 : -1;
    std::fprintf(file,
                 ",\n{\"name\":%s,\"ph\":\"C\",\"pid\":%u,\"ts\":%.3f,\"args\":{\"%s\":%lld}}",
                 quoted(plan.exchanges()->Get(edge.exchange)->name()->str() + " " +
                        std::to_string(edge.srcDevice) + ">" + std::to_string(edge.dstDevice))
                     .c_str(),
                 node, microseconds(timeNs), kind == "ready" || kind == "ack" ? "lent" : "granted",
                 static_cast<long long>(count));
  }

private:
  std::map<std::tuple<uint16_t, uint32_t, uint32_t, uint32_t>, int64_t> counts_;
};

} // namespace

// Chrome's trace event format: a process per node, a thread per (device, stream), complete events
// ("X"), instants ("i"), arrows ("s" to "f"), counters ("C").
Status Trace::write(const std::string &path, const ClockMap &clock) const {
  std::FILE *file = std::fopen(path.c_str(), "w");
  if (!file)
    return Status(Code::Io, "cannot write the trace " + path);
  trace::beginNode(file, plan_, node_);
  writeClock(file, clock);
  uint64_t dropped = droppedMessages_;
  for (uint32_t w = 0; w < workers_.size(); ++w) {
    const uint32_t device = workers_[w].device;
    const auto instance = roleOf(plan_, device);
    if (!instance.isOk())
      continue;
    const plan::Role &role = *instance->role;
    for (uint32_t s = 0; s < role.streams()->size(); ++s) {
      const uint32_t track = trackOf(device, s);
      if (role.streams()->Get(s)->worker() != workers_[w].worker)
        continue;
      trace::nameTrack(file, role, node_, device, s);
      writeKernels(file, plan_, role, s, node_, track);
    }
    EntryCounter entries;
    for (const Span &span : buffers_[w].spans) {
      writeSpan(file, clock, role, workers_[w], span);
      if (span.call >= 0)
        continue; // a kernel: the edges are its task's
      const ProgramTable &table = (*workers_[w].tables)[span.program];
      const TaskEntry &task = table.tasks[span.task];
      const uint32_t stream =
          role.programs()->Get(span.program)->tasks()->Get(task.planTask)->stream();
      trace::arrows(file, plan_, table, task, entries.entryOf(span.program, span.task, span.index),
                    span.index,
                    microseconds(clock.toRoot(span.beginNs + (span.endNs - span.beginNs) / 2)),
                    node_, trackOf(device, stream));
    }
    dropped += buffers_[w].dropped;
  }
  std::fprintf(file,
               ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":"
               "\"messages\"}}",
               node_, kNone >> 1);
  CreditCounter credits;
  for (const MessageEvent &m : messages_) {
    std::fprintf(
        file,
        ",\n{\"name\":%s,\"ph\":\"i\",\"s\":\"t\",\"pid\":%u,\"tid\":%u,\"ts\":%.3f,\"args\":{"
        "\"direction\":\"%s\",\"peer\":%u,\"program\":%s,\"exchange\":%s,\"from\":%u,\"to\":%u,"
        "\"sequence\":%llu}}",
        quoted(m.kind).c_str(), node_, kNone >> 1, microseconds(clock.toRoot(m.timeNs)),
        m.outgoing ? "out" : "in", m.peer,
        quoted(plan_.programs()->Get(m.edge.program)->name()->str()).c_str(),
        quoted(plan_.exchanges()->Get(m.edge.exchange)->name()->str()).c_str(), m.edge.srcDevice,
        m.edge.dstDevice, static_cast<unsigned long long>(m.sequence));
    credits.write(file, plan_, node_, m.kind, m.outgoing, m.edge, clock.toRoot(m.timeNs));
  }
  std::fprintf(file, "\n],\"droppedEvents\":%llu}\n", static_cast<unsigned long long>(dropped));
  if (std::fclose(file) != 0)
    return Status(Code::Io, "cannot write the trace " + path + "; is the disk full?");
  return Status::ok();
}

} // namespace of::rt
