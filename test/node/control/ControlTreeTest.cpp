#include "runtime/node/control/ControlTree.h"
#include "runtime/node/control/Checkup.h"
#include "runtime/node/control/Handshake.h"
#include "runtime/node/control/Socket.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace of;
using namespace of::rt;

namespace {

std::string freeAddress() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(bind(fd, reinterpret_cast<sockaddr *>(&address), length) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr *>(&address), &length) == 0);
  close(fd);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

struct Cluster {
  explicit Cluster(uint32_t nodes) {
    for (uint32_t n = 0; n < nodes; ++n) {
      config.peers.push_back(n == 0 ? freeAddress() : "127.0.0.1:1");
      config.nodeNames.push_back("n" + std::to_string(n));
    }
    config.planDigest = "abc";
    config.joinSeconds = 10;
  }
  /// Runs fn(node, tree) on a thread per node.
  template <typename Fn> void run(Fn fn) {
    std::vector<std::thread> threads;
    for (uint32_t n = 0; n < config.nodeNames.size(); ++n)
      threads.emplace_back([&, n] {
        ControlConfig mine = config;
        mine.node = n;
        change(mine);
        fn(n, ControlTree::join(mine));
      });
    for (std::thread &thread : threads)
      thread.join();
  }
  ControlConfig config;
  std::function<void(ControlConfig &)> change = [](ControlConfig &) {};
};

double secondsOf(const std::function<void()> &work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

TEST_CASE("nodes meet, gather lines in order and part") {
  Cluster cluster(3);
  std::vector<std::vector<std::string>> seen(3);
  std::vector<Status> ends(3);
  cluster.run([&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) {
    if (!tree.isOk()) {
      ends[n] = tree.status();
      return;
    }
    for (int round = 0; round < 3; ++round) {
      auto lines =
          (*tree)->allGather("line " + std::to_string(n) + " of " + std::to_string(round) + "\n");
      if (lines.isOk())
        seen[n].insert(seen[n].end(), lines->begin(), lines->end());
    }
    ends[n] = (*tree)->finish();
  });
  for (uint32_t n = 0; n < 3; ++n) {
    INFO(ends[n].message());
    REQUIRE(ends[n].isOk());
    REQUIRE(seen[n].size() == 9);
    REQUIRE(seen[n][0] == "line 0 of 0\n");
    REQUIRE(seen[n][5] == "line 2 of 1\n");
    REQUIRE(seen[n] == seen[0]);
  }
}

TEST_CASE("all nodes name the same first cause, the one a node gave itself") {
  Cluster cluster(3);
  std::vector<Status> ends(3);
  std::atomic<int> told{0};
  cluster.run([&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) {
    (*tree)->watch([&] { ++told; });
    if (n == 1)
      (*tree)->report(
          Status(Code::PeerLost, "no answer from n2")); // derived from what n2 knows better
    if (n == 2)
      (*tree)->report(Status(Code::Numeric, "loss is NaN in step 7"));
    ends[n] = (*tree)->finish();
  });
  for (const Status &end : ends) {
    REQUIRE(end.code() == Code::Numeric);
    REQUIRE(end.message() == "node n2: loss is NaN in step 7");
  }
  REQUIRE(told == 3);
}

TEST_CASE("a node that vanishes is named by all others, soon") {
  const uint32_t victim = GENERATE(0u, 2u);
  Cluster cluster(3);
  std::vector<Status> ends(3);
  const double seconds = secondsOf([&] {
    cluster.run([&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) {
      if (n == victim)
        return; // its sockets close without a word
      ends[n] = (*tree)->allGather("waiting").status();
    });
  });
  for (uint32_t n = 0; n < 3; ++n) {
    if (n == victim)
      continue;
    REQUIRE(ends[n].code() == Code::PeerLost);
    REQUIRE(ends[n].message().find("node n" + std::to_string(victim) + " was lost") == 0);
  }
  REQUIRE(seconds < 3);
}

TEST_CASE("nodes that do not come are named at the deadline") {
  Cluster cluster(3);
  cluster.config.joinSeconds = 0.5;
  std::vector<Status> ends(3);
  std::vector<std::thread> threads;
  for (uint32_t n : {0u, 2u})
    threads.emplace_back([&, n] {
      ControlConfig mine = cluster.config;
      mine.node = n;
      ends[n] = ControlTree::join(mine).status();
    });
  for (std::thread &thread : threads)
    thread.join();
  for (uint32_t n : {0u, 2u}) {
    REQUIRE(ends[n].code() == Code::PeerLost);
    REQUIRE(ends[n].message().find("missing: n1.") != std::string::npos);
  }
  ControlConfig alone = cluster.config;
  alone.node = 1;
  REQUIRE(ControlTree::join(alone).status().message().find("node n0 at 127.0.0.1:") == 0);
}

TEST_CASE("another plan is refused by digest") {
  Cluster cluster(2);
  cluster.change = [](ControlConfig &config) {
    if (config.node == 1)
      config.planDigest = "def";
  };
  std::vector<Status> ends(2);
  cluster.run(
      [&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) { ends[n] = tree.status(); });
  for (const Status &end : ends) {
    REQUIRE(end.code() == Code::Refused);
    REQUIRE(end.message().find("node n1 has another plan") == 0);
  }
}

TEST_CASE("who does not know the token does not join, and is told why") {
  Cluster cluster(2);
  cluster.config.token = "right";
  cluster.config.joinSeconds = 1.5;
  cluster.change = [](ControlConfig &config) {
    if (config.node == 1)
      config.token = "wrong";
  };
  std::vector<Status> ends(2);
  cluster.run(
      [&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) { ends[n] = tree.status(); });
  REQUIRE(ends[0].code() == Code::PeerLost);
  REQUIRE(ends[0].message().find("missing: n1.") != std::string::npos);
  REQUIRE(ends[0].message().find("did not know the job's token") != std::string::npos);
  REQUIRE(ends[1].code() == Code::Refused);
  REQUIRE(ends[1].message().find("do not know the same token") != std::string::npos);
}

TEST_CASE("a hello answers one challenge, says one thing and needs the token") {
  Hello hello;
  hello.node = 3;
  hello.port = 4711;
  hello.digest = "0123456789abcdef0123456789abcdef";
  hello.nonce = freshNonce();
  const Nonce challenge = freshNonce();
  const std::string bytes = packHello(hello, "secret", challenge);
  REQUIRE(bytes.size() == kHelloBytes);
  const auto read = readHello(bytes, "secret", challenge);
  REQUIRE(read);
  REQUIRE(read->node == 3);
  REQUIRE(read->port == 4711);
  REQUIRE(read->digest == hello.digest);
  REQUIRE_FALSE(readHello(bytes, "secre", challenge));
  REQUIRE_FALSE(readHello(bytes, "", challenge));
  REQUIRE_FALSE(readHello(bytes, "secret", freshNonce())); // replayed on another connection
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] ^= 1;
    REQUIRE_FALSE(readHello(altered, "secret", challenge));
  }
  REQUIRE_FALSE(readHello(bytes.substr(1), "secret", challenge));
  REQUIRE(proofOf(hello, "secret", challenge) != proofOf(hello, "secre", challenge));
}

namespace {

/// Connects, waits for the challenge and sends what a stranger makes of it.
void disturb(const std::string &address, const std::string &words) {
  const Result<int> fd = connectOnce(address, 1000);
  if (!fd.isOk() || *fd < 0)
    return;
  Connection connection(*fd);
  connection.sendRaw(words);
}

} // namespace

TEST_CASE("strangers and recorded hellos neither join nor delay") {
  Cluster cluster(3);
  cluster.config.token = "secret";
  Hello recorded;
  recorded.node = 1;
  recorded.digest = "abc";
  const std::string replayed = packHello(recorded, "secret", freshNonce());
  std::atomic<bool> over{false};
  std::thread stranger([&] {
    const std::string words[] = {"", replayed, "GET / HTTP/1.1\r\n\r\n", std::string(1 << 16, 'x'),
                                 packHello(recorded, "guess", freshNonce())};
    for (size_t i = 0; i < 400 || !over; ++i)
      disturb(cluster.config.peers[0], words[i % 5]);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::vector<Status> ends(3);
  const double seconds = secondsOf([&] {
    cluster.run([&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) {
      ends[n] = tree.isOk() ? (*tree)->allGather("here").status() : tree.status();
      if (tree.isOk() && ends[n].isOk())
        ends[n] = (*tree)->finish();
      over = true;
    });
  });
  stranger.join();
  for (const Status &end : ends) {
    INFO(end.message());
    REQUIRE(end.isOk());
  }
  REQUIRE(seconds < 5);
}

TEST_CASE("a check lists what any node has found, and who did not come as it should") {
  Cluster cluster(4);
  cluster.config.joinSeconds = 0.5;
  std::vector<std::vector<Status>> found(4);
  std::vector<std::thread> threads;
  for (uint32_t n : {0u, 1u, 2u}) // node 3 does not come
    threads.emplace_back([&, n] {
      ControlConfig mine = cluster.config;
      mine.node = n;
      if (n == 2)
        mine.planDigest = "def";
      std::vector<Status> own;
      if (n == 1)
        own = {Status(Code::Io, "no room"), Status(Code::InvalidArgument, "no file")};
      found[n] = checkTogether(mine, own);
    });
  for (std::thread &thread : threads)
    thread.join();
  std::string all;
  for (const Status &status : found[0])
    all += status.message() + "\n";
  INFO(all);
  REQUIRE(found[0].size() == 4);
  for (const char *text :
       {"node n1: no room\n", "node n1: no file\n", "node n2 has another plan", "missing: n3."})
    REQUIRE(all.find(text) != std::string::npos);
  REQUIRE(found[1].size() == 4);
  REQUIRE(found[2].size() == 1);
  REQUIRE(found[2][0].code() == Code::Refused);
}

TEST_CASE("a listener is where it was told to be") {
  const auto loopback = listenOn("", "127.0.0.1:0");
  REQUIRE(loopback.isOk());
  REQUIRE(loopback->address() == "127.0.0.1:" + std::to_string(loopback->port()));
  const auto byName = listenOn("lo", "192.0.2.1:0");
  REQUIRE(byName.isOk());
  REQUIRE(byName->address().find("127.0.0.1:") == 0);
  REQUIRE(listenOn("any", "127.0.0.1:0").isOk());
  const Status none = listenOn("nowhere0", "127.0.0.1:0").status();
  REQUIRE(none.code() == Code::InvalidArgument);
  REQUIRE(none.message().find("there are lo (127.0.0.1)") != std::string::npos);
  const Status foreign = listenOn("", "192.0.2.1:0").status(); // nobody's
  REQUIRE(foreign.message().find("--interface") != std::string::npos);
  REQUIRE(*isLoopback("127.0.0.1:1"));
  REQUIRE_FALSE(*isLoopback("192.0.2.1:1"));
}

TEST_CASE("a connection takes what comes in bounded parts and says what is no frame") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  Connection reader(ends[0]), writer(ends[1]);
  std::vector<Frame> frames;

  // Frames that are cut anywhere come whole and in order; one at a time where that is asked.
  const std::string large(3 << 20, 'x');
  writer.send(FrameType::Gather, "first");
  writer.send(FrameType::Gathered, large);
  REQUIRE(reader.receive(frames, 1).isOk());
  REQUIRE(frames.size() == 1);
  for (int calls = 0; calls < 100000 && frames.size() < 2; ++calls) {
    writer.flush();
    REQUIRE(reader.receive(frames).isOk());
  }
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].payload == "first");
  CHECK(frames[1].payload == large);

  // A peer that always has more to say does not keep the reader for longer than a mebibyte.
  std::atomic<bool> stop{false};
  std::thread flood([&] {
    const std::string heartbeats(1 << 16, '\0');
    while (!stop)
      (void)!::send(ends[1], heartbeats.data(), heartbeats.size(), MSG_NOSIGNAL);
  });
  for (int calls = 0; calls < 20; ++calls) {
    frames.clear();
    CHECK(reader.receive(frames).isOk());
    CHECK(frames.size() <= (1 << 20) / 8 + 1);
  }
  stop = true;
  flood.join();

  while (reader.receive(frames).isOk() && !frames.empty())
    frames.clear();
  std::string bytes = "\x05\0\0\0\xff\xff\xff\xff and more";
  bytes.assign("\x05\0\0\0\xff\xff\xff\xff", 8);
  const Status status = takeFrames(bytes, frames);
  CHECK(status.code() == Code::Corrupt);
  CHECK(status.message() ==
        "it sent a frame of 4294967295 bytes, and no node sends more than 67108864");
}

TEST_CASE("an address that is none is an error of the user") {
  Cluster cluster(2);
  cluster.config.peers = {"nonsense", "nonsense"};
  cluster.config.node = 1;
  REQUIRE(ControlTree::join(cluster.config).status().code() == Code::InvalidArgument);
}

TEST_CASE("nodes agree after which step they end early, whoever asks") {
  Cluster cluster(3);
  const uint32_t asker = GENERATE(0u, 2u);
  std::vector<uint64_t> agreed(3);
  cluster.run([&](uint32_t n, Result<std::unique_ptr<ControlTree>> tree) {
    REQUIRE(tree.isOk());
    std::atomic<bool> frozen{false}, told{false};
    if (n == 1) // it is done already, and nobody will have to ask it
      (*tree)->promise(9);
    (*tree)->watchHalt([&] { frozen = true; },
                       [&](uint64_t step) {
                         agreed[n] = step;
                         told = true;
                       });
    if (n == asker)
      (*tree)->askHalt();
    while (!frozen)
      std::this_thread::yield();
    if (n != 1)
      (*tree)->promise(5 + n);
    while (!told)
      std::this_thread::yield();
    (*tree)->watchHalt(nullptr, nullptr);
    REQUIRE((*tree)->finish().isOk());
  });
  REQUIRE(agreed == std::vector<uint64_t>(3, 9));
}
