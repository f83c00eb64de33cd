#include "runtime/node/control/Clocks.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace of::rt;

namespace {

/// A node whose clock is off and drifts, and the way to node 0: each direction takes its own time.
class Distant {
public:
  Distant(int64_t offsetNs, double drift, uint32_t seed)
      : offsetNs_(offsetNs), drift_(drift), random_(seed) {}

  /// Node 0's clock when the node's shows `ns`.
  int64_t rootNs(int64_t ns) const {
    return ns + offsetNs_ + static_cast<int64_t>(std::llround(drift_ * static_cast<double>(ns)));
  }

  /// Lets so much time of the node pass, `toRoot` and `back` at most each way.
  void run(int64_t lengthNs, int64_t toRootNs, int64_t backNs) {
    const int64_t endNs = nowNs + lengthNs;
    for (; nowNs < endNs; nowNs += kTickNs) {
      asker.tick(nowNs);
      while (question_) {
        const std::string question = *std::exchange(question_, std::nullopt);
        nowNs += 20'000 + static_cast<int64_t>(random_() % static_cast<uint64_t>(toRootNs));
        const std::string answer = clockAnswer(question, rootNs(nowNs));
        nowNs += 20'000 + static_cast<int64_t>(random_() % static_cast<uint64_t>(backNs));
        asker.onAnswer(answer, nowNs);
      }
    }
  }

  int64_t nowNs = 5'000'000'000;
  ClockAsker asker{[this](FrameType type, const std::string &payload) {
    if (type == FrameType::ClockAsk)
      question_ = payload;
  }};

private:
  static constexpr int64_t kTickNs = 20'000'000;
  const int64_t offsetNs_;
  const double drift_;
  std::mt19937_64 random_;
  std::optional<std::string> question_;
};

/// The most that the map is wrong by beyond what it says, over a stretch of time.
int64_t excess(const Distant &node, const ClockMap &map, int64_t fromNs, int64_t toNs) {
  int64_t most = INT64_MIN;
  for (int64_t ns = fromNs; ns <= toNs; ns += (toNs - fromNs) / 100)
    most = std::max(most, std::abs(map.toRoot(ns) - node.rootNs(ns)) - map.errorAt(ns));
  return most;
}

} // namespace

TEST_CASE("a clock is where it is said to be, whichever way is slower") {
  const uint32_t seed = GENERATE(range(1u, 20u));
  const int64_t seconds = GENERATE(1, 3, 60);
  const int64_t offsetNs = seed % 2 ? 7'000'000'000'000 : -86'400'000'000'000;
  const double drift = (static_cast<double>(seed % 7) - 3) * 20e-6;
  const int64_t toRootNs = seed % 3 == 0 ? 8'000'000 : 200'000;
  const int64_t backNs = seed % 3 == 1 ? 8'000'000 : 200'000;
  INFO("seed " << seed << ", " << seconds << " s");
  Distant node(offsetNs, drift, seed);
  REQUIRE_FALSE(node.asker.map());
  const int64_t beganNs = node.nowNs;
  node.run(seconds * 1'000'000'000, toRootNs, backNs);
  const auto map = node.asker.map();
  REQUIRE(map);
  REQUIRE(map->isMeasured());
  REQUIRE(excess(node, *map, beganNs, node.nowNs) <= 0);
  REQUIRE(map->errorAt(node.nowNs) < 12'000'000);
  if (seconds == 60) {
    REQUIRE(std::abs(map->drift() - drift) < 40e-6);
    REQUIRE(map->errorAt(node.nowNs) > 0);
  }
  // Without the drift the same measurements would be believed too much.
  const ClockMap still({beganNs, map->offsetAt(beganNs), 0}, {beganNs, map->offsetAt(beganNs), 0});
  if (seconds == 60 && std::abs(drift) > 30e-6)
    REQUIRE(std::abs(still.toRoot(node.nowNs) - node.rootNs(node.nowNs)) > 1'000'000);
}

TEST_CASE("the quickest answer of many counts") {
  Distant slow(0, 0, 3), quick(0, 0, 3);
  slow.run(900'000'000, 50'000'000, 50'000'000);
  quick.run(900'000'000, 50'000'000, 50'000'000);
  quick.run(20'000'000, 1, 1);
  quick.nowNs += ClockAsker::kBurstEveryNs;
  quick.run(20'000'000, 1, 1);
  REQUIRE(quick.asker.map()->errorAt(quick.nowNs) < slow.asker.map()->errorAt(slow.nowNs));
}

TEST_CASE("answers that nobody asked for, that come late or say nothing are left out") {
  uint32_t asked = 0;
  ClockAsker asker([&](FrameType, const std::string &) { ++asked; });
  asker.onAnswer("", 1'000);
  asker.onAnswer("nonsense", 1'000);
  REQUIRE_FALSE(asker.map());
  asker.tick(1'000'000'000);
  asker.tick(1'000'000'000 + ClockAsker::kBurstEveryNs);
  REQUIRE(asked == 2);
  asker.onAnswer(clockAnswer("1000000000", 5), 2'000'000'000); // of the burst before
  REQUIRE_FALSE(asker.map());
  asker.onAnswer(clockAnswer("3000000000", 5), 2'000'000'000); // of the future
  REQUIRE_FALSE(asker.map());
  asker.onAnswer(clockAnswer("1250000000", 5), 1'250'100'000);
  REQUIRE(asker.map());
  REQUIRE(asker.map()->errorAt(1'250'050'000) == 50'000);
}
