#include "test/distribute/optimal/Enumeration.h"

#include "test/distribute/optimal/Bytes.h"
#include "test/distribute/optimal/Order.h"

#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace of::test {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr int64_t kMostVisits = 3'000'000;
constexpr int kMostRounds = 4;
constexpr size_t kMostStages = 4;

/// Sums of what is pending end where they began only but for rounding.
constexpr double kRounding = 1 - 1e-9;

using ByStage = std::array<double, kMostStages>;

/// Seconds per step of the optimizer: of micro-batches together, and once.
struct Load {
  ByStage micro{}, step{};
};

/// One of the weighings whose greatest is the time of a step.
struct Weights : Load {
  double leastMicro = 0, leastStep = 0; ///< of all stages
};

/// What movements of values take at least that have users to come.
struct Pending {
  double micro = 0, step = 0;
};

class PlanEnumeration {
public:
  PlanEnumeration(const TrainProgram &program, const Plan &plan, const Cluster &cluster,
                  BoxingPlanner &planner, Plain plain)
      : program(program), pricing(program, plan, cluster, planner), stages(plan.meshes.size()),
        order(choiceOrder(program)), alive(aliveAt(program, order)), options(optionsOf(plain)),
        bytes(program, pricing, options), at(program.values.size(), -1) {
    std::vector<size_t> rank(order.size());
    for (size_t k = 0; k < order.size(); ++k)
      rank[order[k]] = k;
    for (const TensorValue &value : program.values) {
      lastUser.push_back(value.producer);
      for (size_t user : value.users)
        if (rank[user] > rank[lastUser.back()])
          lastUser.back() = user;
    }
    addWeights();
    addOpsToGo();
    toGo.resize(weights.size() * order.size());
    seen.resize(order.size());
  }

  /// What the plan takes at least: ops where they are fastest, nothing moved.
  double bound() const {
    double most = 0;
    for (const auto &of : opsToGo)
      most = std::max(most, of[0]);
    return most;
  }

  /// Any time of a choice that fits.
  std::optional<double> any(std::optional<int64_t> limit) {
    start(kInfinite, limit);
    isDive = true;
    visit(0);
    isDive = false;
    return isFound ? std::optional<double>(least) : std::nullopt;
  }

  /// The best below `below`, within `limit` bytes of a device.
  std::optional<double> best(double below, std::optional<int64_t> limit) {
    start(below, limit);
    visit(0);
    return isFound ? std::optional<double>(least) : std::nullopt;
  }
  bool gaveUp() const { return visits > kMostVisits; }

private:
  void start(double below, std::optional<int64_t> limit) {
    least = below;
    this->limit = limit;
    isFound = false;
    for (auto &labels : seen)
      labels.clear();
  }

  // ---- What a state is

  std::string stateAt(size_t k) const {
    std::string key;
    for (size_t v : alive[k]) {
      key.push_back(char(at[v]));
      key.push_back(char(at[v] >> 8));
    }
    return key;
  }

  // ---- Weighings

  // The time of a step is the greatest over all pairs of the stage that is busiest in micro-batches
  // and the one that is after them. Their mean comes first: it says which choice is promising.
  void addWeights() {
    const double m = double(program.microBatches);
    Weights mean;
    for (size_t busiest = 0; busiest < stages; ++busiest)
      for (size_t last = 0; last < stages; ++last) {
        Weights w;
        w.micro.fill(1 / m);
        w.micro[busiest] = 1;
        w.step[last] = 1;
        for (size_t s = 0; s < stages; ++s) {
          mean.micro[s] += w.micro[s] / double(stages * stages);
          mean.step[s] += w.step[s] / double(stages * stages);
        }
        weights.push_back(w);
      }
    if (stages > 1)
      weights.insert(weights.begin(), mean);
    for (Weights &w : weights) {
      w.leastMicro = *std::min_element(w.micro.begin(), w.micro.begin() + stages);
      w.leastStep = *std::min_element(w.step.begin(), w.step.begin() + stages);
    }
  }

  void addOpsToGo() {
    for (const Weights &w : weights) {
      std::vector<double> sums(order.size() + 1, 0);
      for (size_t k = order.size(); k-- > 0;) {
        const Step &step = program.steps[order[k]];
        double fastest = options[order[k]].empty() ? 0 : kInfinite;
        for (const StepOption &option : options[order[k]])
          fastest = std::min(fastest, option.seconds);
        const size_t stage = pricing.stageOf(order[k]);
        sums[k] = sums[k + 1] + fastest * (step.isMicro ? w.micro[stage] : w.step[stage]);
      }
      opsToGo.push_back(std::move(sums));
    }
  }

  double weigh(const Weights &w, const Load &load) const {
    double total = 0;
    for (size_t s = 0; s < stages; ++s)
      total += w.micro[s] * load.micro[s] + w.step[s] * load.step[s];
    return total;
  }

  double seconds() const {
    double sum = 0, most = 0, step = 0;
    for (size_t s = 0; s < stages; ++s) {
      const double micro = load.micro[s] / double(program.microBatches);
      sum += micro;
      most = std::max(most, micro);
      step = std::max(step, load.step[s]);
    }
    return sum + double(program.microBatches - 1) * most + step;
  }

  // ---- One step

  bool isAllowed(size_t s, const StepOption &option, Plain plain) const {
    const StepKind kind = program.steps[s].kind;
    if (plain == Plain::None || (kind != StepKind::Get && kind != StepKind::Read))
      return true;
    const bool mustSplit = plain == Plain::Data && kind == StepKind::Read;
    const bool mayAny = plain == Plain::Tensor && kind == StepKind::Get;
    for (Sbp sbp : pricing.sbpOf(option.makes[0]))
      if (!mayAny && (mustSplit ? !sbp.isSplit() : !sbp.isBroadcast()))
        return false;
    return true;
  }

  std::vector<std::vector<StepOption>> optionsOf(Plain plain) const {
    std::vector<std::vector<StepOption>> out(program.steps.size());
    for (size_t s = 0; s < program.steps.size(); ++s)
      for (const StepOption &option : pricing.optionsOf(s))
        if (isAllowed(s, option, plain))
          out[s].push_back(option);
    return out;
  }

  /// Calls `each` with every option of the step; a set has its variable as its get has it.
  template <typename Each> void forOptions(size_t s, Each each) {
    if (program.steps[s].kind == StepKind::Set)
      return each(StepOption{{madeOf(program.steps[program.getOf[s]].results[0])}, {}, 0});
    for (const StepOption &option : options[s])
      each(option);
  }

  /// What a step changes, to be undone.
  struct Change {
    std::array<int, 2> before; ///< states of the operands
    Load load;
    Pending pending;
    bool isPossible = true;
  };

  int madeOf(size_t v) const { return pricing.madeOf(v, at[v]); }

  void become(size_t v, int state, bool countBytes) {
    if (state == at[v])
      return;
    auto versionsAt = [&](int now) { return now < 0 ? nullptr : &pricing.versionsOf(v, now); };
    auto madeAt = [&](int now) { return now < 0 ? 0 : pricing.madeOf(v, now); };
    if (countBytes) {
      bytes.remove(v, madeAt(at[v]), versionsAt(at[v]));
      bytes.add(v, madeAt(state), versionsAt(state));
    }
    at[v] = state;
  }

  Change apply(size_t s, const StepOption &option, bool countBytes) {
    const Step &step = program.steps[s];
    Change change;
    (step.isMicro ? change.load.micro : change.load.step)[pricing.stageOf(s)] += option.seconds;
    for (size_t i = 0; i < step.results.size(); ++i)
      become(step.results[i], pricing.madeAs(step.results[i], option.makes[i]), countBytes);
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const size_t v = step.operands[i];
      change.before[i] = at[v];
      charge(v, -1, change);
      become(v, pricing.withNeed(v, at[v], option.needs[i]), countBytes);
      change.isPossible &= std::isfinite(pricing.versionsOf(v, at[v]).total);
      charge(v, 1, change);
    }
    for (size_t i = 0; change.isPossible && i < step.operands.size(); ++i)
      if (lastUser[step.operands[i]] == s && (i == 0 || step.operands[i] != step.operands[0])) {
        charge(step.operands[i], -1, change);
        pay(step.operands[i], change);
      }
    return change;
  }

  bool isMadeInMicro(size_t v) const { return program.steps[program.values[v].producer].isMicro; }

  void charge(size_t v, double sign, Change &change) const {
    (isMadeInMicro(v) ? change.pending.micro : change.pending.step) +=
        sign * pricing.versionsOf(v, at[v]).atLeast;
  }

  void pay(size_t v, Change &change) const {
    const Versions &versions = pricing.versionsOf(v, at[v]);
    ByStage &paid = isMadeInMicro(v) ? change.load.micro : change.load.step;
    for (size_t stage = 0; stage < stages; ++stage)
      paid[stage] += versions.seconds[stage];
  }

  void undo(size_t s, const Change &change, bool countBytes) {
    const Step &step = program.steps[s];
    for (size_t i = step.operands.size(); i-- > 0;)
      become(step.operands[i], change.before[i], countBytes);
    for (size_t v : step.results)
      become(v, -1, countBytes);
  }

  // ---- The rest

  static double weigh(const Weights &w, const Pending &pending) {
    return w.leastMicro * pending.micro + w.leastStep * pending.step;
  }

  struct Rest {
    double seconds;
    bool isExact; ///< else there is nothing below `seconds`
  };

  // What steps from the k-th on take, weighed, as if there were memory enough: exact if it is less
  // than `below`, else a bound that is not.
  double restOf(size_t w, size_t k, const Pending &pending, double below) {
    const double simple = weigh(weights[w], pending) * kRounding + opsToGo[w][k];
    if (k == order.size() || simple >= below)
      return simple;
    auto &known = toGo[w * order.size() + k];
    const std::string state = stateAt(k);
    if (auto it = known.find(state);
        it != known.end() && (it->second.isExact || it->second.seconds >= below))
      return it->second.seconds;
    double best = kInfinite;
    forOptions(order[k], [&](const StepOption &option) {
      const Change change = apply(order[k], option, false);
      if (change.isPossible) {
        const double now = weigh(weights[w], change.load);
        const Pending then{pending.micro + change.pending.micro,
                           pending.step + change.pending.step};
        best = std::min(best, now + restOf(w, k + 1, then, std::min(best, below) - now));
      }
      undo(order[k], change, false);
    });
    known[state] = {best, best < below};
    return best;
  }

  // ---- Choice

  bool isHopeless(size_t k) {
    if (isDive)
      return isFound;
    for (size_t w = 0; w < weights.size(); ++w) {
      const double left = least * (1 - 1e-12) - weigh(weights[w], load);
      if (restOf(w, k, pending, left) >= left)
        return true;
    }
    return false;
  }

  /// One way to come to a state.
  struct Label {
    Load load;
    std::vector<int64_t> bytes;
  };

  bool isNoWorse(const Label &l, const Label &r) const {
    for (size_t s = 0; s < stages; ++s)
      if (l.load.micro[s] > r.load.micro[s] || l.load.step[s] > r.load.step[s])
        return false;
    for (size_t at = 0; at < l.bytes.size(); ++at)
      if (l.bytes[at] > r.bytes[at])
        return false;
    return true;
  }

  // Has the state been come to before, with no more seconds on any stage and no more bytes
  // anywhere? Then all that follows has been looked at.
  bool isSeen(size_t k) {
    if (!limit && stages == 1)
      return false; // the bound is exact
    Label label{load, limit ? bytes.totals() : std::vector<int64_t>()};
    std::vector<Label> &labels = seen[k][stateAt(k)];
    for (const Label &before : labels)
      if (isNoWorse(before, label))
        return true;
    labels.erase(std::remove_if(labels.begin(), labels.end(),
                                [&](const Label &before) { return isNoWorse(label, before); }),
                 labels.end());
    labels.push_back(std::move(label));
    return false;
  }

  void add(const Change &change) {
    for (size_t s = 0; s < stages; ++s) {
      load.micro[s] += change.load.micro[s];
      load.step[s] += change.load.step[s];
    }
    pending.micro += change.pending.micro;
    pending.step += change.pending.step;
  }

  void visit(size_t k) {
    if (++visits > kMostVisits || isHopeless(k))
      return;
    if (k == order.size()) {
      least = seconds();
      isFound = true;
      return;
    }
    if (isSeen(k))
      return;
    const size_t s = order[k];
    std::vector<std::pair<double, StepOption>> promising;
    forOptions(s, [&](const StepOption &option) {
      const Change change = apply(s, option, false);
      if (change.isPossible)
        promising.push_back(
            {weigh(weights[0], change.load) + weigh(weights[0], change.pending), option});
      undo(s, change, false);
    });
    std::stable_sort(promising.begin(), promising.end(),
                     [](const auto &l, const auto &r) { return l.first < r.first; });
    for (const auto &[bound, option] : promising) {
      const Load loadBefore = load;
      const Pending pendingBefore = pending;
      const Change change = apply(s, option, limit.has_value());
      add(change);
      if (!limit || bytes.fit(*limit))
        visit(k + 1);
      load = loadBefore;
      pending = pendingBefore;
      undo(s, change, limit.has_value());
    }
  }

  const TrainProgram &program;
  Pricing pricing;
  const size_t stages;
  const std::vector<size_t> order;
  const std::vector<std::vector<size_t>> alive; ///< values by step of the order
  const std::vector<std::vector<StepOption>> options;
  Bytes bytes;
  Load load; ///< of what is chosen
  Pending pending;
  std::vector<int> at;          ///< state by value (Pricing.h); -1: not made
  std::vector<size_t> lastUser; ///< by value, in the order
  std::vector<Weights> weights;
  std::vector<std::vector<double>> opsToGo;                              ///< [weights][step]
  std::vector<std::unordered_map<std::string, Rest>> toGo;               ///< the same, by state
  std::vector<std::unordered_map<std::string, std::vector<Label>>> seen; ///< by step, by state
  std::optional<int64_t> limit;
  double least = kInfinite;
  bool isFound = false, isDive = false;
  int64_t visits = 0;
};

} // namespace

Enumeration::Enumeration(const TrainProgram &program, const std::vector<Plan> &plans,
                         const Cluster &cluster, BoxingPlanner &planner)
    : program(program), plans(plans), cluster(cluster), planner(planner) {}

Best Enumeration::least() { return search(Plain::None, kInfinite, memory(), kMostRounds); }

bool Enumeration::isAsFast(const Best &best, Plain plain) {
  return search(plain, *best.seconds * (1 + 1e-9), memory(), best.round).seconds.has_value();
}

bool Enumeration::isHeldByMemory(const Best &best) {
  return best.round > 0 ||
         search(Plain::None, *best.seconds * (1 - 1e-9), std::nullopt, 0).seconds.has_value();
}

std::optional<int64_t> Enumeration::memory() const {
  std::vector<int64_t> devices(cluster.devices.size());
  std::iota(devices.begin(), devices.end(), 0);
  return cluster.leastMemory(devices);
}

Best Enumeration::search(Plain plain, double below, std::optional<int64_t> memory, int rounds) {
  struct Candidate {
    const Plan *plan;
    std::unique_ptr<PlanEnumeration> choices;
    double bound;
  };
  std::vector<Candidate> candidates;
  for (const Plan &plan : plans)
    if (plain == Plain::None || plan.meshes.size() == 1) {
      auto choices = std::make_unique<PlanEnumeration>(program, plan, cluster, planner, plain);
      const double bound = choices->bound();
      candidates.push_back({&plan, std::move(choices), bound});
    }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate &l, const Candidate &r) { return l.bound < r.bound; });
  Best out;
  for (out.round = 0; out.round <= (memory ? rounds : 0); ++out.round) {
    std::optional<int64_t> limit = memory;
    if (limit)
      *limit += *limit / 4 * out.round;
    double most = below;
    for (const Candidate &candidate : candidates)
      if (below == kInfinite)
        most = std::min(most, candidate.choices->any(limit).value_or(kInfinite) * (1 + 1e-9));
    if (below == kInfinite && most == kInfinite)
      continue; // nothing fits
    // What is found just above a bound has little beside it: so the bound grows until it is found.
    const double bound = candidates[0].bound;
    for (double gap = std::max(bound * 0.02, 1e-9); !out.seconds; gap *= 2) {
      const double under = std::min(most, bound + gap);
      for (const Candidate &candidate : candidates)
        if (auto seconds = candidate.choices->best(out.seconds.value_or(under), limit)) {
          out.seconds = seconds;
          out.stages = candidate.plan->meshes.size();
          out.axes = candidate.plan->meshes[0].shape.size();
        }
      if (under == most)
        break;
    }
    for (const Candidate &candidate : candidates)
      out.gaveUp |= candidate.choices->gaveUp();
    if (out.seconds)
      return out;
  }
  return out;
}

} // namespace of::test
