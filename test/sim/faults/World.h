// One run of a plan with faults: the real machines and routers of all nodes over a simulated
// network, with bodies that compute numbers.
//
//   Ground + Scenario ──run()──▶ Outcome
//
//   turn of a worker   take tokens ▶ poll the transport ▶ start bodies ▶ leave when all is done
//        ▲ woken by arrivals, by ends of bodies, by its neighbours; each after a random while
//
// It does what runtime/node/Worker.cpp does, but for the bodies and the threads. `Store` watches
// every firing. One thread. The same ground and scenario give the same run.
#pragma once

#include "runtime/node/Router.h"
#include "test/sim/faults/Council.h"
#include "test/sim/faults/Store.h"
#include "test/sim/faults/Wire.h"

namespace of::test {

struct Outcome {
  struct OfNode {
    bool done = false, dead = false;
    bool doneInTime = false; ///< before it died
    Status error;            ///< the first of its own
  };
  std::vector<OfNode> nodes;
  std::vector<std::string> waits; ///< of a run that stands still, a line for each
  bool stalled = false;
  std::optional<Status> verdict; ///< of those that live
  std::string discord;           ///< why there is no one verdict; empty if there is
  std::string violation;         ///< what no run may show; empty: nothing
  Exposure exposure;
  int64_t struckExchange = -1; ///< whose message or push the fault struck
  uint32_t struckNode = 0;     ///< that it was for
  bool repeatedInTime = false; ///< a message came again while its node was at work
  bool unread = false;         ///< and the node ended before it looked

  bool finished() const {
    return std::all_of(nodes.begin(), nodes.end(), [](const OfNode &n) { return n.done; });
  }
};

class World {
public:
  World(Ground &ground, const Scenario &scenario);
  ~World();
  Outcome run();

private:
  struct Worker;
  struct Node;

  void wake(uint32_t node);
  void turn(Worker &worker);
  bool takeTokens(Worker &worker);
  bool startOne(Worker &worker);
  void schedule(Worker &worker, const rt::Firing &firing);
  void passCall(Worker &worker, uint32_t stream, int32_t call);
  void end(Worker &worker, uint32_t stream);
  void act(Worker &worker, const rt::Action &action);
  void check(Worker &worker, const Status &status);
  void leave(Worker &worker);
  void enterAll(Node &node);
  void enter(Worker &worker);
  void strike();
  void kill(uint32_t node);
  bool stalled() const;
  bool hasUnread(Node &node);
  int64_t aWhile(int64_t atMostNs) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(atMostNs + 1));
  }

  Ground &ground_;
  const Scenario &scenario_;
  std::mt19937_64 random_;
  Clock clock_;
  Network network_;
  Council council_;
  Store store_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Node>> nodes_;
  uint64_t steps_ = 0;
  bool repeatedInTime_ = false;
};

} // namespace of::test
