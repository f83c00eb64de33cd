#include "runtime/node/Reporter.h"
#include "test/support/Command.h"
#include "test/support/PlanBuilder.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

struct Job {
  Job() {
    b.program("train", plan::ProgramKind::Train, 2);
    b.program("test", plan::ProgramKind::Eval);
    b.plan.epoch_steps = 2;
    b.plan.batch = 32;
    plan = b.finish();
    for (const std::vector<std::string> &names :
         {std::vector<std::string>{"loss"},
          std::vector<std::string>{"loss", "correct", "weight"}}) {
      plan::MetricT metric;
      metric.names = names;
      builders.emplace_back();
      builders.back().Finish(plan::Metric::Pack(builders.back(), &metric));
      metrics.push_back(flatbuffers::GetRoot<plan::Metric>(builders.back().GetBufferPointer()));
    }
    path = std::filesystem::temp_directory_path() /
           ("of-reporter-" + std::to_string(getpid()) + ".jsonl");
  }
  ~Job() { std::filesystem::remove(path); }

  MetricRecord record(uint32_t program, uint64_t step, std::vector<double> values,
                      int64_t timeNs) const {
    MetricRecord r;
    r.metric = metrics[program];
    r.entry.program = program;
    r.step = step;
    r.values = static_cast<uint32_t>(values.size());
    std::copy(values.begin(), values.end(), r.value);
    r.timeNs = timeNs;
    return r;
  }
  MetricRecord end(uint32_t program, uint64_t firstStep) const {
    MetricRecord r;
    r.entry.program = program;
    r.entry.firstStep = firstStep;
    return r;
  }
  std::vector<nlohmann::json> lines() const {
    std::vector<nlohmann::json> out;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
      out.push_back(nlohmann::json::parse(line));
    return out;
  }

  PlanBuilder b;
  std::vector<uint8_t> plan;
  std::vector<flatbuffers::FlatBufferBuilder> builders;
  std::vector<const plan::Metric *> metrics;
  std::string path;
};

} // namespace

TEST_CASE("micro-batches of a step are averaged; evaluations are divided by their weight") {
  Job job;
  ReporterOptions options;
  options.metricsPath = job.path;
  Reporter reporter(*plan::GetPlan(job.plan.data()), 4, options);
  REQUIRE(reporter.open().isOk());
  REQUIRE(reporter
              .take({job.record(0, 2, {1.0}, 1'000'000'000), job.record(0, 2, {2.0}, 1'100'000'000),
                     job.record(0, 3, {3.0}, 1'500'000'000), job.record(0, 3, {4.0}, 1'600'000'000),
                     job.end(0, 0)})
              .isOk());
  REQUIRE(reporter
              .take({job.record(1, 4, {8.0, 3.0, 4.0}, 0), job.record(1, 4, {4.0, 1.0, 2.0}, 0),
                     job.end(1, 4)})
              .isOk());
  const auto lines = job.lines();
  REQUIRE(lines.size() == 3);
  REQUIRE(lines[0] ==
          nlohmann::json{{"program", "train"}, {"epoch", 1}, {"step", 2}, {"loss", 1.5}});
  REQUIRE(lines[1].at("loss") == 3.5);
  REQUIRE(lines[1].at("images_per_s") == 64.0); // 32 samples in half a second
  REQUIRE(lines[2].at("program") == "test");
  REQUIRE(lines[2].at("loss") == 2.0);
  REQUIRE(lines[2].at("accuracy").get<double>() == Approx(4.0 / 6));
  REQUIRE_FALSE(lines[2].contains("weight"));
}

TEST_CASE("a metric with a weight of its own is divided by that") {
  plan::MetricT metric;
  metric.names = {"loss", "loss_weight", "correct", "weight"};
  flatbuffers::FlatBufferBuilder b;
  b.Finish(plan::Metric::Pack(b, &metric));
  Job job;
  job.metrics[1] = flatbuffers::GetRoot<plan::Metric>(b.GetBufferPointer());
  ReporterOptions options;
  options.metricsPath = job.path;
  Reporter reporter(*plan::GetPlan(job.plan.data()), 4, options);
  REQUIRE(reporter.open().isOk());
  REQUIRE(reporter
              .take({job.record(1, 4, {8.0, 2.0, 3.0, 4.0}, 0),
                     job.record(1, 4, {4.0, 1.0, 1.0, 4.0}, 0), job.end(1, 4)})
              .isOk());
  const auto lines = job.lines();
  REQUIRE(lines.size() == 1);
  REQUIRE(lines[0].at("loss") == 4.0);
  REQUIRE(lines[0].at("accuracy") == 0.5);
  REQUIRE_FALSE(lines[0].contains("loss_weight"));
}

TEST_CASE("values that JSON cannot hold are null") {
  Job job;
  ReporterOptions options;
  options.metricsPath = job.path;
  Reporter reporter(*plan::GetPlan(job.plan.data()), 4, options);
  REQUIRE(reporter.open().isOk());
  REQUIRE(reporter.take({job.record(0, 0, {std::nan("")}, 1), job.end(0, 0)}).isOk());
  REQUIRE(job.lines().at(0).at("loss").is_null());
}

TEST_CASE("a metrics file that cannot be written is an error") {
  Job job;
  ReporterOptions options;
  options.metricsPath = "/no/such/folder/metrics.jsonl";
  Reporter reporter(*plan::GetPlan(job.plan.data()), 4, options);
  REQUIRE(reporter.open().code() == Code::Io);
}

TEST_CASE("a resumed run drops half a line and adds to the rest") {
  Job job;
  std::ofstream(job.path) << "{\"step\":0}\n{\"st";
  ReporterOptions options;
  options.metricsPath = job.path;
  options.append = true;
  Reporter reporter(*plan::GetPlan(job.plan.data()), 4, options);
  REQUIRE(reporter.open().isOk());
  REQUIRE(reporter.take({job.record(0, 1, {2.0}, 1), job.end(0, 1)}).isOk());
  REQUIRE(job.lines().size() == 2);
  REQUIRE(job.lines().at(1).at("step") == 1);
}

TEST_CASE("a full disk is an error") {
  Job job;
  ReporterOptions options;
  options.metricsPath = "/dev/full";
  Reporter reporter(*plan::GetPlan(job.plan.data()), 4, options);
  REQUIRE(reporter.open().isOk());
  REQUIRE(reporter.take({job.record(0, 1, {2.0}, 1), job.end(0, 1)}).code() == Code::Io);
}

TEST_CASE("TensorBoard's records hold what was added, and their checksums") {
  REQUIRE(crc32c("123456789", 9) == 0xe3069283u);
  Folder folder;
  auto file = EventFile::create(folder.path);
  REQUIRE(file.isOk());
  (*file)->add(300, {{"train/loss", 0.5}});
  REQUIRE((*file)->flush().isOk());
  std::ifstream in((*file)->path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  auto word = [&](size_t at) {
    uint32_t value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  };
  auto unmasked = [](uint32_t crc) {
    crc -= 0xa282ead8u;
    return crc >> 17 | crc << 15;
  };
  std::vector<std::string> events;
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = word(at);
    REQUIRE(unmasked(word(at + 8)) == crc32c(bytes.data() + at, 8));
    events.push_back(bytes.substr(at + 12, length));
    REQUIRE(unmasked(word(at + 12 + length)) == crc32c(events.back().data(), length));
    at += 16 + length;
  }
  REQUIRE(events.size() == 2);
  REQUIRE(events[0].substr(9) == std::string("\x1a\x0d") + "brain.Event:2");
  // step 300; summary {value {tag "train/loss", simple_value 0.5}}
  REQUIRE(events[1].substr(9) == std::string("\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0a") +
                                     "train/loss" + std::string("\x15\x00\x00\x00\x3f", 5));
}
