#include "runtime/node/control/Greeter.h"

#include <algorithm>

namespace of::rt {

void Greeter::accept(const Listener &listener, int64_t nowMs, size_t atMost) {
  for (size_t i = 0; i < atMost; ++i) {
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

void Greeter::serve(Guest &guest, int64_t nowMs, std::vector<Member> &members) {
  std::string bytes;
  if (guest.connection.receiveRaw(kHelloBytes, bytes)) {
    if (const auto hello = readHello(bytes, token_, guest.challenge)) {
      guest.connection.sendRaw(proofOf(*hello, token_, guest.challenge));
      members.push_back({std::move(guest.connection), *hello});
      return;
    }
    guest.connection.close();
  }
  if (nowMs - guest.sinceMs > kHelloMs)
    guest.connection.close();
  strangers_ += guest.connection.open() ? 0 : 1;
}

std::vector<Greeter::Member> Greeter::greet(const Listener &listener, int64_t nowMs,
                                            size_t atMost) {
  accept(listener, nowMs, atMost);
  // One call says who has said something: hundreds that are silent cost next to nothing.
  std::vector<pollfd> fds;
  addTo(fds);
  ::poll(fds.data(), fds.size(), 0);
  std::vector<Member> out;
  for (size_t i = 0; i < fds.size(); ++i)
    if (fds[i].revents != 0 || nowMs - guests_[i].sinceMs > kHelloMs)
      serve(guests_[i], nowMs, out);
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
