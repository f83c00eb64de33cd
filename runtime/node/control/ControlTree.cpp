#include "runtime/node/control/ControlTree.h"

#include "runtime/node/control/Socket.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace of::rt {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kHeartbeat(500), kSilence(5000), kDecide(300), kRetry(50),
    kFarewell(1000);

// ---- Payloads
// -----------------------------------------------------------------------------------------------------------

std::string packLines(const std::vector<std::string> &lines) {
  std::string out;
  for (const std::string &line : lines) {
    const uint32_t length = static_cast<uint32_t>(line.size());
    out.append(reinterpret_cast<const char *>(&length), sizeof length);
    out += line;
  }
  return out;
}

std::vector<std::string> unpackLines(const std::string &payload) {
  std::vector<std::string> out;
  for (size_t at = 0; at + sizeof(uint32_t) <= payload.size();) {
    uint32_t length;
    std::memcpy(&length, payload.data() + at, sizeof length);
    out.push_back(payload.substr(at + sizeof length, length));
    at += sizeof length + length;
  }
  return out;
}

std::string packStatus(const Status &status) {
  return std::to_string(static_cast<int>(status.code())) + " " + status.message();
}

Status unpackStatus(const std::string &payload) {
  const size_t space = payload.find(' ');
  const int code = std::atoi(payload.c_str());
  const bool known = code > static_cast<int>(Code::Ok) && code <= static_cast<int>(Code::Internal);
  return Status(known ? static_cast<Code>(code) : Code::Internal,
                space == std::string::npos ? payload : payload.substr(space + 1));
}

double secondsLeft(Clock::time_point deadline) {
  return std::chrono::duration<double>(deadline - Clock::now()).count();
}

// ---- Running
// --------------------------------------------------------------------------------------------------------------

/// One end of the tree: the root holds a connection per other node (index = node), the others one
/// to the root (index 0).
class Tree final : public ControlTree {
public:
  Tree(ControlConfig config, std::vector<Connection> connections)
      : config_(std::move(config)), connections_(std::move(connections)),
        lastSeen_(connections_.size(), Clock::now()), gone_(connections_.size(), false),
        lines_(config_.nodeNames.size()), done_(config_.nodeNames.size(), false),
        wakeFd_(::eventfd(0, EFD_CLOEXEC)), thread_([this] { loop(); }) {}

  ~Tree() override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    wake();
    thread_.join();
    ::close(wakeFd_);
  }

  Result<std::vector<std::string>> allGather(const std::string &mine) override {
    std::unique_lock<std::mutex> lock(mutex_);
    gathered_.reset();
    commands_.push_back({FrameType::Gather, mine});
    wake();
    changed_.wait(lock, [&] { return gathered_ || cause_; });
    if (!gathered_)
      return *cause_;
    return std::move(*gathered_);
  }

  void report(const Status &status) override {
    std::lock_guard<std::mutex> lock(mutex_);
    commands_.push_back({FrameType::Report, packStatus(status)});
    wake();
  }

  void watch(std::function<void()> onFailure) override {
    std::lock_guard<std::mutex> lock(mutex_);
    onFailure_ = std::move(onFailure);
    if (cause_ && onFailure_)
      onFailure_();
  }

  Status finish() override {
    std::unique_lock<std::mutex> lock(mutex_);
    commands_.push_back({FrameType::Done, ""});
    wake();
    changed_.wait(lock, [&] { return ended_ || cause_; });
    return cause_ ? *cause_ : Status::ok();
  }

private:
  struct Evidence {
    bool derived = false;
    uint32_t node = 0;
    Status status;
  };

  bool isRoot() const { return config_.node == 0; }
  uint32_t nodeOf(size_t connection) const {
    return isRoot() ? static_cast<uint32_t>(connection) : 0;
  }
  void wake() const {
    const uint64_t one = 1;
    if (::write(wakeFd_, &one, sizeof one) < 0) {
      // The counter is full: the thread is awake anyway.
    }
  }

  void loop() {
    if (isRoot())
      gone_[0] = true;
    Clock::time_point farewell = Clock::time_point::max();
    while (true) {
      waitForEvents();
      forgiveOwnPause();
      takeCommands();
      for (size_t i = 0; i < connections_.size(); ++i)
        serve(i);
      beat();
      decide();
      std::lock_guard<std::mutex> lock(mutex_);
      if (closing_ && farewell == Clock::time_point::max())
        farewell = Clock::now() + kFarewell;
      const bool flushed =
          std::none_of(connections_.begin(), connections_.end(),
                       [](const Connection &c) { return c.open() && c.hasOutput(); });
      if (closing_ && (flushed || Clock::now() > farewell))
        return;
    }
  }

  void waitForEvents() {
    std::vector<pollfd> fds = {{wakeFd_, POLLIN, 0}};
    for (const Connection &c : connections_)
      if (c.open())
        fds.push_back({c.fd(), static_cast<short>(POLLIN | (c.hasOutput() ? POLLOUT : 0)), 0});
    const int timeoutMs = evidence_.empty() ? 100 : 10;
    ::poll(fds.data(), fds.size(), timeoutMs);
    if (fds[0].revents & POLLIN) {
      uint64_t count;
      if (::read(wakeFd_, &count, sizeof count) < 0)
        return;
    }
  }

  // Time in which this thread did not run (a stopped process, a paused machine) says nothing about
  // the others: they may have been stopped as well, and are heard only now.
  void forgiveOwnPause() {
    const Clock::time_point now = Clock::now();
    if (now - lastLoop_ > kHeartbeat)
      for (Clock::time_point &seen : lastSeen_)
        seen += now - lastLoop_;
    lastLoop_ = now;
  }

  void takeCommands() {
    std::deque<Frame> commands;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      commands.swap(commands_);
    }
    for (const Frame &command : commands) {
      if (isRoot())
        handle(0, command);
      else
        connections_[0].send(command.type, command.payload);
    }
  }

  void serve(size_t i) {
    if (gone_[i])
      return;
    Connection &connection = connections_[i];
    connection.flush();
    std::vector<Frame> frames;
    connection.receive(frames);
    if (!frames.empty())
      lastSeen_[i] = Clock::now();
    for (const Frame &frame : frames)
      handle(nodeOf(i), frame);
    const bool silent = Clock::now() - lastSeen_[i] > kSilence;
    if (connection.open() && !silent)
      return;
    gone_[i] = true;
    lost(nodeOf(i),
         silent ? "it has been silent for 5 s" : "its connection closed without a report");
    connection.close();
  }

  void lost(uint32_t node, const std::string &how) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (ended_ || cause_)
        return;
    }
    const Status status(Code::PeerLost, "node " + config_.nodeNames[node] + " was lost: " + how);
    if (isRoot())
      addEvidence({true, node, status});
    else
      settle(status);
  }

  void addEvidence(Evidence evidence) {
    if (evidence_.empty())
      decideAt_ = Clock::now() + kDecide;
    evidence_.push_back(std::move(evidence));
  }

  /// Root: chooses the first cause once, when better evidence has had its time to arrive.
  void decide() {
    if (!isRoot() || evidence_.empty() || Clock::now() < decideAt_)
      return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (cause_)
        return;
    }
    const Evidence &best = *std::min_element(
        evidence_.begin(), evidence_.end(), [](const Evidence &a, const Evidence &b) {
          return a.derived != b.derived ? !a.derived : a.node < b.node;
        });
    for (Connection &connection : connections_)
      connection.send(FrameType::Cause, packStatus(best.status));
    settle(best.status);
  }

  void settle(const Status &cause) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (cause_ || ended_)
      return;
    cause_ = cause;
    if (onFailure_) // under the lock: after finish() returns, it will not be called any more
      onFailure_();
    changed_.notify_all();
  }

  void handle(uint32_t node, const Frame &frame) {
    switch (frame.type) {
    case FrameType::Gather:
      lines_[node] = frame.payload;
      gatherIfComplete();
      return;
    case FrameType::Gathered:
      publish(unpackLines(frame.payload));
      return;
    case FrameType::Report: {
      const Status status = unpackStatus(frame.payload);
      const std::string name = "node " + config_.nodeNames[node] + ": ";
      addEvidence(
          {status.code() == Code::PeerLost, node, Status(status.code(), name + status.message())});
      return;
    }
    case FrameType::Cause:
      settle(unpackStatus(frame.payload));
      return;
    case FrameType::Done:
      done_[node] = true;
      if (std::all_of(done_.begin(), done_.end(), [](bool d) { return d; }) && evidence_.empty()) {
        for (Connection &connection : connections_)
          connection.send(FrameType::End, "");
        end();
      }
      return;
    case FrameType::End:
      end();
      return;
    default: // heartbeats say that they came
      return;
    }
  }

  void gatherIfComplete() {
    std::vector<std::string> all;
    for (const auto &line : lines_) {
      if (!line)
        return;
      all.push_back(*line);
    }
    lines_.assign(lines_.size(), std::nullopt);
    const std::string payload = packLines(all);
    for (Connection &connection : connections_)
      connection.send(FrameType::Gathered, payload);
    publish(std::move(all));
  }

  void publish(std::vector<std::string> lines) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      gathered_ = std::move(lines);
    }
    changed_.notify_all();
  }

  void end() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }

  void beat() {
    if (Clock::now() - lastBeat_ < kHeartbeat)
      return;
    lastBeat_ = Clock::now();
    for (Connection &connection : connections_)
      connection.send(FrameType::Heartbeat, "");
  }

  const ControlConfig config_;
  // Of the thread:
  std::vector<Connection> connections_;
  std::vector<Clock::time_point> lastSeen_;
  std::vector<bool> gone_; ///< connections that are lost; also the root's place for itself
  std::vector<std::optional<std::string>> lines_;
  std::vector<bool> done_;
  std::vector<Evidence> evidence_;
  Clock::time_point decideAt_, lastBeat_, lastLoop_ = Clock::now();
  // Shared:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Frame> commands_;
  std::optional<std::vector<std::string>> gathered_;
  std::optional<Status> cause_;
  std::function<void()> onFailure_;
  bool ended_ = false, closing_ = false;
  const int wakeFd_;
  std::thread thread_;
};

// ---- Joining
// --------------------------------------------------------------------------------------------------------------

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
    connection.receive(frames);
    for (const Frame &frame : frames)
      if (frame.type != FrameType::Heartbeat)
        return frame;
    frames.clear();
  }
  return std::nullopt;
}

class RootJoin {
public:
  explicit RootJoin(const ControlConfig &config) : config_(config) {
    for (size_t i = 0; i < config.nodeNames.size(); ++i)
      members_.emplace_back(-1);
  }

  Result<std::vector<Connection>> run() {
    OF_ASSIGN(const int listener, listenOn(config_.peers[0]));
    const auto deadline =
        Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(config_.joinSeconds * 1000));
    Status status;
    while (status.isOk() && !missing().empty()) {
      if (Clock::now() > deadline)
        status = Status(Code::PeerLost,
                        "not all nodes came within " +
                            std::to_string(static_cast<int>(config_.joinSeconds)) +
                            " s; missing: " + listOf(missing()) +
                            ". Start them with the same --peers, or raise --join-timeout");
      else
        status = acceptOne(listener);
    }
    ::close(listener);
    for (Connection &member : members_)
      member.send(status.isOk() ? FrameType::Welcome : FrameType::Refusal,
                  status.isOk() ? "" : packStatus(status));
    if (!status.isOk())
      return status;
    return std::move(members_);
  }

private:
  std::vector<std::string> missing() const {
    std::vector<std::string> out;
    for (size_t i = 1; i < members_.size(); ++i)
      if (!members_[i].open())
        out.push_back(config_.nodeNames[i]);
    return out;
  }

  Status acceptOne(int listener) {
    pollfd fd{listener, POLLIN, 0};
    if (::poll(&fd, 1, 100) <= 0)
      return Status::ok();
    const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0)
      return Status::ok();
    Connection connection(accepted);
    const auto hello = awaitFrame(connection, Clock::now() + std::chrono::seconds(2));
    if (!hello || hello->type != FrameType::Hello) // somebody else's connection
      return Status::ok();
    const std::vector<std::string> words = unpackLines(hello->payload);
    const size_t node = words.empty() ? 0 : static_cast<size_t>(std::atoi(words[0].c_str()));
    if (words.size() != 2 || node == 0 || node >= members_.size())
      return Status::ok();
    Status status;
    if (words[1] != config_.planDigest)
      status =
          Status(Code::Refused, "node " + config_.nodeNames[node] + " has another plan (digest " +
                                    words[1] + ", node " + config_.nodeNames[0] + " has " +
                                    config_.planDigest + "); give all nodes the same file");
    else if (members_[node].open())
      status =
          Status(Code::InvalidArgument, "two processes came as node " + config_.nodeNames[node] +
                                            "; give each its own --node");
    if (!status.isOk())
      connection.send(FrameType::Refusal, packStatus(status));
    else
      members_[node] = std::move(connection);
    return status;
  }

  const ControlConfig &config_;
  std::vector<Connection> members_;
};

Result<std::vector<Connection>> joinRoot(const ControlConfig &config) {
  const auto deadline =
      Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(config.joinSeconds * 1000));
  const std::string root = "node " + config.nodeNames[0] + " at " + config.peers[0];
  int fd = -1;
  while (fd < 0) {
    if (secondsLeft(deadline) < 0)
      return Status(Code::PeerLost, root + " did not come within " +
                                        std::to_string(static_cast<int>(config.joinSeconds)) +
                                        " s; start it, or raise --join-timeout");
    OF_ASSIGN(fd, connectOnce(config.peers[0]));
    if (fd < 0)
      std::this_thread::sleep_for(kRetry);
  }
  std::vector<Connection> out;
  out.emplace_back(fd);
  out[0].send(FrameType::Hello, packLines({std::to_string(config.node), config.planDigest}));
  // The root waits as long for the others as this node has waited for it, and then says who is
  // missing.
  const auto answer = awaitFrame(out[0], deadline + std::chrono::seconds(5));
  if (!answer)
    return Status(Code::PeerLost, root + " went away while the nodes were joining");
  if (answer->type == FrameType::Refusal)
    return unpackStatus(answer->payload);
  return out;
}

} // namespace

Result<std::unique_ptr<ControlTree>> ControlTree::join(ControlConfig config) {
  if (config.peers.size() != config.nodeNames.size() || config.node >= config.peers.size())
    return Status(Code::InvalidArgument, "one host:port is needed for each of the " +
                                             std::to_string(config.nodeNames.size()) + " nodes");
  auto connections = config.node == 0 ? RootJoin(config).run() : joinRoot(config);
  if (!connections.isOk())
    return connections.status();
  return std::unique_ptr<ControlTree>(new Tree(std::move(config), std::move(*connections)));
}

} // namespace of::rt
