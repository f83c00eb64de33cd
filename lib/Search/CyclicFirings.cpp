#include "lib/Search/CyclicFirings.h"

#include "lib/Search/CyclicSlots.h"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <tuple>

namespace of::search {

namespace {

constexpr int64_t kUnknown = -1;

/// Firings so far, and when the next of a task may start.
class FiringState {
public:
  FiringState(const CyclicProblem &problem, const CyclicGraph &graph, CyclicSolution &solution)
      : p_(problem), graph_(graph), s_(solution), writes_(problem.tasks.size()) {
    s_.times.assign(p_.tasks.size(), {});
    for (uint32_t r = 0; r < p_.registers.size(); ++r)
      if (isMicroRegister(p_, p_.registers[r]))
        writes_[p_.registers[r].producer].push_back(r);
  }

  uint32_t firings(uint32_t t) const { return p_.tasks[t].micro ? p_.micros : 1; }
  uint32_t fired(uint32_t t) const { return static_cast<uint32_t>(s_.times[t].size()); }
  bool done(uint32_t t) const { return fired(t) == firings(t); }

  /// Earliest start of the task's next firing but for its stream; kUnknown if it waits for a firing
  /// that has no time yet.
  int64_t ready(uint32_t t) const {
    int64_t time = 0;
    for (uint32_t e : graph_.into(t)) {
      const CyclicEdge &edge = graph_.edges()[e];
      const bool each = p_.tasks[edge.from].micro && p_.tasks[t].micro;
      if (!until(edge.from, each ? fired(t) : firings(edge.from) - 1, edge.lagNs, time))
        return kUnknown;
    }
    for (uint32_t r : writes_[t])
      if (fired(t) >= s_.slots[r])
        for (uint32_t reader : p_.registers[r].readers)
          if (!until(reader, fired(t) - s_.slots[r], 0, time))
            return kUnknown;
    return time;
  }

  void fire(uint32_t t, int64_t start) { s_.times[t].push_back(start); }

private:
  /// Raises `time` to the end of a firing; false if it has no time.
  bool until(uint32_t t, uint32_t firing, int64_t lagNs, int64_t &time) const {
    if (firing >= fired(t))
      return false;
    time = std::max(time, s_.times[t][firing] + p_.tasks[t].durationNs + lagNs);
    return true;
  }

  const CyclicProblem &p_;
  const CyclicGraph &graph_;
  CyclicSolution &s_;
  std::vector<std::vector<uint32_t>> writes_; ///< micro registers of each task
};

/// Step period, first starts and micro period of a solution with times.
void settlePeriods(const CyclicProblem &p, CyclicSolution &s) {
  auto end = [&](uint32_t t, size_t firing) { return s.times[t][firing] + p.tasks[t].durationNs; };
  int64_t step = 1;
  for (const std::vector<uint32_t> &order : s.orders)
    if (!order.empty())
      step = std::max(step, end(order.back(), s.times[order.back()].size() - 1) -
                                s.times[order.front()].front());
  for (uint32_t i = 0; i < p.registers.size(); ++i) {
    const CyclicRegister &r = p.registers[i];
    const uint32_t slots = s.slots[i];
    const bool each = isMicroRegister(p, r);
    // Version v + slots is the first firing of its kind some iterations later.
    const uint32_t versions = each ? p.micros : 1;
    for (uint32_t v = 0; v < versions; ++v)
      for (uint32_t reader : r.readers) {
        const int64_t iterations = (v + slots) / versions;
        const size_t next = each ? (v + slots) % versions : 0;
        if (iterations == 0)
          continue; // inside an iteration: the times hold it
        const int64_t lives =
            end(reader, each ? v : s.times[reader].size() - 1) - s.times[r.producer][next];
        step = std::max(step, ceilDiv(lives, iterations));
      }
  }
  s.stepPeriod = step;
  s.microPeriod = 1;
  s.start.clear();
  for (const std::vector<int64_t> &times : s.times)
    s.start.push_back(times.front());
}

class ListScheduler {
public:
  ListScheduler(const CyclicProblem &problem, const CyclicGraph &graph, const FiringRule &rule,
                const FiringTimes &expected, CyclicSolution &solution)
      : p_(problem), graph_(graph), rule_(rule), expected_(expected), s_(solution),
        state_(problem, graph, solution), free_(problem.streams), open_(problem.streams),
        onStream_(problem.streams), later_(problem.streams), ready_(problem.streams),
        readyTimes_(problem.tasks.size()) {
    for (uint32_t t = 0; t < p_.tasks.size(); ++t) {
      onStream_[p_.tasks[t].stream].push_back(t);
      ++open_[p_.tasks[t].stream][phaseOf(t)];
      left_ += state_.firings(t);
    }
    rank();
    indexWakes();
  }

  bool run() {
    s_.orders.assign(p_.streams, {});
    for (uint32_t t = 0; t < p_.tasks.size(); ++t)
      look(t);
    for (uint32_t stream = 0; stream < p_.streams; ++stream)
      events_.push({0, stream});
    while (!events_.empty()) {
      const auto [now, stream] = events_.top();
      events_.pop();
      take(stream, now);
    }
    if (left_ > 0)
      return false;
    settlePeriods(p_, s_);
    return true;
  }

  const FiringTimes &readyTimes() const { return readyTimes_; }

private:
  using Event = std::pair<int64_t, uint32_t>; ///< time, stream
  using Rank = std::tuple<int, int64_t, uint32_t>;
  enum Phase : uint8_t { Before, Micro, After };
  Phase phaseOf(uint32_t t) const {
    return p_.tasks[t].micro ? Micro : graph_.afterMicro(t) ? After : Before;
  }

  /// What another stream waits for comes first; among those the furthest, or the one with the
  /// longest way to go.
  void rank() {
    std::vector<int64_t> head(p_.tasks.size(), 0);
    std::vector<bool> urgent(p_.tasks.size(), false);
    const std::vector<uint32_t> &sorted = graph_.topological();
    for (uint32_t t : sorted)
      for (uint32_t e : graph_.into(t)) {
        const CyclicEdge &edge = graph_.edges()[e];
        if (p_.tasks[edge.from].micro)
          head[t] =
              std::max(head[t], head[edge.from] + p_.tasks[edge.from].durationNs + edge.lagNs);
      }
    for (size_t i = sorted.size(); i-- > 0;)
      for (uint32_t e : graph_.outOf(sorted[i])) {
        const uint32_t to = graph_.edges()[e].to;
        if (p_.tasks[to].micro && (urgent[to] || p_.tasks[to].stream != p_.tasks[sorted[i]].stream))
          urgent[sorted[i]] = true;
      }
    for (uint32_t t = 0; t < p_.tasks.size(); ++t)
      ranks_.push_back({urgent[t] ? 0 : 1, rule_.furthestFirst ? -head[t] : -graph_.tail(t), t});
  }

  /// What a firing of a task lets go on: tasks, and their streams with how much later.
  void indexWakes() {
    wakes_.resize(p_.tasks.size());
    lets_.resize(p_.tasks.size());
    auto add = [&](uint32_t from, uint32_t to, int64_t lagNs) {
      wakes_[from].emplace_back(lagNs, p_.tasks[to].stream);
      lets_[from].push_back(to);
    };
    for (const CyclicEdge &edge : graph_.edges())
      add(edge.from, edge.to, edge.lagNs);
    for (const CyclicRegister &r : p_.registers)
      for (uint32_t reader : r.readers)
        add(reader, r.producer, 0);
    for (uint32_t t = 0; t < p_.tasks.size(); ++t) {
      add(t, t, 0);
      sortOnce(wakes_[t]);
      sortOnce(lets_[t]);
    }
  }

  template <typename T> static void sortOnce(std::vector<T> &list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }

  /// Once all that the next firing of a task waits for has a time, that is when it is ready.
  void look(uint32_t t) {
    if (readyTimes_[t].size() > state_.fired(t) || state_.done(t))
      return;
    const int64_t time = state_.ready(t);
    if (time == kUnknown)
      return;
    readyTimes_[t].push_back(time);
    later_[p_.tasks[t].stream].push({time, t});
  }

  /// Until when it is better to wait for a firing that is expected than to begin `best`; `now` if
  /// it is not.
  int64_t patientUntil(uint32_t stream, uint32_t best, int64_t now) const {
    const int64_t end = now + p_.tasks[best].durationNs;
    int64_t until = now;
    if (expected_.empty() || rule_.patience == 0)
      return until;
    for (const uint32_t t : onStream_[stream]) {
      const uint32_t next = state_.fired(t);
      if (!p_.tasks[t].micro || !(ranks_[t] < ranks_[best]) || state_.done(t) ||
          readyTimes_[t].size() > next)
        continue;
      const int64_t due = expected_[t][next];
      if (due > now && due < end && due - now <= rule_.patience * (end - due) &&
          (until == now || due < until))
        until = due;
    }
    return until;
  }

  void take(uint32_t stream, int64_t now) {
    if (free_[stream] > now)
      return; // it looks again when it is free
    for (auto &later = later_[stream]; !later.empty() && later.top().first <= now; later.pop()) {
      const uint32_t t = later.top().second;
      ready_[stream][phaseOf(t)].push(ranks_[t]);
    }
    std::array<uint32_t, 3> &open = open_[stream];
    const Phase phase = open[Before] ? Before : open[Micro] ? Micro : After;
    auto &ready = ready_[stream][phase];
    if (ready.empty())
      return;
    const uint32_t best = std::get<uint32_t>(ready.top());
    if (const int64_t until = patientUntil(stream, best, now); until > now) {
      events_.push({until, stream});
      return;
    }
    ready.pop();
    state_.fire(best, now);
    s_.orders[stream].push_back(best);
    open[phase] -= state_.done(best) ? 1 : 0;
    --left_;
    const int64_t end = now + p_.tasks[best].durationNs;
    free_[stream] = end;
    for (uint32_t t : lets_[best])
      look(t);
    for (auto [lag, woken] : wakes_[best])
      events_.push({end + lag, woken});
  }

  const CyclicProblem &p_;
  const CyclicGraph &graph_;
  const FiringRule rule_;
  const FiringTimes &expected_;
  CyclicSolution &s_;
  FiringState state_;
  std::vector<int64_t> free_;
  std::vector<std::array<uint32_t, 3>> open_; ///< tasks of each phase that are not done
  std::vector<std::vector<uint32_t>> onStream_;
  std::vector<Rank> ranks_; ///< by task; the least is taken
  template <typename T> using Least = std::priority_queue<T, std::vector<T>, std::greater<T>>;
  std::vector<Least<std::pair<int64_t, uint32_t>>> later_; ///< by stream: when which task is ready
  std::vector<std::array<Least<Rank>, 3>> ready_;          ///< by stream and phase
  FiringTimes readyTimes_; ///< of the firings that are known to be ready, or over
  std::vector<std::vector<std::pair<int64_t, uint32_t>>> wakes_;
  std::vector<std::vector<uint32_t>> lets_;
  Least<Event> events_;
  uint64_t left_ = 0;
};

} // namespace

bool scheduleFirings(const CyclicProblem &problem, const CyclicGraph &graph, const FiringRule &rule,
                     FiringTimes &expected, CyclicSolution &solution) {
  ListScheduler scheduler(problem, graph, rule, expected, solution);
  const bool fired = scheduler.run();
  expected = scheduler.readyTimes();
  return fired;
}

bool runFirings(const CyclicProblem &p, const CyclicGraph &graph, CyclicSolution &s) {
  FiringState state(p, graph, s);
  std::vector<size_t> next(p.streams);
  std::vector<int64_t> free(p.streams);
  for (bool any = true; any;) {
    any = false;
    for (uint32_t stream = 0; stream < p.streams; ++stream)
      for (; next[stream] < s.orders[stream].size(); ++next[stream], any = true) {
        const uint32_t t = s.orders[stream][next[stream]];
        const int64_t ready = state.ready(t);
        if (ready == kUnknown)
          break;
        const int64_t start = std::max(ready, free[stream]);
        state.fire(t, start);
        free[stream] = start + p.tasks[t].durationNs;
      }
  }
  for (uint32_t stream = 0; stream < p.streams; ++stream)
    if (next[stream] < s.orders[stream].size())
      return false;
  settlePeriods(p, s);
  return true;
}

namespace {

/// Latest starts of all firings that keep the step as long as it is, orders of idle streams aside.
class LatestStarts {
public:
  LatestStarts(const CyclicProblem &problem, const CyclicGraph &graph,
               const CyclicSolution &solution)
      : p_(problem), graph_(graph), s_(solution), latest(solution.times), idle(problem.streams),
        reads_(problem.tasks.size()) {
    for (uint32_t stream = 0; stream < p_.streams; ++stream) {
      int64_t work = 0;
      for (const uint32_t t : s_.orders[stream])
        work += p_.tasks[t].durationNs;
      idle[stream] = kIdle * work < s_.stepPeriod;
    }
    for (const CyclicRegister &r : p_.registers)
      if (isMicroRegister(p_, r))
        for (const uint32_t reader : r.readers)
          reads_[reader].push_back(&r - p_.registers.data());
    for (const auto &[time, firing] : backwards())
      settle(firing);
  }

private:
  using Firing = std::pair<uint32_t, uint32_t>; ///< task, which of its firings
  static constexpr int64_t kIdle = 10;

  /// All firings, each before those it waits for; of each busy stream the next one is known.
  std::vector<std::pair<int64_t, Firing>> backwards() {
    std::vector<std::pair<int64_t, Firing>> out;
    next_.resize(p_.tasks.size());
    for (uint32_t t = 0; t < p_.tasks.size(); ++t) {
      next_[t].resize(s_.times[t].size());
      for (uint32_t k = 0; k < s_.times[t].size(); ++k)
        out.push_back({s_.times[t][k], {t, k}});
    }
    std::vector<uint32_t> fired(p_.tasks.size());
    for (uint32_t stream = 0; stream < p_.streams; ++stream) {
      std::optional<Firing> before;
      for (const uint32_t t : s_.orders[stream]) {
        const Firing now{t, fired[t]++};
        if (before && !idle[stream])
          next_[before->first][before->second] = now;
        before = now;
      }
    }
    std::sort(out.begin(), out.end(), std::greater<>());
    return out;
  }

  void settle(const Firing &firing) {
    const auto [t, k] = firing;
    const int64_t took = p_.tasks[t].durationNs;
    std::optional<int64_t> limit;
    auto before = [&](uint32_t to, uint32_t which, int64_t lagNs) {
      const int64_t start = latest[to][which] - lagNs - took;
      limit = limit ? std::min(*limit, start) : start;
    };
    for (const uint32_t e : graph_.outOf(t)) {
      const CyclicEdge &edge = graph_.edges()[e];
      const bool each = p_.tasks[t].micro && p_.tasks[edge.to].micro;
      before(edge.to, each ? k : 0, edge.lagNs);
    }
    for (const size_t r : reads_[t])
      if (const uint32_t reuse = k + s_.slots[r]; reuse < p_.micros)
        before(p_.registers[r].producer, reuse, 0);
    if (k + 1 < latest[t].size())
      before(t, k + 1, 0);
    if (next_[t][k])
      before(next_[t][k]->first, next_[t][k]->second, 0);
    if (limit)
      latest[t][k] = std::max(latest[t][k], *limit);
  }

  const CyclicProblem &p_;
  const CyclicGraph &graph_;
  const CyclicSolution &s_;

public:
  FiringTimes latest;
  std::vector<bool> idle; ///< streams

private:
  std::vector<std::vector<size_t>> reads_; ///< micro registers of each task
  std::vector<std::vector<std::optional<Firing>>> next_;
};

} // namespace

void delayFirings(const CyclicProblem &p, const CyclicGraph &graph, CyclicSolution &s) {
  const LatestStarts starts(p, graph, s);
  CyclicSolution late = s;
  for (uint32_t stream = 0; stream < p.streams; ++stream) {
    if (!starts.idle[stream])
      continue;
    std::vector<uint32_t> fired(p.tasks.size());
    std::vector<std::tuple<bool, bool, int64_t, uint32_t>> order;
    for (const uint32_t t :
         s.orders[stream]) // step tasks before and after micro-batches stay there
      order.emplace_back(p.tasks[t].micro || graph.afterMicro(t), !p.tasks[t].micro,
                         starts.latest[t][fired[t]++], t);
    std::stable_sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size(); ++i)
      late.orders[stream][i] = std::get<uint32_t>(order[i]);
  }
  if (runFirings(p, graph, late) && late.stepPeriod <= s.stepPeriod)
    s = std::move(late);
}

void shrinkSlots(const CyclicProblem &p, CyclicSolution &s) {
  for (uint32_t i = 0; i < p.registers.size(); ++i) {
    const CyclicRegister &r = p.registers[i];
    if (!isMicroRegister(p, r))
      continue;
    // Version v may have the slot of the newest version that is done with when it is written.
    uint32_t needed = r.minSlots, freed = 0;
    for (uint32_t v = 0; v < p.micros; ++v) {
      auto isFree = [&](uint32_t version) {
        return std::all_of(r.readers.begin(), r.readers.end(), [&](uint32_t reader) {
          return s.times[reader][version] + p.tasks[reader].durationNs <= s.times[r.producer][v];
        });
      };
      while (freed < v && isFree(freed))
        ++freed;
      needed = std::max(needed, v + 1 - freed);
    }
    s.slots[i] = std::min(s.slots[i], needed);
  }
}

} // namespace of::search
