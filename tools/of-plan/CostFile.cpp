#include "tools/of-plan/CostFile.h"

#include "tools/of-plan/TextFile.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace of::planTool {

namespace {

using nlohmann::json;
using search::CostEdge;
using search::CostNode;
using search::kForbidden;

constexpr double kForbiddenInFiles = 1e18;

Status wrong(const std::string &where, const std::string &what) {
  return Status(Code::InvalidArgument, where + ": " + what);
}

Result<const json *> member(const json &object, const char *name, const std::string &where,
                            json::value_t type) {
  if (!object.is_object() || !object.contains(name))
    return wrong(where, fmt::format("there is no \"{}\"", name));
  const json &value = object.at(name);
  if (value.type() != type)
    return wrong(
        fmt::format("{}.{}", where, name),
        fmt::format("is {} where {} is expected", value.type_name(), json(type).type_name()));
  return &value;
}

Result<std::vector<double>> numbers(const json &list, const std::string &where) {
  if (!list.is_array())
    return wrong(where, fmt::format("is {} where a list of numbers is expected", list.type_name()));
  std::vector<double> out;
  out.reserve(list.size());
  for (const json &value : list) {
    if (!value.is_number())
      return wrong(fmt::format("{}[{}]", where, out.size()),
                   fmt::format("is {} where a number is expected", value.type_name()));
    const double number = value.get<double>();
    out.push_back(number >= kForbiddenInFiles ? kForbidden : number);
  }
  return out;
}

Result<std::vector<int64_t>> integers(const json &list, const std::string &where) {
  if (!list.is_array())
    return wrong(where,
                 fmt::format("is {} where a list of integers is expected", list.type_name()));
  std::vector<int64_t> out;
  for (const json &value : list) {
    if (!value.is_number_integer() ||
        (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX)))
      return wrong(fmt::format("{}[{}]", where, out.size()),
                   fmt::format("is {} where an integer below 2^63 is expected", value.dump()));
    out.push_back(value.get<int64_t>());
  }
  return out;
}

Result<std::vector<int64_t>> integerPair(const json &list, const std::string &where) {
  OF_ASSIGN(std::vector<int64_t> pair, integers(list, where));
  if (pair.size() != 2)
    return wrong(where, fmt::format("has {} elements where 2 are expected", pair.size()));
  return pair;
}

/// The parts of nodes or edges: lists of one length.
Status sameLength(const json &first, const json &second, const std::string &where) {
  if (first.size() == second.size())
    return Status::ok();
  return wrong(where,
               fmt::format("has {} elements where {} are expected", second.size(), first.size()));
}

Status readNodes(const json &problem, search::CostNetwork &network) {
  OF_ASSIGN(const json *nodes, member(problem, "nodes", "problem", json::value_t::object));
  OF_ASSIGN(const json *intervals,
            member(*nodes, "intervals", "problem.nodes", json::value_t::array));
  OF_ASSIGN(const json *costs, member(*nodes, "costs", "problem.nodes", json::value_t::array));
  OF_ASSIGN(const json *usages, member(*nodes, "usages", "problem.nodes", json::value_t::array));
  OF_TRY(sameLength(*intervals, *costs, "problem.nodes.costs"));
  OF_TRY(sameLength(*intervals, *usages, "problem.nodes.usages"));
  for (size_t i = 0; i < intervals->size(); ++i) {
    const auto where = [&](const char *part) {
      return fmt::format("problem.nodes.{}[{}]", part, i);
    };
    CostNode node;
    OF_ASSIGN(const std::vector<int64_t> interval,
              integerPair((*intervals)[i], where("intervals")));
    OF_ASSIGN(node.costs, numbers((*costs)[i], where("costs")));
    OF_ASSIGN(node.usages, integers((*usages)[i], where("usages")));
    node.from = interval[0];
    node.to = interval[1];
    network.nodes.push_back(std::move(node));
  }
  return Status::ok();
}

Status readEdges(const json &problem, search::CostNetwork &network) {
  OF_ASSIGN(const json *edges, member(problem, "edges", "problem", json::value_t::object));
  OF_ASSIGN(const json *nodes, member(*edges, "nodes", "problem.edges", json::value_t::array));
  OF_ASSIGN(const json *costs, member(*edges, "costs", "problem.edges", json::value_t::array));
  OF_TRY(sameLength(*nodes, *costs, "problem.edges.costs"));
  for (size_t e = 0; e < nodes->size(); ++e) {
    const std::string where = fmt::format("problem.edges.nodes[{}]", e);
    CostEdge edge;
    OF_ASSIGN(const std::vector<int64_t> ends, integerPair((*nodes)[e], where));
    for (int64_t end : ends)
      if (end < 0 || end >= int64_t(network.nodes.size()))
        return wrong(where,
                     fmt::format("joins node {}; there are {} nodes", end, network.nodes.size()));
    edge.a = uint32_t(ends[0]);
    edge.b = uint32_t(ends[1]);
    OF_ASSIGN(edge.costs, numbers((*costs)[e], fmt::format("problem.edges.costs[{}]", e)));
    network.edges.push_back(std::move(edge));
  }
  return Status::ok();
}

Result<CostFile> readProblem(const json &document) {
  CostFile file;
  OF_ASSIGN(const json *problem, member(document, "problem", "document", json::value_t::object));
  if (problem->contains("name") && problem->at("name").is_string())
    file.name = problem->at("name").get<std::string>();
  OF_TRY(readNodes(*problem, file.network));
  OF_TRY(readEdges(*problem, file.network));
  if (problem->contains("usage_limit") && !problem->at("usage_limit").is_null()) {
    OF_ASSIGN(const std::vector<int64_t> limit,
              integers(json::array({problem->at("usage_limit")}), "problem.usage_limit"));
    file.network.usageLimit = limit.front();
  }
  OF_TRY(file.network.check());
  return file;
}

/// Parses without the exceptions of the library.
Result<json> parse(const std::string &path) {
  OF_ASSIGN(const std::string text, readTextFile(path));
  try {
    return json::parse(text);
  } catch (const json::parse_error &error) {
    const std::string before = text.substr(0, error.byte ? error.byte - 1 : 0);
    const size_t line = size_t(std::count(before.begin(), before.end(), '\n')) + 1;
    const size_t newline = before.rfind('\n');
    const size_t column = before.size() - (newline == std::string::npos ? 0 : newline + 1) + 1;
    return Status(Code::InvalidArgument,
                  fmt::format("{}:{}:{}: this is no JSON", path, line, column));
  } catch (const json::out_of_range &) { // which does not say where
    return Status(Code::InvalidArgument, path + ": a number is larger than any double");
  }
}

json costList(const std::vector<double> &costs) {
  json list = json::array();
  for (double c : costs)
    if (c == kForbidden)
      list.push_back(int64_t(kForbiddenInFiles));
    else if (c == std::floor(c) && std::abs(c) < 9e15)
      list.push_back(int64_t(c));
    else
      list.push_back(c);
  return list;
}

} // namespace

Result<CostFile> readCostFile(const std::string &path) {
  OF_ASSIGN(const json document, parse(path));
  Result<CostFile> file = readProblem(document);
  if (!file.isOk())
    return file.status().withContext(path);
  return file;
}

Status writeCostFile(const std::string &path, const CostFile &file) {
  json nodes{{"intervals", json::array()}, {"costs", json::array()}, {"usages", json::array()}};
  for (const CostNode &n : file.network.nodes) {
    nodes["intervals"].push_back({n.from, n.to});
    nodes["costs"].push_back(costList(n.costs));
    nodes["usages"].push_back(n.usages.empty() ? std::vector<int64_t>(n.costs.size(), 0)
                                               : n.usages);
  }
  json edges{{"nodes", json::array()}, {"costs", json::array()}};
  for (const CostEdge &e : file.network.edges) {
    edges["nodes"].push_back({e.a, e.b});
    edges["costs"].push_back(costList(e.costs));
  }
  json problem{{"name", file.name}, {"nodes", nodes}, {"edges", edges}};
  if (file.network.usageLimit)
    problem["usage_limit"] = *file.network.usageLimit;
  return writeTextFile(path, json{{"problem", problem}}.dump() + "\n");
}

Result<search::Choice> readChoice(const std::string &path) {
  OF_ASSIGN(const json document, parse(path));
  const Result<std::vector<int64_t>> list = integers(document, "document");
  if (!list.isOk())
    return list.status().withContext(path);
  search::Choice choice;
  for (int64_t option : *list) {
    if (option < 0 || option > UINT32_MAX)
      return Status(Code::InvalidArgument, fmt::format("{}: {} is no option", path, option));
    choice.push_back(uint32_t(option));
  }
  return choice;
}

Status writeChoice(const std::string &path, const search::Choice &choice) {
  return writeTextFile(path, json(choice).dump() + "\n");
}

} // namespace of::planTool
