#include "runtime/node/control/Join.h"

#include "runtime/node/control/Agreement.h"

#include <chrono>
#include <poll.h>
#include <sys/socket.h>
#include <thread>

namespace of::rt {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kRetry(50);
constexpr std::chrono::seconds kHelloTime(2);

double secondsLeft(Clock::time_point deadline) {
  return std::chrono::duration<double>(deadline - Clock::now()).count();
}

Clock::time_point deadlineOf(const ControlConfig &config) {
  return Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(config.joinSeconds * 1000));
}

std::string secondsText(const ControlConfig &config) {
  return std::to_string(static_cast<int>(config.joinSeconds)) + " s";
}

std::string listOf(const std::vector<std::string> &names) {
  std::string out;
  for (const std::string &name : names)
    out += (out.empty() ? "" : ", ") + name;
  return out;
}

/// Frames of a connection until one comes or the deadline has passed.
std::optional<Frame> awaitFrame(Connection &connection, Clock::time_point deadline) {
  std::vector<Frame> frames;
  while (connection.open() && Clock::now() < deadline) {
    pollfd fd{connection.fd(), POLLIN, 0};
    ::poll(&fd, 1, 100);
    connection.receive(frames, 1); // what comes behind it is the control tree's to read
    if (!frames.empty() && frames[0].type != FrameType::Heartbeat)
      return frames[0];
    frames.clear();
  }
  return std::nullopt;
}

class RootJoin {
public:
  explicit RootJoin(const ControlConfig &config) : config_(config) {
    for (size_t i = 0; i < config.nodeNames.size(); ++i)
      joined_.connections.emplace_back(-1);
    joined_.addresses.resize(config.nodeNames.size());
  }

  Result<Joined> run() {
    OF_ASSIGN(const Listener listener, listenOn(config_.peers[0]));
    const auto deadline = deadlineOf(config_);
    Status status;
    while (status.isOk() && !missing().empty()) {
      if (Clock::now() > deadline)
        status = Status(Code::PeerLost,
                        "not all nodes came within " + secondsText(config_) +
                            "; missing: " + listOf(missing()) +
                            ". Start them with the same --peers, or raise --join-timeout");
      else
        status = acceptOne(listener);
    }
    for (Connection &member : joined_.connections)
      member.send(status.isOk() ? FrameType::Welcome : FrameType::Refusal,
                  status.isOk() ? packLines(joined_.addresses)
                                : packLines({std::to_string(static_cast<int>(status.code())),
                                             status.message()}));
    if (!status.isOk())
      return status;
    return std::move(joined_);
  }

private:
  std::vector<std::string> missing() const {
    std::vector<std::string> out;
    for (size_t i = 1; i < joined_.connections.size(); ++i)
      if (!joined_.connections[i].open())
        out.push_back(config_.nodeNames[i]);
    return out;
  }

  Status acceptOne(const Listener &listener) {
    Connection connection = listener.accept(100);
    if (!connection.open())
      return Status::ok();
    const auto frame = awaitFrame(connection, Clock::now() + kHelloTime);
    const auto hello = frame ? readHello(config_, *frame) : std::nullopt;
    if (!hello) // somebody else's connection
      return Status::ok();
    const uint32_t node = hello->node;
    Status status;
    if (hello->digest != config_.planDigest)
      status =
          Status(Code::Refused, "node " + config_.nodeNames[node] + " has another plan (digest " +
                                    hello->digest + ", node " + config_.nodeNames[0] + " has " +
                                    config_.planDigest + "); give all nodes the same file");
    else if (joined_.connections[node].open())
      status =
          Status(Code::InvalidArgument, "two processes came as node " + config_.nodeNames[node] +
                                            "; give each its own --node");
    if (!status.isOk()) {
      connection.send(
          FrameType::Refusal,
          packLines({std::to_string(static_cast<int>(status.code())), status.message()}));
      return status;
    }
    joined_.addresses[node] = connection.peerHost() + ":" + std::to_string(hello->port);
    joined_.connections[node] = std::move(connection);
    return Status::ok();
  }

  const ControlConfig &config_;
  Joined joined_;
};

Result<Connection> connectRoot(const ControlConfig &config, const std::string &root,
                               Clock::time_point deadline) {
  int fd = -1;
  while (fd < 0) {
    if (secondsLeft(deadline) < 0)
      return Status(Code::PeerLost, root + " did not come within " + secondsText(config) +
                                        "; start it, or raise --join-timeout");
    OF_ASSIGN(fd, connectOnce(config.peers[0], 1000));
    if (fd < 0)
      std::this_thread::sleep_for(kRetry);
  }
  return Connection(fd);
}

Result<Joined> joinRoot(const ControlConfig &config) {
  const auto deadline = deadlineOf(config);
  const std::string root = "node " + config.nodeNames[0] + " at " + config.peers[0];
  Joined out;
  OF_ASSIGN(out.listener, listenOn("any:0"));
  for (size_t i = 0; i < config.nodeNames.size(); ++i)
    out.connections.emplace_back(-1);
  OF_ASSIGN(out.connections[0], connectRoot(config, root, deadline));
  out.connections[0].send(FrameType::Hello, helloOf(config, out.listener.port()));
  // The root waits as long for the others as this node has waited for it, and then says who is
  // missing.
  const auto answer = awaitFrame(out.connections[0], deadline + std::chrono::seconds(5));
  if (!answer)
    return Status(Code::PeerLost, root + " went away while the nodes were joining");
  const std::vector<std::string> words = unpackLines(answer->payload);
  if (answer->type == FrameType::Refusal && words.size() == 2)
    return Status(static_cast<Code>(std::atoi(words[0].c_str())), words[1]);
  if (answer->type != FrameType::Welcome || words.size() != config.nodeNames.size())
    return Status(Code::Refused, root + " answers in another way; run one version everywhere");
  out.addresses = words;
  return out;
}

} // namespace

std::string helloOf(const ControlConfig &config, uint16_t port) {
  return packLines({std::to_string(config.node), config.planDigest, std::to_string(port)});
}

std::optional<Hello> readHello(const ControlConfig &config, const Frame &frame) {
  const std::vector<std::string> words = unpackLines(frame.payload);
  if (frame.type != FrameType::Hello || words.size() != 3)
    return std::nullopt;
  Hello hello;
  hello.node = static_cast<uint32_t>(std::strtoul(words[0].c_str(), nullptr, 10));
  hello.digest = words[1];
  hello.port = static_cast<uint16_t>(std::strtoul(words[2].c_str(), nullptr, 10));
  return hello.node == 0 || hello.node >= config.nodeNames.size() ? std::nullopt
                                                                  : std::optional<Hello>(hello);
}

Result<Joined> joinNodes(const ControlConfig &config) {
  return config.node == 0 ? RootJoin(config).run() : joinRoot(config);
}

} // namespace of::rt
