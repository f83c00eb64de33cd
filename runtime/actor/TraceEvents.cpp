#include "runtime/actor/TraceEvents.h"

namespace of::rt::trace {

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

static std::string quoted(const flatbuffers::String *text) {
  return quoted(text ? text->str() : std::string());
}

uint32_t trackOf(uint32_t device, uint32_t stream) {
  constexpr uint32_t kStreamsPerDevice = 1000;
  return device * kStreamsPerDevice + stream;
}

double microseconds(int64_t ns) { return static_cast<double>(ns) / 1000.0; }

void beginNode(std::FILE *file, const plan::Plan &plan, uint32_t node, bool isFirst) {
  std::fprintf(file,
               "%s\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%u,\"args\":{\"name\":%s}}",
               isFirst ? "{\"traceEvents\":[" : ",", node,
               quoted("node " + plan.nodes()->Get(node)->name()->str()).c_str());
}

void nameTrack(std::FILE *file, const plan::Role &role, uint32_t node, uint32_t device,
               uint32_t stream) {
  std::fprintf(
      file,
      ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":%s}}",
      node, trackOf(device, stream),
      quoted("device " + std::to_string(device) + " " + role.streams()->Get(stream)->name()->str())
          .c_str());
}

void firing(std::FILE *file, uint32_t node, uint32_t device, const Firing &f) {
  const plan::Call *call =
      f.call < 0 ? nullptr : f.task->body_as_Segment()->calls()->Get(static_cast<uint32_t>(f.call));
  std::fprintf(file,
               ",\n{\"name\":%s,\"cat\":\"%s\",\"ph\":\"X\",\"pid\":%u,\"tid\":%u,\"ts\":%.3f,"
               "\"dur\":%.3f,\"args\":{\"program\":%s,\"firing\":%llu,\"location\":%s",
               quoted(call ? call->name() : f.task->name()).c_str(), call ? "kernel" : "task", node,
               trackOf(device, f.task->stream()), f.beginUs, f.durationUs,
               quoted(std::string(f.program)).c_str(), static_cast<unsigned long long>(f.index),
               quoted(call ? call->location() : f.task->location()).c_str());
  if (call)
    std::fprintf(file, ",\"task\":%s,\"call\":%d},\"tdur\":%.3f}", quoted(f.task->name()).c_str(),
                 f.call, f.threadUs);
  else
    std::fprintf(file, "}}");
}

void arrows(std::FILE *file, const plan::Plan &plan, const ProgramTable &table,
            const TaskEntry &task, uint32_t entry, uint64_t index, double timeUs, uint32_t node,
            uint32_t track) {
  const EndEntry &end = table.ends[static_cast<size_t>(&task - table.tasks.data())];
  for (uint32_t e = end.firstEdge; e < end.firstEdge + end.numEdges; ++e) {
    const EdgeEntry &edge = table.edges[e];
    std::fprintf(file,
                 ",\n{\"name\":%s,\"cat\":\"edge\",\"ph\":\"%s\",\"id\":\"%u.%u.%u.%u.%u.%llu\","
                 "\"pid\":%u,\"tid\":%u,\"ts\":%.3f}",
                 quoted(plan.exchanges()->Get(edge.key.exchange)->name()).c_str(),
                 edge.isSend ? "s" : "f\",\"bp\":\"e", table.program, entry, edge.key.exchange,
                 edge.key.srcDevice, edge.key.dstDevice, static_cast<unsigned long long>(index),
                 node, track, timeUs);
  }
}

} // namespace of::rt::trace
