#include "runtime/schema/PlanFile.h"
#include "test/support/PlanBuilder.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

struct PlanOnDisk {
  PlanOnDisk() {
    PlanBuilder b;
    b.device(b.node(0));
    b.placement({0});
    b.program("train", plan::ProgramKind::Train);
    b.object(std::vector<uint8_t>(1000, 7));
    b.plan.job = "small";
    auto variable = std::make_unique<plan::VariableT>();
    variable->name = "w";
    variable->shape = {1, 2, 3};
    variable->layout = std::make_unique<plan::LayoutT>();
    b.plan.variables.push_back(std::move(variable));
    path =
        std::filesystem::temp_directory_path() / ("of-plan-" + std::to_string(getpid()) + ".plan");
    REQUIRE(writePlan(path, b.plan).isOk());
    std::ifstream in(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  ~PlanOnDisk() { std::filesystem::remove(path); }
  Status reopened(const std::string &contents) const {
    std::ofstream(path, std::ios::binary) << contents;
    return PlanFile::open(path).status();
  }
  std::string path, bytes;
};

} // namespace

TEST_CASE("a plan that was written is read back, with the same digest each time") {
  PlanOnDisk disk;
  auto one = PlanFile::open(disk.path), two = PlanFile::open(disk.path);
  REQUIRE(one.isOk());
  REQUIRE(two.isOk());
  REQUIRE(one->plan().job()->str() == "small");
  REQUIRE(one->digest().size() == 32);
  REQUIRE(one->digest() == two->digest());
  REQUIRE_FALSE(std::filesystem::exists(disk.path + ".tmp"));
}

TEST_CASE("what is no file is written, not replaced") {
  PlanOnDisk disk;
  const std::string pipe = disk.path + ".pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string read;
  std::thread reader([&] {
    std::ifstream in(pipe, std::ios::binary);
    read.assign(std::istreambuf_iterator<char>(in), {});
  });
  auto plan = PlanFile::open(disk.path);
  REQUIRE(plan.isOk());
  const Status status = writePlan(pipe, *std::unique_ptr<plan::PlanT>(plan->plan().UnPack()));
  if (!status.isOk())
    std::ofstream(pipe, std::ios::binary); // the reader waits for someone
  reader.join();
  REQUIRE(status.isOk());
  REQUIRE(read == disk.bytes);
  REQUIRE(std::filesystem::is_fifo(pipe));
  std::filesystem::remove(pipe);
}

TEST_CASE("any flipped bit is found") {
  PlanOnDisk disk;
  for (size_t at = 0; at < disk.bytes.size(); at += at < 40 ? 1 : 37) {
    if (at >= 12 && at < 16)
      continue; // reserved
    if (at >= 40 && at < 64)
      continue;
    std::string altered = disk.bytes;
    altered[at] = static_cast<char>(altered[at] ^ 4);
    const Status status = disk.reopened(altered);
    INFO("byte " << at << ": " << status.message());
    REQUIRE((status.code() == Code::Corrupt || status.code() == Code::Refused));
  }
}

TEST_CASE("cut, empty, foreign and missing files are told apart") {
  PlanOnDisk disk;
  REQUIRE(disk.reopened(disk.bytes.substr(0, disk.bytes.size() - 8)).code() == Code::Corrupt);
  REQUIRE(disk.reopened(disk.bytes.substr(0, 30)).code() == Code::Corrupt);
  REQUIRE(disk.reopened("").code() == Code::Corrupt);
  REQUIRE(disk.reopened(std::string(500, 'x')).code() == Code::Corrupt);
  REQUIRE(PlanFile::open("/no/such.plan").status().code() == Code::InvalidArgument);
  std::string newer = disk.bytes;
  ++newer[8];
  REQUIRE(disk.reopened(newer).code() == Code::Refused);
}

TEST_CASE("a plan with a right digest but wrong offsets is refused") {
  PlanOnDisk disk;
  std::vector<uint8_t> buffer(disk.bytes.begin() + 64, disk.bytes.end());
  buffer[0] = 0xff;
  buffer[1] = 0xff;
  const std::vector<uint8_t> sealed = sealPlan(buffer.data(), buffer.size());
  REQUIRE(disk.reopened(std::string(sealed.begin(), sealed.end())).code() == Code::Corrupt);
}

TEST_CASE("a plan whose numbers lie where none may is refused") {
  PlanOnDisk disk;
  std::vector<uint8_t> buffer(disk.bytes.begin() + 64, disk.bytes.end());
  const auto &variable = *plan::GetPlan(buffer.data())->variables()->Get(0);
  REQUIRE(variable.shape()->Get(0) == 1);
  // The vector begins four bytes later: its length is the first number, which is 1.
  const auto &table = reinterpret_cast<const flatbuffers::Table &>(variable);
  const size_t at =
      static_cast<size_t>(table.GetAddressOf(plan::Variable::VT_SHAPE) - buffer.data());
  buffer[at] = static_cast<uint8_t>(buffer[at] + 4);
  REQUIRE(variable.shape()->size() == 1);
  const std::vector<uint8_t> sealed = sealPlan(buffer.data(), buffer.size());
  const Status status = disk.reopened(std::string(sealed.begin(), sealed.end()));
  CHECK(status.code() == Code::Corrupt);
  CHECK(status.message().find("numbers that lie where none may") != std::string::npos);
}
