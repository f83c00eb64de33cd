#include "runtime/memory/Chunk.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace of;
using namespace of::rt;

TEST_CASE("a chunk has exactly the bytes asked for, zeroed and aligned") {
  const bool shared = GENERATE(false, true);
  auto chunk = Chunk::allocate(12345, shared);
  REQUIRE(chunk.isOk());
  REQUIRE(chunk->bytes() == 12345);
  REQUIRE(reinterpret_cast<uintptr_t>(chunk->data()) % 64 == 0);
  REQUIRE((chunk->fd() >= 0) == shared);
  for (size_t i = 0; i < chunk->bytes(); ++i)
    REQUIRE(chunk->data()[i] == std::byte(0));
}

TEST_CASE("an empty chunk has no memory") {
  auto chunk = Chunk::allocate(0, true);
  REQUIRE(chunk.isOk());
  REQUIRE(chunk->data() == nullptr);
}

TEST_CASE("another process maps a shared chunk and both see what the other writes") {
  auto chunk = Chunk::allocate(4096, true);
  REQUIRE(chunk.isOk());
  std::strcpy(reinterpret_cast<char *>(chunk->data()), "from parent");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    auto mapped = Chunk::mapPeer(parent, chunk->fd(), 4096);
    const bool same = mapped.isOk() && mapped->data() != chunk->data() &&
                      std::strcmp(reinterpret_cast<char *>(mapped->data()), "from parent") == 0;
    if (same)
      std::strcpy(reinterpret_cast<char *>(mapped->data()) + 100, "from child");
    _exit(same ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WEXITSTATUS(status) == 0);
  REQUIRE(std::strcmp(reinterpret_cast<char *>(chunk->data()) + 100, "from child") == 0);
}

TEST_CASE("a peer's chunk that is missing or too small is an error") {
  auto chunk = Chunk::allocate(4096, true);
  REQUIRE(chunk.isOk());
  REQUIRE(Chunk::mapPeer(getpid(), 9999, 4096).status().code() == Code::Io);
  REQUIRE(Chunk::mapPeer(getpid(), chunk->fd(), 8192).status().code() == Code::Corrupt);
}

TEST_CASE("memory that the machine does not have is an error, not a crash") {
  const Status status = Chunk::allocate(uint64_t(1) << 60, false).status();
  REQUIRE(status.code() == Code::Io);
  REQUIRE(status.message().find("1152921504606846976 bytes") != std::string::npos);
}
