// What TcpTransport promises beyond the conformance suite.
#include "runtime/transport/tcp/TcpTransport.h"
#include "test/support/Require.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <numeric>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace of;
using namespace of::rt;

namespace {

EdgeKey edge() {
  EdgeKey key;
  key.exchange = 5;
  key.dstDevice = 1;
  return key;
}

Message grant(uint64_t sequence) {
  Message message;
  message.kind = MessageKind::Grant;
  message.edge = edge();
  message.sequence = sequence;
  return message;
}

/// Node 0 as TcpTransport; node 1 too, or a bare socket.
struct Pair {
  explicit Pair(bool isBare = false,
                TcpTransport::Clock::duration silence = TcpTransport::kSilence) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    here = make(0, {-1, pair[0]}, silence);
    if (isBare)
      bare = pair[1];
    else
      there = make(1, {pair[1], -1}, silence);
  }
  ~Pair() {
    if (bare >= 0)
      ::close(bare);
  }
  static std::unique_ptr<TcpTransport> make(NodeId self, std::vector<int> sockets,
                                            TcpTransport::Clock::duration silence) {
    auto transport = TcpTransport::create(self, std::move(sockets), silence);
    require(transport.status());
    return std::move(*transport);
  }
  void write(const void *data, size_t bytes) const {
    REQUIRE(::write(bare, data, bytes) == static_cast<ssize_t>(bytes));
  }
  static std::vector<Event> look(TcpTransport &transport) {
    std::vector<Event> events;
    require(transport.poll(events));
    return events;
  }
  static Status fails(TcpTransport &transport) {
    std::vector<Event> events;
    return transport.poll(events);
  }

  std::unique_ptr<TcpTransport> here, there;
  int bare = -1;
};

} // namespace

TEST_CASE("a grant waits for the push that it travels with") {
  Pair pair;
  int from = 7, to = 0;
  require(pair.there->post(0, edge(), 0, &to, sizeof to, 1));
  require(pair.here->send(1, grant(3)));
  REQUIRE(Pair::look(*pair.there).empty());
  require(pair.here->push(1, edge(), 0, &from, sizeof from, 2));
  const std::vector<Event> events = Pair::look(*pair.there);
  REQUIRE(events.size() == 2);
  REQUIRE(events[0].message.sequence == 3);
  REQUIRE(events[1].kind == Event::Kind::PostDone);
  REQUIRE(to == 7);
}

TEST_CASE("a grant that no push follows is sent by a flush, or after some polls") {
  Pair pair;
  require(pair.here->send(1, grant(0)));
  require(pair.here->flush());
  REQUIRE(Pair::look(*pair.there).size() == 1);
  require(pair.here->send(1, grant(1)));
  size_t seen = 0;
  for (int polls = 0; polls < 64 && seen == 0; ++polls) {
    REQUIRE(Pair::look(*pair.here).empty());
    seen = Pair::look(*pair.there).size();
  }
  REQUIRE(seen == 1);
}

TEST_CASE("other messages are held back by nothing") {
  Pair pair;
  Message message = grant(0);
  message.kind = GENERATE(MessageKind::Ready, MessageKind::Ack);
  require(pair.here->send(1, message));
  REQUIRE(Pair::look(*pair.there).size() == 1);
}

TEST_CASE("bytes land where room is offered, and only there") {
  Pair pair;
  std::vector<char> from(size_t(1) << 20), slot(from.size(), '-'), room(from.size(), '-');
  std::iota(from.begin(), from.end(), static_cast<char>(0));
  require(pair.there->post(0, edge(), 0, slot.data(), slot.size(), 1));
  pair.there->offer(0, edge(), 0, room.data());
  pair.there->offer(0, edge(), 1, slot.data()); // of a version that is not posted: nothing happens
  require(pair.here->push(1, edge(), 0, from.data(), from.size(), 2));
  std::vector<Event> events;
  for (int i = 0; i < 1000 && events.empty(); ++i) {
    REQUIRE(Pair::look(*pair.here).size() <= 1);
    events = Pair::look(*pair.there);
  }
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].inPlace);
  REQUIRE(room == from);
  REQUIRE(slot == std::vector<char>(from.size(), '-'));
}

TEST_CASE("an offer comes too late for bytes that are under way") {
  Pair pair(true);
  std::vector<char> from(4096, 'x'), slot(from.size(), '-'), room(from.size(), '-');
  require(pair.here->post(1, edge(), 0, slot.data(), slot.size(), 1));
  const FrameHead head = pushHead(edge(), 0, from.size());
  pair.write(&head, sizeof head);
  pair.write(from.data(), 1);
  REQUIRE(Pair::look(*pair.here).empty());
  pair.here->offer(1, edge(), 0, room.data());
  pair.write(from.data() + 1, from.size() - 1);
  const std::vector<Event> events = Pair::look(*pair.here);
  REQUIRE(events.size() == 1);
  REQUIRE_FALSE(events[0].inPlace);
  REQUIRE(slot == from);
}

TEST_CASE("heads that come in pieces are put together") {
  Pair pair(true);
  const FrameHead head = messageHead(grant(9));
  const char *bytes = reinterpret_cast<const char *>(&head);
  for (size_t i = 0; i + 1 < sizeof head; ++i) {
    pair.write(bytes + i, 1);
    REQUIRE(Pair::look(*pair.here).empty());
  }
  pair.write(bytes + sizeof head - 1, 1);
  const std::vector<Event> events = Pair::look(*pair.here);
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].message.sequence == 9);
}

TEST_CASE("what a node never sends is an error") {
  Pair pair(true);
  int slot = 0;
  require(pair.here->post(1, edge(), 0, &slot, sizeof slot, 1));
  FrameHead head;
  std::string words;
  SECTION("any damaged bit") {
    head = messageHead(grant(1));
    const size_t bit = GENERATE(range(size_t(0), 8 * sizeof(FrameHead)));
    reinterpret_cast<uint8_t *>(&head)[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    words = "damaged";
  }
  SECTION("bytes that nobody granted") {
    head = pushHead(edge(), 1, sizeof slot);
    words = "not granted";
  }
  SECTION("more bytes than granted") {
    head = pushHead(edge(), 0, uint64_t(1) << 60);
    words = "where 4 were expected";
  }
  SECTION("another kind") {
    head.kind = static_cast<FrameKind>(3);
    head.check = checkOf(head);
    words = "kind";
  }
  pair.write(&head, sizeof head);
  const Status status = Pair::fails(*pair.here);
  REQUIRE(status.code() == Code::Corrupt);
  REQUIRE(status.message().find(words) != std::string::npos);
  REQUIRE(status.message().find("node 1") != std::string::npos);
}

TEST_CASE("the end of a connection is an error only when nothing else has been said for a while") {
  Pair pair(false, std::chrono::milliseconds(30));
  pair.there.reset();
  REQUIRE(Pair::look(*pair.here).empty());
  require(pair.here->send(1, grant(0))); // to nobody
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  const Status status = Pair::fails(*pair.here);
  REQUIRE(status.code() == Code::PeerLost);
  REQUIRE(status.message().find("data connection to node 1 broke") != std::string::npos);
}

TEST_CASE("a node without a connection is an error, and so is a version posted twice") {
  Pair pair;
  REQUIRE(pair.here->send(0, grant(0)).code() == Code::Internal);
  REQUIRE(pair.here->send(2, grant(0)).code() == Code::Internal);
  int slot = 0;
  require(pair.here->post(1, edge(), 0, &slot, sizeof slot, 1));
  REQUIRE(pair.here->post(1, edge(), 0, &slot, sizeof slot, 1).code() == Code::Internal);
}
