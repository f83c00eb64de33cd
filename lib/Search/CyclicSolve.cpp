// Modulo scheduling behind scheduleCyclic(): candidate periods of the micro-batches, upward from
// the work of the busiest stream; for each a list schedule by longest tail, then slots.
#include "lib/Search/CyclicCredit.h"
#include "lib/Search/CyclicGraph.h"
#include "lib/Search/PeriodicStream.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace of::search {

namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- Times
// ---------------------------------------------------------------------------------------

/// Start times for one period of the micro-batches.
class TimeSolver {
public:
  TimeSolver(const CyclicProblem &problem, const CyclicGraph &graph, CyclicSolution &solution)
      : p_(problem), graph_(graph), s_(solution), free_(problem.streams) {
    std::vector<int64_t> work(p_.streams);
    for (uint32_t t = 0; t < p_.tasks.size(); ++t) {
      const CyclicTask &task = p_.tasks[t];
      (task.micro ? micro_ : graph_.afterMicro(t) ? post_ : pre_).push_back(t);
      if (task.micro)
        work[task.stream] += task.durationNs;
    }
    for (std::vector<uint32_t> *tasks : {&pre_, &micro_, &post_})
      std::stable_sort(tasks->begin(), tasks->end(), [&](uint32_t a, uint32_t b) {
        return graph_.tail(a) > graph_.tail(b); // a task's tail is longer than its readers'
      });
    work_ = work;
  }

  int64_t busiest() const { return *std::max_element(work_.begin(), work_.end()); }

  /// sequential: `period` is long enough for one micro-batch after the other, and is shortened to
  /// what that takes.
  void solve(int64_t period, bool sequential) {
    s_.microPeriod = period;
    s_.start.assign(p_.tasks.size(), 0);
    std::fill(free_.begin(), free_.end(), 0);
    appendAll(pre_);
    placeMicro();
    delayMicro();
    if (sequential)
      shorten();
    for (uint32_t t : micro_)
      occupy(t);
    appendAll(post_);
    delayPre();
    const int64_t first =
        s_.start.empty() ? 0 : *std::min_element(s_.start.begin(), s_.start.end());
    for (int64_t &start : s_.start)
      start -= first;
  }

private:
  int64_t lastEnd(uint32_t t) const {
    const CyclicTask &task = p_.tasks[t];
    return s_.start[t] + (task.micro ? (p_.micros - 1) * s_.microPeriod : 0) + task.durationNs;
  }
  void occupy(uint32_t t) {
    int64_t &free = free_[p_.tasks[t].stream];
    free = std::max(free, lastEnd(t));
  }
  int64_t ready(uint32_t t) const {
    int64_t time = free_[p_.tasks[t].stream];
    for (uint32_t e : graph_.into(t)) {
      const CyclicEdge &edge = graph_.edges()[e];
      time = std::max(time, graph_.earliest(edge, s_.start[edge.from], s_.microPeriod));
    }
    return time;
  }
  /// Latest start that all who wait for the task allow; those after the micro-batches have no time
  /// yet.
  std::optional<int64_t> due(uint32_t t) const {
    std::optional<int64_t> time;
    for (uint32_t e : graph_.outOf(t)) {
      const CyclicEdge &edge = graph_.edges()[e];
      if (p_.tasks[t].micro && !p_.tasks[edge.to].micro)
        return std::nullopt;
      const int64_t limit = s_.start[edge.to] - graph_.span(edge, s_.microPeriod);
      time = time ? std::min(*time, limit) : limit;
    }
    return time;
  }

  void appendAll(const std::vector<uint32_t> &tasks) {
    for (uint32_t t : tasks) {
      s_.start[t] = ready(t);
      occupy(t);
    }
  }

  void placeMicro() {
    streams_.clear();
    for (uint32_t stream = 0; stream < p_.streams; ++stream)
      streams_.emplace_back(s_.microPeriod, work_[stream]);
    for (uint32_t t : micro_) {
      const CyclicTask &task = p_.tasks[t];
      s_.start[t] = streams_[task.stream].earliest(ready(t), task.durationNs);
      streams_[task.stream].add(s_.start[t], task.durationNs);
    }
  }

  /// Bytes times ns that registers live longer if the task starts at `start` instead.
  double growth(uint32_t t, int64_t start) const {
    const double shift = double(start - s_.start[t]);
    double bytes = 0;
    for (uint32_t r : writes_[t])
      bytes -= double(p_.registers[r].bytes) * shift;
    for (uint32_t r : reads_[t]) {
      const CyclicRegister &reg = p_.registers[r];
      int64_t others = s_.start[reg.producer];
      for (uint32_t reader : reg.readers)
        if (reader != t)
          others = std::max(others, lastUse(p_, s_, reg, reader));
      const int64_t end = s_.start[t] + p_.tasks[t].durationNs;
      const int64_t longer = end + (start - s_.start[t]) - std::max(others, end);
      bytes += double(reg.bytes) * double(std::max<int64_t>(0, longer));
    }
    return bytes;
  }

  void indexRegisters() {
    writes_.assign(p_.tasks.size(), {});
    reads_.assign(p_.tasks.size(), {});
    for (uint32_t r = 0; r < p_.registers.size(); ++r) {
      if (!isMicroRegister(p_, p_.registers[r]))
        continue;
      writes_[p_.registers[r].producer].push_back(r);
      for (uint32_t reader : p_.registers[r].readers)
        reads_[reader].push_back(r);
    }
  }

  /// Starts tasks as late as their readers and the end of the stream allow, if that shortens
  /// lifetimes.
  void delayMicro() {
    indexRegisters();
    std::vector<int64_t> end(p_.streams);
    for (uint32_t t : micro_)
      end[p_.tasks[t].stream] =
          std::max(end[p_.tasks[t].stream], s_.start[t] + p_.tasks[t].durationNs);
    for (size_t i = micro_.size(); i-- > 0;) {
      const uint32_t t = micro_[i];
      const CyclicTask &task = p_.tasks[t];
      std::optional<int64_t> limit = due(t);
      if (!limit)
        continue;
      limit = std::min(*limit, end[task.stream] - task.durationNs);
      PeriodicStream &stream = streams_[task.stream];
      stream.remove(s_.start[t], task.durationNs);
      const std::optional<int64_t> start = stream.latest(s_.start[t] + 1, *limit, task.durationNs);
      if (start && growth(t, *start) < 0)
        s_.start[t] = *start;
      stream.add(s_.start[t], task.durationNs);
    }
  }

  void shorten() {
    int64_t begin = std::numeric_limits<int64_t>::max(), end = 0;
    for (uint32_t t : micro_) {
      begin = std::min(begin, s_.start[t]);
      end = std::max(end, s_.start[t] + p_.tasks[t].durationNs);
    }
    if (!micro_.empty())
      s_.microPeriod = end - begin;
  }

  /// Starts tasks before the micro-batches as late as possible: what they write lives shorter.
  void delayPre() {
    std::vector<int64_t> next(p_.streams, std::numeric_limits<int64_t>::max());
    for (const std::vector<uint32_t> *tasks : {&micro_, &post_})
      for (uint32_t t : *tasks)
        next[p_.tasks[t].stream] = std::min(next[p_.tasks[t].stream], s_.start[t]);
    std::vector<uint32_t> order = pre_;
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return s_.start[a] > s_.start[b]; });
    for (uint32_t t : order) {
      const CyclicTask &task = p_.tasks[t];
      int64_t limit = s_.start[t];
      if (const std::optional<int64_t> latest = due(t))
        limit = std::min(*latest, next[task.stream] - task.durationNs);
      s_.start[t] = std::max(s_.start[t], limit);
      next[task.stream] = s_.start[t];
    }
  }

  const CyclicProblem &p_;
  const CyclicGraph &graph_;
  CyclicSolution &s_;
  std::vector<uint32_t> pre_, micro_, post_; ///< by longest tail
  std::vector<int64_t> work_;                ///< of one micro-batch on each stream
  std::vector<int64_t> free_;                ///< when a stream has done what was placed so far
  std::vector<PeriodicStream> streams_;
  std::vector<std::vector<uint32_t>> writes_, reads_; ///< micro registers of each task
};

// ---- Orders, slots, memory
// -----------------------------------------------------------------------

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

class SlotSolver {
public:
  SlotSolver(const CyclicProblem &problem, const CyclicOptions &options, CyclicSolution &solution)
      : p_(problem), options_(options), s_(solution) {}

  /// Least slots of each register. `stepSlots`: most slots that shorten the step period. False: a
  /// register would need more than it may have.
  bool least(uint32_t stepSlots) {
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

  /// Bytes of each pool.
  std::vector<int64_t> bytes() const {
    std::vector<int64_t> bytes;
    for (size_t i = 0; i < p_.registers.size(); ++i) {
      const CyclicRegister &r = p_.registers[i];
      bytes.resize(std::max<size_t>(bytes.size(), r.pool + 1));
      bytes[r.pool] += r.bytes * s_.slots[i];
    }
    return bytes;
  }

  /// More slots between streams, in declaration order, while the pools have room.
  void spread() {
    std::vector<int64_t> used = bytes();
    for (size_t i = 0; i < p_.registers.size(); ++i) {
      const CyclicRegister &r = p_.registers[i];
      if (!crossesStreams(r))
        continue;
      const uint32_t wanted = std::max(2u, covering(r, lifetime(p_, s_, r) + options_.jitterNs));
      while (s_.slots[i] < std::min(wanted, r.maxSlots) &&
             used[r.pool] + r.bytes <= p_.poolLimit(r.pool)) {
        ++s_.slots[i];
        used[r.pool] += r.bytes;
      }
    }
  }

private:
  bool crossesStreams(const CyclicRegister &r) const {
    return std::any_of(r.readers.begin(), r.readers.end(), [&](uint32_t reader) {
      return p_.tasks[reader].stream != p_.tasks[r.producer].stream;
    });
  }

  /// Slots whose reuse distance is at least `time`, or one more than the register may have.
  uint32_t covering(const CyclicRegister &r, int64_t time) const {
    uint32_t slots = r.minSlots;
    while (slots <= r.maxSlots && reuseDistance(p_, s_, r, slots) < time)
      ++slots;
    return slots;
  }

  const CyclicProblem &p_;
  const CyclicOptions &options_;
  CyclicSolution &s_;
};

// ---- Candidate periods
// ----------------------------------------------------------------------------

class CyclicSolver {
public:
  CyclicSolver(const CyclicProblem &problem, const CyclicOptions &options)
      : p_(problem), options_(options), graph_(problem), times_(problem, graph_, current_) {}

  Result<CyclicSolution> solve() {
    const int64_t busiest = std::max<int64_t>(1, times_.busiest()), alone = sequentialPeriod();
    if (p_.micros > 1)
      for (int64_t step = 0; step <= kLastStep; step = step ? 2 * step : 1) {
        const int64_t period = busiest + ceilDiv(busiest * step, kSteps);
        if (period >= alone || (found_ && period * p_.micros >= best_.stepPeriod))
          break;
        tryPeriod(period, false);
      }
    if (!found_ || p_.micros * busiest * 2 < best_.stepPeriod)
      tryPeriod(alone, true);
    if (!found_)
      return tooLittleMemory();
    SlotSolver(p_, options_, best_).spread();
    return best_;
  }

private:
  // Candidates are busiest * (1 + step / kSteps) for step 0, 1, 2, 4, ... kLastStep.
  static constexpr int64_t kSteps = 64, kLastStep = 64 * 64;

  /// No schedule of one micro-batch takes longer.
  int64_t sequentialPeriod() const {
    int64_t period = 1;
    for (const CyclicTask &t : p_.tasks)
      period += t.durationNs * (t.micro ? 1 : 2);
    for (const CyclicPrecedence &e : p_.precedences)
      period += e.lagNs;
    return period;
  }

  void tryPeriod(int64_t period, bool sequential) {
    times_.solve(period, sequential);
    orderStreams(p_, current_);
    const int64_t shortest = current_.stepPeriod;
    for (uint32_t stepSlots : {2u, 1u}) {
      current_.stepPeriod = shortest;
      SlotSolver slots(p_, options_, current_);
      if (!slots.least(stepSlots))
        return;
      needed_ = slots.bytes();
      if (!fits())
        continue;
      const int64_t total = std::accumulate(needed_.begin(), needed_.end(), int64_t(0));
      if (!found_ ||
          std::tie(current_.stepPeriod, total) < std::tie(best_.stepPeriod, bestBytes_)) {
        found_ = true;
        best_ = current_;
        bestBytes_ = total;
      }
      return;
    }
  }

  bool fits() const {
    for (uint32_t pool = 0; pool < needed_.size(); ++pool)
      if (needed_[pool] > p_.poolLimit(pool))
        return false;
    return true;
  }

  Status tooLittleMemory() const {
    for (uint32_t pool = 0; pool < needed_.size(); ++pool)
      if (needed_[pool] > p_.poolLimit(pool))
        return Status(
            Code::Refused,
            "memory pool " + std::to_string(pool) + " has " + std::to_string(p_.poolLimit(pool)) +
                " bytes; the registers of one micro-batch at a time take " +
                std::to_string(needed_[pool]) + "; use smaller micro-batches or more devices");
    return Status(Code::Internal, "a sequential schedule was not accepted");
  }

  const CyclicProblem &p_;
  const CyclicOptions &options_;
  const CyclicGraph graph_;
  CyclicSolution current_, best_;
  TimeSolver times_;
  bool found_ = false;
  int64_t bestBytes_ = 0;
  std::vector<int64_t> needed_;
};

} // namespace

Result<CyclicSolution> scheduleCyclic(const CyclicProblem &problem, const CyclicOptions &options) {
  OF_TRY(problem.check());
  if (options.jitterNs < 0)
    return Status(Code::InvalidArgument, "jitter is " + std::to_string(options.jitterNs) + " ns");
  return CyclicSolver(problem, options).solve();
}

} // namespace of::search
