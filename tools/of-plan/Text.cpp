#include "tools/of-plan/Text.h"

#include <fmt/format.h>

namespace of::planTool {

namespace {

std::string str(const Json &value) { return value.get<std::string>(); }
double num(const Json &value) { return value.get<double>(); }

/// " (model.mlir:3:1)", or nothing.
std::string at(const Json &described) {
  const std::string location = str(described.at("location"));
  return location.empty() ? "" : " (" + location + ")";
}

std::string shapeText(const Json &tensor) {
  std::vector<int64_t> dims = tensor.at("shape").get<std::vector<int64_t>>();
  return fmt::format("{}[{}]", str(tensor.at("dtype")), fmt::join(dims, ","));
}

std::string portsText(const Json &ports) {
  std::string out;
  for (const Json &port : ports) {
    out += (out.empty() ? "" : ", ") + str(port.at("register"));
    if (port.contains("period"))
      out += fmt::format("/{}", port.at("period").get<uint32_t>());
    if (port.contains("call"))
      out += fmt::format("@{}", port.at("call").get<int32_t>());
  }
  return out.empty() ? "-" : out;
}

void header(std::string &out, const Json &plan) {
  out += fmt::format("job {}, batch {}, seed {}\n", str(plan.at("job")),
                     plan.at("batch").get<uint64_t>(), plan.at("seed").get<uint64_t>());
  out +=
      fmt::format("compiled by {}, digest {}\n", str(plan.at("compiler")), str(plan.at("digest")));
  out += fmt::format("runs {}\n\n", str(plan.at("schedule")));
  out += "devices\n";
  size_t id = 0;
  for (const Json &device : plan.at("cluster").at("devices"))
    out += fmt::format("  {:<4} {} of node {}, {} threads\n", id++, str(device.at("kind")),
                       str(device.at("node")), device.at("threads").get<uint32_t>());
}

void tensors(std::string &out, const Json &plan) {
  if (!plan.at("variables").empty())
    out += "\nvariables\n";
  for (const Json &v : plan.at("variables"))
    out +=
        fmt::format("  {:<24} {:<16} {}\n", str(v.at("name")), shapeText(v), str(v.at("layout")));
  if (!plan.at("exchanges").empty())
    out += "\nexchanges\n";
  for (const Json &x : plan.at("exchanges")) {
    out += fmt::format("  {}{}: {} between devices\n", str(x.at("name")), at(x),
                       bytesText(num(x.at("bytes_moved"))));
    for (const Json &t : x.at("tensors"))
      out += fmt::format("    {:<16} {} -> {}\n", shapeText(t), str(t.at("from")), str(t.at("to")));
  }
}

void roles(std::string &out, const Json &plan) {
  for (const Json &role : plan.at("roles")) {
    out += fmt::format("\nrole {}: devices", str(role.at("name")));
    for (const Json &device : role.at("devices"))
      out += fmt::format(" {}", device.get<uint32_t>());
    out += "\n";
    for (const Json &s : role.at("streams"))
      out += fmt::format("  stream {}: {}, worker {}\n", str(s.at("name")), str(s.at("kind")),
                         s.at("worker").get<uint32_t>());
    size_t chunk = 0;
    for (const Json &c : role.at("chunks"))
      out += fmt::format("  chunk {}: {} of {} memory{}\n", chunk++, bytesText(num(c.at("bytes"))),
                         str(c.at("memory")), c.at("shared").get<bool>() ? ", shared" : "");
    if (num(role.at("max_live_bytes")) > 0)
      out += fmt::format("  live at once: {}\n", bytesText(num(role.at("max_live_bytes"))));
  }
}

void task(std::string &out, const Json &t) {
  out += fmt::format("    {:<20} {:>4}x {:>9}  {:<12} {:<10} {} -> {}", str(t.at("name")),
                     t.at("firings").get<uint32_t>(), durationText(num(t.at("seconds"))),
                     str(t.at("kind")), str(t.at("stream")), portsText(t.at("inputs")),
                     portsText(t.at("outputs")));
  if (t.contains("exchange"))
    out += fmt::format("  [{}]", str(t.at("exchange")));
  out += at(t) + "\n";
  if (!t.contains("kernels"))
    return;
  for (const Json &k : t.at("kernels"))
    out += fmt::format("      {:<30} {:<20} {} tiles{}\n", str(k.at("name")),
                       k.contains("library") ? str(k.at("library")) : "generated",
                       k.at("tiles").get<uint32_t>(), at(k));
}

void roleProgram(std::string &out, const Json &role) {
  out += fmt::format("  role {}\n   order\n", str(role.at("role")));
  for (const auto &[stream, order] : role.at("orders").items())
    out += fmt::format("    {}: {}\n", stream, str(order));
  out += "   tasks (inputs/firings per version@call -> outputs)\n";
  for (const Json &t : role.at("tasks"))
    task(out, t);
  out += "   registers\n";
  for (const Json &r : role.at("registers"))
    out += fmt::format("    {:<20} {} slots of {}{}\n", str(r.at("name")),
                       r.at("slots").get<uint32_t>(), bytesText(num(r.at("slot_bytes"))),
                       r.at("initial").get<uint32_t>() > 0 ? ", full at the start" : "");
  if (!role.at("reuses").empty())
    out += "   reuse edges (a task uses memory again that another has let go of)\n";
  for (const Json &e : role.at("reuses"))
    out += fmt::format("    {} -> {}{}\n", str(e.at("from")), str(e.at("to")),
                       e.at("lag").get<uint32_t>() > 0 ? " of the next iteration" : "");
  out += "   memory\n";
  for (const Json &m : role.at("memory"))
    out += fmt::format("    chunk {} {:>12}  {:>9}  {}\n", m.at("chunk").get<uint32_t>(),
                       m.at("offset").get<uint64_t>(), bytesText(num(m.at("bytes"))),
                       str(m.at("what")));
}

} // namespace

std::string durationText(double seconds) {
  constexpr const char *units[] = {"ns", "us", "ms", "s"};
  double value = seconds * 1e9;
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g} {}", value, units[unit]);
}

std::string bytesText(double bytes) {
  constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1023.5 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", static_cast<int64_t>(bytes))
                   : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string planText(const Json &plan) {
  std::string out;
  header(out, plan);
  tensors(out, plan);
  roles(out, plan);
  for (const Json &p : plan.at("programs")) {
    out += fmt::format("\nprogram {} ({}): step {}", str(p.at("name")), str(p.at("kind")),
                       durationText(num(p.at("step_seconds"))));
    if (p.at("micros").get<uint32_t>() > 1)
      out += fmt::format(", {} micro-batches of {}", p.at("micros").get<uint32_t>(),
                         durationText(num(p.at("micro_seconds"))));
    out += "\n";
    for (const Json &role : p.at("roles"))
      roleProgram(out, role);
  }
  return out;
}

} // namespace of::planTool
