#include "runtime/node/control/DataSockets.h"

#include "runtime/node/control/Greeter.h"
#include "runtime/node/control/Join.h"
#include "runtime/node/control/Steady.h"

#include <chrono>
#include <thread>

namespace of::rt {

namespace {
constexpr int kMeetMs = 3000;
constexpr int kLookMs = 20;

Status stoppedStatus() {
  return Status(Code::PeerLost, "the run ended while its nodes connected for tensors");
}
} // namespace

Result<DataSockets> DataSockets::listen(const ControlConfig &config, const std::string &ownHost) {
  OF_ASSIGN(Listener listener, listenOn(config.interface, addressText(ownHost, 0)));
  return DataSockets(config, std::move(listener));
}

Status DataSockets::missing(uint32_t node) const {
  return Status(Code::PeerLost, "no connection for tensors to node " + config_->nodeNames[node] +
                                    " within " +
                                    std::to_string(static_cast<int>(config_->joinSeconds)) +
                                    " s; let the nodes reach each other on all TCP ports");
}

Status DataSockets::goTo(uint32_t node, const std::string &address, int64_t deadlineMs,
                         const std::function<bool()> &stopped, Connection &out) const {
  while (!out.open()) {
    if (stopped())
      return stoppedStatus();
    if (nowMs() > deadlineMs)
      return missing(node);
    OF_ASSIGN(Introduced met, introduceTo(
                                  address, config_->token,
                                  [this](const Connection &) -> Result<Hello> {
                                    return helloOf(*config_, listener_.port());
                                  },
                                  kMeetMs));
    out = std::move(met.connection);
    if (!out.open())
      std::this_thread::sleep_for(std::chrono::milliseconds(kLookMs));
  }
  return Status::ok();
}

Status DataSockets::await(const std::vector<bool> &wanted, int64_t deadlineMs,
                          const std::function<bool()> &stopped,
                          std::vector<Connection> &out) const {
  Greeter greeter(config_->token);
  for (uint32_t next = config_->node + 1; next < wanted.size();) {
    if (!wanted[next] || out[next].open()) {
      ++next;
      continue;
    }
    if (stopped())
      return stoppedStatus();
    if (nowMs() > deadlineMs)
      return missing(next);
    std::vector<pollfd> fds = {{listener_.fd(), POLLIN, 0}};
    greeter.addTo(fds);
    ::poll(fds.data(), fds.size(), kLookMs);
    for (Greeter::Member &member : greeter.greet(listener_, nowMs())) {
      const uint32_t node = member.hello.node;
      // One that is known already, or of another plan, has no business here.
      if (node > config_->node && node < wanted.size() && wanted[node] && !out[node].open() &&
          member.hello.digest == config_->planDigest)
        out[node] = std::move(member.connection);
    }
  }
  return Status::ok();
}

Result<std::vector<Connection>> DataSockets::meet(const std::vector<std::string> &addresses,
                                                  const std::vector<bool> &wanted,
                                                  const std::function<bool()> &stopped) const {
  std::vector<Connection> out;
  for (size_t n = 0; n < wanted.size(); ++n)
    out.emplace_back(-1);
  // Node 0 goes nowhere, so it awaits node 1, which then awaits the others, and so on.
  const int64_t deadline = nowMs() + static_cast<int64_t>(config_->joinSeconds * 1000);
  for (uint32_t n = 0; n < config_->node; ++n)
    if (wanted[n])
      OF_TRY(goTo(n, addresses[n], deadline, stopped, out[n]));
  OF_TRY(await(wanted, deadline, stopped, out));
  return out;
}

} // namespace of::rt
