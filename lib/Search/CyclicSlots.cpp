#include "lib/Search/CyclicSlots.h"

#include <algorithm>

namespace of::search {

void orderStreams(const CyclicProblem &p, CyclicSolution &s) {
  std::vector<std::vector<std::pair<int64_t, uint32_t>>> firings(p.streams);
  for (uint32_t t = 0; t < p.tasks.size(); ++t)
    for (uint32_t m = 0; m < (p.tasks[t].micro ? p.micros : 1); ++m)
      firings[p.tasks[t].stream].emplace_back(s.start[t] + m * s.microPeriod, t);
  s.orders.assign(p.streams, {});
  s.stepPeriod = p.micros * s.microPeriod;
  for (uint32_t stream = 0; stream < p.streams; ++stream) {
    std::sort(firings[stream].begin(), firings[stream].end());
    for (const auto &firing : firings[stream])
      s.orders[stream].push_back(firing.second);
    if (firings[stream].empty())
      continue;
    const auto &[last, task] = firings[stream].back();
    s.stepPeriod =
        std::max(s.stepPeriod, last + p.tasks[task].durationNs - firings[stream].front().first);
  }
}

bool SlotSolver::least(uint32_t stepSlots) {
  for (const CyclicRegister &r : p_.registers) {
    if (isMicroRegister(p_, r))
      continue;
    const uint32_t slots = std::min(r.maxSlots, std::max(r.minSlots, stepSlots));
    s_.stepPeriod = std::max(s_.stepPeriod, ceilDiv(lifetime(p_, s_, r), slots));
  }
  s_.slots.clear();
  for (const CyclicRegister &r : p_.registers) {
    s_.slots.push_back(covering(r, lifetime(p_, s_, r)));
    if (s_.slots.back() > r.maxSlots)
      return false;
  }
  return true;
}

std::vector<int64_t> SlotSolver::bytes() const {
  std::vector<int64_t> bytes;
  for (size_t i = 0; i < p_.registers.size(); ++i) {
    const CyclicRegister &r = p_.registers[i];
    bytes.resize(std::max<size_t>(bytes.size(), r.pool + 1));
    bytes[r.pool] += r.bytes * s_.slots[i];
  }
  return bytes;
}

ProgramOrder SlotSolver::order() const {
  std::vector<uint32_t> firings;
  for (const CyclicTask &task : p_.tasks)
    firings.push_back(task.micro ? p_.micros : 1);
  ProgramOrder out(firings);
  for (const std::vector<uint32_t> &stream : s_.orders)
    out.addStream(stream);
  for (const CyclicRegister &r : p_.registers)
    for (uint32_t reader : r.readers) {
      // All firings of either belong to one version, unless there is one for each firing.
      const bool each = isMicroRegister(p_, r);
      out.addRegister({r.producer, ProgramOrder::kEnd, each ? 1 : firings[r.producer]},
                      {reader, ProgramOrder::kEnd, each ? 1 : firings[reader]}, 0, 0);
    }
  for (const CyclicPrecedence &e : p_.precedences)
    out.addReuse({e.from, ProgramOrder::kEnd}, e.to,
                 p_.tasks[e.from].micro && p_.tasks[e.to].micro && p_.micros > 1 ? 1 : 0);
  return out;
}

bool SlotSolver::isRing(const CyclicRegister &r, const ProgramOrder &order) const {
  return !isMicroRegister(p_, r) &&
         std::all_of(r.readers.begin(), r.readers.end(), [&](uint32_t i) {
           return order.lag({i, ProgramOrder::kEnd}, r.producer) <= 1;
         });
}

void SlotSolver::spread() {
  const ProgramOrder order = this->order();
  std::vector<int64_t> used = bytes();
  for (size_t i = 0; i < p_.registers.size(); ++i) {
    const CyclicRegister &r = p_.registers[i];
    if (!crossesStreams(r) || isRing(r, order))
      continue;
    const uint32_t wanted = std::max(2u, covering(r, lifetime(p_, s_, r) + options_.jitterNs));
    while (s_.slots[i] < std::min(wanted, r.maxSlots) &&
           used[r.pool] + r.bytes <= p_.poolLimit(r.pool)) {
      ++s_.slots[i];
      used[r.pool] += r.bytes;
    }
  }
}

uint32_t SlotSolver::covering(const CyclicRegister &r, int64_t time) const {
  uint32_t slots = r.minSlots;
  while (slots <= r.maxSlots && reuseDistance(p_, s_, r, slots) < time)
    ++slots;
  return slots;
}

} // namespace of::search
