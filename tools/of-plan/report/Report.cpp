#include "tools/of-plan/report/Report.h"

#include "tools/of-plan/DescribeProgram.h"
#include "tools/of-plan/Simulate.h"
#include "tools/of-plan/TextFile.h"
#include "tools/of-plan/report/MemoryMap.h"
#include "tools/of-plan/report/Metrics.h"
#include "tools/of-plan/report/PageText_generated.h"
#include "tools/of-plan/report/Spans.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace of::planTool {

namespace {

class ReportBuilder {
public:
  ReportBuilder(const rt::PlanFile &file, Focus focus)
      : file_(file), plan_(file.plan()), focus_(std::move(focus)) {
    for (const plan::Role *role : *plan_.roles()) {
      firstTask_.push_back(tasks_);
      tasks_ += role->programs()->Get(focus_.program)->tasks()->size();
    }
    for (uint32_t r = 0; r < plan_.roles()->size(); ++r)
      for (const uint32_t device : *plan_.roles()->Get(r)->instances())
        roleOfDevice_[device] = r;
  }

  Result<Json> run(const ReportOptions &options) {
    OF_ASSIGN(const Spans predicted, predictedSpans(focus_));
    Measurement measured;
    if (!options.traces.empty()) {
      OF_ASSIGN(measured, measuredSpans(focus_, options.traces));
    }
    Json metrics = Json::array();
    if (!options.metrics.empty()) {
      OF_ASSIGN(metrics, readMetrics(options.metrics));
    }
    Json out = {{"plan", describePlan(plan_, file_.digest())},
                {"program", text(plan_.programs()->Get(focus_.program)->name())},
                {"window_steps", kWindowSteps},
                {"devices", plan_.devices()->size()},
                {"lanes", lanes()},
                {"tasks", tasks(measured)},
                {"edges", edges()},
                {"predicted", spansJson(predicted)}};
    out["plan"].erase("programs"); // the page has its own form of the one that it shows
    if (!options.traces.empty())
      out["measured"] = spansJson(measured.spans);
    out["memory"] = memoryMaps(focus_, predicted);
    out["metrics"] = std::move(metrics);
    return out;
  }

private:
  const plan::RoleProgram &programOf(uint32_t role) const {
    return *plan_.roles()->Get(role)->programs()->Get(focus_.program);
  }

  Json lanes() {
    Json out = Json::array();
    for (const uint32_t device : focus_.devices) {
      const plan::Role &role = *plan_.roles()->Get(roleOfDevice_.at(device));
      for (uint32_t s = 0; s < role.streams()->size(); ++s) {
        laneOf_[{device, s}] = out.size();
        out.push_back(
            {{"device", device},
             {"stream", text(role.streams()->Get(s)->name())},
             {"kind", lower(role.streams()->Get(s)->kind(), plan::EnumNameStreamKind)},
             {"node", text(plan_.nodes()->Get(plan_.devices()->Get(device)->node())->name())}});
      }
    }
    return out;
  }

  Json tasks(const Measurement &measured) const {
    Json out = Json::array();
    for (uint32_t r = 0; r < plan_.roles()->size(); ++r) {
      const plan::Role &role = *plan_.roles()->Get(r);
      const Json described = describeRoleProgram(plan_, role, focus_.program);
      for (uint32_t t = 0; t < programOf(r).tasks()->size(); ++t) {
        const Json &task = described.at("tasks").at(t);
        const plan::Stream &stream = *role.streams()->Get(programOf(r).tasks()->Get(t)->stream());
        out.push_back({{"name", task.at("name")},
                       {"role", text(role.name())},
                       {"kind", task.at("kind")},
                       {"stream", task.at("stream")},
                       {"stream_kind", lower(stream.kind(), plan::EnumNameStreamKind)},
                       {"location", task.at("location")},
                       {"firings", task.at("firings")},
                       {"predicted_us", task.at("seconds").get<double>() * 1e6},
                       {"kernels", kernels(task)}});
        if (r < measured.firings.size() && measured.firings[r][t] > 0) {
          out.back()["measured_us"] = measured.durationsUs[r][t];
          out.back()["measured_firings"] = measured.firings[r][t];
        }
      }
    }
    return out;
  }

  static Json kernels(const Json &task) {
    Json out = Json::array();
    if (task.contains("kernels"))
      for (const Json &kernel : task.at("kernels"))
        out.push_back({{"name", kernel.at("name")}, {"location", kernel.at("location")}});
    return out;
  }

  /// Registers inside a role, exchanges between roles or inside one.
  Json edges() const {
    Json out = Json::array();
    std::map<uint32_t, std::pair<std::set<size_t>, std::set<size_t>>> exchanges;
    for (uint32_t r = 0; r < plan_.roles()->size(); ++r) {
      const plan::RoleProgram &program = programOf(r);
      std::map<uint32_t, size_t> writers;
      for (uint32_t t = 0; t < program.tasks()->size(); ++t) {
        const plan::Task &task = *program.tasks()->Get(t);
        for (uint32_t o = 0; task.outputs() && o < task.outputs()->size(); ++o)
          writers[task.outputs()->Get(o)->reg()] = firstTask_[r] + t;
        if (const plan::Send *send = task.body_as_Send())
          exchanges[send->exchange()].first.insert(firstTask_[r] + t);
        if (const plan::Receive *receive = task.body_as_Receive())
          exchanges[receive->exchange()].second.insert(firstTask_[r] + t);
      }
      for (uint32_t t = 0; t < program.tasks()->size(); ++t) {
        const plan::Task &task = *program.tasks()->Get(t);
        for (uint32_t i = 0; task.inputs() && i < task.inputs()->size(); ++i) {
          const uint32_t reg = task.inputs()->Get(i)->reg();
          const auto writer = writers.find(reg);
          if (writer != writers.end() && writer->second != firstTask_[r] + t)
            out.push_back(edge(writer->second, firstTask_[r] + t, "register",
                               text(program.registers()->Get(reg)->name())));
        }
      }
    }
    for (const auto &[exchange, ends] : exchanges)
      for (const size_t from : ends.first)
        for (const size_t to : ends.second)
          out.push_back(edge(from, to, "exchange", text(plan_.exchanges()->Get(exchange)->name())));
    return out;
  }

  static Json edge(size_t from, size_t to, const char *kind, std::string name) {
    return {{"from", from}, {"to", to}, {"kind", kind}, {"name", std::move(name)}};
  }

  Json spansJson(const Spans &spans) const {
    Json list = Json::array();
    for (const Span &span : spans.spans) {
      const auto lane = laneOf_.find({span.device, focus_.task(span).stream()});
      if (lane != laneOf_.end())
        list.push_back(
            Json::array({lane->second, firstTask_[roleOfDevice_.at(span.device)] + span.task,
                         span.index, rounded(span.beginUs), rounded(span.endUs - span.beginUs)}));
    }
    return {{"step_us", spans.stepUs}, {"end_us", spans.endUs}, {"spans", std::move(list)}};
  }

  /// Nanoseconds are enough, and short.
  static double rounded(double us) { return std::round(us * 1000) / 1000; }

  const rt::PlanFile &file_;
  const plan::Plan &plan_;
  const Focus focus_;
  std::vector<size_t> firstTask_; ///< by role
  size_t tasks_ = 0;
  std::map<uint32_t, uint32_t> roleOfDevice_;
  std::map<std::pair<uint32_t, uint32_t>, size_t> laneOf_; ///< (device, stream)
};

/// The first device of every role, then others in order.
std::vector<uint32_t> devicesToShow(const plan::Plan &plan, uint32_t atMost) {
  std::set<uint32_t> out;
  for (const plan::Role *role : *plan.roles())
    if (out.size() < atMost)
      out.insert(role->instances()->Get(0));
  for (uint32_t d = 0; d < plan.devices()->size() && out.size() < atMost; ++d)
    out.insert(d);
  return {out.begin(), out.end()};
}

/// A template whose %words% are replaced; what is put in is not looked at again.
std::string filled(const std::string &page, const std::map<std::string, std::string> &words) {
  std::string out;
  size_t from = 0;
  for (size_t at; (at = page.find('%', from)) != std::string::npos;) {
    const size_t end = page.find('%', at + 1);
    const auto word =
        end == std::string::npos ? words.end() : words.find(page.substr(at + 1, end - at - 1));
    out += page.substr(from, (word == words.end() ? at + 1 : at) - from);
    from = at + 1;
    if (word != words.end()) {
      out += word->second;
      from = end + 1;
    }
  }
  return out + page.substr(from);
}

/// JSON inside a script element: no text of a model may end the element.
std::string embedded(const Json &data) {
  std::string out;
  for (const char c : data.dump(-1, ' ', false, Json::error_handler_t::replace))
    out += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return out;
}

} // namespace

Result<Json> reportData(const rt::PlanFile &file, const ReportOptions &options) {
  Focus focus;
  focus.plan = &file.plan();
  OF_ASSIGN(focus.program, programNamed(file.plan(), options.program));
  focus.devices = devicesToShow(file.plan(), options.devices);
  return ReportBuilder(file, std::move(focus)).run(options);
}

Status writeReport(const rt::PlanFile &file, const ReportOptions &options) {
  OF_ASSIGN(const Json data, reportData(file, options));
  return writeTextFile(
      options.output,
      filled(page::kHtml, {{"css", page::kCss}, {"js", page::kJs}, {"data", embedded(data)}}));
}

} // namespace of::planTool
