// of-plan as a user starts it, and plans that somebody has tampered with.
#include "runtime/schema/PlanFile.h"
#include "test/node/ToyPlan.h"
#include "test/support/Command.h"

#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

using namespace of;
using namespace of::test;

namespace {

Outcome ofPlan(const std::string &arguments) { return runCommand(OF_PLAN, arguments); }

ToyOptions twoMicros() {
  ToyOptions o;
  o.hostOfNode = {0, 1};
  o.micros = 4;
  return o;
}

/// Writes the toy plan, altered after it was certified; the file's digest is right.
std::string planFile(
    const Folder &folder, const std::string &name,
    const std::function<void(plan::PlanT &)> &alter = [](plan::PlanT &) {}) {
  ToyPlan toy(twoMicros(), OF_TOY_KERNELS);
  alter(toy.b.plan);
  const std::string path = folder.path + "/" + name;
  REQUIRE(rt::writePlan(path, toy.b.plan).isOk());
  return path;
}

plan::RoleProgramT &train(plan::PlanT &plan) { return *plan.roles[0]->programs[1]; }

bool has(const Outcome &outcome, const std::string &text) {
  return outcome.output.find(text) != std::string::npos;
}

} // namespace

TEST_CASE("help is short and names every subcommand") {
  const Outcome help = ofPlan("--help");
  REQUIRE(help.code == 0);
  for (const char *word : {"show", "verify", "diff", "simulate", "report"})
    REQUIRE(has(help, word));
  REQUIRE(std::count(help.output.begin(), help.output.end(), '\n') < 24);
  REQUIRE(ofPlan("").code == 2);
  REQUIRE(ofPlan("frobnicate").code == 2);
  REQUIRE(ofPlan("show").code == 2);
  REQUIRE(ofPlan("show /no/such.plan").code == 2);
}

TEST_CASE("show names programs, tasks, kernels, registers, exchanges and times") {
  Folder folder;
  const Outcome shown = ofPlan("show " + planFile(folder, "toy.plan"));
  INFO(shown.output);
  REQUIRE(shown.code == 0);
  for (const char *word :
       {"program train (train): step ", "4 micro-batches of ", "compute: gradient x 4, update",
        "toy_gradient", "(model.mlir:2:1)", "[P] -> p0 [B]", "register sum", "landing of receive",
        "variable w", "g/4@0", "runs init, train x 50"})
    REQUIRE(has(shown, word));
}

TEST_CASE("show --json is a document with the same facts") {
  Folder folder;
  const std::string path = planFile(folder, "toy.plan", [](plan::PlanT &plan) {
    for (auto &task : train(plan).tasks)
      if (task->name == "gradient")
        task->body.AsSegment()->calls[0]->seconds = 3e-6;
  });
  const Outcome shown = ofPlan("show --json " + path);
  REQUIRE(shown.code == 0);
  const auto plan = nlohmann::json::parse(shown.output);
  const auto &program = plan.at("programs").at(1);
  REQUIRE(program.at("micros") == 4);
  REQUIRE(program.at("roles").at(0).at("tasks").size() == 6);
  REQUIRE(program.at("roles").at(0).at("orders").at("transfer") == "send, receive, metric");
  REQUIRE(program.at("step_seconds") > 0);
  for (const auto &task : program.at("roles").at(0).at("tasks"))
    if (task.at("name") == "gradient")
      REQUIRE(task.at("kernels").at(0).at("seconds") == 3e-6);
}

TEST_CASE("verify says what is proven") {
  Folder folder;
  const Outcome proof = ofPlan("verify " + planFile(folder, "toy.plan"));
  INFO(proof.output);
  REQUIRE(proof.code == 0);
  REQUIRE(has(proof, "program init: cannot deadlock"));
  REQUIRE(has(proof, "program train: cannot deadlock"));
  REQUIRE(has(proof, "inequalities hold over 6 tasks"));
}

TEST_CASE("simulate gives the step time and the busiest stream") {
  Folder folder;
  const std::string path = planFile(folder, "toy.plan", [](plan::PlanT &plan) {
    for (auto &task : train(plan).tasks)
      task->seconds = task->name == "gradient" ? 20e-6 : 1e-6;
    REQUIRE(rt::certify(plan).isOk());
  });
  const Outcome text = ofPlan("simulate " + path);
  INFO(text.output);
  REQUIRE(text.code == 0);
  REQUIRE(has(text, "busiest: worker 0 of device 0, "));
  const Outcome json = ofPlan("simulate --json --steps 10 --program train " + path);
  INFO(json.output);
  REQUIRE(json.code == 0);
  const auto result = nlohmann::json::parse(json.output);
  const double step = result.at("step_seconds");
  REQUIRE(step >= 81e-6); // four gradients and an update on one stream
  REQUIRE(step <= result.at("certified_step_seconds").get<double>() * 1.2);
  REQUIRE(result.at("streams").size() == 6);
  const Outcome late = ofPlan("simulate --json --delay 50 --jitter --seed 3 " + path);
  REQUIRE(late.code == 0);
  REQUIRE(nlohmann::json::parse(late.output).at("step_seconds").get<double>() > step);
  const Outcome unknown = ofPlan("simulate --program nonsense " + path);
  REQUIRE(unknown.code == 2);
  REQUIRE(has(unknown, "it has init, train"));
}

TEST_CASE("simulate names a link that is busier than every worker") {
  Folder folder;
  const std::string path = planFile(folder, "toy.plan");
  const auto busiest = [&](const std::string &flags) {
    const Outcome json = ofPlan("simulate --json " + flags + path);
    INFO(json.output);
    REQUIRE(json.code == 0);
    return nlohmann::json::parse(json.output).at("busiest");
  };
  REQUIRE(busiest("--throttle-link 1e12 ").contains("device"));
  const auto slow = busiest("--throttle-link 6400 "); // 64 bytes a step: 10 ms
  REQUIRE(slow.at("node") == 0);
  REQUIRE(slow.at("utilisation").get<double>() > 0.9);
  REQUIRE(slow.at("utilisation").get<double>() < 1.01);
  REQUIRE(has(ofPlan("simulate --throttle-link 6400 " + path), "busiest: link of node 0, "));
}

TEST_CASE("simulate --trace writes a run's trace, the same for the same seed") {
  Folder folder;
  const std::string plan = planFile(folder, "toy.plan");
  const auto traced = [&](const std::string &name, const std::string &flags) {
    const std::string path = folder.path + "/" + name;
    const Outcome outcome =
        ofPlan("simulate --program train --steps 10 --trace " + path + " " + flags + plan);
    INFO(outcome.output);
    REQUIRE(outcome.code == 0);
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  const std::string first = traced("1.json", "--jitter --delay 50 --seed 3 ");
  REQUIRE(first == traced("2.json", "--jitter --delay 50 --seed 3 "));
  REQUIRE(first != traced("3.json", "--jitter --delay 50 --seed 4 "));
  std::map<std::string, int> firings, ends; // of arrows, by id: both are there
  std::set<std::pair<unsigned, unsigned>> tracks;
  const auto trackOf = [](const nlohmann::json &event) {
    return std::pair(event.at("pid").get<unsigned>(), event.at("tid").get<unsigned>());
  };
  const auto trace = nlohmann::json::parse(first);
  for (const auto &event : trace.at("traceEvents")) {
    const std::string kind = event.at("ph");
    if (kind == "X") {
      ++firings[event.at("name").get<std::string>()];
      REQUIRE(tracks.count(trackOf(event)) == 1);
    }
    if (kind == "s" || kind == "f")
      ++ends[event.at("id").get<std::string>()];
    if (event.at("name") == "thread_name")
      tracks.insert(trackOf(event));
  }
  REQUIRE(firings.at("gradient") == 2 * 4 * 10); // devices, micros, steps
  REQUIRE_FALSE(ends.empty());
  for (const auto &[id, count] : ends)
    REQUIRE(count == 2);
  // What reads the trace of a run reads it, too.
  const Outcome report = ofPlan("report " + plan + " -o " + folder.path + "/r.html --trace " +
                                folder.path + "/1.json");
  INFO(report.output);
  REQUIRE(report.code == 0);
  const Outcome nowhere = ofPlan("simulate --trace " + folder.path + "/none/t.json " + plan);
  REQUIRE(nowhere.code != 0);
  REQUIRE(has(nowhere, "cannot write the trace"));
}

TEST_CASE("simulate shows how a plan deadlocks") {
  Folder folder;
  const std::string path = planFile(folder, "stuck.plan", [](plan::PlanT &plan) {
    for (auto &order : train(plan).orders)
      if (order->stream == 1) // send, receive, metric
        std::swap(order->tasks[0], order->tasks[1]);
  });
  const Outcome stuck = ofPlan("simulate " + path);
  INFO(stuck.output);
  REQUIRE(stuck.code == 4);
  REQUIRE(has(stuck, "task receive (model.mlir:4:1) waits for exchange x0 from device"));
}

TEST_CASE("diff shows what was changed, and nothing for equal plans") {
  Folder folder;
  const std::string one = planFile(folder, "one.plan"), same = planFile(folder, "same.plan"),
                    two = planFile(folder, "two.plan", [](plan::PlanT &plan) {
                      plan.batch += 1;
                      train(plan).registers[1]->slots = 3;
                    });
  const Outcome equal = ofPlan("diff " + one + " " + same);
  REQUIRE(equal.code == 0);
  REQUIRE(equal.output.empty());
  const Outcome changed = ofPlan("diff " + one + " " + two);
  INFO(changed.output);
  REQUIRE(changed.code == 1);
  REQUIRE(has(changed, "batch: 64 -> 65"));
  REQUIRE(has(changed, "programs.train.roles.role0.registers.x.slots: 2 -> 3"));
  REQUIRE(std::count(changed.output.begin(), changed.output.end(), '\n') == 4); // digest, memory
}

TEST_CASE("a plan that was tampered with and sealed again is refused by every tool") {
  struct Tampering {
    const char *what;
    std::function<void(plan::PlanT &)> alter;
    std::vector<const char *> expected; ///< parts of the message
    int code;
  };
  const std::vector<Tampering> tamperings = {
      {"a slot count",
       [](plan::PlanT &plan) { train(plan).registers[4]->slots = 1000; },
       {"register 'sum'", "leaves chunk 0"},
       3},
      {"a micro period",
       [](plan::PlanT &plan) { train(plan).certificate->micro_period = 0; },
       {"the certificate does not hold", "batch[1] waits for batch[0]"},
       4},
      {"a step period",
       [](plan::PlanT &plan) { train(plan).certificate->step_period = 1; },
       {"the certificate does not hold", "too early"},
       4},
      {"two entries of an order",
       [](plan::PlanT &plan) {
         for (auto &order : train(plan).orders)
           if (order->stream == 1) // send, receive, metric
             std::swap(order->tasks[0], order->tasks[1]);
       },
       {"cannot run: these wait for each other", "receive waits for exchange x0 from send",
        "send waits for receive, which stands before it in the order of stream transfer"},
       4},
      {"an order of the compute stream",
       [](plan::PlanT &plan) {
         for (auto &order : train(plan).orders)
           if (order->stream == 0) // gradient x 4, update
             std::swap(order->tasks[0], order->tasks[4]);
       },
       {"cannot run: these wait for each other",
        "update waits for a free slot of register w (of 1), held by gradient[3]",
        "order of stream compute"},
       4},
      {"an entry of an order twice",
       [](plan::PlanT &plan) { train(plan).orders[0]->tasks[0] = 1; },
       {"which is not of that stream"},
       3},
  };
  Folder folder;
  for (const Tampering &t : tamperings) {
    const std::string path = planFile(folder, "tampered.plan", t.alter);
    for (const Outcome &outcome :
         {ofPlan("verify " + path), runCommand(OF_RUN, "--check " + path),
          runCommand(OF_RUN, "--local " + path), runCommand(OF_RUN, "--node 0 " + path)}) {
      INFO(t.what << ":\n" << outcome.output);
      REQUIRE(outcome.code == t.code);
      for (const char *text : t.expected)
        REQUIRE(has(outcome, text));
    }
  }
}

TEST_CASE("a slot less than an order needs is refused with its circuit") {
  // The order fires the gradient four times before the next stream may take one.
  Folder folder;
  ToyOptions options = twoMicros();
  options.hostOfNode = {0};
  ToyPlan toy(options, OF_TOY_KERNELS);
  plan::RoleProgramT &program = train(toy.b.plan);
  // batch joins the compute stream: batch x 4, gradient x 4, update with four slots each
  program.tasks[0]->stream = 0;
  for (uint32_t r : {1u, 2u}) {
    program.registers[r]->offset = toy.b.plan.roles[0]->chunks[0]->bytes;
    program.registers[r]->slots = 4;
    toy.b.plan.roles[0]->chunks[0]->bytes += 4 * program.registers[r]->slot_bytes;
  }
  for (size_t i = 0; i < program.orders.size(); ++i)
    if (program.orders[i]->stream == 0)
      program.orders[i]->tasks = {0, 0, 0, 0, 1, 1, 1, 1, 4};
    else if (program.orders[i]->stream == 2)
      program.orders[i]->tasks.clear();
  REQUIRE(rt::certify(toy.b.plan).isOk());
  const std::string path = folder.path + "/slots.plan";
  REQUIRE(rt::writePlan(path, toy.b.plan).isOk());
  const Outcome good = ofPlan("verify " + path);
  INFO(good.output);
  REQUIRE(good.code == 0);
  program.registers[2]->slots = 3;
  REQUIRE(rt::writePlan(path, toy.b.plan).isOk());
  for (const Outcome &bad : {ofPlan("verify " + path), runCommand(OF_RUN, "--check " + path)}) {
    INFO(bad.output);
    REQUIRE(bad.code == 4);
    REQUIRE(has(bad, "batch[3] waits for a free slot of register y (of 3), held by gradient[0]"));
    REQUIRE(has(bad,
                "gradient[0] waits for batch[3], which stands before it in the order of stream "
                "compute"));
  }
}

namespace {

/// What a report embeds.
nlohmann::json reportData(const std::string &path) {
  std::ifstream in(path);
  const std::string page((std::istreambuf_iterator<char>(in)), {});
  const std::string start = R"(<script type="application/json" id="data">)";
  const size_t from = page.find(start) + start.size();
  REQUIRE(from > start.size());
  for (const char *foreign : {"src=", "href=", "http:", "https:", "@import", "url("})
    for (size_t at = 0; (at = page.find(foreign, at)) != std::string::npos; ++at)
      REQUIRE(page.compare(at, 26, "http://www.w3.org/2000/svg") == 0); // a name, no address
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

} // namespace

TEST_CASE("report writes one page with graph, memory, predicted and measured firings, metrics") {
  Folder folder;
  const std::string plan = planFile(
      folder, "toy.plan", [](plan::PlanT &p) { train(p).tasks[0]->location = "</script><b>%js%"; });
  const Outcome run = runCommand(OF_RUN, plan + " --local --trace --out " + folder.path + "/out");
  INFO(run.output);
  REQUIRE(run.code == 0);
  const std::string page = folder.path + "/report.html";
  const Outcome made = ofPlan("report " + plan + " -o " + page + " --trace " + folder.path +
                              "/out/trace.json --metrics " + folder.path + "/out/metrics.jsonl");
  INFO(made.output);
  REQUIRE(made.code == 0);
  const nlohmann::json data = reportData(page);
  REQUIRE(data.at("tasks").size() == 6);
  REQUIRE(data.at("tasks").at(0).at("location") == "</script><b>%js%");
  REQUIRE(data.at("tasks").at(0).at("measured_firings") == 2 * 4 * 50); // devices, micros, steps
  // Two steps of four gradients on each of two devices, and what overlaps them.
  for (const char *source : {"predicted", "measured"}) {
    std::map<int, int> gradients;
    for (const auto &span : data.at(source).at("spans"))
      if (data.at("tasks").at(span.at(1).get<size_t>()).at("name") == "gradient")
        ++gradients[span.at(0).get<int>()];
    REQUIRE(gradients.size() == 2);
    for (const auto &[lane, count] : gradients)
      REQUIRE(count >= 8);
    REQUIRE(data.at(source).at("step_us") > 0);
  }
  std::set<std::string> edges, blocks;
  for (const auto &edge : data.at("edges"))
    edges.insert(edge.at("kind").get<std::string>());
  for (const auto &block : data.at("memory").at(0).at("blocks"))
    blocks.insert(block.at(4).get<std::string>());
  REQUIRE(edges == std::set<std::string>{"exchange", "register"});
  REQUIRE(blocks.count("variable") == 1);
  REQUIRE(blocks.count("register") == 1);
  bool loss = false;
  for (const auto &series : data.at("metrics"))
    loss = loss || (series.at("name") == "loss" && series.at("points").size() == 50);
  REQUIRE(loss);
  const std::string trace = folder.path + "/out/trace.json";
  const Outcome twice =
      ofPlan("report " + plan + " -o " + page + " --trace " + trace + "," + trace);
  REQUIRE(twice.code == 2);
  REQUIRE(has(twice, "are both of node 0"));
}

TEST_CASE("report says what it was given that is no trace or metrics of the plan") {
  Folder folder;
  const std::string plan = planFile(folder, "toy.plan"), wrong = folder.path + "/wrong";
  std::ofstream(wrong) << "{\"traceEvents\":[]}\n{}\n";
  const std::string report = "report " + plan + " -o " + folder.path + "/r.html ";
  REQUIRE(ofPlan("report " + plan).code == 2);
  const Outcome broken = ofPlan(report + "--trace " + wrong);
  REQUIRE(broken.code == 3);
  std::ofstream(wrong)
      << R"({"traceEvents":[{"ph":"X","pid":0,"tid":"none","args":{"program":"train"}}]})";
  REQUIRE(ofPlan(report + "--trace " + wrong).code == 3);
  std::ofstream(wrong) << "{\"traceEvents\":[]}";
  const Outcome empty = ofPlan(report + "--trace " + wrong);
  REQUIRE(empty.code == 2);
  REQUIRE(has(empty, "has 0 steps of program train"));
  std::ofstream(wrong) << "{\"program\":\"train\",\"step\":0,\"loss\":1}\nnonsense\n{}\n";
  const Outcome metrics = ofPlan(report + "--metrics " + wrong);
  REQUIRE(metrics.code == 3);
  REQUIRE(has(metrics, "wrong:2: no record"));
  REQUIRE(ofPlan(report + "--program none").code == 2);
  REQUIRE_FALSE(std::filesystem::exists(folder.path + "/r.html"));
  REQUIRE_FALSE(std::filesystem::exists(folder.path + "/r.html.tmp"));
}
