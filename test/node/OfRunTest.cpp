// of-run as a user starts it: real processes, shared memory and sockets between them.
#include "runtime/schema/PlanFile.h"
#include "test/node/ToyPlan.h"
#include "test/support/Command.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace of;
using namespace of::test;

namespace {

Outcome run(const std::string &arguments) { return runCommand(OF_RUN, arguments); }

/// A toy plan in a file of the folder.
std::string planFile(
    const Folder &folder, const ToyOptions &options,
    const std::function<void(ToyPlan &)> &change = [](ToyPlan &) {}) {
  ToyPlan toy(options, OF_TOY_KERNELS);
  change(toy);
  const std::string path = folder.path + "/toy.plan";
  REQUIRE(rt::writePlan(path, toy.b.plan).isOk());
  return path;
}

std::vector<float> lossesIn(const std::string &path) {
  std::vector<float> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);)
    out.push_back(nlohmann::json::parse(line).at("loss").get<float>());
  return out;
}

/// Process ids of the children that run the plan.
std::vector<pid_t> childrenOf(const std::string &plan, uint32_t node) {
  std::vector<pid_t> out;
  for (const auto &entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream in(entry.path() / "cmdline", std::ios::binary);
    std::string words((std::istreambuf_iterator<char>(in)), {});
    std::replace(words.begin(), words.end(), '\0', ' ');
    if (words.find(plan) != std::string::npos &&
        words.find("--node " + std::to_string(node) + " ") != std::string::npos)
      out.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return out;
}

} // namespace

TEST_CASE("two processes train to the bits of one") {
  ToyOptions options;
  options.hostOfNode = GENERATE(std::vector<uint32_t>{0, 0}, std::vector<uint32_t>{0, 1},
                                std::vector<uint32_t>{0, 0, 1});
  options.transferWorker = GENERATE(0u, 1u);
  Folder folder;
  const Outcome outcome =
      run(planFile(folder, options) + " --local --trace --out " + folder.path + "/out");
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  REQUIRE(lossesIn(folder.path + "/out/metrics.jsonl") == toyLosses(options, OF_TOY_KERNELS));
  const nlohmann::json trace =
      nlohmann::json::parse(std::ifstream(folder.path + "/out/trace.json"));
  std::vector<uint64_t> gradients(options.hostOfNode.size());
  std::set<std::string> begun, ended;
  std::map<std::string, std::string> credits; // name of a counter -> of its value
  int64_t lowest = 0, last = 0;
  for (const auto &event : trace.at("traceEvents")) {
    if (event.at("name") == "gradient")
      ++gradients[event.at("pid").get<size_t>()];
    if (event.at("ph") == "s")
      REQUIRE(begun.insert(event.at("id").get<std::string>()).second);
    if (event.at("ph") == "f")
      REQUIRE(ended.insert(event.at("id").get<std::string>()).second);
    if (event.at("ph") == "C") {
      credits[event.at("name").get<std::string>()] = event.at("args").begin().key();
      last = event.at("args").begin().value().get<int64_t>();
      lowest = std::min(lowest, last);
    }
  }
  const size_t nodes = options.hostOfNode.size();
  REQUIRE(gradients == std::vector<uint64_t>(nodes, options.steps));
  REQUIRE(begun == ended); // every arrow has both ends
  REQUIRE(begun.size() == nodes * nodes * options.steps);
  REQUIRE(credits.size() == nodes * (nodes - 1));
  for (const auto &[name, value] : credits) {
    const auto device = [&](size_t at) { return static_cast<size_t>(name[at] - '0'); };
    const bool sameHost =
        options.hostOfNode[device(name.size() - 3)] == options.hostOfNode[device(name.size() - 1)];
    INFO(name);
    REQUIRE(value == (sameHost ? "lent" : "granted"));
  }
  REQUIRE(lowest == 0);
  REQUIRE(last == 0); // all are given back
}

TEST_CASE("a run that is stopped and resumed gives the bits of one that was not") {
  ToyOptions options;
  options.hostOfNode = {0, 1};
  options.steps = 40;
  options.snapshotEvery = 10;
  Folder folder;
  const std::string plan = planFile(folder, options), out = folder.path + "/out";
  const Outcome first = run(plan + " --local --steps 20 --out " + out);
  INFO(first.output);
  REQUIRE(first.code == 0);
  REQUIRE(std::filesystem::exists(out + "/checkpoints/step-000020/manifest.json"));
  REQUIRE_FALSE(std::filesystem::exists(out + "/checkpoints/step-000020/node-0.json"));
  const Outcome second = run(plan + " --local --resume " + out + " --keep 1 --out " + out);
  INFO(second.output);
  REQUIRE(second.code == 0);
  REQUIRE(lossesIn(out + "/metrics.jsonl") == toyLosses(options, OF_TOY_KERNELS));
  REQUIRE(std::filesystem::exists(out + "/checkpoints/step-000040/manifest.json"));
  REQUIRE_FALSE(std::filesystem::exists(out + "/checkpoints/step-000030"));

  SECTION("a damaged checkpoint is found by its digest") {
    const std::string file = out + "/checkpoints/step-000040/model-00001-of-00001.safetensors";
    std::fstream stored(file, std::ios::in | std::ios::out | std::ios::binary);
    stored.seekp(-3, std::ios::end);
    stored.put('\x55');
    stored.close();
    const Outcome damaged = run(plan + " --local --resume " + out);
    INFO(damaged.output);
    REQUIRE(damaged.code == 3);
    REQUIRE(damaged.lastLine().find("are not those that were written") != std::string::npos);
  }
  SECTION("a checkpoint of another seed is refused") {
    const std::string other = planFile(folder, options, [](ToyPlan &toy) { toy.b.plan.seed = 5; });
    REQUIRE(run(other + " --local --resume " + out).code == 2);
  }
  SECTION("a folder without a finished checkpoint is refused") {
    std::filesystem::create_directories(folder.path + "/empty/step-000010.tmp");
    REQUIRE(run(plan + " --local --resume " + folder.path + "/empty").code == 2);
  }
}

TEST_CASE("rank and size come from Open MPI's variables") {
  ToyOptions options;
  options.hostOfNode = {0, 0};
  Folder folder;
  const std::string plan = planFile(folder, options),
                    out = " --port 29731 --out " + folder.path + "/out";
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  std::thread other([&] {
    const int status =
        std::system(("OMPI_COMM_WORLD_RANK=1 " OF_RUN " " + plan + out + " 2>/dev/null").c_str());
    (void)status;
  });
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  const Outcome outcome = run(plan + out);
  other.join();
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  REQUIRE(lossesIn(folder.path + "/out/metrics.jsonl") == toyLosses(options, OF_TOY_KERNELS));
  setenv("OMPI_COMM_WORLD_SIZE", "3", 1);
  REQUIRE(run(plan).code == 2);
  unsetenv("OMPI_COMM_WORLD_SIZE");
  unsetenv("OMPI_COMM_WORLD_RANK");
}

TEST_CASE("when a node is killed the others end soon, with the first cause as last line") {
  const uint32_t victim = GENERATE(0u, 1u);
  ToyOptions options;
  options.hostOfNode = {0, 1};
  options.steps = 1'000'000'000;
  Folder folder;
  const std::string plan = planFile(folder, options);
  std::chrono::steady_clock::time_point killed;
  std::thread killer([&] {
    for (int i = 0; i < 200 && childrenOf(plan, victim).empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::this_thread::sleep_for(std::chrono::milliseconds(800));
    killed = std::chrono::steady_clock::now();
    for (pid_t pid : childrenOf(plan, victim))
      kill(pid, SIGKILL);
  });
  const Outcome outcome = run(plan + " --local");
  const auto ended = std::chrono::steady_clock::now();
  killer.join();
  INFO(outcome.output);
  REQUIRE(outcome.code == 5);
  REQUIRE(outcome.lastLine().find("first cause: node n" + std::to_string(victim) + " was lost") ==
          0);
  REQUIRE(ended - killed < std::chrono::seconds(3));
}

TEST_CASE("a value that is not finite stops all nodes, with step, name and source line") {
  ToyOptions options;
  options.hostOfNode = {0, 0};
  Folder folder;
  const std::string plan = planFile(folder, options, [](ToyPlan &toy) {
    // Metric reports the loss; a check of the same loss reads it as f64, where its bits are soon no
    // number.
    plan::RoleProgramT &train = *toy.b.plan.roles[0]->programs[toy.train];
    plan::CheckFiniteT check;
    check.dtype = plan::DType::F16;
    check.elements = 1;
    check.what = "loss";
    check.location = "model.mlir:9:3";
    for (auto &task : train.tasks)
      if (task->name == "metric")
        task->body.Set(std::move(check));
    for (auto &reg : train.registers)
      if (reg->name == "loss")
        reg->slot_bytes = 64;
  });
  const Outcome outcome = run(plan + " --local");
  INFO(outcome.output);
  REQUIRE(outcome.code == 6);
  REQUIRE(outcome.lastLine().find("first cause: node n") == 0);
  REQUIRE(outcome.lastLine().find("loss at model.mlir:9:3 is ") != std::string::npos);
  REQUIRE(outcome.lastLine().find("in step ") != std::string::npos);
}

TEST_CASE("bad input ends with its exit code and a sentence") {
  Folder folder;
  const std::string plan = planFile(folder, {});
  REQUIRE(run("").code == 2);
  REQUIRE(run("--no-such-flag").code == 2);
  REQUIRE(run(folder.path + "/none.plan").code == 2);
  REQUIRE(run(plan + " --check").code == 0);
  REQUIRE(run(plan + " --node 7").code == 2);
  REQUIRE(run(plan + " --trace").code == 2);
  std::fstream file(plan, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(500);
  file.put('\x7f');
  file.close();
  const Outcome altered = run(plan);
  REQUIRE(altered.code == 3);
  REQUIRE(altered.output.find("has been altered") != std::string::npos);
  REQUIRE(run("--help").code == 0);
  REQUIRE(run("probe --help").code == 0);
}

TEST_CASE("a node that never comes is named at the deadline") {
  ToyOptions options;
  options.hostOfNode = {0, 0};
  Folder folder;
  const Outcome outcome =
      run(planFile(folder, options) +
          " --node 0 --join-timeout 0.5 --peers 127.0.0.1:29741,127.0.0.1:29742");
  REQUIRE(outcome.code == 5);
  REQUIRE(outcome.lastLine().find("missing: n1") != std::string::npos);
}

TEST_CASE("a check starts nothing and lists what every node lacks") {
  ToyOptions options;
  options.hostOfNode = {0, 1};
  Folder folder;
  const std::string plan = planFile(folder, options);
  const Outcome good = run(plan + " --local --check --out " + folder.path + "/out");
  INFO(good.output);
  REQUIRE(good.code == 0);
  REQUIRE(good.output.find("all 2 nodes are ready") != std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(folder.path + "/out/metrics.jsonl"));
  const std::string other = planFile(folder, options, [](ToyPlan &toy) {
    for (auto &role : toy.b.plan.roles)
      role->chunks[0]->bytes = uint64_t(1) << 46;
    for (auto &object : toy.b.plan.objects)
      object->isa = "x86-64-v9";
  });
  const Outcome bad = run(other + " --local --check --resume " + folder.path + "/none");
  INFO(bad.output);
  REQUIRE(bad.code != 0);
  for (const char *node : {"n0", "n1"})
    for (const char *what : {"x86-64-v9", "of memory", "none"}) {
      const std::string start = std::string("check: node ") + node + ": ";
      size_t found = 0;
      for (size_t at = 0; (at = bad.output.find(start, at)) != std::string::npos; ++at)
        found +=
            bad.output.substr(at, bad.output.find('\n', at) - at).find(what) != std::string::npos;
      INFO(node << " " << what);
      REQUIRE(found == 1);
    }
}

TEST_CASE("others reach node 0 only with a token") {
  ToyOptions options;
  options.hostOfNode = {0, 1};
  Folder folder;
  const std::string plan = planFile(folder, options);
  const Outcome open = run(plan + " --node 0 --peers 192.0.2.1:5,192.0.2.2:5");
  REQUIRE(open.code == 4);
  REQUIRE(open.output.find("OF_JOB_TOKEN") != std::string::npos);
  const std::string token = folder.path + "/token";
  std::ofstream(token).close();
  const Outcome empty =
      run(plan + " --node 0 --peers 192.0.2.1:5,192.0.2.2:5 --token-file " + token);
  REQUIRE(empty.code == 2);
}

TEST_CASE("with fewer nodes left an elastic run goes on with a plan for those") {
  ToyOptions options;
  options.hostOfNode = {0, 1};
  options.steps = 3000;
  options.snapshotEvery = 200;
  Folder folder, smaller;
  const std::string plan = planFile(folder, options);
  options.hostOfNode = {0};
  options.devicesPerNode = 2; // the same batch
  const std::string alone = planFile(smaller, options), out = folder.path + "/out";
  std::thread killer([&] {
    for (int i = 0; i < 400 && !std::filesystem::exists(out + "/checkpoints/step-000200"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    for (pid_t pid : childrenOf(plan, 1))
      kill(pid, SIGKILL);
  });
  const Outcome outcome = run(plan + " --local --keep 0 --elastic " + alone + " --out " + out);
  killer.join();
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  REQUIRE(outcome.output.find("1 of 2 nodes are left: going on with " + alone) !=
          std::string::npos);
  REQUIRE(outcome.output.find("restart 1, from step ") != std::string::npos);
  const std::vector<float> losses = lossesIn(out + "/metrics.jsonl"),
                           expected = toyLosses(options, OF_TOY_KERNELS);
  REQUIRE(losses.size() >= expected.size()); // steps behind the checkpoint come twice
  REQUIRE(losses.back() == Approx(expected.back()).epsilon(1e-5));
}

TEST_CASE("the number of processes that a launcher started chooses an elastic plan") {
  ToyOptions options;
  options.hostOfNode = {0, 0};
  Folder folder, smaller;
  const std::string plan = planFile(folder, options);
  options.hostOfNode = {0};
  const std::string alone = planFile(smaller, options);
  setenv("RANK", "0", 1);
  setenv("WORLD_SIZE", "1", 1);
  const Outcome one = run(plan + " --elastic " + alone);
  setenv("WORLD_SIZE", "3", 1);
  const Outcome three = run(plan + " --elastic " + alone);
  unsetenv("WORLD_SIZE");
  unsetenv("RANK");
  INFO(one.output << three.output);
  REQUIRE(one.code == 0);
  REQUIRE(three.code == 2);
  REQUIRE(three.output.find("neither the plan nor --elastic has so many nodes") !=
          std::string::npos);
}

TEST_CASE("probe answers scratch sizes in order") {
  Folder folder;
  std::ofstream(folder.path + "/calls")
      << R"([{"name":"matmul","ints":[1,8,8,8,0,0,64,64,64],"tiles":1}])";
  const Outcome good = run("probe --scratch < " + folder.path + "/calls");
  REQUIRE(good.code == 0);
  const nlohmann::json answer = nlohmann::json::parse(good.output);
  REQUIRE(answer.at("scratch") == nlohmann::json::array({0}));
  REQUIRE(answer.at("libraries").contains("openblas"));
  std::ofstream(folder.path + "/calls") << R"([{"name":"nonsense"}])";
  const Outcome bad = run("probe --scratch < " + folder.path + "/calls");
  REQUIRE(bad.code == 2);
  REQUIRE(bad.output.find("nonsense") != std::string::npos);
}

TEST_CASE("a profile says what each task and link took, of all nodes") {
  ToyOptions options;
  options.hostOfNode = {0, 1};
  Folder folder;
  const std::string plan = planFile(folder, options), file = folder.path + "/profile.json";
  const Outcome outcome = run(plan + " --local --profile " + file);
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  const nlohmann::json profile = nlohmann::json::parse(std::ifstream(file));
  std::vector<std::string> tasks;
  for (const auto &task : profile.at("tasks")) {
    REQUIRE(task.at("firings") > 0);
    REQUIRE(task.at("seconds") >= 0);
    if (task.at("program") == "train")
      tasks.push_back(task.at("task"));
  }
  for (const std::string name : {"gradient", "send", "receive", "update"})
    REQUIRE(std::count(tasks.begin(), tasks.end(), name) == 1); // of both nodes the slower
  REQUIRE(profile.at("exchanges").size() == 1);
  REQUIRE(profile.at("exchanges")[0].at("bytes") == kToyWeights * 4);
  REQUIRE(profile.at("links").size() == 2);
  REQUIRE_FALSE(std::filesystem::exists(file + ".part"));
  REQUIRE(run(plan + " --local --profile " + folder.path + "/none/p.json").code == 2);
}

TEST_CASE("segments last what the plan predicts where nothing is computed") {
  ToyOptions options;
  options.steps = 20;
  Folder folder;
  const std::string plan = planFile(folder, options, [](ToyPlan &toy) {
    for (auto &task : toy.b.plan.roles[0]->programs[toy.train]->tasks)
      if (task->name == "update")
        task->seconds = 1e-3;
    REQUIRE(rt::certify(toy.b.plan).isOk());
  });
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = run(plan + " --local --timed-compute 10");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  REQUIRE(took.count() >= 20 * 10e-3 * 0.9);
  SECTION("and no checkpoint is written") {
    options.snapshotEvery = 10;
    const Outcome refused =
        run(planFile(folder, options) + " --local --timed-compute 1 --out " + folder.path + "/out");
    REQUIRE(refused.code == 2);
    REQUIRE(refused.lastLine().find("--timed-compute") != std::string::npos);
  }
}
