#include "runtime/data/StoredArray.h"
#include "test/data/DataFolder.h"

#include <random>

using namespace of;
using namespace of::rt;
using namespace of::rt::data;
using namespace of::rt::test;
using Catch::Matchers::Contains;

namespace {

std::string failure(const std::string &path, const std::string &format) {
  auto array = openArray(path, format);
  REQUIRE_FALSE(array.isOk());
  CHECK_THAT(array.status().message(), Contains(path));
  return array.status().message();
}

template <typename T> std::vector<T> elementsOf(const StoredArray &array) {
  std::vector<T> out(static_cast<size_t>(of::elementsOf(array.shape)));
  std::memcpy(out.data(), array.elements(), out.size() * sizeof(T));
  return out;
}

std::string readAll(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

} // namespace

TEST_CASE("IDX of wider types comes in host order") {
  DataFolder folder;
  const std::string ints("\0\0\1\2\xff\xff\xff\xfe", 8);
  auto array = openArray(folder.write("i32", idxFile(0x0C, {2}, ints)), "idx");
  REQUIRE(array.isOk());
  CHECK(array->type == StoredType::I32);
  CHECK(elementsOf<int32_t>(*array) == std::vector<int32_t>{258, -2});
  array = openArray(
      folder.writeGzip("f32.gz", idxFile(0x0D, {1, 1}, std::string("\x3f\xc0\0\0", 4))), "idx");
  REQUIRE(array.isOk());
  CHECK(array->shape == Shape{1, 1});
  CHECK(elementsOf<float>(*array) == std::vector<float>{1.5f});
}

TEST_CASE("npy of versions 1 and 2, any little-endian number type") {
  DataFolder folder;
  auto array = openArray(
      folder.write("a.npy", npyFile("<i2", "(2, 3)", bytesOf<int16_t>({1, -2, 3, 4, 5, 6}))),
      "npy");
  REQUIRE(array.status().message() == "");
  CHECK(array->shape == Shape{2, 3});
  CHECK(elementsOf<int16_t>(*array) == std::vector<int16_t>{1, -2, 3, 4, 5, 6});

  std::string two = npyFile("<f8", "(1,)", bytesOf<double>({2.5}));
  two[6] = 2;
  two.insert(10, 2, '\0');
  array = openArray(folder.write("b.npy", two), "npy");
  REQUIRE(array.status().message() == "");
  CHECK(elementsOf<double>(*array) == std::vector<double>{2.5});
}

TEST_CASE("broken files are refused with their name") {
  DataFolder folder;
  CHECK_THAT(failure(folder.path() + "/none", "idx"), Contains("No such file"));
  CHECK_THAT(failure(folder.path(), "idx"), Contains("not a regular file"));
  CHECK_THAT(failure(folder.write("empty", ""), "tokens"), Contains("is empty"));
  CHECK_THAT(failure(folder.write("magic", "no idx here"), "idx"), Contains("not an IDX file"));
  CHECK_THAT(failure(folder.write("head", idxFile(8, {2, 2}, "").substr(0, 9)), "idx"),
             Contains("ends within its header"));
  CHECK_THAT(failure(folder.write("short", idxFile(8, {2, 2}, "abc")), "idx"),
             Contains("cut short") && Contains("4 bytes of u8 elements, it has 3"));
  CHECK_THAT(failure(folder.write("long", idxFile(8, {2, 2}, "abcde")), "idx"),
             Contains("too long"));
  CHECK_THAT(failure(folder.write("huge", idxFile(8, {~0u, ~0u, ~0u, ~0u}, "a")), "idx"),
             Contains("cut short"));
  // As many elements as the file has, by way of numbers that no 64 bits hold.
  CHECK_THAT(failure(folder.write("wraps", idxFile(8, {~0u, ~0u, ~0u, 0}, "")), "idx"),
             Contains("cut short") && Contains("4294967295, 0]"));
  CHECK_THAT(failure(folder.write("odd", "abc"), "tokens-u16"), Contains("not a whole number"));
}

TEST_CASE("broken npy files are refused with the reason") {
  DataFolder folder;
  const auto bad = [&](const std::string &bytes) {
    return failure(folder.write("x", bytes), "npy");
  };
  CHECK_THAT(bad("\x93NUMPX-----------"), Contains("not an npy file"));
  CHECK_THAT(bad(npyFile("<f4", "(2,)", "1234567")), Contains("cut short"));
  CHECK_THAT(bad(npyFile(">f4", "(1,)", "1234")), Contains(">f4") && Contains("not read"));
  CHECK_THAT(bad(npyFile("<c8", "(1,)", "12345678")), Contains("<c8"));
  CHECK_THAT(bad(npyFile("<U10", "(1,)", "12345678")), Contains("<U10"));
  CHECK_THAT(bad(npyFile("<f4", "(1,)", "1234", "True")), Contains("Fortran"));
  CHECK_THAT(bad(npyFile("<f4", "()", "1234")), Contains("single number"));
  CHECK_THAT(bad(npyFile("<f4", "(999999999999999, 999999999999999, 0)", "")),
             Contains("999999999999999, 0]"));
  CHECK_THAT(bad(npyFile("<f4", "(x,)", "1234")), Contains("without descr"));
}

TEST_CASE("a gzip file that is cut or flipped anywhere never reads as whole") {
  DataFolder folder;
  std::mt19937 random(Catch::rngSeed());
  std::string elements(5000, 0);
  for (char &c : elements)
    c = static_cast<char>(random());
  const std::string whole = readAll(folder.writeGzip("whole.gz", idxFile(8, {50, 100}, elements)));
  for (int i = 0; i < 60; ++i) {
    const size_t at = std::uniform_int_distribution<size_t>(4, whole.size() - 1)(random);
    INFO("at byte " << at << " of " << whole.size());
    CHECK_FALSE(openArray(folder.write("cut.gz", whole.substr(0, at)), "idx").isOk());
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (random() % 8)));
    auto array = openArray(folder.write("flipped.gz", flipped), "idx");
    if (array) // a flip in a field of the gzip header that carries no data
      CHECK(std::string(array->elements(), array->elements() + elements.size()) == elements);
  }
}

TEST_CASE("gzip unpacks to what is allowed and no more, member after member") {
  DataFolder folder;
  const std::string zeros(1 << 20, '\0');
  const std::string path = folder.writeGzip("zeros.gz", zeros);
  REQUIRE(readAll(path).size() < 2000); // so little stands for a thousand times as much
  REQUIRE(FileBytes::open(path, zeros.size()).isOk());
  const Status status = FileBytes::open(path, zeros.size() - 1).status();
  CHECK(status.code() == Code::Refused);
  CHECK_THAT(status.message(),
             Contains(path + " unpacks to more than 1048575 bytes") && Contains("gunzip"));

  const std::string two = folder.write("two.gz", readAll(folder.writeGzip("a.gz", "abc")) +
                                                     readAll(folder.writeGzip("b.gz", "de")));
  const auto bytes = FileBytes::open(two);
  REQUIRE(bytes.isOk());
  CHECK(std::string(bytes->data(), bytes->data() + bytes->size()) == "abcde");
  CHECK(FileBytes::open(two, 4).status().code() == Code::Refused);

  // A size at the end that is a lie costs neither memory nor the data.
  std::string lie = readAll(folder.writeGzip("c.gz", "abc"));
  lie.replace(lie.size() - 4, 4, "\xff\xff\xff\xff");
  CHECK_THAT(FileBytes::open(folder.write("lie.gz", lie)).status().message(),
             Contains("broken gzip file") && Contains("incorrect length check"));
}
