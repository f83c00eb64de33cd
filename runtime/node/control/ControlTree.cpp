#include "runtime/node/control/ControlTree.h"

#include "runtime/node/control/Agreement.h"
#include "runtime/node/control/Clocks.h"
#include "runtime/node/control/DataSockets.h"
#include "runtime/node/control/Greeter.h"
#include "runtime/node/control/Halt.h"
#include "runtime/node/control/Join.h"
#include "runtime/node/control/Steady.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <thread>
#include <unistd.h>

namespace of::rt {

namespace {

using Clock = std::chrono::steady_clock;
/// How long a node that leaves waits for the others to hear of the verdict.
constexpr std::chrono::milliseconds kFarewell(3000);

int64_t nowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

/// Sockets and a thread around an Agreement.
class Tree final : public ControlTree, private AgreementDriver {
public:
  Tree(ControlConfig config, Joined joined)
      : config_(std::move(config)), joined_(std::move(joined)),
        ownHost_(joined_.connections[0].ownHost()), linked_(linksOf(config_)),
        lines_(config_.nodeNames.size()),
        agreement_(config_.node, config_.nodeNames, *this, nowMs(), config_.silenceMs),
        halt_(config_.node, static_cast<uint32_t>(config_.nodeNames.size()), haltDriver()),
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
    order([this, mine] { gather(config_.node, mine); });
    changed_.wait(lock, [&] { return gathered_ || cause_; });
    if (!gathered_)
      return *cause_;
    return std::move(*gathered_);
  }

  Result<std::vector<int>> dataSockets(const std::vector<bool> &wanted) override {
    std::string ownHost = ownHost_;
    if (config_.node == 0) {
      OF_ASSIGN(ownHost, hostOf(config_.peers[0]));
    }
    OF_ASSIGN(const DataSockets sockets, DataSockets::listen(config_, ownHost));
    OF_ASSIGN(const std::vector<std::string> ports, allGather(std::to_string(sockets.port())));
    std::vector<std::string> addresses;
    for (size_t n = 0; n < ports.size(); ++n) {
      OF_ASSIGN(const std::string host, hostOf(n == 0 ? config_.peers[0] : joined_.addresses[n]));
      addresses.push_back(addressText(host, static_cast<uint16_t>(std::atoi(ports[n].c_str()))));
    }
    OF_ASSIGN(std::vector<Connection> met, sockets.meet(addresses, wanted, [this] {
      std::lock_guard<std::mutex> lock(mutex_);
      return cause_.has_value();
    }));
    std::vector<int> out;
    for (Connection &connection : met)
      out.push_back(connection.release());
    return out;
  }

  void report(const Status &status) override {
    std::lock_guard<std::mutex> lock(mutex_);
    order([this, status] { agreement_.report(status, nowMs()); });
  }

  void watch(std::function<void()> onFailure) override {
    std::lock_guard<std::mutex> lock(mutex_);
    onFailure_ = std::move(onFailure);
    if (cause_ && onFailure_)
      onFailure_();
  }

  void askHalt() override {
    std::lock_guard<std::mutex> lock(mutex_);
    order([this] { halt_.ask(); });
  }

  void promise(uint64_t step) override {
    std::lock_guard<std::mutex> lock(mutex_);
    order([this, step] { halt_.promise(step); });
  }

  void watchHalt(std::function<void()> onFreeze, std::function<void(uint64_t)> onAgreed) override {
    std::lock_guard<std::mutex> lock(mutex_);
    onFreeze_ = std::move(onFreeze);
    onAgreed_ = std::move(onAgreed);
    if (frozen_ && onFreeze_) // somebody asked before this node was ready
      onFreeze_();
  }

  ClockMap clock() override {
    std::lock_guard<std::mutex> lock(mutex_);
    return clock_;
  }

  Status finish() override {
    std::unique_lock<std::mutex> lock(mutex_);
    order([this] { agreement_.done(); });
    changed_.wait(lock, [&] { return released_; });
    return cause_ ? *cause_ : Status::ok();
  }

private:
  /// Those made by joining; one may have ended since.
  static std::vector<bool> linksOf(const ControlConfig &config) {
    std::vector<bool> out(config.nodeNames.size(), config.node == 0);
    out[0] = config.node != 0;
    return out;
  }
  bool isRoot() const { return config_.node == 0; }

  /// For the thread; the caller holds the lock.
  void order(std::function<void()> command) {
    commands_.push_back(std::move(command));
    wake();
  }
  void wake() const {
    const uint64_t one = 1;
    if (::write(wakeFd_, &one, sizeof one) < 0) {
      // The counter is full: the thread is awake anyway.
    }
  }

  // ---- What the agreement asks for.

  void send(uint32_t node, FrameType type, const std::string &payload) override {
    joined_.connections[node].send(type, payload);
  }
  void connect(uint32_t node) override { toConnect_ = node; }
  void settled(const Status &verdict) override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (verdict.isOk())
      return;
    cause_ = verdict;
    if (onFailure_) // under the lock: after finish() returns, it will not be called any more
      onFailure_();
    changed_.notify_all();
  }

  HaltDriver haltDriver() {
    HaltDriver out;
    out.send = [this](uint32_t node, FrameType type, const std::string &payload) {
      joined_.connections[node].send(type, payload);
    };
    // Under the lock: after watchHalt(nullptr, nullptr) they will not be called any more.
    out.freeze = [this] {
      std::lock_guard<std::mutex> lock(mutex_);
      frozen_ = true;
      if (onFreeze_)
        onFreeze_();
    };
    out.agreed = [this](uint64_t step) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (onAgreed_)
        onAgreed_(step);
    };
    return out;
  }

  // ---- The thread.

  void loop() {
    ::prctl(PR_SET_NAME, "of-control"); // for top, perf and debuggers
    Clock::time_point farewell = Clock::time_point::max();
    while (true) {
      waitForEvents();
      welcome();
      for (uint32_t n = 0; n < joined_.connections.size(); ++n)
        serve(n);
      takeCommands(); // behind what has come: what this node said before another died counts first
      agreement_.tick(nowMs());
      if (config_.clock && !isRoot())
        clockAsker_.tick(nowNs());
      connectNext();
      std::lock_guard<std::mutex> lock(mutex_);
      if (agreement_.released() && !released_) {
        released_ = true;
        changed_.notify_all();
      }
      if (closing_ && farewell == Clock::time_point::max())
        farewell = Clock::now() + kFarewell;
      if (closing_ && ((flushed() && mayLeave()) || Clock::now() > farewell))
        return;
    }
  }

  bool mayLeave() const { return agreement_.released() || !agreement_.verdict(); }
  bool flushed() const {
    return std::none_of(joined_.connections.begin(), joined_.connections.end(),
                        [](const Connection &c) { return c.open() && c.hasOutput(); });
  }

  void waitForEvents() {
    std::vector<pollfd> fds = {{wakeFd_, POLLIN, 0}};
    auto add = [&](const Connection &c) {
      if (c.open())
        fds.push_back({c.fd(), static_cast<short>(POLLIN | (c.hasOutput() ? POLLOUT : 0)), 0});
    };
    std::for_each(joined_.connections.begin(), joined_.connections.end(), add);
    if (isDoorOpen()) {
      fds.push_back({joined_.listener.fd(), POLLIN, 0});
      greeter_.addTo(fds);
    }
    ::poll(fds.data(), fds.size(), agreement_.pending() ? 5 : kTickMs);
    uint64_t count;
    if (fds[0].revents & POLLIN && ::read(wakeFd_, &count, sizeof count) < 0)
      return;
  }

  void takeCommands() {
    std::deque<std::function<void()>> commands;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      commands.swap(commands_);
    }
    for (const auto &command : commands)
      command();
  }

  // Nodes turn to this one when another was lost. Before anything is known of that a look every now
  // and then is soon enough for them, and bounds what strangers cost.
  bool isDoorOpen() const { return agreement_.pending() || nowMs() >= doorMs_; }

  /// Nodes that turn to this one say who they are.
  void welcome() {
    if (!isDoorOpen())
      return;
    doorMs_ = nowMs() + kTickMs;
    for (Greeter::Member &member :
         greeter_.greet(joined_.listener, nowMs(),
                        agreement_.pending() ? Greeter::kAcceptsAtOnce : kCalmAccepts)) {
      const Hello &hello = member.hello;
      if (hello.digest != config_.planDigest || hello.node <= config_.node ||
          hello.node >= linked_.size())
        continue;
      joined_.connections[hello.node] = std::move(member.connection);
      linked_[hello.node] = true;
    }
  }

  void serve(uint32_t node) {
    Connection &connection = joined_.connections[node];
    if (!linked_[node])
      return;
    connection.flush();
    std::vector<Frame> frames;
    const Status received = connection.receive(frames);
    for (const Frame &frame : frames)
      handle(node, frame);
    linked_[node] = connection.open(); // sending may have found out
    if (!linked_[node])
      agreement_.onLost(
          node, received.isOk() ? "its connection closed without a report" : received.message(),
          nowMs());
  }

  void connectNext() {
    if (!toConnect_)
      return;
    const uint32_t node = *toConnect_;
    toConnect_.reset();
    Result<Introduced> met = introduceTo(
        joined_.addresses[node], config_.token,
        [this](const Connection &) -> Result<Hello> {
          return helloOf(config_, joined_.listener.port());
        },
        kConnectMs);
    if (!met.isOk() || !met->connection.open())
      return agreement_.onLost(node, "it does not answer at " + joined_.addresses[node], nowMs());
    joined_.connections[node] = std::move(met->connection);
    linked_[node] = true;
    agreement_.onConnected(node, nowMs());
  }

  void handle(uint32_t node, const Frame &frame) {
    if (frame.type == FrameType::Gather)
      gather(node, frame.payload);
    else if (frame.type == FrameType::Gathered)
      publish(unpackLines(frame.payload));
    else if (frame.type == FrameType::ClockAsk)
      send(node, FrameType::ClockTell, clockAnswer(frame.payload, nowNs()));
    else if (frame.type == FrameType::ClockTell)
      takeClock(frame.payload);
    halt_.onFrame(node, frame);
    agreement_.onFrame(node, frame, nowMs());
  }

  void takeClock(const std::string &answer) {
    clockAsker_.onAnswer(answer, nowNs());
    const std::optional<ClockMap> map = clockAsker_.map();
    std::lock_guard<std::mutex> lock(mutex_);
    clock_ = map.value_or(clock_);
  }

  void gather(uint32_t node, const std::string &line) {
    if (!isRoot())
      return send(0, FrameType::Gather, line);
    lines_[node] = line;
    std::vector<std::string> all;
    for (const auto &l : lines_) {
      if (!l)
        return;
      all.push_back(*l);
    }
    lines_.assign(lines_.size(), std::nullopt);
    const std::string payload = packLines(all);
    for (Connection &connection : joined_.connections)
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

  static constexpr int kTickMs = kHeartbeatMs / 5;
  /// Strangers that are let in at a look while nothing has happened: 800 a second.
  static constexpr size_t kCalmAccepts = 16;
  /// Less than the patience of those that wait for this node meanwhile.
  static constexpr int kConnectMs = 400;

  const ControlConfig config_;
  // Of the thread:
  Joined joined_;
  const std::string ownHost_; ///< towards node 0; of that none
  std::vector<bool> linked_;  ///< connections whose end has not been told to the agreement
  Greeter greeter_{config_.token};
  int64_t doorMs_ = 0; ///< when to look at it again
  std::vector<std::optional<std::string>> lines_;
  std::optional<uint32_t> toConnect_;
  Agreement agreement_;
  Halt halt_;
  ClockAsker clockAsker_{
      [this](FrameType type, const std::string &payload) { send(0, type, payload); }};
  // Shared:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> commands_;
  std::optional<std::vector<std::string>> gathered_;
  std::optional<Status> cause_;
  std::function<void()> onFailure_;
  std::function<void()> onFreeze_;
  std::function<void(uint64_t)> onAgreed_;
  ClockMap clock_;
  bool released_ = false, closing_ = false, frozen_ = false;
  const int wakeFd_;
  std::thread thread_;
};

} // namespace

Result<std::unique_ptr<ControlTree>> ControlTree::join(ControlConfig config) {
  if (config.peers.size() != config.nodeNames.size() || config.node >= config.peers.size())
    return Status(Code::InvalidArgument, "one host:port is needed for each of the " +
                                             std::to_string(config.nodeNames.size()) + " nodes");
  OF_ASSIGN(Joined joined, joinNodes(config));
  return std::unique_ptr<ControlTree>(new Tree(std::move(config), std::move(joined)));
}

} // namespace of::rt
