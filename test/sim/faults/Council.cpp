#include "test/sim/faults/Council.h"

namespace of::test {

using namespace rt;

/// One node's end of everything.
class Council::Seat final : public AgreementDriver {
public:
  Seat(Council &council, uint32_t node, std::vector<std::string> names)
      : council(council), node(node), linked(names.size(), false),
        agreement(node, std::move(names), *this, 0) {
    for (uint32_t n = 0; n < linked.size(); ++n)
      linked[n] = n != node && (node == 0 || n == 0);
  }
  void send(uint32_t to, FrameType type, const std::string &payload) override {
    if (!linked[to])
      return;
    if (type == FrameType::Heartbeat) { // so that a council that does nothing counts as idle
      council.clock_.tick(to, council.latency(), [this, to] {
        Seat &other = *council.seats_[to];
        if (!other.gone && !gone && other.linked[node])
          other.agreement.onFrame(node, {FrameType::Heartbeat, ""}, council.nowMs());
      });
      return;
    }
    if (frames == lastFrame)
      return;
    council.deliver(node, to, {type, payload});
    if (++frames == lastFrame)
      council.clock_.at(node, 0, [this] { council.kill(node); });
  }
  void connect(uint32_t to) override {
    council.clock_.at(node, council.latency(), [this, to] {
      Seat &other = *council.seats_[to];
      if (other.gone) {
        agreement.onLost(to, "it does not answer", council.nowMs());
      } else {
        linked[to] = other.linked[node] = true;
        agreement.onConnected(to, council.nowMs());
      }
      council.checkRelease(node);
    });
  }
  void settled(const Status &verdict) override {
    heard = verdict;
    council.onSettled_(node, verdict);
  }

  Council &council;
  const uint32_t node;
  std::vector<bool> linked; ///< connections that this end believes in
  Agreement agreement;
  uint32_t frames = 0, lastFrame = UINT32_MAX; ///< sent; after which it dies
  Status heard;                                ///< that it was told to stop for
  bool gone = false;                           ///< dead, or has left
  bool killed = false;                         ///< dead
};

Council::Council(Clock &clock, uint32_t nodes, uint64_t seed,
                 std::function<void(uint32_t, const Status &)> onSettled)
    : clock_(clock), random_(seed + 2), maxLatencyNs_(seed % 3 == 0 ? 40'000'000 : 400'000),
      onSettled_(std::move(onSettled)) {
  std::vector<std::string> names;
  for (uint32_t n = 0; n < nodes; ++n)
    names.push_back(nameOf(n));
  for (uint32_t n = 0; n < nodes; ++n)
    seats_.push_back(std::make_unique<Seat>(*this, n, names));
  for (uint32_t n = 0; n < nodes; ++n)
    beat(n);
}

Council::~Council() = default;

const Agreement &Council::of(uint32_t node) const { return seats_[node]->agreement; }

void Council::beat(uint32_t node) {
  clock_.tick(node, 50'000'000, [this, node] {
    if (seats_[node]->gone)
      return;
    seats_[node]->agreement.tick(nowMs());
    checkRelease(node);
    beat(node);
  });
}

void Council::report(uint32_t node, const Status &status) {
  seats_[node]->agreement.report(status, nowMs());
}

void Council::done(uint32_t node) { seats_[node]->agreement.done(); }

void Council::deliver(uint32_t from, uint32_t to, const Frame &frame) {
  int64_t &last = lastArrival_[{from, to}];
  last = std::max(last, clock_.nowNs() + latency());
  clock_.at(to, last - clock_.nowNs(), [this, from, to, frame] {
    Seat &seat = *seats_[to];
    if (seat.gone || !seat.linked[from])
      return;
    seat.agreement.onFrame(from, frame, nowMs());
    checkRelease(to);
    // As the thread of the control tree does, behind all that has come by now.
    clock_.at(to, 0, [this, to] {
      if (!seats_[to]->gone)
        seats_[to]->agreement.tick(nowMs());
      checkRelease(to);
    });
  });
}

/// A node that is released leaves after a while; its connections close behind its last frames.
void Council::checkRelease(uint32_t node) {
  Seat &seat = *seats_[node];
  if (seat.gone || !seat.agreement.released())
    return;
  clock_.at(node, latency(), [this, node] {
    if (!seats_[node]->gone)
      close(node);
  });
}

void Council::close(uint32_t node) {
  seats_[node]->gone = true;
  for (uint32_t n = 0; n < seats_.size(); ++n) {
    if (n == node || !seats_[n]->linked[node])
      continue;
    int64_t &last = lastArrival_[{node, n}];
    last = std::max(last, clock_.nowNs() + latency());
    clock_.at(n, last - clock_.nowNs(), [this, node, n] {
      Seat &seat = *seats_[n];
      seat.linked[node] = false;
      if (!seat.gone)
        seat.agreement.onLost(node, "its connection closed without a report", nowMs());
      checkRelease(n);
    });
  }
}

void Council::killAfter(uint32_t node, uint32_t frames) {
  seats_[node]->lastFrame = std::max(frames, 1u);
}

void Council::kill(uint32_t node) {
  if (seats_[node]->gone)
    return;
  seats_[node]->killed = true;
  firstDeathNs_ = std::min(firstDeathNs_, clock_.nowNs());
  for (uint32_t n = 0; n < seats_.size(); ++n) {
    if (!seats_[n]->linked[node] || random_() % 3 != 0)
      continue;
    seats_[n]->linked[node] = false; // what is still under way to it is lost
    clock_.at(n, latency(), [this, node, n] {
      if (!seats_[n]->gone)
        seats_[n]->agreement.onLost(node, "its connection closed without a report", nowMs());
      checkRelease(n);
    });
  }
  close(node);
  clock_.kill(node);
}

bool Council::pending() const {
  return std::any_of(seats_.begin(), seats_.end(),
                     [](const auto &s) { return !s->gone && s->agreement.pending(); });
}

bool Council::over() const {
  return std::all_of(seats_.begin(), seats_.end(), [](const auto &s) { return s->gone; });
}

std::optional<Status> Council::verdict() const {
  for (const auto &seat : seats_)
    if (!seat->killed && seat->agreement.verdict())
      return seat->agreement.verdict();
  return std::nullopt;
}

std::string Council::judge() const {
  const Status *first = nullptr;
  for (const auto &seat : seats_) {
    if (seat->killed)
      continue;
    const std::optional<Status> &verdict = seat->agreement.verdict();
    if (!seat->agreement.released() || !verdict)
      return nameOf(seat->node) + " never heard of the end";
    if (first && (first->code() != verdict->code() || first->message() != verdict->message()))
      return "two first causes: '" + first->message() + "' and, on " + nameOf(seat->node) + ", '" +
             verdict->message() + "'";
    if (seat->heard.message() != verdict->message())
      return nameOf(seat->node) + " stopped for '" + seat->heard.message() + "', not for '" +
             verdict->message() + "'";
    first = &*verdict;
  }
  return "";
}

namespace {

/// What may happen to the nodes of a council, and what may come of it.
class Fates {
public:
  Fates(Clock &clock, Council &council, uint32_t nodes, uint64_t seed)
      : clock_(clock), council_(council), random_(seed * 0x9e3779b97f4a7c15ull + 3) {
    for (uint32_t n = 0; n < nodes; ++n)
      draw(n);
    if (random_() % 5 == 0) // the whole machine is suspended
      clock_.at(0, soon(), [this, nodes, length = 6'000'000'000 + soon()] {
        for (uint32_t n = 0; n < nodes; ++n)
          clock_.pause(n, length);
      });
  }

  std::string judge(const std::optional<Status> &verdict) const {
    if (!verdict)
      return "";
    const bool isLoss = verdict->message().find(" was lost: ") != std::string::npos;
    const bool reported = firstReportNs_ < council_.firstDeathNs();
    if (isLoss && reported)
      return "a loss comes before what a node said of itself: " + verdict->message();
    for (const std::string &cause : causes_)
      if (cause.empty() ? verdict->isOk() : verdict->message().find(cause) == 0)
        return "";
    return "a cause that is none: " + verdict->message();
  }

private:
  // Most happens at about the same time, where it can get into each other's way.
  int64_t soon() {
    return static_cast<int64_t>(random_() % (uint64_t(1) << (10 + random_() % 20)));
  }
  void draw(uint32_t n) {
    const uint64_t fate = random_() % 10;
    const std::string name = "node " + Council::nameOf(n);
    if (fate < 4)
      causes_.push_back(name + " was lost");
    if (fate < 2)
      clock_.at(n, soon(), [this, n] { council_.kill(n); });
    else if (fate < 4)
      council_.killAfter(n, static_cast<uint32_t>(random_() % 16));
    if (fate >= 3 && fate < 6) {
      causes_.push_back(name + ": trouble");
      const bool lives = fate >= 4; // else it may die before anybody hears of it
      clock_.at(n, soon(), [this, n, lives] {
        if (lives)
          firstReportNs_ = std::min(firstReportNs_, clock_.nowNs());
        council_.report(n, Status(Code::Numeric, "trouble"));
      });
    }
    clock_.at(n, soon(), [this, n] { council_.done(n); });
  }

  Clock &clock_;
  Council &council_;
  std::mt19937_64 random_;
  std::vector<std::string> causes_ = {""};
  int64_t firstReportNs_ = INT64_MAX;
};

} // namespace

std::string runCouncil(uint64_t seed) {
  const uint32_t nodes = 3 + static_cast<uint32_t>(seed / 7 % 6);
  Clock clock(nodes);
  Council council(clock, nodes, seed, [](uint32_t, const Status &) {});
  const Fates fates(clock, council, nodes, seed);
  while (!council.over() && clock.nowNs() < 120'000'000'000 && clock.step()) {
  }
  const std::string wrong = council.judge();
  return wrong.empty() ? fates.judge(council.verdict()) : wrong;
}

} // namespace of::test
