#include "runtime/node/control/Join.h"

#include "runtime/node/control/Agreement.h"
#include "runtime/node/control/Greeter.h"
#include "runtime/node/control/Steady.h"

#include <chrono>
#include <poll.h>
#include <thread>

namespace of::rt {

namespace {

constexpr std::chrono::milliseconds kRetry(50);
constexpr int kMeetMs = 3000;
/// So often does a node that is turned away come again: it may have been pushed out by strangers.
constexpr int kAttempts = 20;

int64_t deadlineOf(const ControlConfig &config) {
  return nowMs() + static_cast<int64_t>(config.joinSeconds * 1000);
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

/// So many bytes, if they come in time.
bool awaitRaw(Connection &connection, size_t bytes, std::string &out, int64_t deadline) {
  while (connection.open() && !connection.receiveRaw(bytes, out)) {
    const int64_t left = deadline - nowMs();
    if (left <= 0)
      return false;
    pollfd fd{connection.fd(), POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(left));
  }
  return out.size() == bytes;
}

class RootJoin {
public:
  RootJoin(const ControlConfig &config, std::vector<Status> *findings)
      : config_(config), findings_(findings), greeter_(config_.token),
        turnedAway_(config.nodeNames.size()) {
    for (size_t i = 0; i < config.nodeNames.size(); ++i)
      joined_.connections.emplace_back(-1);
    joined_.addresses.resize(config.nodeNames.size());
  }

  Result<Joined> run() {
    OF_ASSIGN(const Listener listener, listenOn(config_.interface, config_.peers[0]));
    const int64_t deadline = deadlineOf(config_);
    Status status;
    while (status.isOk() && !missing().empty()) {
      if (nowMs() > deadline) {
        status = found(Status(Code::PeerLost, missingText(listener)));
        break;
      }
      std::vector<pollfd> fds = {{listener.fd(), POLLIN, 0}};
      greeter_.addTo(fds);
      ::poll(fds.data(), fds.size(), 100);
      for (Greeter::Member &member : greeter_.greet(listener, nowMs()))
        if (status.isOk())
          status = take(std::move(member));
    }
    for (Connection &member : joined_.connections)
      member.send(status.isOk() ? FrameType::Welcome : FrameType::Refusal,
                  status.isOk() ? packLines(joined_.addresses) : refusal(status));
    if (!status.isOk())
      return status;
    return std::move(joined_);
  }

private:
  /// What is wrong ends the joining, or is noted.
  Status found(const Status &status) {
    if (!findings_)
      return status;
    findings_->push_back(status);
    return Status::ok();
  }

  static std::string refusal(const Status &status) {
    return packLines({std::to_string(static_cast<int>(status.code())), status.message()});
  }

  std::vector<std::string> missing() const {
    std::vector<std::string> out;
    for (size_t i = 1; i < joined_.connections.size(); ++i)
      if (!joined_.connections[i].open() && !turnedAway_[i])
        out.push_back(config_.nodeNames[i]);
    return out;
  }

  std::string missingText(const Listener &listener) const {
    std::string out = "not all nodes came within " + secondsText(config_) +
                      "; missing: " + listOf(missing()) + ". This node listens on " +
                      listener.address() +
                      "; start the others with the same --peers, or raise --join-timeout";
    if (greeter_.strangers() > 0)
      out +=
          "; " + std::to_string(greeter_.strangers()) + " connections did not know the job's token";
    return out;
  }

  Status take(Greeter::Member member) {
    const uint32_t node = member.hello.node;
    Status status = judge(member.hello);
    if (!status.isOk()) {
      member.connection.send(FrameType::Refusal, refusal(status));
      if (node < turnedAway_.size() && !joined_.connections[node].open())
        turnedAway_[node] = true;
      return found(status);
    }
    joined_.addresses[node] = addressText(member.connection.peerHost(), member.hello.port);
    joined_.connections[node] = std::move(member.connection);
    return Status::ok();
  }

  /// Of one that knows the token.
  Status judge(const Hello &hello) const {
    if (hello.node == 0 || hello.node >= config_.nodeNames.size())
      return Status(Code::InvalidArgument, "a process came as node " + std::to_string(hello.node) +
                                               ", the plan has nodes 1 to " +
                                               std::to_string(config_.nodeNames.size() - 1) +
                                               " beside this one; give each its own --node");
    const std::string &name = config_.nodeNames[hello.node];
    if (hello.version != kControlVersion)
      return Status(Code::Refused,
                    "node " + name + " speaks version " + std::to_string(hello.version) +
                        ", node " + config_.nodeNames[0] + " version " +
                        std::to_string(kControlVersion) + "; run one version of of-run everywhere");
    if (hello.digest != config_.planDigest)
      return Status(Code::Refused, "node " + name + " has another plan (digest " + hello.digest +
                                       ", node " + config_.nodeNames[0] + " has " +
                                       config_.planDigest + "); give all nodes the same file");
    if (joined_.connections[hello.node].open())
      return Status(Code::InvalidArgument,
                    "two processes came as node " + name + "; give each its own --node");
    return Status::ok();
  }

  const ControlConfig &config_;
  std::vector<Status> *findings_;
  Joined joined_;
  Greeter greeter_;
  std::vector<bool> turnedAway_; ///< by node
};

/// A node that turns to this one later finds it where this node's connection to node 0 comes from.
Result<Hello> listenAndTell(const ControlConfig &config, const Connection &root,
                            Listener &listener) {
  if (listener.fd() < 0) {
    OF_ASSIGN(listener, listenOn(config.interface, addressText(root.ownHost(), config.listenPort)));
  }
  return helloOf(config, listener.port());
}

Result<Connection> connectRoot(const ControlConfig &config, const std::string &root,
                               int64_t deadline, Listener &listener) {
  int turnedAway = 0;
  while (turnedAway < kAttempts && nowMs() <= deadline) {
    OF_ASSIGN(Introduced met,
              introduceTo(
                  config.peers[0], config.token,
                  [&](const Connection &c) { return listenAndTell(config, c, listener); },
                  kMeetMs));
    if (met.connection.open())
      return std::move(met.connection);
    turnedAway += met.turnedAway ? 1 : 0;
    std::this_thread::sleep_for(kRetry);
  }
  if (turnedAway == 0)
    return Status(Code::PeerLost, root + " did not come within " + secondsText(config) +
                                      "; start it, or raise --join-timeout");
  return Status(Code::Refused,
                root + " and this node do not know the same token; give all nodes the same, in "
                       "OF_JOB_TOKEN or with --token-file");
}

Result<Joined> joinRoot(const ControlConfig &config) {
  const int64_t deadline = deadlineOf(config);
  const std::string root = "node " + config.nodeNames[0] + " at " + config.peers[0];
  Joined out;
  for (size_t i = 0; i < config.nodeNames.size(); ++i)
    out.connections.emplace_back(-1);
  OF_ASSIGN(out.connections[0], connectRoot(config, root, deadline, out.listener));
  // The root waits as long for the others as this node has waited for it, and then says who is
  // missing.
  const auto answer = awaitFrame(out.connections[0], deadline + 5000);
  if (!answer)
    return Status(Code::PeerLost, root + " went away while the nodes were joining");
  const std::vector<std::string> words = unpackLines(answer->payload);
  if (answer->type == FrameType::Refusal && words.size() == 2)
    return errorOf(words[0], words[1]);
  if (answer->type != FrameType::Welcome || words.size() != config.nodeNames.size())
    return Status(Code::Refused, root + " answers in another way; run one version everywhere");
  out.addresses = words;
  return out;
}

} // namespace

Hello helloOf(const ControlConfig &config, uint16_t port) {
  Hello hello;
  hello.node = config.node;
  hello.port = port;
  hello.digest = config.planDigest;
  hello.nonce = freshNonce();
  return hello;
}

std::optional<Frame> awaitFrame(Connection &connection, int64_t deadlineMs) {
  std::vector<Frame> frames;
  while (connection.open() && nowMs() < deadlineMs) {
    pollfd fd{connection.fd(), POLLIN, 0};
    ::poll(&fd, 1, 100);
    // What comes behind it is the control tree's to read; what is no frame closes the connection.
    if (!connection.receive(frames, 1).isOk())
      break;
    if (!frames.empty() && frames[0].type != FrameType::Heartbeat)
      return frames[0];
    frames.clear();
  }
  return std::nullopt;
}

Result<Introduced> introduceTo(const std::string &address, const std::string &token,
                               const std::function<Result<Hello>(const Connection &)> &hello,
                               int waitMs) {
  Introduced out;
  const int64_t deadline = nowMs() + waitMs;
  OF_ASSIGN(const int fd, connectOnce(address, waitMs));
  if (fd < 0)
    return out;
  Connection connection(fd);
  std::string bytes;
  if (!awaitRaw(connection, kChallengeBytes, bytes, deadline))
    return out;
  const auto challenge = readChallenge(bytes);
  if (!challenge)
    return Status(Code::InvalidArgument,
                  "what listens at " + address + " is no of-run; name another port");
  if (challenge->version != kControlVersion)
    return Status(Code::Refused, "the of-run at " + address + " speaks version " +
                                     std::to_string(challenge->version) + ", this one version " +
                                     std::to_string(kControlVersion) +
                                     "; run one version of of-run everywhere");
  OF_ASSIGN(const Hello mine, hello(connection));
  connection.sendRaw(packHello(mine, token, challenge->nonce));
  std::string proof;
  const bool answered = awaitRaw(connection, kProofBytes, proof, deadline);
  out.turnedAway = answered || !connection.open();
  if (answered && isSame(proof, proofOf(mine, token, challenge->nonce)))
    out.connection = std::move(connection);
  return out;
}

Result<Joined> joinNodes(const ControlConfig &config, std::vector<Status> *findings) {
  return config.node == 0 ? RootJoin(config, findings).run() : joinRoot(config);
}

} // namespace of::rt
