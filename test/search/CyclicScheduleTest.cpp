#include "lib/Search/CyclicSchedule.h"
#include "lib/Search/CyclicFirings.h"
#include "test/search/TokenSimulation.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace of;
using namespace of::search;

namespace {

CyclicSolution scheduled(const CyclicProblem &problem, const CyclicOptions &options = {}) {
  Result<CyclicSolution> solution = scheduleCyclic(problem, options);
  INFO(solution.status().message());
  REQUIRE(solution.isOk());
  const Status verified = solution->verify(problem);
  INFO(verified.message());
  REQUIRE(verified.isOk());
  CHECK(TokenSimulation(problem, *solution, 1).run(3));
  return *solution;
}

std::string errorOf(const CyclicProblem &problem) {
  const Result<CyclicSolution> solution = scheduleCyclic(problem);
  REQUIRE_FALSE(solution.isOk());
  return solution.status().message();
}

bool contains(const std::string &text, const std::string &part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

/// p stages: task 2s is the forward, 2s + 1 the backward part of stage s.
CyclicProblem pipeline(uint32_t stages, uint32_t micros, int64_t forward, int64_t backward) {
  CyclicProblem p;
  p.streams = stages;
  p.micros = micros;
  for (uint32_t s = 0; s < stages; ++s) {
    p.tasks.push_back({"F" + std::to_string(s), s, forward, true});
    p.tasks.push_back({"B" + std::to_string(s), s, backward, true});
  }
  for (uint32_t s = 0; s < stages; ++s)
    p.registers.push_back({"kept" + std::to_string(s), 2 * s, {2 * s + 1}, 1 << 20});
  for (uint32_t s = 0; s + 1 < stages; ++s) {
    p.registers.push_back({"x" + std::to_string(s), 2 * s, {2 * s + 2}, 1 << 10});
    p.registers.push_back({"g" + std::to_string(s), 2 * s + 3, {2 * s + 1}, 1 << 10});
  }
  return p;
}

/// One forward, one backward: as many forward parts as stages are left, then alternating.
std::vector<uint32_t> oneForwardOneBackward(uint32_t stages, uint32_t stage, uint32_t micros) {
  std::vector<uint32_t> order;
  uint32_t forward = 0, backward = 0;
  while (backward < micros) {
    const bool warm = forward - backward < stages - stage && forward < micros;
    order.push_back(2 * stage + !warm);
    ++(warm ? forward : backward);
  }
  return order;
}

} // namespace

TEST_CASE("pipelines run one forward, one backward") {
  for (uint32_t stages : {1, 2, 3, 4})
    for (uint32_t micros : {4, 8})
      for (int64_t backward : {1000, 2000}) {
        INFO(stages << " stages, " << micros << " micro-batches, backward " << backward);
        const CyclicProblem problem = pipeline(stages, micros, 1000, backward);
        const CyclicSolution solution = scheduled(problem);
        CHECK(solution.microPeriod == 1000 + backward);
        CHECK(solution.stepPeriod == micros * (1000 + backward) + (stages - 1) * (1000 + backward));
        for (uint32_t s = 0; s < stages; ++s) {
          CHECK(solution.orders[s] == oneForwardOneBackward(stages, s, micros));
          CHECK(solution.slots[s] == stages - s);
        }
      }
}

TEST_CASE("a step with data, accumulation and an update") {
  CyclicProblem p;
  p.streams = 2;
  p.micros = 4;
  p.tasks = {{"read", 1, 500, false},
             {"forward", 0, 100, true},
             {"backward", 0, 200, true},
             {"update", 0, 50, false}};
  p.registers = {{"batch", 0, {1}, 4096}, {"kept", 1, {2}, 4096}, {"gradient", 2, {3}, 4096}};
  const CyclicSolution s = scheduled(p);
  CHECK(s.stepPeriod == 4 * 300 + 50); // reading is hidden
  CHECK(s.slots == std::vector<uint32_t>{2, 1, 1});
  CHECK(s.orders[0] == std::vector<uint32_t>{1, 2, 1, 2, 1, 2, 1, 2, 3});
  CHECK(s.orders[1] == std::vector<uint32_t>{0});
}

TEST_CASE("forward parts start as late as the period allows where that saves memory") {
  CyclicProblem p;
  p.streams = 2;
  p.micros = 8;
  // The short branch waits for the long one; its large output would wait too.
  p.tasks = {{"long", 0, 900, true}, {"short", 1, 100, true}, {"join", 1, 500, true}};
  p.registers = {{"a", 0, {2}, 64}, {"b", 1, {2}, 1 << 20}};
  const CyclicSolution s = scheduled(p);
  CHECK(s.start[1] == s.start[2] - 100);
  CHECK(s.slots[1] == 1);
}

TEST_CASE("an eager task starts when it can, others of a step as late as they may") {
  CyclicProblem p;
  p.streams = 2;
  // What is copied away comes back after a long while.
  p.tasks = {{"make", 0, 100, false},
             {"away", 1, 50, false},
             {"work", 0, 900, false},
             {"use", 0, 100, false}};
  p.registers = {{"a", 0, {1, 2}, 4096}, {"there", 1, {3}, 4096}, {"b", 2, {3}, 64}};
  CHECK(scheduled(p).start[1] == 1000 - 50);
  p.tasks[1].eager = true;
  const CyclicSolution s = scheduled(p);
  CHECK(s.start[1] == 100);
  CHECK(s.start[3] == 1000);
}

TEST_CASE("memory decides how many micro-batches are under way") {
  CyclicProblem p = pipeline(4, 8, 1000, 1000);
  const CyclicSolution free = scheduled(p);
  const auto total = [&](const CyclicSolution &s) {
    int64_t bytes = 0;
    for (size_t r = 0; r < p.registers.size(); ++r)
      bytes += s.slots[r] * p.registers[r].bytes;
    return bytes;
  };
  p.poolBytes = {total(free) / 2};
  const CyclicSolution tight = scheduled(p);
  CHECK(total(tight) <= p.poolBytes[0]);
  CHECK(tight.stepPeriod > free.stepPeriod);
  int64_t least = 0;
  for (const CyclicRegister &r : p.registers)
    least += r.bytes;
  p.poolBytes = {least};
  CHECK(total(scheduled(p)) == least);
  p.poolBytes = {least - 1};
  CHECK(contains(errorOf(p), "memory pool 0 has " + std::to_string(least - 1) +
                                 " bytes; the registers of one micro-batch at a time take " +
                                 std::to_string(least)));
}

TEST_CASE("jitter and prefetch get slots between streams while there is room") {
  CyclicProblem p = pipeline(2, 8, 1000, 1000);
  const CyclicSolution plain = scheduled(p), padded = scheduled(p, {4000});
  CHECK(plain.slots[2] == 2); // a lifetime of one period
  CHECK(padded.slots[2] == 3);
  CHECK(padded.slots[0] == plain.slots[0]); // within one stream the order decides
  p.registers[2].maxSlots = 2;
  CHECK(scheduled(p, {4000}).slots[2] == 2);
}

namespace {

/// Random tasks before, in and after the micro-batches, with registers and precedences among them.
CyclicProblem randomProblem(std::mt19937_64 &random) {
  const auto upTo = [&](uint64_t n) { return uint32_t(random() % (n + 1)); };
  CyclicProblem p;
  p.streams = 1 + upTo(4);
  p.micros = 1 + upTo(7);
  const uint32_t pre = upTo(4), micro = upTo(15), post = upTo(4), count = pre + micro + post;
  for (uint32_t t = 0; t < count; ++t)
    p.tasks.push_back({"t" + std::to_string(t), upTo(p.streams - 1),
                       1 + upTo(random() % 2 ? 5 : 500), t >= pre && t < pre + micro});
  for (uint32_t t = 0; t + 1 < count; ++t) {
    for (uint32_t n = upTo(2); n > 0; --n) {
      CyclicRegister r{"r" + std::to_string(p.registers.size()), t, {}, 1 + upTo(1000)};
      r.maxSlots = 1 + upTo(5);
      r.minSlots = 1 + upTo(r.maxSlots > 2 ? 1 : 0);
      r.pool = upTo(1);
      const bool toMicro = p.tasks[t].micro && random() % 4;
      for (uint32_t k = upTo(3); k > 0; --k) {
        const uint32_t reader = t + 1 + upTo(count - t - 2);
        if (!p.tasks[t].micro || p.tasks[reader].micro == toMicro)
          r.readers.push_back(reader);
      }
      p.registers.push_back(r);
    }
    if (random() % 4 == 0)
      p.precedences.push_back({t, t + 1 + upTo(count - t - 2), int64_t(upTo(300))});
  }
  if (random() % 3 == 0)
    p.poolBytes = {int64_t(upTo(8000)), int64_t(upTo(8000))};
  return p;
}

/// A pool that the least slots of its registers exceed.
bool cannotFit(const CyclicProblem &p) {
  std::vector<int64_t> least(2);
  for (const CyclicRegister &r : p.registers)
    least[r.pool] += r.minSlots * r.bytes;
  return least[0] > p.poolLimit(0) || least[1] > p.poolLimit(1);
}

/// Breaks one wait of a schedule: an order, a start or the period. False: there is none to break.
bool damage(const CyclicProblem &p, CyclicSolution &s, std::mt19937_64 &random) {
  switch (random() % 3) {
  case 0: {
    std::vector<uint32_t> &order = s.orders[random() % p.streams];
    const auto other =
        std::find_if(order.begin(), order.end(), [&](uint32_t t) { return t != order.front(); });
    if (other == order.end())
      return false;
    std::iter_swap(order.begin(), other);
    return true;
  }
  case 1:
    for (const CyclicRegister &r : p.registers)
      if (!r.readers.empty()) {
        s.start[r.readers.front()] = s.start[r.producer]; // reads before it is written
        return true;
      }
    return false;
  default: // less than the busiest stream works
    std::vector<int64_t> work(p.streams);
    for (const CyclicTask &t : p.tasks)
      work[t.stream] += t.durationNs * (t.micro ? p.micros : 1);
    s.stepPeriod = *std::max_element(work.begin(), work.end()) - 1;
    return s.stepPeriod >= 0;
  }
}

} // namespace

TEST_CASE("random problems: schedules verify, run without deadlock, and damage is seen") {
  const unsigned seed = Catch::rngSeed();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    INFO("round " << round);
    const CyclicProblem problem = randomProblem(random);
    Result<CyclicSolution> solution = scheduleCyclic(problem);
    if (!solution.isOk()) {
      INFO(solution.status().message());
      REQUIRE(cannotFit(problem));
      ++refused;
      continue;
    }
    const Status verified = solution->verify(problem);
    INFO(verified.message());
    REQUIRE(verified.isOk());
    for (uint64_t run = 0; run < 3; ++run)
      REQUIRE(TokenSimulation(problem, *solution, random()).run(3));
    if (damage(problem, *solution, random))
      REQUIRE_FALSE(solution->verify(problem).isOk());
  }
  CHECK(refused < 500);
}

TEST_CASE("the simulation gets stuck where it should") {
  // a and b each write what the other stream reads first.
  CyclicProblem p;
  p.streams = 2;
  p.tasks = {{"a", 0}, {"useB", 0}, {"b", 1}, {"useA", 1}};
  p.registers = {{"x", 0, {3}, 1}, {"y", 2, {1}, 1}};
  CyclicSolution s = scheduled(p);
  s.orders = {{1, 0}, {3, 2}};
  CHECK_FALSE(TokenSimulation(p, s, 1).run(1));
  CHECK_FALSE(s.verify(p).isOk());
}

TEST_CASE("a missing slot of a pipeline is named") {
  const CyclicProblem p = pipeline(3, 8, 1000, 1000);
  CyclicSolution s = scheduled(p);
  --s.slots[0];
  CHECK(contains(s.verify(p).message(),
                 "a slot of register 'kept0' is written again after task 'B0'"));
}

TEST_CASE("a wrong problem is refused") {
  CyclicProblem good;
  good.micros = 2;
  good.tasks = {{"a", 0, 1, true}, {"b", 0, 1, false}, {"c", 0, 1, true}};
  const auto verdict = [&](auto change) {
    CyclicProblem bad = good;
    change(bad);
    return errorOf(bad);
  };
  CHECK(contains(verdict([](auto &p) { p.tasks[1].stream = 3; }), "task 'b' is on stream 3 of 1"));
  CHECK(contains(verdict([](auto &p) { p.tasks[1].durationNs = 0; }), "task 'b' takes 0 ns"));
  CHECK(contains(verdict([](auto &p) { p.micros = 0; }), "0 micro-batches"));
  CHECK(contains(verdict([](auto &p) { p.streams = 0; }), "at least one stream"));
  CHECK(contains(verdict([](auto &p) { p.registers = {{"r", 7, {}, 1}}; }), "has producer 7"));
  CHECK(contains(verdict([](auto &p) { p.registers = {{"r", 0, {7}, 1}}; }), "has reader 7"));
  CHECK(contains(verdict([](auto &p) { p.registers = {{"r", 0, {1}, 1, 3, 2}}; }), "3 to 2 slots"));
  CHECK(contains(verdict([](auto &p) { p.registers = {{"r", 0, {1}, -1}}; }), "-1 bytes"));
  CHECK(contains(verdict([](auto &p) {
                   p.registers = {{"r", 0, {1, 2}, 1}};
                 }),
                 "read by micro-batch and by step tasks"));
  CHECK(contains(verdict([](auto &p) { p.precedences = {{0, 9}}; }), "from task 0 to 9"));
  CHECK(contains(verdict([](auto &p) { p.precedences = {{0, 1, -5}}; }), "has lag -5 ns"));
  CHECK(contains(verdict([](auto &p) { p.precedences = {{0, 2}, {2, 0}}; }), "cycle"));
  CHECK(contains(verdict([](auto &p) {
                   p.registers = {{"r", 0, {1}, 1}, {"q", 1, {2}, 1}};
                 }),
                 "micro-batch task 'c' waits for step task 'b'"));
  CHECK(contains(verdict([](auto &p) {
                   p.tasks[0].durationNs = int64_t(1) << 50;
                   p.micros = 1 << 20;
                 }),
                 "too long"));
}

TEST_CASE("thousands of tasks are scheduled in a second") {
  std::mt19937_64 random(7);
  CyclicProblem p;
  p.streams = 8;
  p.micros = 16;
  for (uint32_t t = 0; t < 4000; ++t)
    p.tasks.push_back({"t" + std::to_string(t), t / 250 % 8, 1 + int64_t(random() % 100000), true});
  for (uint32_t t = 1; t < 4000; ++t)
    p.registers.push_back({"r" + std::to_string(t), t - 1, {t}, 1000});
  const Result<CyclicSolution> solution = scheduleCyclic(p);
  REQUIRE(solution.isOk());
  CHECK(solution->verify(p).isOk());
}

// ---- Pipelines that fill and drain in an order of their own

namespace {

/// p devices, each with `parts` parts of the model, dealt in turn; with `weights` > 0 that much of
/// the backward part is a task of its own that nobody waits for.
CyclicProblem partedPipeline(uint32_t devices, uint32_t parts, uint32_t micros, int64_t forward,
                             int64_t backward, int64_t weights) {
  CyclicProblem p;
  p.streams = devices;
  p.micros = micros;
  const uint32_t stages = devices * parts, each = weights > 0 ? 3 : 2;
  for (uint32_t s = 0; s < stages; ++s) {
    const std::string name = std::to_string(s);
    p.tasks.push_back({"F" + name, s % devices, forward / parts, true});
    p.tasks.push_back({"B" + name, s % devices, backward / parts, true});
    if (weights > 0)
      p.tasks.push_back({"W" + name, s % devices, weights / parts, true});
  }
  for (uint32_t s = 0; s < stages; ++s) {
    const uint32_t f = s * each, b = f + 1, w = f + 2;
    p.registers.push_back({"kept", f, {b}, 1 << 20});
    if (weights > 0) {
      p.registers.back().readers.push_back(w);
      p.registers.push_back({"gradient", b, {w}, 1 << 20});
    }
    if (s + 1 == stages)
      continue;
    p.registers.push_back({"x", f, {f + each}, 1 << 10});
    p.registers.push_back({"g", b + each, {b}, 1 << 10});
  }
  for (uint32_t d = 0; d < devices; ++d) { // sets what all parts of a device have summed up
    const uint32_t update = static_cast<uint32_t>(p.tasks.size());
    p.tasks.push_back({"U" + std::to_string(d), d, 1, false});
    for (uint32_t s = d; s < stages; s += devices)
      p.registers.push_back({"sum", s * each + each - 1, {update}, 1 << 10});
  }
  return p;
}

/// The part of a step in which the busiest stream waits, if every firing starts as soon as it may.
double bubbleOf(const CyclicProblem &p, CyclicSolution s) {
  REQUIRE(runFirings(p, CyclicGraph(p), s));
  std::vector<int64_t> work(p.streams);
  for (const CyclicTask &t : p.tasks)
    work[t.stream] += t.durationNs * (t.micro ? p.micros : 1);
  return 1 - double(*std::max_element(work.begin(), work.end())) / double(s.stepPeriod);
}

} // namespace

TEST_CASE("several parts of a model on a device shorten how a pipeline fills and drains") {
  const uint32_t devices = GENERATE(2u, 4u), micros = GENERATE(4u, 8u, 16u);
  const CyclicProblem p = partedPipeline(devices, 2, micros, 1000, 2000, 0);
  const CyclicSolution s = scheduled(p);
  const double waits = (devices - 1) / 2.0, formula = waits / (waits + micros);
  INFO(devices << " devices, " << micros << " micro-batches, formula " << formula);
  CHECK(bubbleOf(p, s) < formula + 0.05);
  const CyclicProblem one = partedPipeline(devices, 1, micros, 1000, 2000, 0);
  CHECK(bubbleOf(p, s) < bubbleOf(one, scheduled(one)) - 0.02);
}

TEST_CASE("gradients of weights fill the gaps of a pipeline") {
  const uint32_t devices = GENERATE(2u, 4u, 8u), micros = GENERATE(4u, 8u, 16u);
  if (micros < devices)
    return; // see the next test
  const CyclicProblem p = partedPipeline(devices, 1, micros, 1000, 1000, 1000);
  const CyclicSolution s = scheduled(p);
  const double waits = (devices - 1) / 3.0, formula = waits / (waits + micros);
  INFO(devices << " devices, " << micros << " micro-batches, formula " << formula);
  CHECK(bubbleOf(p, s) < formula + 0.01);
}

// The formula is for as many micro-batches as stages and W no longer than F. Else this is longer:
// the first gradient has to come back to the first stage, which then has all its backward parts to
// do.
TEST_CASE("gradients of weights fill the gaps of a pipeline as far as any order can") {
  const uint32_t devices = GENERATE(4u, 8u), micros = GENERATE(4u, 8u);
  const int64_t forward = 1000, backward = 1000, weights = GENERATE(1000, 1500);
  if (micros > devices)
    return;
  const CyclicProblem p = partedPipeline(devices, 1, micros, forward, backward, weights);
  const double work = double(micros) * (forward + backward + weights) + 1; // and the update
  const double least =
      devices * forward + (devices - 1) * backward + micros * (backward + weights) + 1;
  INFO(devices << " devices, " << micros << " micro-batches, least " << 1 - work / least);
  const double bubble = bubbleOf(p, scheduled(p));
  CHECK(bubble >= 1 - work / least - 1e-9);
  CHECK(bubble < 1 - work / least + 0.03);
}

TEST_CASE("what is sent early is not sent before what is urgent") {
  CyclicProblem p = partedPipeline(4, 1, 4, 1000, 1000, 1000);
  const uint32_t send = p.streams++, label = static_cast<uint32_t>(p.tasks.size()), x = label + 1;
  p.tasks.push_back({"label", send, 1, true});
  p.tasks.push_back({"x", send, 1, true});
  p.registers.push_back({"labels", label, {9}, 1 << 10}); // of the last forward part
  p.precedences.push_back({0, x, 0});                     // from the first to the second
  p.precedences.push_back({x, 3, 0});
  const CyclicSolution s = scheduled(p);
  REQUIRE_FALSE(s.times.empty()); // else the period orders them
  const std::vector<uint32_t> &order = s.orders[send];
  REQUIRE(order.size() == 8);
  CHECK(order.front() == x);
  CHECK(order.back() == label);
}

TEST_CASE("without room the order with a period stays") {
  const CyclicProblem p = partedPipeline(4, 2, 8, 1000, 2000, 0);
  CyclicOptions options;
  options.roomBytes = {0};
  const CyclicSolution narrow = scheduled(p, options), wide = scheduled(p);
  auto bytes = [&](const CyclicSolution &s) {
    int64_t sum = 0;
    for (size_t r = 0; r < p.registers.size(); ++r)
      sum += p.registers[r].bytes * s.slots[r];
    return sum;
  };
  CHECK(wide.stepPeriod <= narrow.stepPeriod);
  CHECK(bytes(narrow) <= bytes(wide));
}

TEST_CASE("times of firings are checked one by one") {
  const CyclicProblem p = partedPipeline(4, 2, 8, 1000, 2000, 0);
  CyclicSolution s = scheduled(p);
  REQUIRE_FALSE(s.times.empty());
  s.times[2][1] -= 1;
  CHECK_FALSE(s.verify(p).isOk());
  s.times[2][1] += 1;
  REQUIRE(s.verify(p).isOk());
  s.stepPeriod -= 1;
  CHECK_FALSE(s.verify(p).isOk());
  s.stepPeriod += 1;
  s.times[2].pop_back();
  CHECK(contains(s.verify(p).message(), "one time for each firing"));
}
