// How the nodes of a run agree on its end: one verdict, the first cause of a failure or "ok", the
// same on every node that lives to see it. A pure state machine: time, sockets and threads are its
// driver's.
//
//   member ── Report, Done ──▶ coordinator            the lowest node that is not lost; at first 0
//          ◀── Verdict ──────                         decided once
//          ── Agreed ───────▶                         the run stops here, nobody has left yet
//          ◀── Release ──────                         all that live know the verdict
//
//   the coordinator is lost:   every member turns to the next node, with what it knows (Takeover);
//                              a verdict that anyone has heard of stays the verdict
//
// Nobody leaves before all know, so a coordinator that dies between two Verdicts leaves no two
// truths behind. This holds as long as who is called lost is dead, or silent for longer than
// the patience of the others; a node that comes back after that may name another cause.
//
//   evidence at the coordinator ── Ask ──▶ all others      whoever has failed has said so before
//                               ◀── Answer ──              it answers: now the verdict is decided
//
// Which evidence: what a node says of itself before "its connection closed", then the lower node.
// What a node said before another one died is known once it answers, for a connection keeps the
// order; who does not answer is waited for kDecideMs. So long it takes, too, where there is nothing
// but what nodes say of others. Used by the thread of the control tree.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/node/control/Socket.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace of::rt {

// A thread that mostly sleeps is late by tens of milliseconds where three times more threads spin
// than there are cores, so eight heartbeats are missed only by who does not run. A closed
// connection comes behind all that its node had to say, so better evidence is at most as late as
// a frame of another node, which is asked for.
constexpr int64_t kHeartbeatMs = 100, kSilenceMs = 800, kDecideMs = 60, kTakeoverMs = 1000;

/// What an agreement asks of its driver.
class AgreementDriver {
public:
  virtual ~AgreementDriver() = default;
  /// To a node with an open connection; dropped otherwise.
  virtual void send(uint32_t node, FrameType type, const std::string &payload) = 0;
  /// Opens a connection; answered by onConnected or onLost.
  virtual void connect(uint32_t node) = 0;
  /// The verdict is known: the run is to stop. Called once.
  virtual void settled(const Status &verdict) = 0;
};

std::string packLines(const std::vector<std::string> &lines);
std::vector<std::string> unpackLines(const std::string &payload);
/// The error that a peer names by the number of its code; Internal if there is no such error.
Status errorOf(const std::string &code, const std::string &message);

class Agreement {
public:
  /// Node 0 has a connection to each other node, the others have one to it.
  Agreement(uint32_t self, std::vector<std::string> names, AgreementDriver &driver, int64_t nowMs,
            int64_t silenceMs = kSilenceMs);

  /// This node has failed.
  void report(const Status &status, int64_t nowMs);
  /// This node has done its part.
  void done();
  void onFrame(uint32_t node, const Frame &frame, int64_t nowMs);
  void onConnected(uint32_t node, int64_t nowMs);
  void onLost(uint32_t node, const std::string &how, int64_t nowMs);
  /// Call at least every kHeartbeatMs / 5.
  void tick(int64_t nowMs);

  const std::optional<Status> &verdict() const { return verdict_; }
  /// All that live know the verdict: this node may leave.
  bool released() const { return released_; }
  /// Something has happened that will end in a verdict.
  bool pending() const { return !evidence_.empty() || verdict_; }

private:
  struct Evidence {
    bool derived = false;
    uint32_t node = 0;
    Status status;
  };
  struct Member {
    bool connected = false, lost = false, done = false, agreed = false;
    bool expected = false; ///< a takeover waits for it
    bool answered = false; ///< what it had to say has come
    int64_t heardMs = 0;
  };

  bool leads() const { return coordinator_ == self_; }
  void add(Evidence evidence, int64_t nowMs);
  void takeReport(uint32_t node, const std::string &payload, int64_t nowMs);
  void takeTakeover(uint32_t node, const std::string &payload, int64_t nowMs);
  std::string takeoverPayload() const;
  void turnToNext(int64_t nowMs);
  void askOthers();
  bool allAnswered() const;
  void decide(int64_t nowMs);
  void propose();
  void releaseIfAgreed();
  void adopt(int64_t epoch, const Status &verdict);
  void passOn(uint32_t node);
  void forgiveOwnPause(int64_t nowMs);

  const uint32_t self_;
  const std::vector<std::string> names_;
  const int64_t silenceMs_;
  AgreementDriver &driver_;
  std::vector<Member> members_;
  std::vector<Evidence> evidence_;
  uint32_t coordinator_ = 0;
  std::optional<Status> verdict_;
  int64_t epoch_ = -1; ///< the coordinator that the verdict is of
  bool proposed_ = false, released_ = false;
  bool firstHand_ = false; ///< of the evidence: a death noticed here, or what a node says of itself
  int64_t decideAtMs_ = 0, takeoverEndMs_ = 0, lastBeatMs_ = 0, lastTickMs_ = 0;
};

} // namespace of::rt
