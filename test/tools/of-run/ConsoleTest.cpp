#include "tools/of-run/Console.h"

#include <catch2/catch.hpp>

using namespace of::run;

namespace {

struct Output {
  explicit Output(uint32_t nodes, const std::string &host = "h")
      : console(nodes, host, [this](const std::string &part) { text += part; }) {}
  std::string text;
  Console console;
};

} // namespace

TEST_CASE("equal lines of several nodes are one, with their ranks") {
  Output out(4);
  for (uint32_t node : {2u, 0u, 1u})
    out.console.take(node, "loading\n", 0);
  out.console.take(3, "other\n", 0);
  REQUIRE(out.text.empty()); // node 3 may still say it
  out.console.tick(200);
  REQUIRE(out.text == "[0-2@h] loading\n[3@h] other\n");
}

TEST_CASE("a line that all have said is not held any longer") {
  Output out(2);
  out.console.take(0, "a\n", 0);
  out.console.take(1, "a\n", 1);
  REQUIRE(out.text == "[0-1@h] a\n");
}

TEST_CASE("the lines of a node keep their order, and repeated ones stay several") {
  Output out(2);
  out.console.take(0, "a\nb\n", 0);
  out.console.take(1, "b\na\na\n", 0);
  out.console.finish();
  REQUIRE(out.text == "[0@h] a\n[0-1@h] b\n[1@h] a\n[1@h] a\n");
}

TEST_CASE("lines that come much later are not the same") {
  Output out(2);
  out.console.take(0, "a\n", 0);
  out.console.tick(150);
  out.console.take(1, "a\n", 160);
  out.console.finish();
  REQUIRE(out.text == "[0@h] a\n[1@h] a\n");
}

TEST_CASE("a line may come in pieces, and the last one without an end") {
  Output out(2);
  out.console.take(0, "hel", 0);
  out.console.take(0, "lo\nbro", 5);
  out.console.take(0, "ken", 6);
  out.console.finish();
  REQUIRE(out.text == "[0@h] hello\n[0@h] broken\n");
}

TEST_CASE("the first cause comes once, last") {
  Output out(2);
  out.console.take(0, "first cause: x\n", 0);
  out.console.take(1, "first cause: x\nbye\n", 0);
  out.console.finish();
  REQUIRE(out.text == "[1@h] bye\nfirst cause: x\n");
}

TEST_CASE("one node alone has no prefix and nothing is held") {
  Output out(1, "");
  out.console.take(0, "hello\n", 0);
  REQUIRE(out.text == "hello\n");
}

TEST_CASE("a progress line stays one line and gives way to others") {
  Output out(2);
  out.console.take(0, "\rstep 1", 0);
  out.console.take(0, "\rstep 2", 1);
  REQUIRE(out.text == "\rstep 1\rstep 2");
  out.console.take(1, "note\n", 2);
  out.console.tick(200);
  REQUIRE(out.text == "\rstep 1\rstep 2\r\x1b[K[1@h] note\n");
}

TEST_CASE("ranges") {
  REQUIRE(rangesText({0}) == "0");
  REQUIRE(rangesText({0, 1, 2, 5, 7, 8}) == "0-2,5,7-8");
}
