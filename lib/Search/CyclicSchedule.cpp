#include "lib/Search/CyclicSchedule.h"

#include "lib/Search/CyclicCredit.h"
#include "lib/Search/CyclicGraph.h"

#include <algorithm>

namespace of::search {

namespace {

constexpr int64_t kMaxNs = int64_t(1) << 50, kMaxBytes = int64_t(1) << 56;
constexpr uint32_t kMaxPools = 1u << 16;

Status invalid(std::string message) { return Status(Code::InvalidArgument, std::move(message)); }

Status checkTasks(const CyclicProblem &p) {
  for (const CyclicTask &t : p.tasks) {
    if (t.stream >= p.streams)
      return invalid("task '" + t.name + "' is on stream " + std::to_string(t.stream) + " of " +
                     std::to_string(p.streams));
    if (t.durationNs < 1 || t.durationNs > kMaxNs)
      return invalid("task '" + t.name + "' takes " + std::to_string(t.durationNs) +
                     " ns; a duration is 1 to 2^50 ns");
  }
  return Status::ok();
}

Status checkRegister(const CyclicProblem &p, const CyclicRegister &r) {
  const std::string name = "register '" + r.name + "'";
  if (r.producer >= p.tasks.size())
    return invalid(name + " has producer " + std::to_string(r.producer) + " of " +
                   std::to_string(p.tasks.size()) + " tasks");
  if (r.minSlots < 1 || r.maxSlots < r.minSlots || r.maxSlots > (1u << 20))
    return invalid(name + " may have " + std::to_string(r.minSlots) + " to " +
                   std::to_string(r.maxSlots) + " slots; give it 1 <= min <= max <= 2^20");
  if (r.pool >= kMaxPools)
    return invalid(name + " lies in memory pool " + std::to_string(r.pool) +
                   "; there are at most " + std::to_string(kMaxPools));
  if (r.bytes < 0 || r.bytes > kMaxBytes / r.maxSlots)
    return invalid(name + " has slots of " + std::to_string(r.bytes) + " bytes");
  for (uint32_t reader : r.readers) {
    if (reader >= p.tasks.size())
      return invalid(name + " has reader " + std::to_string(reader) + " of " +
                     std::to_string(p.tasks.size()) + " tasks");
    if (p.tasks[r.producer].micro && p.tasks[reader].micro != p.tasks[r.readers.front()].micro)
      return invalid(name + " is read by micro-batch and by step tasks; give the sum and the parts "
                            "a register each");
  }
  return Status::ok();
}

/// Starts are at most tasks x the longest period, which is below twice all durations and lags.
Status checkTimes(const CyclicProblem &p) {
  double total = 1;
  for (const CyclicTask &t : p.tasks)
    total += double(t.durationNs);
  for (const CyclicPrecedence &e : p.precedences)
    total += double(e.lagNs);
  if (2 * total * double(p.tasks.size() + 1) * double(p.micros) > 0x1p61)
    return invalid("durations and lags of " + std::to_string(p.tasks.size()) + " tasks and " +
                   std::to_string(p.micros) + " micro-batches are too long to be scheduled in ns");
  return Status::ok();
}

Status checkDependencies(const CyclicProblem &p) {
  const CyclicGraph graph(p);
  if (graph.topological().size() < p.tasks.size()) {
    std::vector<bool> sorted(p.tasks.size());
    for (uint32_t t : graph.topological())
      sorted[t] = true;
    const size_t first = size_t(std::find(sorted.begin(), sorted.end(), false) - sorted.begin());
    return invalid("task '" + p.tasks[first].name +
                   "' is on or behind a cycle of dependencies inside one iteration");
  }
  for (const CyclicEdge &e : graph.edges())
    if (!p.tasks[e.from].micro && p.tasks[e.to].micro && graph.afterMicro(e.from))
      return invalid("micro-batch task '" + p.tasks[e.to].name + "' waits for step task '" +
                     p.tasks[e.from].name + "', which itself waits for micro-batches");
  return Status::ok();
}

} // namespace

Status CyclicProblem::check() const {
  if (micros < 1 || micros > (1u << 20))
    return invalid(std::to_string(micros) + " micro-batches; an iteration has 1 to 2^20");
  if (streams < 1)
    return invalid("a problem has at least one stream");
  OF_TRY(checkTasks(*this));
  int64_t bytes = 0;
  for (const CyclicRegister &r : registers) {
    OF_TRY(checkRegister(*this, r));
    if ((bytes += r.bytes * r.maxSlots) > kMaxBytes)
      return invalid("the registers may have more than 2^56 bytes in all");
  }
  for (const CyclicPrecedence &e : precedences) {
    if (e.from >= tasks.size() || e.to >= tasks.size())
      return invalid("precedence from task " + std::to_string(e.from) + " to " +
                     std::to_string(e.to) + " of " + std::to_string(tasks.size()) + " tasks");
    if (e.lagNs < 0 || e.lagNs > kMaxNs)
      return invalid("precedence from '" + tasks[e.from].name + "' to '" + tasks[e.to].name +
                     "' has lag " + std::to_string(e.lagNs) + " ns; lags are 0 to 2^50");
  }
  OF_TRY(checkTimes(*this));
  return checkDependencies(*this);
}

namespace {

/// Checks one solution against one problem; stops at the first inequality that does not hold.
class Verifier {
public:
  Verifier(const CyclicProblem &problem, const CyclicSolution &solution)
      : p_(problem), s_(solution) {}

  Status run() const {
    OF_TRY(sizes());
    for (uint32_t stream = 0; stream < p_.streams; ++stream)
      OF_TRY(order(stream));
    const CyclicGraph graph(p_);
    for (const CyclicEdge &e : graph.edges())
      OF_TRY(edge(e));
    for (size_t r = 0; r < p_.registers.size(); ++r)
      OF_TRY(credit(r));
    return pools();
  }

private:
  static Status wrong(std::string message) { return Status(Code::Internal, std::move(message)); }

  std::string nameOf(uint32_t task) const { return "task '" + p_.tasks[task].name + "'"; }

  Status holds(int64_t before, int64_t after, const std::string &what) const {
    if (before <= after)
      return Status::ok();
    return wrong(what + ", which is over at " + std::to_string(before) + " ns, by " +
                 std::to_string(after) + " ns");
  }

  Status sizes() const {
    if (s_.start.size() != p_.tasks.size() || s_.orders.size() != p_.streams ||
        s_.slots.size() != p_.registers.size())
      return wrong("the schedule has " + std::to_string(s_.start.size()) + " starts, " +
                   std::to_string(s_.orders.size()) + " orders and " +
                   std::to_string(s_.slots.size()) + " slot counts for another problem");
    if (s_.microPeriod < 1 || s_.stepPeriod < 1)
      return wrong("a period is below 1 ns");
    if (!s_.times.empty() && s_.times.size() != p_.tasks.size())
      return wrong("the schedule has times of " + std::to_string(s_.times.size()) + " tasks");
    for (uint32_t t = 0; t < s_.times.size(); ++t)
      if (s_.times[t].size() != firings(t) || s_.times[t].front() != s_.start[t])
        return wrong(nameOf(t) + " has not one time for each firing, or another start");
    for (uint32_t t = 0; t < s_.start.size(); ++t)
      if (s_.start[t] < 0)
        return wrong(nameOf(t) + " starts at " + std::to_string(s_.start[t]) + " ns");
    return Status::ok();
  }

  uint32_t firings(uint32_t task) const { return p_.tasks[task].micro ? p_.micros : 1; }
  int64_t endOf(uint32_t task, uint32_t firing) const {
    return s_.timeOf(task, firing) + p_.tasks[task].durationNs;
  }

  /// Firing by firing, or of a step task all of the other's.
  Status edge(const CyclicEdge &e) const {
    const bool each = p_.tasks[e.from].micro && p_.tasks[e.to].micro;
    for (uint32_t m = 0; m < (each ? p_.micros : 1); ++m)
      OF_TRY(holds(endOf(e.from, each ? m : firings(e.from) - 1) + e.lagNs, s_.timeOf(e.to, m),
                   nameOf(e.to) + " needs " + nameOf(e.from)));
    return Status::ok();
  }

  Status order(uint32_t stream) const {
    std::vector<uint32_t> fired(p_.tasks.size());
    int64_t end = std::numeric_limits<int64_t>::min(), first = 0;
    const std::vector<uint32_t> &order = s_.orders[stream];
    for (size_t i = 0; i < order.size(); ++i) {
      const uint32_t task = order[i];
      if (task >= p_.tasks.size() || p_.tasks[task].stream != stream)
        return wrong("the order of stream " + std::to_string(stream) + " fires task " +
                     std::to_string(task) + " of another stream");
      if (fired[task] == firings(task))
        return wrong(nameOf(task) + " fires too often in its order");
      const int64_t start = s_.timeOf(task, fired[task]++);
      if (i == 0)
        first = start;
      else
        OF_TRY(holds(end, start, nameOf(task) + " comes after " + nameOf(order[i - 1])));
      end = start + p_.tasks[task].durationNs;
    }
    for (uint32_t t = 0; t < p_.tasks.size(); ++t)
      if (p_.tasks[t].stream == stream && fired[t] != firings(t))
        return wrong(nameOf(t) + " fires " + std::to_string(fired[t]) + " times in its order");
    if (order.empty())
      return Status::ok();
    return holds(end, first + s_.stepPeriod,
                 "the next iteration of stream " + std::to_string(stream) + " starts after " +
                     nameOf(order.back()));
  }

  Status credit(size_t index) const {
    const CyclicRegister &r = p_.registers[index];
    const uint32_t slots = s_.slots[index];
    if (slots < r.minSlots || slots > r.maxSlots)
      return wrong("register '" + r.name + "' has " + std::to_string(slots) + " slots");
    // Version v + slots, some iterations later, is written where version v was.
    const bool each = isMicroRegister(p_, r);
    const uint32_t versions = each ? p_.micros : 1;
    for (uint32_t v = 0; v < versions; ++v) {
      const int64_t reuse = s_.timeOf(r.producer, each ? (v + slots) % versions : 0) +
                            (v + slots) / versions * s_.stepPeriod;
      for (uint32_t reader : r.readers)
        OF_TRY(
            holds(endOf(reader, each ? v : firings(reader) - 1), reuse,
                  "a slot of register '" + r.name + "' is written again after " + nameOf(reader)));
    }
    return Status::ok();
  }

  Status pools() const {
    std::vector<int64_t> bytes;
    for (size_t i = 0; i < p_.registers.size(); ++i) {
      const CyclicRegister &r = p_.registers[i];
      if (r.pool >= bytes.size())
        bytes.resize(r.pool + 1);
      bytes[r.pool] += r.bytes * s_.slots[i];
    }
    for (uint32_t pool = 0; pool < bytes.size(); ++pool)
      if (bytes[pool] > p_.poolLimit(pool))
        return wrong("memory pool " + std::to_string(pool) + " holds " +
                     std::to_string(bytes[pool]) + " bytes of " +
                     std::to_string(p_.poolLimit(pool)));
    return Status::ok();
  }

  const CyclicProblem &p_;
  const CyclicSolution &s_;
};

} // namespace

Status CyclicSolution::verify(const CyclicProblem &problem) const {
  return Verifier(problem, *this).run();
}

} // namespace of::search
