// Answers whoever connects, until it has said hello or its time is over.
//
//   listener ─▶ guest: Challenge ▶ Hello? ─▶ member, with its Proof          else closed
//
// A guest costs a socket and at most kHelloBytes for at most two seconds, and of many the oldest
// give way to new ones, so strangers neither fill memory nor keep members out: a member answers
// within one round trip, and comes again if it was pushed out. Nothing here waits. Owned and used
// by one thread.
#pragma once

#include "runtime/node/control/Handshake.h"
#include "runtime/node/control/Socket.h"

#include <deque>
#include <poll.h>

namespace of::rt {

class Greeter {
public:
  /// Borrows the token.
  explicit Greeter(const std::string &token) : token_(token) {}

  struct Member {
    Connection connection;
    Hello hello;
  };
  static constexpr size_t kAcceptsAtOnce = 256;
  /// Takes who waits at the listener, so many at most, and reads what has come. Those that know the
  /// token.
  std::vector<Member> greet(const Listener &listener, int64_t nowMs,
                            size_t atMost = kAcceptsAtOnce);

  /// What to wait for.
  void addTo(std::vector<pollfd> &fds) const;
  /// Connections that ended without showing that they know the token.
  uint64_t strangers() const { return strangers_; }

private:
  static constexpr size_t kMaxGuests = 512;
  static constexpr int64_t kHelloMs = 2000;
  struct Guest {
    Connection connection;
    Nonce challenge;
    int64_t sinceMs = 0;
  };

  void accept(const Listener &listener, int64_t nowMs, size_t atMost);
  /// Says hello back to who has said it; closes to who never will.
  void serve(Guest &guest, int64_t nowMs, std::vector<Member> &members);

  const std::string &token_;
  std::deque<Guest> guests_; ///< oldest first
  uint64_t strangers_ = 0;
};

} // namespace of::rt
