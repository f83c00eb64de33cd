#include "runtime/node/control/Agreement.h"
#include "runtime/node/control/Halt.h"
#include "runtime/node/control/Handshake.h"
#include "test/fuzz/Targets.h"

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

rt::HaltDriver noHaltDriver() {
  return {[](uint32_t, rt::FrameType, const std::string &) {}, [] {}, [](uint64_t) {}};
}

/// Gives frames to a node, from both of the others in turn, then loses one of these.
std::string follow(uint32_t self, const std::vector<rt::Frame> &frames) {
  const std::vector<std::string> names = {"n0", "n1", "n2"};
  NoDriver driver;
  rt::Agreement agreement(self, names, driver, 0);
  rt::Halt halt(self, static_cast<uint32_t>(names.size()), noHaltDriver());
  uint32_t from = 2;
  int64_t nowMs = 0;
  for (const rt::Frame &frame : frames) {
    halt.onFrame(from, frame);
    agreement.onFrame(from, frame, nowMs);
    agreement.tick(nowMs += 20);
    from = from == 2 ? 1 - self : 2;
  }
  agreement.onLost(from, "closed its connection", nowMs);
  agreement.tick(nowMs + 2 * rt::kTakeoverMs);
  return driver.said;
}

} // namespace

std::string hello(std::string_view input) {
  const std::string bytes(input);
  const rt::Nonce challenge{};
  const auto hello = rt::readHello(bytes, "token", challenge);
  if (!hello)
    return rt::readChallenge(bytes) ? "" : "neither hello nor challenge";
  (void)rt::proofOf(*hello, "token", challenge);
  return "";
}

std::string control(std::string_view input) {
  std::string bytes(input);
  std::vector<rt::Frame> frames;
  std::string said = rt::takeFrames(bytes, frames).message();
  for (const uint32_t self : {0u, 1u}) // who coordinates, and who does not
    said += follow(self, frames);
  return said;
}

} // namespace of::fuzz
