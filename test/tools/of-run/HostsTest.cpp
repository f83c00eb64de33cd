#include "tools/of-run/Hosts.h"
#include "test/support/Command.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace of;
using namespace of::run;

namespace {

Result<std::vector<std::string>> read(const std::string &text) {
  test::Folder folder;
  const std::string path = folder.path + "/hosts";
  std::ofstream(path) << text;
  return readHostFile(path, 29400);
}

std::string errorOf(const std::string &text) {
  const auto hosts = read(text);
  REQUIRE_FALSE(hosts.isOk());
  REQUIRE(hosts.status().code() == Code::InvalidArgument);
  return hosts.status().message();
}

} // namespace

TEST_CASE("a hostfile names a host in a line, with port or slots") {
  const auto hosts =
      read("# the cluster\na\nb:5000   # the fast one\n\nc slots=2\n[fe80::1]:7\nfe80::2\n");
  REQUIRE(hosts.isOk());
  REQUIRE(*hosts == std::vector<std::string>{"a:29400", "b:5000", "c:29402", "c:29403",
                                             "[fe80::1]:7", "[fe80::2]:29405"});
}

TEST_CASE("wrong lines of a hostfile are named") {
  REQUIRE(errorOf("a\nb sluts=2\n").find("hosts:2: 'sluts=2' is not slots=N") != std::string::npos);
  REQUIRE(errorOf("a slots=0\n").find("slots=N") != std::string::npos);
  REQUIRE(errorOf("a:port\n").find("hosts:1: 'a:port' has no port") != std::string::npos);
  REQUIRE(errorOf("a:99999\n").find("has no port") != std::string::npos);
  REQUIRE(errorOf("a:5 slots=2\n").find("one port for several") != std::string::npos);
  REQUIRE(errorOf("# nobody\n").find("names no host") != std::string::npos);
  REQUIRE(readHostFile("/no/such/file", 1).status().message().find("/no/such/file") !=
          std::string::npos);
}

TEST_CASE("a node finds its own line, if there is one") {
  REQUIRE(*ownLine({"192.0.2.1:1", "127.0.0.1:1"}, "hosts") == 1); // 192.0.2.0/24 is nobody's
  REQUIRE(ownLine({"192.0.2.1:1"}, "hosts").status().message().find("does not name this host") !=
          std::string::npos);
  REQUIRE(ownLine({"127.0.0.1:1", "127.0.0.1:2"}, "hosts").status().message().find("2 nodes") !=
          std::string::npos);
}
