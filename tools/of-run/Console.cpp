#include "tools/of-run/Console.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace of::run {

std::string rangesText(const std::vector<uint32_t> &numbers) {
  std::string out;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1)
      ++end;
    out += (out.empty() ? "" : ",") + std::to_string(numbers[i]);
    if (end - i > 1)
      out += "-" + std::to_string(numbers[end - 1]);
    i = end;
  }
  return out;
}

void Console::take(uint32_t node, const std::string &text, int64_t nowMs) {
  std::string &pending = pending_[node];
  pending += text;
  size_t end;
  while ((end = pending.find('\n')) != std::string::npos) {
    line(node, pending.substr(0, end), nowMs);
    pending.erase(0, end + 1);
  }
  if (!pending.empty() && pending[0] == '\r') { // a progress line: it has no end yet
    tick(std::numeric_limits<int64_t>::max());
    write_(pending);
    pending.clear();
    progressOpen_ = true;
  }
}

void Console::line(uint32_t node, const std::string &text, int64_t nowMs) {
  const size_t length = std::strlen(kFirstCause);
  if (text.compare(0, length, kFirstCause) == 0) {
    cause_ = text.substr(length);
    return;
  }
  if (text.empty() || text[0] == '\r') { // the end of a progress line
    tick(std::numeric_limits<int64_t>::max());
    write_(text + "\n");
    progressOpen_ = false;
    return;
  }
  // Not before what this node has said already.
  auto from = held_.end();
  while (from != held_.begin() &&
         !std::binary_search(std::prev(from)->nodes.begin(), std::prev(from)->nodes.end(), node))
    --from;
  const auto equal =
      std::find_if(from, held_.end(), [&](const Held &held) { return held.text == text; });
  if (equal != held_.end())
    equal->nodes.insert(std::upper_bound(equal->nodes.begin(), equal->nodes.end(), node), node);
  else
    held_.push_back({text, {node}, nowMs});
  tick(nowMs);
}

void Console::tick(int64_t nowMs) {
  while (!held_.empty() && (held_.front().nodes.size() == pending_.size() || host_.empty() ||
                            nowMs - kHoldMs >= held_.front().sinceMs)) {
    say(held_.front());
    held_.pop_front();
  }
}

void Console::say(const Held &held) {
  std::string out = progressOpen_ ? "\r\x1b[K" : "";
  progressOpen_ = false;
  if (!host_.empty())
    out += "[" + rangesText(held.nodes) + "@" + host_ + "] ";
  write_(out + held.text + "\n");
}

void Console::endLine(uint32_t node, int64_t nowMs) {
  if (!pending_[node].empty())
    line(node, std::exchange(pending_[node], std::string()), nowMs);
}

void Console::finish() {
  for (uint32_t node = 0; node < pending_.size(); ++node)
    endLine(node, 0);
  tick(std::numeric_limits<int64_t>::max());
  if (!cause_.empty())
    write_(kFirstCause + cause_ + "\n");
}

} // namespace of::run
