#include "runtime/node/control/Agreement.h"
#include "runtime/node/control/Join.h"
#include "test/fuzz/Targets.h"

#include <sys/socket.h>
#include <unistd.h>

namespace of::fuzz {

namespace {

/// Takes what an agreement asks for and does none of it.
class NoDriver final : public rt::AgreementDriver {
public:
  void send(uint32_t, rt::FrameType, const std::string &) override {}
  void connect(uint32_t) override {}
  void settled(const Status &verdict) override { said = messageOf(verdict); }
  std::string said;
};

/// The frames in a stream of bytes, as the socket hands them over.
std::vector<rt::Frame> framesOf(std::string_view input) {
  int ends[2];
  std::vector<rt::Frame> frames;
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
    return frames;
  rt::Connection connection(ends[0]);
  // All that fits: a stream that is cut is a stream, too.
  (void)!::send(ends[1], input.data(), input.size(), MSG_NOSIGNAL);
  ::close(ends[1]);
  connection.receive(frames);
  return frames;
}

} // namespace

std::string control(std::string_view input) {
  const std::vector<rt::Frame> frames = framesOf(input);
  const std::vector<std::string> names = {"n0", "n1", "n2"};
  std::string said;
  if (!rt::readHello(std::string(input.substr(0, rt::kHelloBytes)), "token", rt::Nonce{}))
    said = "no hello";
  // The same frames to who coordinates and to who does not, from both of the others in turn.
  for (const uint32_t self : {0u, 1u}) {
    NoDriver driver;
    rt::Agreement agreement(self, names, driver, 0);
    uint32_t from = 2;
    int64_t nowMs = 0;
    for (const rt::Frame &frame : frames) {
      agreement.onFrame(from, frame, nowMs);
      agreement.tick(nowMs += 20);
      from = from == 2 ? 1 - self : 2;
    }
    agreement.onLost(from, "closed its connection", nowMs);
    agreement.tick(nowMs + 2 * rt::kTakeoverMs);
    said += driver.said;
  }
  return said;
}

} // namespace of::fuzz
