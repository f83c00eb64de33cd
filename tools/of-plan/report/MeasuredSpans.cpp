// Reads traces in Chrome's format, as runtime/node/Trace.cpp writes them: "X" events with the
// program and the firing in their arguments, on tracks named by device and stream.
#include "tools/of-plan/TextFile.h"
#include "tools/of-plan/report/Spans.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace of::planTool {

namespace {

using Json = nlohmann::json;

class TraceReader {
public:
  TraceReader(const Focus &focus, std::vector<std::string> paths)
      : focus_(focus), paths_(std::move(paths)),
        program_(focus.plan->programs()->Get(focus.program)->name()->str()) {
    for (uint32_t r = 0; r < focus.plan->roles()->size(); ++r) {
      const auto &tasks = *focus.plan->roles()->Get(r)->programs()->Get(focus.program)->tasks();
      names_.emplace_back();
      for (uint32_t t = 0; t < tasks.size(); ++t)
        names_.back().emplace(tasks.Get(t)->name()->str(), t);
      durations_.emplace_back(tasks.size());
    }
    for (uint32_t r = 0; r < focus.plan->roles()->size(); ++r)
      for (const uint32_t device : *focus.plan->roles()->Get(r)->instances())
        roleOfDevice_[device] = r;
  }

  Result<Measurement> run() {
    for (const std::string &path : paths_)
      OF_TRY(read(path));
    return measure();
  }

private:
  Status read(const std::string &path) {
    OF_ASSIGN(const std::string text, readTextFile(path));
    bool isTrace = false;
    std::set<uint64_t> nodes; // that it has events of
    // Events are taken as they are parsed and then dropped: a trace may be large.
    const auto take = [&](int depth, Json::parse_event_t event, Json &value) {
      if (depth == 1 && event == Json::parse_event_t::key && value == "traceEvents")
        isTrace = true;
      if (depth != 2 || event != Json::parse_event_t::object_end)
        return true;
      this->event(value);
      nodes.insert(value.value("pid", uint64_t(0)));
      return false;
    };
    bool isRead = false;
    try {
      isRead = !Json::parse(text, take, false).is_discarded();
    } catch (const Json::exception &) {
      // A value of another type than of-run writes.
    }
    if (!isRead || !isTrace)
      return Status(Code::Corrupt, path + " is no trace that of-run --trace wrote");
    for (const uint64_t node : nodes)
      if (const auto [other, fresh] = fileOfNode_.emplace(node, path); !fresh)
        return Status(Code::InvalidArgument, path + " and " + other->second + " are both of node " +
                                                 std::to_string(node) +
                                                 "; name every node's trace once");
    return Status::ok();
  }

  void event(const Json &e) {
    if (!e.is_object() || e.value("ph", "") != "X" || e.value("cat", "") == "kernel" ||
        !e.contains("args") || e["args"].value("program", "") != program_)
      return;
    const auto device = static_cast<uint32_t>(e.value("tid", uint64_t(0)) / 1000);
    const auto role = roleOfDevice_.find(device);
    if (role == roleOfDevice_.end())
      return;
    const auto task = names_[role->second].find(e.value("name", ""));
    if (task == names_[role->second].end())
      return;
    const double begin = e.value("ts", 0.0), duration = e.value("dur", 0.0);
    durations_[role->second][task->second].push_back(duration);
    spans_.push_back(
        {device, task->second, e["args"].value("firing", uint64_t(0)), begin, begin + duration});
  }

  /// Of the runs of the program (one for each epoch, say) the first: where firings begin anew.
  std::vector<Span> firstEntry() {
    std::stable_sort(spans_.begin(), spans_.end(),
                     [](const Span &a, const Span &b) { return a.beginUs < b.beginUs; });
    std::map<std::pair<uint32_t, uint32_t>, uint64_t> next;
    std::set<std::pair<uint32_t, uint32_t>> over;
    std::vector<Span> out;
    for (const Span &span : spans_) {
      const std::pair key(span.device, span.task);
      const auto last = next.find(key);
      if (last != next.end() && span.index < last->second)
        over.insert(key);
      next[key] = span.index;
      if (!over.count(key))
        out.push_back(span);
    }
    return out;
  }

  Result<Measurement> measure() {
    const std::vector<Span> entry = firstEntry();
    uint64_t first = ~uint64_t(0), last = 0;
    for (const Span &span : entry) {
      first = std::min(first, focus_.stepOf(span));
      last = std::max(last, focus_.stepOf(span));
    }
    if (entry.empty() || last - first + 1 < kWindowSteps + 2)
      return Status(Code::InvalidArgument,
                    fmt::format("{} has {} steps of program {} of this plan, {} are needed; is it "
                                "the trace of another plan?",
                                fmt::join(paths_, ", "), entry.empty() ? 0 : last - first + 1,
                                program_, kWindowSteps + 2));
    Measurement out;
    out.spans = cutWindow(focus_, entry, first + (last - first + 1 - kWindowSteps) / 2);
    for (auto &tasks : durations_) {
      out.durationsUs.emplace_back();
      out.firings.emplace_back();
      for (std::vector<double> &durations : tasks) {
        const size_t middle = durations.size() / 2;
        std::nth_element(durations.begin(), durations.begin() + static_cast<ptrdiff_t>(middle),
                         durations.end());
        out.durationsUs.back().push_back(durations.empty() ? 0 : durations[middle]);
        out.firings.back().push_back(durations.size());
      }
    }
    return out;
  }

  const Focus &focus_;
  const std::vector<std::string> paths_;
  const std::string program_;
  std::map<uint64_t, std::string> fileOfNode_;
  std::vector<std::map<std::string, uint32_t>> names_; ///< by role
  std::map<uint32_t, uint32_t> roleOfDevice_;
  std::vector<Span> spans_;
  std::vector<std::vector<std::vector<double>>> durations_; ///< [role][task]
};

} // namespace

Result<Measurement> measuredSpans(const Focus &focus, const std::vector<std::string> &paths) {
  return TraceReader(focus, paths).run();
}

} // namespace of::planTool
