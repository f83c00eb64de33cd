#include "runtime/node/control/Clocks.h"

#include "runtime/node/control/Agreement.h"

#include <cstdlib>

namespace of::rt {

namespace {

void keepQuicker(std::optional<ClockSample> &best, const ClockSample &sample) {
  if (!best || sample.errorNs < best->errorNs)
    best = sample;
}

int64_t number(const std::string &text) { return std::strtoll(text.c_str(), nullptr, 10); }

} // namespace

std::string clockAnswer(const std::string &question, int64_t nowNs) {
  return packLines({question, std::to_string(nowNs)});
}

void ClockAsker::ask(int64_t nowNs) { send_(FrameType::ClockAsk, std::to_string(nowNs)); }

void ClockAsker::tick(int64_t nowNs) {
  if (begun_ && nowNs - burstNs_ < kBurstEveryNs)
    return;
  begun_ = true;
  burstNs_ = nowNs;
  left_ = kBurst;
  ask(nowNs);
}

void ClockAsker::onAnswer(const std::string &payload, int64_t nowNs) {
  const std::vector<std::string> words = unpackLines(payload);
  if (words.size() != 2)
    return;
  const int64_t askedNs = number(words[0]), toldNs = number(words[1]);
  if (askedNs > nowNs || askedNs < burstNs_)
    return; // of a burst before: an answer that late says little
  const int64_t halfNs = (nowNs - askedNs + 1) / 2;
  add({askedNs + halfNs, toldNs - (askedNs + halfNs), halfNs});
  if (left_ > 1) {
    --left_;
    ask(nowNs);
  }
}

void ClockAsker::add(const ClockSample &sample) {
  if (!open_ || sample.atNs - windowNs_ >= kWindowNs) {
    if (first_ && windows_ > 1)
      whole_ = open_;
    windowNs_ = sample.atNs;
    open_.reset();
    ++windows_;
  }
  keepQuicker(open_, sample);
  if (windows_ == 1)
    first_ = open_;
}

std::optional<ClockMap> ClockAsker::map() const {
  if (!first_)
    return std::nullopt;
  std::optional<ClockSample> last = open_;
  if (whole_)
    keepQuicker(last, *whole_);
  // Over a short time what the ends may be wrong by counts for more than the drift.
  return last->atNs - first_->atNs < kWindowNs / 2 ? ClockMap(*first_, *first_)
                                                   : ClockMap(*first_, *last);
}

} // namespace of::rt
