#include "runtime/node/Trace.h"

#include <chrono>
#include <cstdio>

namespace of::rt {

namespace {
constexpr size_t kMaxMessages = 1 << 18;

/// A JSON string literal.
std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out + "\"";
}

double microseconds(int64_t ns) { return static_cast<double>(ns) / 1000.0; }
} // namespace

int64_t nowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
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
  Buffer &buffer = buffers_[worker];
  if (buffer.spans.size() == buffer.spans.capacity())
    ++buffer.dropped;
  else
    buffer.spans.push_back({program, task, index, beginNs, endNs});
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

// What a segment consists of, once for each of a stream's: a span is the segment's, the lines of
// the model are its kernels'.
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

// Chrome's trace event format: a process per node, a thread per (device, stream), complete events
// ("X"), instants ("i").
Status Trace::write(const std::string &path) const {
  std::FILE *file = std::fopen(path.c_str(), "w");
  if (!file)
    return Status(Code::Io, "cannot write the trace " + path);
  const std::string nodeName = plan_.nodes()->Get(node_)->name()->str();
  std::fprintf(file,
               "{\"traceEvents\":[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%u,\"args\":{"
               "\"name\":%s}}",
               node_, quoted("node " + nodeName).c_str());
  constexpr uint32_t kStreamsPerDevice = 1000;
  uint64_t dropped = droppedMessages_;
  for (uint32_t w = 0; w < workers_.size(); ++w) {
    const uint32_t device = workers_[w].device;
    const auto instance = roleOf(plan_, device);
    if (!instance.isOk())
      continue;
    const plan::Role &role = *instance->role;
    for (uint32_t s = 0; s < role.streams()->size(); ++s) {
      const uint32_t track = device * kStreamsPerDevice + s;
      if (role.streams()->Get(s)->worker() != workers_[w].worker)
        continue;
      std::fprintf(
          file,
          ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":%s}}",
          node_, track,
          quoted("device " + std::to_string(device) + " " + role.streams()->Get(s)->name()->str())
              .c_str());
      writeKernels(file, plan_, role, s, node_, track);
    }
    for (const Span &span : buffers_[w].spans) {
      const TaskEntry &entry = (*workers_[w].tables)[span.program].tasks[span.task];
      const plan::Task &task = *role.programs()->Get(span.program)->tasks()->Get(entry.planTask);
      std::fprintf(
          file,
          ",\n{\"name\":%s,\"ph\":\"X\",\"pid\":%u,\"tid\":%u,\"ts\":%.3f,\"dur\":%.3f,\"args\":{"
          "\"program\":%s,\"firing\":%llu,\"location\":%s}}",
          quoted(task.name()->str()).c_str(), node_, device * kStreamsPerDevice + task.stream(),
          microseconds(span.beginNs), microseconds(span.endNs - span.beginNs),
          quoted(plan_.programs()->Get(span.program)->name()->str()).c_str(),
          static_cast<unsigned long long>(span.index),
          quoted(task.location() ? task.location()->str() : "").c_str());
    }
    dropped += buffers_[w].dropped;
  }
  std::fprintf(file,
               ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":"
               "\"messages\"}}",
               node_, kNone >> 1);
  for (const MessageEvent &m : messages_)
    std::fprintf(
        file,
        ",\n{\"name\":%s,\"ph\":\"i\",\"s\":\"t\",\"pid\":%u,\"tid\":%u,\"ts\":%.3f,\"args\":{"
        "\"direction\":\"%s\",\"peer\":%u,\"program\":%s,\"exchange\":%s,\"from\":%u,\"to\":%u,"
        "\"sequence\":%llu}}",
        quoted(m.kind).c_str(), node_, kNone >> 1, microseconds(m.timeNs),
        m.outgoing ? "out" : "in", m.peer,
        quoted(plan_.programs()->Get(m.edge.program)->name()->str()).c_str(),
        quoted(plan_.exchanges()->Get(m.edge.exchange)->name()->str()).c_str(), m.edge.srcDevice,
        m.edge.dstDevice, static_cast<unsigned long long>(m.sequence));
  std::fprintf(file, "\n],\"droppedEvents\":%llu}\n", static_cast<unsigned long long>(dropped));
  if (std::fclose(file) != 0)
    return Status(Code::Io, "cannot write the trace " + path + "; is the disk full?");
  return Status::ok();
}

} // namespace of::rt
