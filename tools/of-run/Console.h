// The output of several nodes on one stderr.
//
//   lines of node i ─▶ held for a moment ─▶ "[0-3@host] text"      equal lines of other nodes join
//   "\r…" of node 0 ─▶ at once: a progress line stays one line
//   "first cause: …" of any node ─▶ kept, said once, last
//
// The lines of a node keep their order. Pure but for what it writes to; used by one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace of::run {

/// What a node's last line starts with when the run failed.
inline constexpr const char *kFirstCause = "first cause: ";

class Console {
public:
  using Write = std::function<void(const std::string &)>;
  /// An empty host: lines get no prefix, there is one node alone.
  Console(uint32_t nodes, std::string host, Write write)
      : host_(std::move(host)), write_(std::move(write)), pending_(nodes) {}

  /// What a node has written; times are milliseconds of any clock that goes on.
  void take(uint32_t node, const std::string &text, int64_t nowMs);
  /// The node's last line is over, though it has no end.
  void endLine(uint32_t node, int64_t nowMs);
  /// Says what has been held for long enough.
  void tick(int64_t nowMs);
  /// Everything that is left, a broken last line too, then the first cause.
  void finish();

private:
  static constexpr int64_t kHoldMs = 100;
  struct Held {
    std::string text;
    std::vector<uint32_t> nodes; ///< ascending
    int64_t sinceMs = 0;
  };

  void line(uint32_t node, const std::string &text, int64_t nowMs);
  void say(const Held &held);

  const std::string host_;
  const Write write_;
  std::vector<std::string> pending_; ///< by node: what came after the last line end
  std::deque<Held> held_;
  bool progressOpen_ = false;
  std::string cause_;
};

/// "0-3,5" for ascending numbers.
std::string rangesText(const std::vector<uint32_t> &numbers);

} // namespace of::run
