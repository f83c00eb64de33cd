#include "tools/of-plan/report/Metrics.h"

#include "tools/of-plan/TextFile.h"

#include <map>
#include <sstream>

namespace of::planTool {

namespace {

using Points = std::map<uint64_t, double>; // by step

Json thinned(const Points &points) {
  const size_t bucket = (points.size() + kChartPoints - 1) / kChartPoints;
  Json out = Json::array();
  for (auto it = points.begin(); it != points.end();) {
    const uint64_t step = it->first;
    double sum = 0;
    size_t count = 0;
    for (; it != points.end() && count < bucket; ++it, ++count)
      sum += it->second;
    out.push_back({step, sum / static_cast<double>(count)});
  }
  return out;
}

} // namespace

Result<Json> readMetrics(const std::string &path) {
  OF_ASSIGN(const std::string text, readTextFile(path));
  std::istringstream lines(text);
  std::map<std::pair<std::string, std::string>, Points> series;
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const nlohmann::json record = nlohmann::json::parse(line, nullptr, false);
    const bool isRecord = record.is_object() && record.contains("step") &&
                          record["step"].is_number_unsigned() && record.contains("program") &&
                          record["program"].is_string();
    if (!isRecord && lines.eof())
      break; // a run that was killed may have left half a line
    if (!isRecord)
      return Status(Code::Corrupt, path + ":" + std::to_string(number) +
                                       ": no record of a step; name the metrics.jsonl of a run");
    for (const auto &[name, value] : record.items())
      if (name != "step" && name != "epoch" && value.is_number())
        series[{record["program"], name}][record["step"]] = value;
  }
  Json out = Json::array();
  for (const auto &[key, points] : series)
    out.push_back({{"program", key.first}, {"name", key.second}, {"points", thinned(points)}});
  return out;
}

} // namespace of::planTool
