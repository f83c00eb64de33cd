// How a worker waits for a token: it looks without a pause, spins, yields its core, sleeps.
//
//   eager looks ─▶ looks with a pause ─▶ yields ─▶ naps
//        └────────── core is shared ──────▲
//
// A token is usually microseconds away, and waking a sleeping thread costs 50 to 100 of them. On a
// core that another thread wants too, each look delays the thread that the token may be waited
// from. A plan tells that of one host; of anything else on it only the time that a yield takes
// does: it comes back at once where nobody else can run. Owned and used by one worker.
#pragma once

#include <cstdint>

namespace of::rt {

class Backoff {
public:
  enum class Pause : uint8_t { None, Relax, Yield, Nap };

  /// `mayShareCore`: more threads than cores are known to run here. `yields` before the first nap.
  Backoff(bool mayShareCore, uint32_t yields) : mayShareCore_(mayShareCore), yields_(yields) {}

  /// What comes before the next look, after `rounds` looks in a row that found nothing.
  Pause after(uint32_t rounds) const {
    if (rounds <= eagerLooks())
      return Pause::None;
    if (rounds < kSpins && !isCoreShared())
      return Pause::Relax;
    return rounds < kSpins + yields_ ? Pause::Yield : Pause::Nap;
  }

  /// How long a yield took.
  void noteYield(int64_t ns) {
    if (ns >= kOthersNs)
      sharedFor_ = kYieldsAlone;
    else if (sharedFor_ > 0)
      --sharedFor_;
  }

  bool isCoreShared() const { return mayShareCore_ || sharedFor_ > 0; }

private:
  /// Neighbours on this host are looked for in memory, others mostly by a system call.
  uint32_t eagerLooks() const { return mayShareCore_ ? kLooksShared : sharedFor_ > 0 ? 0 : kLooks; }

  static constexpr uint32_t kLooks = 50, kLooksShared = 4; ///< without a pause; 50 ns each and more
  static constexpr uint32_t kSpins = 400;
  static constexpr int64_t kOthersNs = 1500;   ///< two switches of threads
  static constexpr uint32_t kYieldsAlone = 64; ///< in a row, until the core is thought its own

  const bool mayShareCore_;
  const uint32_t yields_;
  uint32_t sharedFor_ = 0;
};

} // namespace of::rt
