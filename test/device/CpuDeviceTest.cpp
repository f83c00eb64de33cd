#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/kernel/KernelNeeds.h"
#include "test/support/PlanBuilder.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <cfenv>
#include <fstream>
#include <iterator>
#include <limits>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

std::vector<char> kernelBytes() {
  std::ifstream in(OF_TOY_KERNELS, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A segment table made from its object form.
class SegmentTable {
public:
  explicit SegmentTable(const plan::SegmentT &segment) {
    builder_.Finish(plan::Segment::Pack(builder_, &segment));
    table_ = flatbuffers::GetRoot<plan::Segment>(builder_.GetBufferPointer());
  }
  const plan::Segment &operator*() const { return *table_; }

private:
  flatbuffers::FlatBufferBuilder builder_;
  const plan::Segment *table_;
};

} // namespace

TEST_CASE("each tile runs once, whatever the threads") {
  const uint32_t threads = GENERATE(1u, 2u, 3u);
  const bool spin = GENERATE(false, true);
  TileTeam team(threads, spin, setFloatingPointModes);
  for (int64_t tiles : {1, 2, 5, 64}) {
    std::vector<std::atomic<int>> runs(static_cast<size_t>(tiles));
    for (int repeat = 0; repeat < 20; ++repeat) {
      team.open();
      team.run(
          [](void *context, int64_t begin, int64_t end) {
            auto &seen = *static_cast<std::vector<std::atomic<int>> *>(context);
            for (int64_t i = begin; i < end; ++i)
              ++seen[static_cast<size_t>(i)];
          },
          &runs, tiles);
      team.close();
    }
    for (const auto &count : runs)
      REQUIRE(count == 20);
  }
}

TEST_CASE("kernels see denormals on every thread") {
  TileTeam team(2, true, setFloatingPointModes);
  setFloatingPointModes();
  struct {
    volatile float in = std::numeric_limits<float>::min();
    float out[2] = {};
  } job;
  team.open();
  team.run(
      [](void *context, int64_t begin, int64_t end) {
        auto &j = *static_cast<decltype(job) *>(context);
        for (int64_t i = begin; i < end; ++i)
          j.out[i] = j.in / 2;
      },
      &job, 2);
  team.close();
  REQUIRE(job.out[0] > 0);
  REQUIRE(job.out[1] > 0);
}

TEST_CASE("an object from a plan is loaded and called; two objects do not mix") {
  const std::vector<char> bytes = kernelBytes();
  auto one = KernelObject::load("x86-64", bytes.data(), bytes.size());
  auto two = KernelObject::load("x86-64", bytes.data(), bytes.size());
  REQUIRE(one.isOk());
  REQUIRE(two.isOk());
  auto count = (*one)->symbol("toy_count");
  REQUIRE(count.isOk());
  int64_t counter = 41;
  void *buffers[] = {&counter};
  (*count)(buffers, nullptr, 0, 1);
  REQUIRE(counter == 42);
  auto other = (*two)->symbol("toy_count");
  REQUIRE(other.isOk());
  REQUIRE(*other != *count);
  REQUIRE((*one)->symbol("missing").status().code() == Code::Corrupt);
  REQUIRE((*one)->symbol(std::string("toy_count\0x", 11)).status().code() == Code::Corrupt);
}

TEST_CASE("a damaged object and a foreign ISA are refused") {
  std::vector<char> bytes = kernelBytes();
  REQUIRE(KernelObject::load("riscv", bytes.data(), bytes.size()).status().code() == Code::Refused);
  for (size_t cut = 0; cut < bytes.size(); cut += 97)
    REQUIRE(KernelObject::load("x86-64", bytes.data(), cut).status().code() == Code::Corrupt);
}

TEST_CASE("a call that gives a kernel less than it takes is refused") {
  const std::vector<char> bytes = kernelBytes();
  auto object = KernelObject::load("x86-64", bytes.data(), bytes.size());
  REQUIRE(object.isOk());
  REQUIRE(needsOf(**object, "toy_gradient")->bufferBytes ==
          std::vector<uint64_t>{8, 512, 32, 64, 64, 4});
  std::vector<std::byte> chunk(1024);
  CpuDeviceConfig config;
  config.chunks = {chunk.data()};
  config.objects = {object->get()};
  config.columns = {7};
  CpuDevice device(config);
  const auto said = [&](const std::string &symbol, const std::vector<plan::Buffer> &buffers,
                        const std::vector<uint32_t> &scalars, uint32_t tiles) {
    plan::TaskT task;
    addCall(task, 0, symbol, buffers, scalars, tiles);
    const SegmentTable segment(*task.body.AsSegment());
    return device.prepare(*segment, 0).status().message();
  };
  const std::vector<plan::Buffer> good = {chunkBuffer(0, 64, 8), outputBuffer(0, 512),
                                          outputBuffer(1, 32)};
  CHECK(said("toy_batch", good, {0}, 1) == "");
  std::vector<plan::Buffer> less = good;
  less[1] = outputBuffer(0, 511);
  CHECK(said("toy_batch", less, {0}, 1).find("511 bytes in buffer 1, its code is made for 512") !=
        std::string::npos);
  less.pop_back();
  CHECK(said("toy_batch", less, {0}, 1).find("2 buffers") != std::string::npos);
  CHECK(said("toy_batch", good, {}, 1).find("0 scalars") != std::string::npos);
  CHECK(said("toy_batch", good, {0}, 2).find("2 tiles") != std::string::npos);
  CHECK(said("toy_gradient", good, {0}, 1).find("made for 16") != std::string::npos);
  CHECK(said("toy_batch_needs", good, {0}, 1).find("'toy_batch_needs_needs'") != std::string::npos);
}

TEST_CASE("a library call that gives no scalar to a routine that takes one is refused") {
  std::vector<std::byte> chunk(1024);
  CpuDeviceConfig config;
  config.chunks = {chunk.data()};
  CpuDevice device(config);
  plan::TaskT task;
  auto call = std::make_unique<plan::CallT>();
  call->name = "gather";
  call->buffers = {chunkBuffer(0, 0, 64), chunkBuffer(0, 64, 8), chunkBuffer(0, 128, 16)};
  call->library = std::make_unique<plan::LibraryT>();
  call->library->name = "gather_rows";
  call->library->ints = {4, 4, 1, static_cast<int64_t>(plan::DType::I64)};
  plan::SegmentT segment;
  segment.calls.push_back(std::move(call));
  const SegmentTable table(segment);
  CHECK(device.prepare(*table, 0).status().message().find("takes 1") != std::string::npos);
}

TEST_CASE("a segment passes slots, chunk places and columns to its kernels") {
  const std::vector<char> bytes = kernelBytes();
  auto object = KernelObject::load("x86-64", bytes.data(), bytes.size());
  REQUIRE(object.isOk());
  std::vector<std::byte> chunk(1024);
  CpuDeviceConfig config;
  config.threads = 2;
  config.chunks = {chunk.data()};
  config.objects = {object->get()};
  config.columns = {7, 1};
  CpuDevice device(config);

  plan::TaskT task;
  addCall(task, 0, "toy_batch", {chunkBuffer(0, 64, 8), outputBuffer(0, 512), outputBuffer(1, 32)},
          {0});
  const SegmentTable segment(*task.body.AsSegment());
  auto prepared = device.prepare(*segment, 0);
  REQUIRE(prepared.isOk());
  REQUIRE((*prepared)->calls() == 1);
  alignas(64) std::byte x[512] = {}, y[32] = {};
  std::byte *outputs[] = {x, y};
  REQUIRE((*prepared)->run(0, {nullptr, outputs}).isOk());

  // The same kernel called by hand with the same rank and counter.
  float x2[128], y2[8];
  int64_t counter = 0, rank = 7;
  void *buffers[] = {&counter, x2, y2};
  auto fn = (*object)->symbol("toy_batch");
  REQUIRE(fn.isOk());
  (*fn)(buffers, &rank, 0, 1);
  REQUIRE(std::memcmp(x, x2, sizeof x2) == 0);
  REQUIRE(std::memcmp(y, y2, sizeof y2) == 0);
  REQUIRE(*reinterpret_cast<int64_t *>(chunk.data() + 64) == 1);
}

TEST_CASE("the reserved column gives a kernel the index of its micro-batch") {
  const std::vector<char> bytes = kernelBytes();
  auto object = KernelObject::load("x86-64", bytes.data(), bytes.size());
  REQUIRE(object.isOk());
  CpuDeviceConfig config;
  config.objects = {object->get()};
  config.columns = {7};
  CpuDevice device(config);
  plan::TaskT task;
  addCall(task, 0, "toy_scalars", {outputBuffer(0, 24)},
          {static_cast<uint32_t>(plan::ReservedColumn::MicroIndex), 0,
           static_cast<uint32_t>(plan::ReservedColumn::MicroIndex)});
  const SegmentTable segment(*task.body.AsSegment());
  auto prepared = device.prepare(*segment, 0);
  REQUIRE(prepared.isOk());
  int64_t seen[3] = {};
  std::byte *outputs[] = {reinterpret_cast<std::byte *>(seen)};
  for (uint64_t firing = 0; firing < 9; ++firing) {
    REQUIRE((*prepared)->run(0, {nullptr, outputs, firing, 4}).isOk());
    REQUIRE(seen[0] == static_cast<int64_t>(firing % 4));
    REQUIRE(seen[1] == 7);
    REQUIRE(seen[2] == seen[0]);
  }
}

TEST_CASE("a call that names what the device does not have is refused by name") {
  CpuDevice device(CpuDeviceConfig{});
  plan::TaskT task;
  plan::CallT &call = addCall(task, 0, "kernel7", {});
  SECTION("object") {}
  SECTION("chunk") { call.buffers = {chunkBuffer(3, 0, 4)}; }
  SECTION("column") { call.scalars = {2}; }
  SECTION("routine") {
    call.object = -1;
    call.library = std::make_unique<plan::LibraryT>();
    call.library->name = "no_such_routine";
  }
  const SegmentTable segment(*task.body.AsSegment());
  const Status status = device.prepare(*segment, 0).status();
  REQUIRE_FALSE(status.isOk());
  REQUIRE(status.message().find("kernel7") != std::string::npos);
}
