// of-plan pack as a user starts it.
#include "test/support/Command.h"

#include <fstream>

using namespace of;
using namespace of::test;

namespace {

std::string write(const Folder &folder, const std::string &text) {
  const std::string path = folder.path + "/buffers.csv";
  std::ofstream(path) << text;
  return path;
}

Outcome pack(const std::string &arguments) { return runCommand(OF_PLAN, "pack " + arguments); }

bool has(const Outcome &outcome, const std::string &text) {
  INFO(outcome.output);
  return outcome.output.find(text) != std::string::npos;
}

/// A full rectangle of 4 x 6, cut.
const char *const kRectangle = "id,lower,upper,size\na,0,2,4\nb,0,2,2\nc,2,4,3\nd,2,4,3\n";

} // namespace

TEST_CASE("buffers get offsets at the end of their lines") {
  const Folder folder;
  const std::string out = folder.path + "/packed.csv";
  const Outcome outcome = pack(write(folder, kRectangle) + " --capacity 6 -o " + out);
  CHECK(outcome.code == 0);
  CHECK(has(outcome, "peak      6 bytes, 1.0000 x max-live"));
  CHECK(has(outcome, "bound     6 bytes"));
  std::ifstream file(out);
  std::string line;
  std::vector<std::string> lines;
  while (std::getline(file, line))
    lines.push_back(line);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "id,lower,upper,size,offset");
  CHECK((lines[1] == "a,0,2,4,0" || lines[1] == "a,0,2,4,2"));
  CHECK((lines[2] == "b,0,2,2,4" || lines[2] == "b,0,2,2,0"));
}

TEST_CASE("without a capacity or a file the CSV goes to stdout") {
  const Folder folder;
  const Outcome outcome = pack(write(folder, "name,size,upper,lower,id\r\nx,64,3,1,7\r\n\n"));
  CHECK(outcome.code == 0);
  CHECK(has(outcome, "name,size,upper,lower,id,offset\nx,64,3,1,7,0\n"));
  CHECK(has(outcome, "peak      64 bytes"));
}

TEST_CASE("alignment comes from the column or the flag") {
  const Folder folder;
  const std::string plain = write(folder, "id,lower,upper,size\n0,0,1,1\n1,0,1,1\n");
  CHECK(has(pack(plain), "peak      2 bytes"));
  CHECK(has(pack(plain + " --alignment 64"), "peak      128 bytes"));
  const std::string column =
      write(folder, "id,lower,upper,size,alignment\n0,0,1,8,8\n1,0,1,8,32\n2,0,1,8,32\n");
  CHECK(has(pack(column), "peak      40 bytes"));
}

TEST_CASE("a capacity that is too small is refused, proven where it can be") {
  const Folder folder;
  const Outcome live = pack(write(folder, kRectangle) + " --capacity 5");
  CHECK(live.code == 4);
  CHECK(has(live, "buffers.csv: no packing fits the capacity of 5 bytes: 6 bytes are live"));
  const std::string uneven = write(folder, "id,lower,upper,size,alignment\n0,0,1,64,128\n"
                                           "1,0,1,64,128\n2,1,2,64,64\n");
  const Outcome search = pack(uneven + " --capacity 128");
  CHECK(search.code == 4);
  CHECK(has(search, "is proven too small"));
}

TEST_CASE("what is wrong with a buffer file is said with file and line") {
  const Folder folder;
  const auto error = [&](const std::string &text, const std::string &line) {
    const Outcome outcome = pack(write(folder, text));
    CHECK(outcome.code == 2);
    CHECK(has(outcome, "of-plan: " + folder.path + "/buffers.csv:" + line + ": "));
    return outcome;
  };
  CHECK(has(error("\n", "1"), "there is no header"));
  CHECK(has(error("id,lower,upper\n", "1"), "there is no column \"size\""));
  CHECK(has(error("id,lower,upper,size,id\n", "1"), "column \"id\" comes twice"));
  CHECK(has(error("id,lower,upper,size,offset\n", "1"), "\"offset\" already"));
  CHECK(has(error("id,lower,upper,size\n0,0,1\n", "2"), "has 3 fields where the header names 4"));
  CHECK(has(error("id,lower,upper,size\n\n0,0,1,1.5\n", "3"), "size is \"1.5\""));
  CHECK(has(error("id,lower,upper,size\n0,0,1,4\n0,0,1,4\n", "3"), "id \"0\" is that of line 2"));
  CHECK(has(error("id,lower,upper,size\n5,1,1,4\n", "2"), "buffer 5 lives in [1, 1)"));
  CHECK(has(error("id,lower,upper,size\n5,0,1,-4\n", "2"), "size -4"));
  CHECK(pack(folder.path + "/none.csv").code == 7);
}
