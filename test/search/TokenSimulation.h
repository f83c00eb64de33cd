// Runs a cyclic schedule with tokens and random durations, independent of its times: what next,
// full and free mean at run time.
#pragma once

#include "lib/Search/CyclicSchedule.h"

#include <queue>
#include <random>

namespace of::search {

class TokenSimulation {
public:
  TokenSimulation(const CyclicProblem &problem, const CyclicSolution &solution, uint64_t seed)
      : p_(problem), s_(solution), random_(seed), started_(problem.tasks.size()),
        finished_(problem.tasks.size()), position_(problem.streams), running_(problem.streams),
        published_(problem.registers.size()), acked_(problem.registers.size()) {
    for (size_t r = 0; r < p_.registers.size(); ++r)
      acked_[r].resize(p_.registers[r].readers.size());
  }

  /// False if it gets stuck before every stream has fired `iterations` iterations.
  bool run(uint64_t iterations) {
    uint64_t open = 0;
    for (const std::vector<uint32_t> &order : s_.orders)
      open += order.size() * iterations;
    startAll(iterations);
    for (; !events_.empty(); --open) {
      now_ = events_.top().first;
      const uint32_t task = events_.top().second;
      events_.pop();
      finish(task);
      startAll(iterations);
    }
    return open == 0;
  }

private:
  bool micro(uint32_t task) const { return p_.tasks[task].micro; }
  bool accumulates(const CyclicRegister &r) const {
    return micro(r.producer) && !r.readers.empty() && !micro(r.readers.front());
  }
  bool holds(const CyclicRegister &r, uint32_t reader) const {
    return !micro(r.producer) && micro(reader);
  }

  bool mayStart(uint32_t task) const {
    const uint64_t k = started_[task];
    for (size_t i = 0; i < p_.registers.size(); ++i) {
      const CyclicRegister &r = p_.registers[i];
      for (size_t j = 0; j < r.readers.size(); ++j) {
        if (r.readers[j] == task && published_[i] <= (holds(r, task) ? k / p_.micros : k))
          return false;
        if (r.producer == task &&
            (accumulates(r) ? k / p_.micros : k) >= acked_[i][j] + s_.slots[i])
          return false;
      }
    }
    for (const CyclicPrecedence &e : p_.precedences) {
      if (e.to != task)
        continue;
      const bool all = micro(e.from) && !micro(task), held = !micro(e.from) && micro(task);
      if (finished_[e.from] < (all ? (k + 1) * p_.micros : held ? k / p_.micros + 1 : k + 1))
        return false;
    }
    return true;
  }

  void startAll(uint64_t iterations) {
    for (uint32_t stream = 0; stream < p_.streams; ++stream) {
      const std::vector<uint32_t> &order = s_.orders[stream];
      if (running_[stream] || position_[stream] == order.size() * iterations)
        continue;
      const uint32_t task = order[position_[stream] % order.size()];
      if (!mayStart(task))
        continue;
      running_[stream] = true;
      ++position_[stream];
      ++started_[task];
      events_.emplace(now_ + 1 + random_() % 1000, task);
    }
  }

  void finish(uint32_t task) {
    running_[p_.tasks[task].stream] = false;
    const bool last = ++finished_[task] % p_.micros == 0;
    for (size_t i = 0; i < p_.registers.size(); ++i) {
      const CyclicRegister &r = p_.registers[i];
      if (r.producer == task)
        published_[i] += !accumulates(r) || last;
      for (size_t j = 0; j < r.readers.size(); ++j)
        if (r.readers[j] == task)
          acked_[i][j] += !holds(r, task) || last;
    }
  }

  using Event = std::pair<uint64_t, uint32_t>; // end of a firing, task

  const CyclicProblem &p_;
  const CyclicSolution &s_;
  std::mt19937_64 random_;
  uint64_t now_ = 0;
  std::vector<uint64_t> started_, finished_, position_;
  std::vector<bool> running_;
  std::vector<uint64_t> published_;
  std::vector<std::vector<uint64_t>> acked_;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events_;
};

} // namespace of::search
