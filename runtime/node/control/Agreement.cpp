#include "runtime/node/control/Agreement.h"

#include <algorithm>
#include <cstring>

namespace of::rt {

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

Status errorOf(const std::string &code, const std::string &message) {
  const int number = std::atoi(code.c_str());
  const bool known =
      number > static_cast<int>(Code::Ok) && number <= static_cast<int>(Code::Internal);
  return Status(known ? static_cast<Code>(number) : Code::Internal, message);
}

namespace {

std::string packStatus(const Status &status) {
  return std::to_string(static_cast<int>(status.code())) + " " + status.message();
}

Status unpackStatus(const std::string &payload) {
  if (payload.rfind("0 ", 0) == 0)
    return Status::ok();
  const size_t space = payload.find(' ');
  return errorOf(payload, space == std::string::npos ? payload : payload.substr(space + 1));
}

} // namespace

Agreement::Agreement(uint32_t self, std::vector<std::string> names, AgreementDriver &driver,
                     int64_t nowMs, int64_t silenceMs)
    : self_(self), names_(std::move(names)), silenceMs_(silenceMs), driver_(driver),
      members_(names_.size()), lastTickMs_(nowMs) {
  for (uint32_t n = 0; n < members_.size(); ++n) {
    members_[n].connected = n != self_ && (self_ == 0 || n == 0);
    members_[n].heardMs = nowMs;
  }
}

void Agreement::add(Evidence evidence, int64_t nowMs) {
  const bool isFirst = evidence_.empty();
  evidence_.push_back(std::move(evidence));
  if (!isFirst)
    return;
  decideAtMs_ = nowMs + kDecideMs;
  if (leads())
    askOthers();
}

void Agreement::askOthers() {
  for (uint32_t n = 0; n < members_.size(); ++n)
    if (members_[n].connected && !members_[n].lost)
      driver_.send(n, FrameType::Ask, "");
}

bool Agreement::allAnswered() const {
  return std::all_of(members_.begin(), members_.end(),
                     [](const Member &m) { return !m.connected || m.lost || m.answered; });
}

void Agreement::report(const Status &status, int64_t nowMs) {
  const std::string payload = packStatus(status);
  takeReport(self_, payload, nowMs);
  if (!leads())
    driver_.send(coordinator_, FrameType::Report, payload);
}

void Agreement::takeReport(uint32_t node, const std::string &payload, int64_t nowMs) {
  const Status status = unpackStatus(payload);
  firstHand_ = firstHand_ || status.code() != Code::PeerLost;
  add({status.code() == Code::PeerLost, node,
       Status(status.code(), "node " + names_[node] + ": " + status.message())},
      nowMs);
}

void Agreement::done() {
  members_[self_].done = true;
  if (!leads())
    driver_.send(coordinator_, FrameType::Done, "");
}

void Agreement::onFrame(uint32_t node, const Frame &frame, int64_t nowMs) {
  members_[node].heardMs = nowMs;
  switch (frame.type) {
  case FrameType::Report:
    takeReport(node, frame.payload, nowMs);
    return;
  case FrameType::Done:
    members_[node].done = true;
    return;
  case FrameType::Takeover:
    takeTakeover(node, frame.payload, nowMs);
    return;
  case FrameType::Verdict: {
    const std::vector<std::string> words = unpackLines(frame.payload);
    if (words.size() == 2)
      adopt(std::atoll(words[0].c_str()), unpackStatus(words[1]));
    driver_.send(node, FrameType::Agreed, "");
    return;
  }
  case FrameType::Ask:
    driver_.send(node, FrameType::Answer, "");
    return;
  case FrameType::Answer:
    members_[node].answered = true;
    return;
  case FrameType::Agreed:
    members_[node].agreed = true;
    releaseIfAgreed();
    return;
  case FrameType::Release:
    released_ = released_ || verdict_.has_value();
    for (uint32_t n = 0; n < members_.size(); ++n)
      if (released_ && members_[n].connected && n != node)
        passOn(n); // it turned here while this node still followed another
    return;
  default: // heartbeats say that they came
    return;
  }
}

void Agreement::onConnected(uint32_t node, int64_t nowMs) {
  members_[node].connected = true;
  members_[node].heardMs = nowMs;
  driver_.send(node, FrameType::Takeover, takeoverPayload());
}

void Agreement::onLost(uint32_t node, const std::string &how, int64_t nowMs) {
  Member &member = members_[node];
  member.connected = false;
  if (member.lost || released_)
    return;
  member.lost = true;
  member.expected = false;
  firstHand_ = true;
  const Status status(Code::PeerLost, "node " + names_[node] + " was lost: " + how);
  add({true, node, status}, nowMs);
  if (leads())
    return releaseIfAgreed();
  // If it is only slow it hears why the others went.
  driver_.send(node, FrameType::Report, packStatus(status));
  if (node == coordinator_)
    turnToNext(nowMs);
}

void Agreement::turnToNext(int64_t nowMs) {
  do
    ++coordinator_;
  while (coordinator_ < self_ && members_[coordinator_].lost);
  if (!leads())
    return driver_.connect(coordinator_);
  takeoverEndMs_ = nowMs + kTakeoverMs;
  for (uint32_t n = self_ + 1; n < members_.size(); ++n)
    members_[n].expected = !members_[n].lost && !members_[n].connected;
}

std::string Agreement::takeoverPayload() const {
  std::vector<std::string> words = {verdict_ ? std::to_string(epoch_) : "",
                                    verdict_ ? packStatus(*verdict_) : "",
                                    members_[self_].done ? "1" : "0"};
  for (const Evidence &evidence : evidence_) {
    words.push_back(std::to_string(evidence.derived ? 1 : 0));
    words.push_back(std::to_string(evidence.node));
    words.push_back(packStatus(evidence.status));
  }
  return packLines(words);
}

/// A node has turned to this one; it may know before this one does that all lower nodes are lost.
void Agreement::takeTakeover(uint32_t node, const std::string &payload, int64_t nowMs) {
  const std::vector<std::string> words = unpackLines(payload);
  members_[node].connected = true;
  members_[node].expected = false;
  members_[node].lost = false;
  members_[node].answered = true; // all that it knows comes with this
  if (words.size() < 3)
    return;
  if (!words[0].empty() && !proposed_)
    adopt(std::atoll(words[0].c_str()), unpackStatus(words[1]));
  members_[node].done = words[2] == "1";
  for (size_t i = 3; i + 2 < words.size(); i += 3)
    if (const uint32_t of = static_cast<uint32_t>(std::atoi(words[i + 1].c_str()));
        of < members_.size())
      add({words[i] == "1", of, unpackStatus(words[i + 2])}, nowMs);
  if (proposed_ || released_)
    passOn(node);
}

void Agreement::passOn(uint32_t node) {
  driver_.send(node, FrameType::Verdict,
               packLines({std::to_string(epoch_), packStatus(*verdict_)}));
  if (released_)
    driver_.send(node, FrameType::Release, "");
}

void Agreement::adopt(int64_t epoch, const Status &verdict) {
  if (verdict_ && epoch <= epoch_)
    return;
  const bool isFirst = !verdict_;
  epoch_ = epoch;
  verdict_ = verdict;
  if (isFirst)
    driver_.settled(verdict);
}

/// Coordinator: decides once, when better evidence has had its time to arrive.
void Agreement::decide(int64_t nowMs) {
  if (proposed_)
    return;
  const bool complete =
      nowMs >= takeoverEndMs_ ||
      std::none_of(members_.begin(), members_.end(), [](const Member &m) { return m.expected; });
  if (!complete)
    return;
  if (verdict_) // of one who came before
    return propose();
  if (evidence_.empty()) {
    if (std::all_of(members_.begin(), members_.end(), [](const Member &m) { return m.done; })) {
      adopt(self_, Status::ok());
      propose();
    }
    return;
  }
  if (nowMs < decideAtMs_ && !(firstHand_ && allAnswered()))
    return;
  const Evidence &best = *std::min_element(
      evidence_.begin(), evidence_.end(), [](const Evidence &a, const Evidence &b) {
        return a.derived != b.derived ? !a.derived : a.node < b.node;
      });
  adopt(self_, best.status);
  propose();
}

void Agreement::propose() {
  proposed_ = true;
  epoch_ = self_;
  for (uint32_t n = 0; n < members_.size(); ++n)
    if (n != self_)
      passOn(n); // also to those that were silent for too long: they may come back
  releaseIfAgreed();
}

void Agreement::releaseIfAgreed() {
  if (!proposed_ || released_)
    return;
  for (const Member &member : members_)
    if (member.connected && !member.lost && !member.agreed)
      return;
  released_ = true;
  for (uint32_t n = 0; n < members_.size(); ++n)
    if (n != self_)
      driver_.send(n, FrameType::Release, "");
}

// Time in which this thread did not run (a stopped process, a paused machine) says nothing about
// the others: they may have been stopped as well, and are heard only now.
void Agreement::forgiveOwnPause(int64_t nowMs) {
  const int64_t sinceMs = nowMs - lastTickMs_;
  lastTickMs_ = nowMs;
  if (sinceMs <= kHeartbeatMs)
    return;
  for (Member &member : members_)
    member.heardMs += sinceMs;
  decideAtMs_ += sinceMs; // better evidence may lie unread
  takeoverEndMs_ += sinceMs;
}

void Agreement::tick(int64_t nowMs) {
  forgiveOwnPause(nowMs);
  const bool beats = nowMs - lastBeatMs_ >= kHeartbeatMs;
  lastBeatMs_ = beats ? nowMs : lastBeatMs_;
  for (uint32_t n = 0; n < members_.size(); ++n) {
    if (!members_[n].connected)
      continue;
    if (beats)
      driver_.send(n, FrameType::Heartbeat, "");
    if (!members_[n].lost && nowMs - members_[n].heardMs > silenceMs_)
      onLost(n, "it has been silent for " + std::to_string(silenceMs_) + " ms", nowMs);
  }
  if (leads())
    decide(nowMs);
}

} // namespace of::rt
