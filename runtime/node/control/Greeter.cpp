#include "runtime/node/control/Greeter.h"

#include <algorithm>

namespace of::rt {

void Greeter::accept(const Listener &listener, int64_t nowMs) {
  for (size_t i = 0; i < kAcceptsAtOnce; ++i) {
    Connection connection = listener.accept(0);
    if (!connection.open())
      return;
    if (guests_.size() == kMaxGuests) {
      guests_.pop_front();
      ++strangers_;
    }
    guests_.push_back({std::move(connection), freshNonce(), nowMs});
    guests_.back().connection.sendRaw(packChallenge(guests_.back().challenge));
  }
}

std::vector<Greeter::Member> Greeter::greet(const Listener &listener, int64_t nowMs) {
  accept(listener, nowMs);
  std::vector<Member> out;
  for (Guest &guest : guests_) {
    std::string bytes;
    if (guest.connection.receiveRaw(kHelloBytes, bytes)) {
      if (const auto hello = readHello(bytes, token_, guest.challenge)) {
        guest.connection.sendRaw(proofOf(*hello, token_, guest.challenge));
        out.push_back({std::move(guest.connection), *hello});
        continue;
      }
      guest.connection.close();
    }
    if (nowMs - guest.sinceMs > kHelloMs)
      guest.connection.close();
    strangers_ += guest.connection.open() ? 0 : 1;
  }
  guests_.erase(std::remove_if(guests_.begin(), guests_.end(),
                               [](const Guest &guest) { return !guest.connection.open(); }),
                guests_.end());
  return out;
}

void Greeter::addTo(std::vector<pollfd> &fds) const {
  for (const Guest &guest : guests_)
    fds.push_back({guest.connection.fd(), POLLIN, 0});
}

} // namespace of::rt
