// of-plan solve as a user starts it.
#include "test/support/Command.h"

#include <fstream>
#include <nlohmann/json.hpp>

using namespace of;
using namespace of::test;

namespace {

/// The contest's own example in shape: five nodes, five edges, a limit that binds.
const char *const kExample = R"({"problem": {"name": "example",
  "nodes": {"intervals": [[30, 70], [40, 70], [50, 120], [110, 140], [110, 150]],
            "costs": [[15], [55, 65], [25, 45, 35], [85, 75], [95]],
            "usages": [[10], [25, 25], [15, 20, 15], [10, 10], [15]]},
  "edges": {"nodes": [[0, 1], [0, 2], [1, 3], [2, 4], [3, 4]],
            "costs": [[30, 40], [50, 10, 40], [90, 10, 20, 80], [60, 20, 30], [70, 60]]},
  "usage_limit": 50}})";

std::string write(const Folder &folder, const std::string &name, const std::string &text) {
  const std::string path = folder.path + "/" + name;
  std::ofstream(path) << text;
  return path;
}

Outcome solve(const std::string &arguments) { return runCommand(OF_PLAN, "solve " + arguments); }

bool has(const Outcome &outcome, const std::string &text) {
  INFO(outcome.output);
  return outcome.output.find(text) != std::string::npos;
}

/// The example with one part replaced.
std::string with(const std::string &part, const std::string &other) {
  std::string text = kExample;
  const size_t at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.replace(at, part.size(), other);
}

} // namespace

TEST_CASE("a network is solved, and the choice is written and taken up again") {
  const Folder folder;
  const std::string network = write(folder, "example.json", kExample);
  const std::string choice = folder.path + "/choice.json";
  const Outcome text = solve(network + " -o " + choice);
  CHECK(text.code == 0);
  CHECK(has(text, "verdict      optimal"));
  CHECK(has(text, "cost         445\n"));
  CHECK(has(text, "lower bound  445"));
  CHECK(has(text, "peak         50 bytes of 50"));
  const auto list = nlohmann::json::parse(std::ifstream(choice));
  CHECK(list == nlohmann::json({0, 0, 2, 1, 0}));
  const Outcome again = solve(network + " --json --work 1 --start " + choice);
  REQUIRE(again.code == 0);
  const auto json = nlohmann::json::parse(again.output);
  CHECK(json["cost"] == 445);
  CHECK(json["nodes"] == 5);
  CHECK(json["usage_limit"] == 50);
  CHECK(has(solve(network + " --lower-bound"), "lower bound  445"));
}

TEST_CASE("a compressed network is read") {
  const Folder folder;
  const std::string network = write(folder, "example.json", kExample);
  REQUIRE(std::system(("gzip -k " + network).c_str()) == 0);
  CHECK(has(solve(network + ".gz"), "cost         445\n"));
}

TEST_CASE("without a limit more is allowed, with a small one nothing") {
  const Folder folder;
  const Outcome loose =
      solve(write(folder, "loose.json", with("\"usage_limit\": 50", "\"usage_limit\": null")));
  CHECK(loose.code == 0);
  CHECK(has(loose, "cost         415\n"));
  CHECK(has(loose, "bytes of none"));
  const Outcome small =
      solve(write(folder, "small.json", with("\"usage_limit\": 50", "\"usage_limit\": 49")));
  CHECK(small.code == 4);
  CHECK(has(small, "verdict      infeasible: at time 50 at least 50 bytes are in use"));
  const std::string forbidden =
      write(folder, "forbidden.json", with("[70, 60]", "[1000000000000000000, 2e18]"));
  CHECK(has(solve(forbidden), "verdict      infeasible: node"));
}

TEST_CASE("what is wrong with a network file is said with file and place") {
  const Folder folder;
  const auto error = [&](const std::string &text) {
    const Outcome outcome = solve(write(folder, "bad.json", text));
    CHECK(outcome.code == 2);
    CHECK(has(outcome, "of-plan: " + folder.path + "/bad.json"));
    return outcome;
  };
  CHECK(has(solve(folder.path + "/none.json"), "cannot read " + folder.path + "/none.json"));
  CHECK(has(error("{\"problem\":\n  {\"nodes\": ]}"), "bad.json:2:13: this is no JSON"));
  CHECK(has(error("[]"), "document: there is no \"problem\""));
  CHECK(has(error(with("\"usages\"", "\"uses\"")), "problem.nodes: there is no \"usages\""));
  CHECK(has(error(with("[[30, 70],", "[[30],")), "problem.nodes.intervals[0]: has 1 elements"));
  CHECK(
      has(error(with("[25, 45, 35]", "[25, \"x\", 35]")), "problem.nodes.costs[2][1]: is string"));
  CHECK(has(error(with("[25, 25]", "[25, 2.5]")), "problem.nodes.usages[1][1]: is 2.5"));
  CHECK(has(error(with("[25, 25]", "[25]")), "node 1: has 2 options and 1 usages"));
  CHECK(has(error(with("[3, 4]]", "[3, 5]]")), "problem.edges.nodes[4]: joins node 5"));
  CHECK(has(error(with("[70, 60]", "[70]")), "edge 4: has 1 costs"));
  CHECK(has(error(with("[95]]", "[95], [1]]")), "problem.nodes.costs: has 6 elements"));
  CHECK(has(error(with("\"usage_limit\": 50", "\"usage_limit\": -1")), "usage limit -1"));
}

TEST_CASE("a start that does not match is refused") {
  const Folder folder;
  const std::string network = write(folder, "example.json", kExample);
  const auto start = [&](const std::string &text) {
    return solve(network + " --start " + write(folder, "start.json", text));
  };
  CHECK(has(start("[0, 0]"), "start.json: the start has 2 options for 5 nodes"));
  CHECK(has(start("[0, 0, 3, 0, 0]"), "takes option 3 of node 2"));
  CHECK(has(start("{}"), "start.json: document: is object"));
  CHECK(has(start("[-1]"), "-1 is no option"));
}
