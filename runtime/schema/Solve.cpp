#include "runtime/schema/Solve.h"

#include "runtime/schema/Circuit.h"
#include "runtime/schema/Dependencies.h"
#include "runtime/schema/Verify.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace of::rt {

namespace {

constexpr uint32_t kNothing = std::numeric_limits<uint32_t>::max();

using Circuit = std::vector<uint32_t>; ///< indices of dependencies, each leading to the next

struct CircuitSum {
  int64_t duration = 0, micro = 0, step = 0;
};

int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; } // a >= 0, b > 0

class PeriodSearch {
public:
  PeriodSearch(const ProgramTasks &tasks, const std::vector<Dependency> &dependencies,
               const std::vector<int64_t> &durations)
      : tasks_(tasks), dependencies_(dependencies), durations_(durations) {
    firstOut_.assign(tasks.size() + 1, 0);
    for (const Dependency &d : dependencies)
      ++firstOut_[d.from + 1];
    for (uint32_t n = 0; n < tasks.size(); ++n)
      firstOut_[n + 1] += firstOut_[n];
    sortNodes();
  }

  /// The periods and offsets, or a circuit for which there are none.
  Circuit run(CertificateSolution &out) {
    for (uint32_t n = 0; n < tasks_.size(); ++n)
      if (tasks_.firings(n) > 1)
        micro_ = std::max(micro_, durations_[n]);
    inside_ = true;
    for (std::vector<Circuit> found = positiveCircuits(); !found.empty();
         found = positiveCircuits())
      for (const Circuit &circuit : found) {
        const CircuitSum sum = sumOf(circuit);
        if (sum.micro >= 0)
          return circuit;
        micro_ = std::max(micro_, ceilDivide(sum.duration, -sum.micro));
      }
    inside_ = false;
    step_ = busiestStream();
    for (std::vector<Circuit> found = positiveCircuits(); !found.empty();
         found = positiveCircuits())
      for (const Circuit &circuit : found) {
        const CircuitSum sum = sumOf(circuit);
        step_ = std::max(step_, ceilDivide(sum.duration + sum.micro * micro_, -sum.step));
      }
    out.found = true;
    out.microPeriod = micro_;
    out.stepPeriod = step_;
    out.offsets = offsets_;
    return {};
  }

private:
  int64_t weight(const Dependency &d) const {
    return durations_[d.from] + d.micro * micro_ + d.step * step_;
  }
  CircuitSum sumOf(const Circuit &circuit) const {
    CircuitSum sum;
    for (uint32_t i : circuit) {
      sum.duration += durations_[dependencies_[i].from];
      sum.micro += dependencies_[i].micro;
      sum.step += dependencies_[i].step;
    }
    return sum;
  }

  int64_t busiestStream() const {
    std::vector<std::vector<int64_t>> work(tasks_.plan().roles()->size());
    int64_t most = 1;
    for (uint32_t n = 0; n < tasks_.size(); ++n) {
      auto &streams = work[tasks_[n].role];
      const uint32_t stream = tasks_[n].body->stream();
      if (streams.size() <= stream)
        streams.resize(stream + 1, 0);
      streams[stream] += durations_[n] * tasks_.firings(n);
      most = std::max(most, streams[stream]);
    }
    return most;
  }

  /// Topological by the dependencies that hold inside a micro-batch or lead back from a later one;
  /// what is on a circuit of them comes last. Longest paths then settle in a few sweeps.
  void sortNodes() {
    auto counts = [](const Dependency &d) { return d.step == 0 && d.micro >= 0; };
    std::vector<uint32_t> open(tasks_.size(), 0);
    for (const Dependency &d : dependencies_)
      open[d.to] += counts(d) ? 1 : 0;
    for (uint32_t n = 0; n < tasks_.size(); ++n)
      if (open[n] == 0)
        sorted_.push_back(n);
    for (size_t i = 0; i < sorted_.size(); ++i)
      for (uint32_t e = firstOut_[sorted_[i]]; e < firstOut_[sorted_[i] + 1]; ++e)
        if (counts(dependencies_[e]) && --open[dependencies_[e].to] == 0)
          sorted_.push_back(dependencies_[e].to);
    for (uint32_t n = 0; n < tasks_.size(); ++n)
      if (open[n] != 0)
        sorted_.push_back(n);
  }

  /// Longest paths from time 0; the circuits of positive weight that come up, if any.
  std::vector<Circuit> positiveCircuits() {
    offsets_.assign(tasks_.size(), 0);
    parent_.assign(tasks_.size(), kNothing);
    std::vector<bool> changed(tasks_.size(), true);
    for (bool any = true; any;) {
      any = false;
      for (uint32_t n : sorted_) {
        if (!changed[n])
          continue;
        changed[n] = false;
        for (uint32_t e = firstOut_[n]; e < firstOut_[n + 1]; ++e) {
          const Dependency &d = dependencies_[e];
          if ((inside_ && d.step != 0) || offsets_[n] + weight(d) <= offsets_[d.to])
            continue;
          offsets_[d.to] = offsets_[n] + weight(d);
          parent_[d.to] = e;
          changed[d.to] = true;
          any = true;
        }
      }
      if (std::vector<Circuit> found = parentCircuits(); !found.empty())
        return found;
    }
    return {};
  }

  /// A ring of parents has positive weight.
  std::vector<Circuit> parentCircuits() const {
    std::vector<Circuit> found;
    std::vector<uint32_t> seenFrom(tasks_.size(), kNothing);
    for (uint32_t start = 0; start < tasks_.size(); ++start) {
      uint32_t n = start;
      while (seenFrom[n] == kNothing && parent_[n] != kNothing) {
        seenFrom[n] = start;
        n = dependencies_[parent_[n]].from;
      }
      if (parent_[n] == kNothing || seenFrom[n] != start)
        continue;
      Circuit circuit;
      const uint32_t first = n;
      do {
        circuit.push_back(parent_[n]);
        n = dependencies_[parent_[n]].from;
      } while (n != first);
      found.push_back(std::move(circuit));
    }
    return found;
  }

  const ProgramTasks &tasks_;
  const std::vector<Dependency> &dependencies_; ///< ascending by `from`
  const std::vector<int64_t> &durations_;
  std::vector<uint32_t> firstOut_, sorted_;
  std::vector<int64_t> offsets_;
  std::vector<uint32_t> parent_; ///< by node, the dependency that gave its offset
  int64_t micro_ = 0, step_ = 0;
  bool inside_ = false; ///< only the dependencies inside one iteration
};

/// Keeps all sums of the search inside 64 bits.
Status checkDurations(const ProgramTasks &tasks, const std::vector<int64_t> &durations) {
  constexpr int64_t kMaxSum = int64_t(1) << 60;
  int64_t sum = 0, firings = 1;
  for (uint32_t n = 0; n < tasks.size(); ++n) {
    if (durations[n] < 1 || durations[n] > kMaxDurationNs)
      return Status(Code::InvalidArgument, "task " + tasks.name(n) + " lasts " +
                                               std::to_string(durations[n]) +
                                               " ns; 1 to 2^42 are possible");
    firings = std::max<int64_t>(firings, tasks.firings(n));
    sum += durations[n]; // of at most 2^32 tasks
    if (sum > kMaxSum / firings)
      return Status(Code::InvalidArgument,
                    "the tasks of an iteration last longer than 2^60 ns together");
  }
  return Status::ok();
}

/// The role's part of a list by node, or by firing of each.
std::vector<int64_t> part(const ProgramTasks &tasks, uint32_t role,
                          const std::vector<int64_t> &list, bool ofFirings) {
  std::vector<int64_t> out;
  size_t next = 0;
  for (uint32_t n = 0; n < tasks.size(); ++n)
    for (uint32_t f = 0; f < (ofFirings ? tasks.firings(n) : 1); ++f, ++next)
      if (tasks[n].role == role)
        out.push_back(list[next]);
  return out;
}

/// Longest paths to the firings of an iteration, and the step period for them. False: they wait for
/// each other.
class FiringSearch {
public:
  FiringSearch(const ProgramTasks &tasks, const std::vector<FiringDependency> &dependencies,
               const std::vector<int64_t> &durations)
      : tasks_(tasks), dependencies_(dependencies), durations_(durations) {
    uint32_t count = 0;
    for (uint32_t n = 0; n < tasks.size(); ++n) {
      first_.push_back(count);
      count += tasks.firings(n);
    }
    offsets_.assign(count, 0);
  }

  bool run(CertificateSolution &out) {
    if (!settle())
      return false;
    int64_t step = 1;
    for (const FiringDependency &d : dependencies_) {
      const Ends ends = endsOf(d);
      if (ends.iterations > 0)
        step =
            std::max(step, ceilDivide(offsets_[ends.from] + durations_[d.from] - offsets_[ends.to],
                                      ends.iterations));
    }
    out.found = out.ofFirings = true;
    out.microPeriod = 0;
    out.stepPeriod = step;
    out.offsets = offsets_;
    return true;
  }

private:
  struct Ends {
    uint32_t from = 0, to = 0; ///< firings of an iteration
    int64_t iterations = 0;    ///< between them
  };
  Ends endsOf(const FiringDependency &d) const {
    const IterationFiring from = splitFiring(d.fromFiring, tasks_.firings(d.from)),
                          to = splitFiring(d.toFiring, tasks_.firings(d.to));
    return {first_[d.from] + static_cast<uint32_t>(from.micro),
            first_[d.to] + static_cast<uint32_t>(to.micro), to.iteration - from.iteration};
  }

  bool settle() {
    std::vector<uint32_t> open(offsets_.size(), 0), ready;
    std::vector<std::vector<uint32_t>> blocks(offsets_.size());
    for (uint32_t i = 0; i < dependencies_.size(); ++i)
      if (const Ends ends = endsOf(dependencies_[i]); ends.iterations == 0) {
        blocks[ends.from].push_back(i);
        ++open[ends.to];
      }
    for (uint32_t f = 0; f < open.size(); ++f)
      if (open[f] == 0)
        ready.push_back(f);
    for (size_t i = 0; i < ready.size(); ++i)
      for (uint32_t d : blocks[ready[i]]) {
        const uint32_t to = endsOf(dependencies_[d]).to;
        offsets_[to] =
            std::max(offsets_[to], offsets_[ready[i]] + durations_[dependencies_[d].from]);
        if (--open[to] == 0)
          ready.push_back(to);
      }
    return ready.size() == offsets_.size();
  }

  const ProgramTasks &tasks_;
  const std::vector<FiringDependency> &dependencies_;
  const std::vector<int64_t> &durations_;
  std::vector<uint32_t> first_; ///< firing of each node
  std::vector<int64_t> offsets_;
};

Status certifyProgram(const plan::Plan &packed, uint32_t program, plan::PlanT &plan) {
  const ProgramTasks tasks(packed, program);
  std::vector<int64_t> durations;
  for (uint32_t n = 0; n < tasks.size(); ++n)
    durations.push_back(durationOf(*tasks[n].body));
  OF_ASSIGN(const CertificateSolution solution, solveCertificate(tasks, durations));
  if (!solution.found)
    return Status(Code::Refused,
                  "program " + plan.programs[program]->name + " " + describe(solution));
  for (uint32_t r = 0; r < plan.roles.size(); ++r) {
    auto certificate = std::make_unique<plan::CertificateT>();
    certificate->offsets = part(tasks, r, solution.offsets, solution.ofFirings);
    certificate->durations = part(tasks, r, durations, false);
    certificate->micro_period = solution.microPeriod;
    certificate->step_period = solution.stepPeriod;
    plan.roles[r]->programs[program]->certificate = std::move(certificate);
  }
  return Status::ok();
}

} // namespace

Result<CertificateSolution> solveCertificate(const ProgramTasks &tasks,
                                             const std::vector<int64_t> &durations) {
  OF_TRY(checkDurations(tasks, durations));
  OF_ASSIGN(const std::vector<FiringDependency> firings, firingDependencies(tasks));
  const std::vector<Dependency> dependencies = foldDependencies(tasks, firings);
  CertificateSolution out;
  PeriodSearch(tasks, dependencies, durations).run(out);
  if (out.found || FiringSearch(tasks, firings, durations).run(out))
    return out;
  for (const FiringDependency &dependency : stallCircuit(tasks, firings))
    out.circuit.push_back(describe(tasks, dependency));
  return out;
}

int64_t durationOf(const plan::Task &task) {
  const double ns = task.seconds() * 1e9;
  return ns >= 1 ? static_cast<int64_t>(std::llround(std::min(ns, double(kMaxDurationNs)))) : 1;
}

std::string describe(const CertificateSolution &refused) {
  std::string out = "cannot run: these wait for each other";
  for (const std::string &line : refused.circuit)
    out += "\n  " + line;
  return out;
}

Status certify(plan::PlanT &plan) {
  // Kernel objects are large and no part of the proof.
  std::vector<std::vector<uint8_t>> code(plan.objects.size());
  auto swapCode = [&] {
    for (size_t i = 0; i < code.size(); ++i)
      code[i].swap(plan.objects[i]->data);
  };
  swapCode();
  flatbuffers::FlatBufferBuilder builder;
  plan::FinishPlanBuffer(builder, plan::Plan::Pack(builder, &plan));
  swapCode();
  const plan::Plan &packed = *plan::GetPlan(builder.GetBufferPointer());
  OF_TRY(verifyStructure(packed));
  for (uint32_t p = 0; p < plan.programs.size(); ++p)
    OF_TRY(certifyProgram(packed, p, plan));
  return Status::ok();
}

} // namespace of::rt
