#include "runtime/node/Node.h"
#include "test/node/SlowWire.h"
#include "test/node/ToyPlan.h"
#include "test/support/Require.h"
#include "test/support/TempDir.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>
#include <unistd.h>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

std::vector<float> lossesIn(const std::string &dir) {
  std::vector<float> out;
  std::ifstream in(dir + "/metrics.jsonl");
  for (std::string line; std::getline(in, line);)
    out.push_back(nlohmann::json::parse(line).at("loss").get<float>());
  return out;
}

Result<std::vector<std::string>> gatherAlone(const std::string &mine) {
  return std::vector<std::string>{mine};
}

std::vector<float> runOneNode(const ToyOptions &options, NodeOptions nodeOptions = {}) {
  const std::vector<uint8_t> bytes = ToyPlan(options, OF_TOY_KERNELS).finish();
  TempDir dir;
  nodeOptions.outDir = dir.path();
  auto node = Node::create(*plan::GetPlan(bytes.data()), nodeOptions);
  require(node.status());
  require((*node)->connect({(*node)->card()}, nullptr, gatherAlone));
  require((*node)->run([](const Status &) {}));
  return lossesIn(dir.path());
}

} // namespace

TEST_CASE("one device trains and writes its losses") {
  ToyOptions options;
  options.threads = GENERATE(1u, 2u);
  options.transferWorker = GENERATE(0u, 1u);
  const std::vector<float> losses = runOneNode(options);
  REQUIRE(losses == toyLosses(options, OF_TOY_KERNELS));
  REQUIRE(losses.back() < 0.5f * losses.front());
}

TEST_CASE("devices of one process exchange gradients through their slots") {
  ToyOptions options;
  options.devicesPerNode = 3;
  options.micros = GENERATE(1u, 4u);
  options.slots = GENERATE(1u, 2u, 3u);
  options.transferWorker = GENERATE(0u, 1u);
  const std::vector<float> losses = runOneNode(options);
  REQUIRE(losses == toyLosses(options, OF_TOY_KERNELS));
}

TEST_CASE("a plan that names a node it does not have is refused") {
  const std::vector<uint8_t> bytes = ToyPlan({}, OF_TOY_KERNELS).finish();
  NodeOptions options;
  options.node = 1;
  REQUIRE(Node::create(*plan::GetPlan(bytes.data()), options).status().code() ==
          Code::InvalidArgument);
}

TEST_CASE("a kernel that its object does not have is named") {
  ToyPlan toy({}, OF_TOY_KERNELS);
  toy.b.plan.roles[0]->programs[toy.train]->tasks[0]->body.AsSegment()->calls[0]->symbol =
      "no_such_kernel";
  const std::vector<uint8_t> bytes = toy.finish();
  auto node = Node::create(*plan::GetPlan(bytes.data()), NodeOptions());
  require(node.status());
  const Status status = (*node)->connect({(*node)->card()}, nullptr, gatherAlone);
  REQUIRE(status.code() == Code::Corrupt);
  REQUIRE(status.message().find("no_such_kernel") != std::string::npos);
}

TEST_CASE("an early stop ends after that many steps") {
  ToyOptions options;
  NodeOptions nodeOptions;
  nodeOptions.stopAfterSteps = 7;
  std::vector<float> expected = toyLosses(options, OF_TOY_KERNELS);
  expected.resize(7);
  REQUIRE(runOneNode(options, nodeOptions) == expected);
}

namespace {

/// All nodes of a plan in this process, each with its own chunks, joined by a slow wire.
void runNodes(const plan::Plan &plan, const NodeOptions &common, rt::test::SlowWire &wire) {
  const uint32_t count = plan.nodes()->size();
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<ChunkCard> cards;
  for (uint32_t n = 0; n < count; ++n) {
    NodeOptions nodeOptions = common;
    nodeOptions.node = n;
    auto node = Node::create(plan, nodeOptions);
    require(node.status());
    cards.push_back((*node)->card());
    nodes.push_back(std::move(*node));
  }
  for (uint32_t n = 0; n < count; ++n)
    require(nodes[n]->connect(cards, &wire.node(n), gatherAlone));
  std::vector<Status> ends(count);
  std::vector<std::thread> threads;
  for (uint32_t n = 0; n < count; ++n)
    threads.emplace_back([&, n] {
      ends[n] = nodes[n]->run([&](const Status &) {
        for (auto &node : nodes)
          node->stop();
      });
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const Status &status : ends)
    require(status);
}

/// Losses of a toy plan.
std::vector<float> runNodes(const ToyOptions &options, bool trace = false) {
  const std::vector<uint8_t> bytes = ToyPlan(options, OF_TOY_KERNELS).finish();
  TempDir dir;
  rt::test::SlowWire wire(static_cast<uint32_t>(options.hostOfNode.size()), Catch::rngSeed());
  NodeOptions nodeOptions;
  nodeOptions.outDir = dir.path();
  nodeOptions.trace = trace;
  runNodes(*plan::GetPlan(bytes.data()), nodeOptions, wire);
  const bool anyRemote = options.hostOfNode.front() != options.hostOfNode.back();
  REQUIRE((wire.pushes() > 0) == anyRemote);
  if (trace) {
    const nlohmann::json json = nlohmann::json::parse(std::ifstream(dir.path() + "/trace-0.json"));
    uint64_t gradients = 0, messages = 0;
    for (const auto &event : json.at("traceEvents")) {
      gradients += event.at("name") == "gradient";
      messages += event.at("ph") == "i";
      if (event.at("name") == "gradient")
        REQUIRE(event.at("args").at("location") == "model.mlir:2:1");
    }
    REQUIRE(gradients == options.steps * options.micros * options.devicesPerNode);
    REQUIRE(messages > 0);
  }
  return lossesIn(dir.path());
}

} // namespace

TEST_CASE("nodes of one host read each other's mapped slots") {
  ToyOptions options;
  options.hostOfNode = {0, 0};
  options.devicesPerNode = GENERATE(1u, 2u);
  options.slots = GENERATE(1u, 2u);
  options.transferWorker = GENERATE(0u, 1u);
  REQUIRE(runNodes(options) == toyLosses(options, OF_TOY_KERNELS));
}

TEST_CASE("nodes of different hosts push into landing slots") {
  ToyOptions options;
  options.hostOfNode = {0, 1};
  options.micros = GENERATE(1u, 3u);
  options.slots = GENERATE(1u, 2u, 3u);
  options.transferWorker = GENERATE(0u, 1u);
  REQUIRE(runNodes(options) == toyLosses(options, OF_TOY_KERNELS));
}

TEST_CASE("all three paths in one exchange give the bits of one process") {
  ToyOptions options;
  options.hostOfNode = {0, 0, 1};
  options.devicesPerNode = 2;
  REQUIRE(runNodes(options, true) == toyLosses(options, OF_TOY_KERNELS));
}

namespace {

/// x.npy: samples of one value.
void writeSamples(const std::string &folder, const std::vector<float> &values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size()) + ",), }";
  header.resize(117, ' ');
  header += '\n';
  std::ofstream file(folder + "/x.npy", std::ios::binary);
  file << std::string("\x93NUMPY\x01\x00", 8) << static_cast<char>(header.size()) << '\0' << header;
  file.write(reinterpret_cast<const char *>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(float)));
}

std::unique_ptr<plan::DatasetT> datasetOf(uint64_t samples) {
  auto dataset = std::make_unique<plan::DatasetT>();
  dataset->name = "numbers";
  dataset->samples = samples;
  dataset->fields.push_back(std::make_unique<plan::FieldT>());
  dataset->fields[0]->name = "x";
  dataset->fields[0]->files = {"x.npy"};
  dataset->fields[0]->format = "npy";
  return dataset;
}

/// Node 1 reads a number in each step and sends it to node 0 of another host, which reports it as
/// loss.
std::vector<uint8_t> numbersPlan(uint32_t steps, uint32_t slots, uint32_t landings) {
  PlanBuilder b;
  const uint32_t back = b.device(b.node(0)), front = b.device(b.node(1));
  const uint32_t onFront = b.placement({front}), onBack = b.placement({back});
  const uint32_t train = b.program("train", plan::ProgramKind::Train);
  const uint32_t exchange =
      b.exchange(plan::DType::F32, {1}, b.layout(onFront, plan::SbpKind::Broadcast),
                 b.layout(onBack, plan::SbpKind::Broadcast));
  b.plan.datasets.push_back(datasetOf(steps));
  b.plan.batch = 1;
  b.run(train, steps);
  for (const uint32_t device : {back, front}) {
    RoleBuilder r(b, {device});
    const uint32_t compute = r.stream("compute", plan::StreamKind::Compute, 0);
    const uint32_t transfer = r.stream("transfer", plan::StreamKind::Transfer, 0);
    const uint32_t io = r.stream("io", plan::StreamKind::Io, 1);
    r.chunk(0);
    const uint32_t x = r.newReg(train, "x", 4, slots);
    if (device == front) {
      plan::ReadT read;
      read.layout = b.layout(onFront, plan::SbpKind::Broadcast);
      read.global_rows = 1;
      r.task(train, "read", io, {}, {x}).body.Set(std::move(read));
      plan::SendT send;
      send.exchange = exchange;
      r.task(train, "send", transfer, {x}, {}).body.Set(std::move(send));
      continue;
    }
    plan::ReceiveT receive;
    receive.exchange = exchange;
    receive.landing_slots = landings;
    receive.landing_slot_bytes = 64;
    receive.landing_offset = r.space(receive.landing_slot_bytes * landings);
    r.task(train, "receive", transfer, {}, {x}).body.Set(std::move(receive));
    plan::MetricT metric;
    metric.names = {"loss"};
    metric.emitter = back;
    r.task(train, "metric", compute, {x}, {}).body.Set(std::move(metric));
  }
  return b.finish();
}

} // namespace

TEST_CASE("what is pushed may land where it belongs, and is read there") {
  const uint32_t steps = 200, slots = GENERATE(1u, 3u), landings = GENERATE(1u, 2u);
  TempDir dir;
  std::vector<float> numbers(steps);
  std::iota(numbers.begin(), numbers.end(), 1.0f);
  writeSamples(dir.path(), numbers);
  const std::vector<uint8_t> bytes = numbersPlan(steps, slots, landings);
  rt::test::SlowWire wire(2, Catch::rngSeed());
  NodeOptions options;
  options.dataDir = options.outDir = dir.path();
  runNodes(*plan::GetPlan(bytes.data()), options, wire);
  REQUIRE(lossesIn(dir.path()) == numbers);
  REQUIRE(wire.inPlace() > 0);
  REQUIRE(wire.inPlace() < wire.pushes()); // both ways were gone
}

namespace {

/// One evaluation over a .npy file of five samples by two devices; device `emitter` reports the
/// mean of its samples.
double meanRead(uint32_t emitter) {
  TempDir dir;
  writeSamples(dir.path(), {1, 2, 3, 4, 9});
  PlanBuilder b;
  const uint32_t node = b.node(0);
  const std::vector<uint32_t> devices = {b.device(node), b.device(node)};
  const uint32_t placement = b.placement(devices);
  const uint32_t test = b.program("test", plan::ProgramKind::Eval);
  b.plan.datasets.push_back(datasetOf(5));
  b.plan.datasets[0]->mask_field = true;
  b.run(test, 3);

  RoleBuilder r(b, devices);
  r.stream("compute", plan::StreamKind::Compute, 0);
  const uint32_t io = r.stream("io", plan::StreamKind::Io, 1);
  r.chunk(0);
  const uint32_t x = r.newReg(test, "x", 4, 2), mask = r.newReg(test, "mask", 4, 2);
  plan::ReadT read;
  read.layout = b.layout(placement, plan::SbpKind::Split);
  read.global_rows = 2;
  r.task(test, "read", io, {}, {x, mask}).body.Set(std::move(read));
  plan::MetricT metric;
  metric.names = {"correct", "weight"};
  metric.emitter = emitter;
  r.task(test, "metric", 0, {x, mask}, {}).body.Set(std::move(metric));

  const std::vector<uint8_t> bytes = b.finish();
  NodeOptions options;
  options.dataDir = dir.path();
  options.outDir = dir.path();
  auto made = Node::create(*plan::GetPlan(bytes.data()), options);
  require(made.status());
  require((*made)->connect({(*made)->card()}, nullptr, gatherAlone));
  require((*made)->run([](const Status &) {}));
  std::ifstream in(dir.path() + "/metrics.jsonl");
  std::string line;
  std::getline(in, line);
  return nlohmann::json::parse(line).at("accuracy").get<double>();
}

} // namespace

TEST_CASE("devices read their rows of each batch, and rows past the end do not count") {
  REQUIRE(meanRead(0) == Approx((1 + 3 + 9) / 3.0)); // samples 0, 2, 4
  REQUIRE(meanRead(1) == Approx((2 + 4) / 2.0));     // samples 1, 3 and a row of padding
}

TEST_CASE("a stalled node says which task waits for what") {
  // The update stands before the gradient it needs: no stream can go on.
  ToyPlan toy({}, OF_TOY_KERNELS);
  plan::RoleProgramT &train = *toy.b.plan.roles[0]->programs[toy.train];
  for (auto &order : train.orders)
    if (train.tasks[order->tasks[0]]->name == "gradient")
      std::reverse(order->tasks.begin(), order->tasks.end());
  const std::vector<uint8_t> bytes = toy.finish();
  NodeOptions options;
  options.stallNs = 100'000'000;
  auto node = Node::create(*plan::GetPlan(bytes.data()), options);
  require(node.status());
  require((*node)->connect({(*node)->card()}, nullptr, gatherAlone));

  TempDir dir;
  const std::string path = dir.path() + "/stderr";
  std::fflush(stderr);
  const int kept = dup(STDERR_FILENO), file = open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  dup2(file, STDERR_FILENO);
  std::thread runner([&] { (void)(*node)->run([](const Status &) {}).isOk(); });
  // On a busy host the workers take their time to park, and say it when they do.
  std::string text;
  for (int i = 0; i < 600 && text.find("task update") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::ifstream in(path);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  (*node)->stop();
  runner.join();
  std::fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  close(file);
  std::ifstream in(path);
  text.assign(std::istreambuf_iterator<char>(in), {});
  INFO(text);
  REQUIRE(text.find("task update (model.mlir:5:1) waits for a version of register sum") !=
          std::string::npos);
  REQUIRE(text.find("task send (model.mlir:3:1) waits for a version of register g") !=
          std::string::npos);
  REQUIRE(text.find("task batch (model.mlir:1:1) waits for a free slot of register x") !=
          std::string::npos);
}
