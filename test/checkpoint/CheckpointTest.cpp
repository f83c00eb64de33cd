#include "runtime/checkpoint/Checkpoint.h"
#include "test/support/Require.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unistd.h>

using namespace of;
using namespace of::rt;

namespace {

struct Folder {
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "of-checkpoint-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

const std::vector<TensorInfo> kTensors = {
    {"a.weight", DType::F32, {6, 4}}, {"b", DType::I64, {}}, {"c", DType::F64, {5}}};

/// a.weight[i] = i, b = 42, c[i] = i / 2.
struct Values {
  Values() {
    std::iota(a.begin(), a.end(), 0.0f);
    for (size_t i = 0; i < c.size(); ++i)
      c[i] = static_cast<double>(i) / 2;
  }
  std::vector<float> a = std::vector<float>(24);
  int64_t b = 42;
  std::vector<double> c = std::vector<double>(5);
};

/// Columns [begin, end) of a.weight, dense.
std::vector<float> columns(const Values &values, int64_t begin, int64_t end) {
  std::vector<float> out;
  for (size_t r = 0; r < 6; ++r)
    out.insert(out.end(), values.a.begin() + static_cast<long>(r) * 4 + begin,
               values.a.begin() + static_cast<long>(r) * 4 + end);
  return out;
}

Box box(std::vector<Range> dims) { return Box{std::move(dims)}; }

/// Two nodes write: the first the left column and b, the second the rest. Returns the digests for
/// commit.
Result<std::string> snapshot(const std::string &folder, uint64_t step,
                             uint64_t maxFileBytes = 1 << 20, bool leaveOut = false) {
  const Values values;
  const std::unique_ptr<Disk> disk = Disk::ofThisMachine();
  std::vector<std::unique_ptr<SnapshotWriter>> nodes;
  std::vector<std::string> digests;
  for (uint32_t n = 0; n < 2; ++n) {
    OF_ASSIGN(std::unique_ptr<SnapshotWriter> writer,
              SnapshotWriter::create({folder, kTensors, n, maxFileBytes}, *disk));
    OF_TRY(writer->begin(step));
    nodes.push_back(std::move(writer));
  }
  OF_TRY(nodes[0]->writePart(0, box({{0, 6}, {0, 1}}), columns(values, 0, 1).data()));
  OF_TRY(nodes[1]->writePart(0, box({{0, 6}, {1, 4}}), columns(values, 1, 4).data()));
  OF_TRY(nodes[0]->writePart(1, box({}), &values.b));
  if (!leaveOut)
    OF_TRY(nodes[1]->writePart(2, box({{0, 5}}), values.c.data()));
  for (auto &node : nodes) {
    OF_ASSIGN(const std::string digest, node->finishLocal());
    digests.push_back(digest);
  }
  SnapshotInfo info;
  info.job = "job";
  info.step = step;
  info.seed = 7;
  info.batch = 32;
  return nodes[0]->commit(info, digests);
}

} // namespace

TEST_CASE("what nodes write in parts is read back in any boxes") {
  Folder folder;
  const uint64_t maxFileBytes =
      GENERATE(uint64_t(1) << 20, uint64_t(50)); // one file, or one per tensor
  auto path = snapshot(folder.path, 12, maxFileBytes);
  require(path.status());
  auto checkpoint = Checkpoint::open(*path);
  require(checkpoint.status());
  REQUIRE((*checkpoint)->info()->step == 12);
  REQUIRE((*checkpoint)->info()->seed == 7);
  require((*checkpoint)->match(kTensors));
  require((*checkpoint)->verify(0, 1));
  const Values values;
  std::vector<float> rows(8);
  require((*checkpoint)->read("a.weight", box({{2, 4}, {0, 4}}), rows.data()));
  REQUIRE(rows == std::vector<float>(values.a.begin() + 8, values.a.begin() + 16));
  std::vector<float> inner(6);
  require((*checkpoint)->read("a.weight", box({{1, 4}, {1, 3}}), inner.data()));
  REQUIRE(inner == std::vector<float>{5, 6, 9, 10, 13, 14});
  int64_t b = 0;
  require((*checkpoint)->read("b", box({}), &b));
  REQUIRE(b == 42);
  std::vector<double> c(2);
  require((*checkpoint)->read("c", box({{3, 5}}), c.data()));
  REQUIRE(c == std::vector<double>{1.5, 2.0});
}

TEST_CASE("a snapshot that is not whole is no checkpoint") {
  Folder folder;
  const Status status = snapshot(folder.path, 3, 1 << 20, true).status();
  REQUIRE(status.message().find("0 of the 5 elements of c") != std::string::npos);
  REQUIRE(latestCheckpoint(folder.path)->empty());
  REQUIRE(Checkpoint::open(folder.path + "/step-000003.tmp").status().code() ==
          Code::InvalidArgument);
}

TEST_CASE("the newest finished checkpoint is found, older ones are deleted, one of the same step "
          "is replaced") {
  Folder folder;
  for (uint64_t step : {5, 10, 9})
    require(snapshot(folder.path, step).status());
  require(snapshot(folder.path, 10).status());
  std::filesystem::create_directories(folder.path + "/step-000007.tmp"); // broken off
  std::filesystem::create_directories(folder.path + "/step-000011.tmp"); // another node is ahead
  REQUIRE(*latestCheckpoint(folder.path) == folder.path + "/step-000010");
  require(rotateCheckpoints(folder.path, 10, 2, *Disk::ofThisMachine()));
  REQUIRE_FALSE(std::filesystem::exists(folder.path + "/step-000005"));
  REQUIRE(std::filesystem::exists(folder.path + "/step-000009"));
  REQUIRE(std::filesystem::exists(folder.path + "/step-000010"));
  REQUIRE_FALSE(std::filesystem::exists(folder.path + "/step-000007.tmp"));
  REQUIRE(std::filesystem::exists(folder.path + "/step-000011.tmp"));
}

TEST_CASE("another model is told apart tensor by tensor") {
  Folder folder;
  auto path = snapshot(folder.path, 1);
  require(path.status());
  auto checkpoint = Checkpoint::open(*path);
  require(checkpoint.status());
  const Status status =
      (*checkpoint)
          ->match(
              {{"a.weight", DType::F32, {6, 5}}, {"d", DType::F32, {1}}, {"b", DType::I64, {}}});
  REQUIRE(status.code() == Code::InvalidArgument);
  REQUIRE(status.message().find("Missing: d.") != std::string::npos);
  REQUIRE(status.message().find("a.weight (f32 6x4, wanted f32 6x5)") != std::string::npos);
  REQUIRE(status.message().find("Not wanted: c.") != std::string::npos);
  require((*checkpoint)->match({{"b", DType::I64, {}}}, kTensors));
}

TEST_CASE("a changed byte, a cut file and a wrong header are found") {
  Folder folder;
  auto path = snapshot(folder.path, 1);
  require(path.status());
  const std::string file = *path + "/model-00001-of-00001.safetensors";
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  auto rewrite = [&](std::string contents) { std::ofstream(file, std::ios::binary) << contents; };
  std::string altered = bytes;
  altered.back() = static_cast<char>(altered.back() ^ 1);
  rewrite(altered);
  {
    auto checkpoint = Checkpoint::open(*path);
    require(checkpoint.status());
    // The parts are dealt to the nodes: one of them finds it.
    const Status first = (*checkpoint)->verify(0, 2), second = (*checkpoint)->verify(1, 2);
    REQUIRE(first.isOk() != second.isOk());
  }
  rewrite(bytes.substr(0, bytes.size() - 1));
  REQUIRE(Checkpoint::open(*path).status().code() == Code::Corrupt);
  altered = bytes;
  altered[5] = 1; // a header of terabytes
  rewrite(altered);
  REQUIRE(Checkpoint::open(*path).status().code() == Code::Corrupt);
  altered = bytes;
  altered[8] = 'x';
  rewrite(altered);
  REQUIRE(Checkpoint::open(*path).status().code() == Code::Corrupt);
}

TEST_CASE("a header that lies about its tensors is refused") {
  Folder folder;
  const auto opened = [&](const std::string &entry, size_t dataBytes) {
    const std::string header = R"({"w":)" + entry + "}";
    const uint64_t length = header.size();
    const std::string path = folder.path + "/w.safetensors";
    std::ofstream(path, std::ios::binary)
        << std::string(reinterpret_cast<const char *>(&length), sizeof length) << header
        << std::string(dataBytes, 'x');
    return Checkpoint::open(path).status();
  };
  require(opened(R"({"dtype":"U8","shape":[2,2],"data_offsets":[0,4]})", 4));
  for (const char *entry :
       {// 2^64 elements are 0 once they have wrapped around
        R"({"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]})",
        R"({"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]})",
        R"({"dtype":"U8","shape":[-2,-2],"data_offsets":[0,4]})",
        R"({"dtype":"U8","shape":[2.5,2],"data_offsets":[0,4]})",
        R"({"dtype":"U8","shape":4,"data_offsets":[0,4]})",
        R"({"dtype":"U8","shape":[4],"data_offsets":[-4,0]})",
        R"({"dtype":"U8","shape":[4],"data_offsets":[18446744073709551608,18446744073709551612]})",
        R"({"dtype":"U8","shape":[4],"data_offsets":[4,0]})",
        R"({"dtype":"U8","shape":[4],"data_offsets":[0,4,8]})",
        R"({"dtype":"U8","shape":[5],"data_offsets":[0,5]})"}) {
    const Status status = opened(entry, 4);
    INFO(entry << ": " << status.message());
    CHECK(status.code() == Code::Corrupt);
  }
}

TEST_CASE("a manifest that lies is refused, and leads to no file elsewhere") {
  Folder folder;
  auto path = snapshot(folder.path, 1);
  require(path.status());
  nlohmann::json good;
  std::ifstream(*path + "/manifest.json") >> good;
  const auto verified = [&](const nlohmann::json &manifest) {
    std::ofstream(*path + "/manifest.json") << manifest;
    auto checkpoint = Checkpoint::open(*path);
    return checkpoint ? (*checkpoint)->verify(0, 1) : checkpoint.status();
  };
  require(verified(good));
  const auto refused = [&](const std::string &pointer, const nlohmann::json &value,
                           const char *text) {
    nlohmann::json altered = good;
    altered[nlohmann::json::json_pointer(pointer)] = value;
    const Status status = verified(altered);
    INFO(pointer << ": " << status.message());
    CHECK(status.code() == Code::Corrupt);
    CHECK(status.message().find(text) != std::string::npos);
  };
  const std::string file = good.at("files").at(0);
  refused("/files/0", "../" + folder.path.substr(folder.path.rfind('/') + 1) + "/" + file,
          "not in its folder");
  refused("/files/0", "/etc/passwd", "not in its folder");
  size_t part = 0; // of a tensor that is no scalar
  while (good.at("parts").at(part).at("begin").empty())
    ++part;
  const std::string at = "/parts/" + std::to_string(part);
  refused(at + "/begin/0", -1, "is no box");
  refused(at + "/end", nlohmann::json::array(), "is no box");
  refused(at + "/end/0", 1 << 30, "not there");
  refused(at + "/begin/0", 1 << 30, "not there");
}

TEST_CASE("one device writes what several hold") {
  const Layout replicated{{{2, 2}, {4, 5, 6, 7}}, {Sbp::split(0), Sbp::broadcast()}};
  REQUIRE(ownsPart({8}, replicated, 4));
  REQUIRE_FALSE(ownsPart({8}, replicated, 5));
  REQUIRE(ownsPart({8}, replicated, 6));
  REQUIRE_FALSE(ownsPart({8}, replicated, 7));
  REQUIRE_FALSE(ownsPart({8}, replicated, 9));
  REQUIRE_FALSE(ownsPart({1}, replicated, 6)); // its part is empty
}
