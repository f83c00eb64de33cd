// What every transport promises (runtime/transport/Transport.h), run against each of them.
#include "runtime/transport/mapped/MappedTransport.h"
#include "runtime/transport/tcp/TcpTransport.h"
#include "runtime/transport/throttled/ThrottledTransport.h"
#include "runtime/transport/ucx/UcxTransport.h"
#include "test/support/Require.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <sys/socket.h>
#include <thread>
#include <utility>

using namespace of;
using namespace of::rt;

namespace {

/// Sockets between any two of so many nodes.
std::vector<std::vector<int>> socketsBetween(uint32_t count) {
  std::vector<std::vector<int>> out(count, std::vector<int>(count, -1));
  for (uint32_t a = 0; a < count; ++a)
    for (uint32_t b = a + 1; b < count; ++b) {
      int pair[2];
      REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
      out[a][b] = pair[0];
      out[b][a] = pair[1];
    }
  return out;
}

/// Some nodes of one process, joined by UCX or sockets: as they are, with a bandwidth, or with
/// messages through mapped memory, between all or between those of even number.
struct Nodes {
  enum Way { Plain, Throttled, Mapped, Mixed };

  explicit Nodes(uint32_t count) {
    if (GENERATE(true, false))
      joinByUcx(count);
    else
      joinBySockets(count);
    const Way way = GENERATE(Plain, Throttled, Mapped, Mixed);
    for (Transport *&transport : all)
      if (way == Throttled) {
        throttled.push_back(std::make_unique<ThrottledTransport>(*transport, 1e9));
        transport = throttled.back().get();
      }
    if (way == Mapped || way == Mixed)
      map(way == Mixed ? 2 : 1);
  }
  void joinByUcx(uint32_t count) {
    std::vector<std::string> addresses;
    for (uint32_t n = 0; n < count; ++n) {
      auto transport = UcxTransport::create(n, count);
      require(transport.status());
      addresses.push_back((*transport)->address());
      ucx.push_back(std::move(*transport));
      all.push_back(ucx.back().get());
    }
    for (auto &transport : ucx)
      require(transport->connect(addresses));
  }
  void joinBySockets(uint32_t count) {
    const std::vector<std::vector<int>> sockets = socketsBetween(count);
    for (uint32_t n = 0; n < count; ++n) {
      auto transport = TcpTransport::create(n, sockets[n]);
      require(transport.status());
      tcp.push_back(std::move(*transport));
      all.push_back(tcp.back().get());
    }
  }
  /// Rings of few messages, so that they are full at times.
  void map(uint32_t hosts) {
    std::vector<uint32_t> hostOf;
    std::vector<std::string> cards;
    for (uint32_t n = 0; n < all.size(); ++n)
      hostOf.push_back(n % hosts);
    for (uint32_t n = 0; n < all.size(); ++n) {
      auto transport = MappedTransport::create(n, hostOf, all[n], 64);
      require(transport.status());
      cards.push_back((*transport)->card());
      mapped.push_back(std::move(*transport));
      all[n] = mapped.back().get();
    }
    for (auto &transport : mapped)
      require(transport->connect(cards));
  }
  /// Polls everybody until node `n` has seen `count` events, or gives up.
  std::vector<Event> await(uint32_t n, size_t count) {
    std::vector<Event> &seen = pending[n];
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Status status;
    while (seen.size() < count && status.isOk() && std::chrono::steady_clock::now() < deadline)
      for (uint32_t i = 0; i < all.size() && status.isOk(); ++i)
        status = all[i]->poll(pending[i]);
    require(status);
    return std::exchange(seen, {});
  }
  std::vector<std::unique_ptr<UcxTransport>> ucx;
  std::vector<std::unique_ptr<TcpTransport>> tcp;
  std::vector<std::unique_ptr<ThrottledTransport>> throttled;
  std::vector<std::unique_ptr<MappedTransport>> mapped;
  std::vector<Transport *> all;
  std::map<uint32_t, std::vector<Event>> pending;
};

EdgeKey edge(uint32_t src, uint32_t dst) {
  EdgeKey key;
  key.program = 3;
  key.exchange = 70000;
  key.srcDevice = src;
  key.dstDevice = dst;
  return key;
}

} // namespace

TEST_CASE("messages of a pair arrive in order, once and whole") {
  Nodes nodes(3);
  const uint64_t count = 2000;
  for (uint64_t i = 0; i < count; ++i)
    for (uint32_t from : {1u, 2u}) {
      Message message;
      message.generation = 77;
      message.kind = MessageKind::Grant;
      message.edge = edge(from, 0);
      message.sequence = i;
      require(nodes.all[from]->send(0, message));
    }
  const std::vector<Event> events = nodes.await(0, 2 * count);
  REQUIRE(events.size() == 2 * count);
  std::map<NodeId, uint64_t> next;
  for (const Event &event : events) {
    REQUIRE(event.kind == Event::Kind::Message);
    REQUIRE(event.message.generation == 77);
    REQUIRE(event.message.kind == MessageKind::Grant);
    REQUIRE(event.message.edge == edge(event.node, 0));
    REQUIRE(event.message.sequence == next[event.node]++);
  }
}

TEST_CASE("pushed bytes land in the buffer posted for their sequence") {
  Nodes nodes(2);
  const size_t bytes = GENERATE(size_t(1), size_t(8192), size_t(1) << 20);
  const uint64_t count = 4;
  std::vector<std::vector<char>> from(count), to(count);
  for (uint64_t i = 0; i < count; ++i) {
    from[i].assign(bytes, static_cast<char>('a' + i));
    to[i].assign(bytes, '-');
  }
  for (uint64_t i = 0; i < count; ++i)
    require(nodes.all[1]->post(0, edge(4, 9), i, to[i].data(), bytes, 100 + i));
  for (uint64_t i = count; i-- > 0;) // another order than the posts
    require(nodes.all[0]->push(1, edge(4, 9), i, from[i].data(), bytes, 200 + i));
  uint64_t landed = 0, left = 0;
  for (const Event &event : nodes.await(1, count)) {
    REQUIRE(event.kind == Event::Kind::PostDone);
    landed += event.token - 100;
  }
  for (const Event &event : nodes.await(0, count)) {
    REQUIRE(event.kind == Event::Kind::PushDone);
    left += event.token - 200;
  }
  REQUIRE(landed == 0 + 1 + 2 + 3);
  REQUIRE(left == 0 + 1 + 2 + 3);
  for (uint64_t i = 0; i < count; ++i)
    REQUIRE(to[i] == from[i]);
}

TEST_CASE("edges do not take each other's bytes") {
  Nodes nodes(2);
  EdgeKey a = edge(0, 1), b = edge(0, 1);
  b.exchange = 70001;
  uint64_t intoA = 0, intoB = 0;
  const uint64_t forA = 11, forB = 22;
  require(nodes.all[1]->post(0, a, 0, &intoA, 8, 1));
  require(nodes.all[1]->post(0, b, 0, &intoB, 8, 2));
  require(nodes.all[0]->push(1, b, 0, &forB, 8, 3));
  require(nodes.all[0]->push(1, a, 0, &forA, 8, 4));
  REQUIRE(nodes.await(1, 2).size() == 2);
  REQUIRE(nodes.await(0, 2).size() == 2);
  REQUIRE(intoA == 11);
  REQUIRE(intoB == 22);
}

TEST_CASE("several threads send while another polls") {
  Nodes nodes(2);
  constexpr uint64_t kEach = 500;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < kEach; ++i) {
        Message message;
        message.edge.exchange = t;
        message.sequence = i;
        (void)nodes.all[0]->send(1, message).isOk();
      }
    });
  const std::vector<Event> events = nodes.await(1, 3 * kEach);
  for (std::thread &thread : threads)
    thread.join();
  REQUIRE(events.size() == 3 * kEach);
  std::map<uint32_t, uint64_t> next;
  for (const Event &event : events)
    REQUIRE(event.message.sequence == next[event.message.edge.exchange]++);
}

TEST_CASE("a card that names no memory is refused") {
  auto node = MappedTransport::create(0, {0, 0}, nullptr);
  require(node.status());
  REQUIRE((*node)->connect({(*node)->card(), "nonsense"}).code() == Code::Corrupt);
  REQUIRE((*node)->connect({(*node)->card(), "1:999999"}).code() == Code::Io);
}

TEST_CASE("memory that is too small for the rings is refused") {
  auto node = MappedTransport::create(0, {0, 0}, nullptr, 64),
       other = MappedTransport::create(1, {0, 0}, nullptr, 16);
  require(node.status());
  require(other.status());
  REQUIRE((*node)->connect({(*node)->card(), (*other)->card()}).code() == Code::Corrupt);
}

TEST_CASE("without a way to other hosts a message there is an error") {
  auto node = MappedTransport::create(0, {0, 1}, nullptr);
  require(node.status());
  require((*node)->connect({(*node)->card(), ""}));
  REQUIRE((*node)->send(1, Message()).code() == Code::Internal);
}

TEST_CASE("a plan that tags cannot hold is refused") {
  REQUIRE(checkUcxLimits(64, 131072, 16384).isOk());
  REQUIRE(checkUcxLimits(65, 1, 1).code() == Code::Refused);
  REQUIRE(checkUcxLimits(1, 131073, 1).code() == Code::Refused);
  REQUIRE(checkUcxLimits(1, 1, 16385).code() == Code::Refused);
}
