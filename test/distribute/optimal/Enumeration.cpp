#include "test/distribute/optimal/Enumeration.h"

#include <cmath>
#include <limits>
#include <unordered_map>

namespace of::test {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr int64_t kMostVisits = 20'000'000;
constexpr int kMostRounds = 4;

/// Seconds per step of the optimizer, by stage: of micro-batches together, and once.
struct Load {
  std::vector<double> micro, step;
};

/// One of the weighings whose greatest is the time of a step.
struct Weights {
  std::vector<double> micro, step;
};

class PlanEnumeration {
public:
  PlanEnumeration(const TrainProgram &program, const Plan &plan, const Cluster &cluster,
                  BoxingPlanner &planner, Plain plain)
      : program(program), pricing(program, plan, cluster, planner),
        stages(plan.meshes.size()), load{std::vector<double>(stages), std::vector<double>(stages)},
        made(program.values.size()), needs(program.values.size()), plain(plain) {
    for (const Step &step : program.steps)
      positions = std::max(positions, step.position + 1);
    always.assign(stages, 0);
    live.assign(stages, std::vector<int64_t>(positions));
    findAlive();
    findLives();
    addWeights();
  }

  /// The best below `below`, within `limit` bytes of a device.
  std::optional<double> best(double below, std::optional<int64_t> limit) {
    least = below;
    this->limit = limit;
    isFound = false;
    visit(0);
    return isFound ? std::optional<double>(least) : std::nullopt;
  }
  bool gaveUp() const { return visits > kMostVisits; }

private:
  // ---- What a state is

  // Values that are made before a step and needed at it or later, and layouts of variables that
  // are still to be set.
  void findAlive() {
    alive.resize(program.steps.size());
    for (size_t s = 0; s < program.steps.size(); ++s)
      for (size_t v = 0; v < program.values.size(); ++v) {
        const TensorValue &value = program.values[v];
        size_t last = value.lastUser;
        for (size_t set = 0; set < program.steps.size(); ++set)
          if (program.steps[set].kind == StepKind::Set && program.getOf[set] == value.producer)
            last = std::max(last, set);
        if (value.producer < s && last >= s)
          alive[s].push_back(v);
      }
  }

  std::string stateAt(size_t s) const {
    std::string key;
    for (size_t v : alive[s]) {
      key.push_back(char(made[v]));
      key.push_back(char(needs[v].size()));
      for (int need : needs[v])
        key.push_back(char(need));
    }
    return key;
  }

  // ---- Weighings

  // The time of a step is the greatest over all pairs of the stage that is busiest in micro-batches
  // and the one that is after them.
  void addWeights() {
    const double m = double(program.microBatches);
    Weights mean{std::vector<double>(stages), std::vector<double>(stages)};
    for (size_t busiest = 0; busiest < stages; ++busiest)
      for (size_t last = 0; last < stages; ++last) {
        Weights w{std::vector<double>(stages, 1 / m), std::vector<double>(stages, 0)};
        w.micro[busiest] = 1;
        w.step[last] = 1;
        for (size_t s = 0; s < stages; ++s) {
          mean.micro[s] += w.micro[s] / double(stages * stages);
          mean.step[s] += w.step[s] / double(stages * stages);
        }
        weights.push_back(std::move(w));
      }
    if (stages > 1)
      weights.insert(weights.begin(), std::move(mean));
    toGo.resize(weights.size() * program.steps.size());
  }

  static double weigh(const Weights &w, const Load &load) {
    double total = 0;
    for (size_t s = 0; s < load.micro.size(); ++s)
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

  bool isAllowed(size_t s, const StepOption &option) const {
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

  std::vector<StepOption> optionsOf(size_t s) const {
    const Step &step = program.steps[s];
    if (step.kind == StepKind::Set) // as its get has it
      return {{{made[program.steps[program.getOf[s]].results[0]]}, {}, 0}};
    std::vector<StepOption> out;
    for (const StepOption &option : pricing.optionsOf(s))
      if (isAllowed(s, option))
        out.push_back(option);
    return out;
  }

  /// What a step changes, to be undone.
  struct Change {
    std::vector<std::pair<size_t, std::vector<int>>> needs;
    Load load;
    bool isPossible = true;
    std::vector<size_t> paid;
  };

  Change apply(size_t s, const StepOption &option) {
    const Step &step = program.steps[s];
    Change change{{}, {std::vector<double>(stages), std::vector<double>(stages)}, true, {}};
    (step.isMicro ? change.load.micro : change.load.step)[pricing.stageOf(s)] += option.seconds;
    for (size_t i = 0; i < step.results.size(); ++i) {
      made[step.results[i]] = option.makes[i];
      needs[step.results[i]].clear();
    }
    for (size_t i = 0; i < step.operands.size(); ++i) {
      const size_t v = step.operands[i];
      change.needs.push_back({v, needs[v]});
      auto at = std::lower_bound(needs[v].begin(), needs[v].end(), option.needs[i]);
      if (at == needs[v].end() || *at != option.needs[i])
        needs[v].insert(at, option.needs[i]);
    }
    for (size_t v : step.operands)
      if (program.values[v].lastUser == s &&
          std::find(change.paid.begin(), change.paid.end(), v) == change.paid.end()) {
        change.paid.push_back(v);
        pay(v, change);
      }
    return change;
  }

  void pay(size_t v, Change &change) {
    const Versions &versions = pricing.versionsOf(v, made[v], needs[v]);
    if (!std::isfinite(versions.total)) {
      change.isPossible = false;
      return;
    }
    auto &load =
        program.steps[program.values[v].producer].isMicro ? change.load.micro : change.load.step;
    for (size_t stage = 0; stage < stages; ++stage)
      load[stage] += versions.seconds[stage];
  }

  void undo(const Change &change) {
    for (size_t i = change.needs.size(); i-- > 0;)
      needs[change.needs[i].first] = change.needs[i].second;
  }

  // ---- The rest

  // What steps from `s` on take at least, weighed so: exact, as if there were memory enough.
  double leastFrom(size_t s, size_t w) {
    if (s == program.steps.size())
      return 0;
    auto &known = toGo[w * program.steps.size() + s];
    const std::string state = stateAt(s);
    if (auto it = known.find(state); it != known.end())
      return it->second;
    double best = kInfinite;
    for (const StepOption &option : optionsOf(s)) {
      const Change change = apply(s, option);
      if (change.isPossible)
        best = std::min(best, weigh(weights[w], change.load) + leastFrom(s + 1, w));
      undo(change);
    }
    return known[state] = best;
  }

  // ---- Bytes

  struct Life {
    bool waits = false; ///< for its gradient: once for each micro-batch under way
    int64_t last = 0;
  };

  // Of each value on its own stage and on those of its users. The last stage turns back: what is
  // made before it begins and needed after that waits.
  void findLives() {
    std::vector<size_t> used;
    for (size_t s = 0; s < program.steps.size(); ++s)
      if (program.steps[s].position >= 0)
        used.push_back(pricing.stageOf(s));
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    underWay.assign(stages, 1);
    for (size_t i = 0; i < used.size(); ++i)
      underWay[used[i]] = std::min<int64_t>(program.microBatches, int64_t(used.size() - i));
    int64_t turn = positions;
    for (size_t s = program.steps.size(); s-- > 0;)
      if (program.steps[s].position >= 0 && pricing.stageOf(s) == used.back() && isInside(s))
        turn = program.steps[s].position;
    lives.assign(program.values.size(), std::vector<std::optional<Life>>(stages));
    for (size_t v = 0; v < program.values.size(); ++v) {
      const size_t maker = program.values[v].producer;
      const int64_t position = program.steps[maker].position;
      auto &life = lives[v];
      life[pricing.stageOf(maker)] = Life{false, position};
      for (size_t user : program.values[v].users) {
        const size_t node = program.getOf[user]; // a set is where its variable is
        std::optional<Life> &on = life[pricing.stageOf(node)];
        if (!on)
          on = Life{false, position};
        on->last = std::max({on->last, position, program.steps[node].position});
      }
      for (std::optional<Life> &on : life)
        if (on)
          on->waits = program.steps[maker].isMicro && position < turn && on->last >= turn;
    }
  }
  // A yield ends the micro-batches, it is one of their ops.
  bool isInside(size_t s) const {
    return program.steps[s].isMicro || program.steps[s].kind == StepKind::Yield;
  }

  int64_t copies(size_t v, size_t stage) const {
    const std::optional<Life> &life = lives[v][stage];
    return life && life->waits ? underWay[stage] : 1;
  }

  // All bytes of what is chosen up to and with step `s`.
  bool fits(size_t s) {
    std::fill(always.begin(), always.end(), 0);
    for (auto &row : live)
      std::fill(row.begin(), row.end(), 0);
    int64_t firstYield = positions, lastYield = 0;
    for (const Step &step : program.steps)
      if (step.kind == StepKind::Yield) {
        firstYield = std::min(firstYield, step.position);
        lastYield = std::max(lastYield, step.position);
      }
    for (size_t v = 0; v < program.values.size(); ++v) {
      const TensorValue &value = program.values[v];
      if (value.producer > s)
        continue;
      const Step &maker = program.steps[value.producer];
      const size_t home = pricing.stageOf(value.producer);
      const int64_t bytes = pricing.partBytes(v, made[v]);
      const bool isVariable = maker.kind == StepKind::Get;
      if (isVariable)
        always[home] += bytes;
      else if (maker.kind == StepKind::Yield)
        addLive(home, firstYield, lastYield + 1, bytes);
      else
        addLive(home, maker.position, maker.position + 1, bytes);
      if (value.users.empty() || value.lastUser > s)
        continue;
      addVersions(v, home, isVariable ? 0 : bytes);
    }
    for (size_t stage = 0; stage < stages; ++stage) {
      const int64_t most = *std::max_element(live[stage].begin(), live[stage].end());
      if (always[stage] + most > *limit)
        return false;
    }
    return true;
  }

  void addLive(size_t stage, int64_t from, int64_t to, int64_t bytes) {
    for (int64_t at = from; at < to; ++at)
      live[stage][at] += bytes;
  }

  // A value that is exchanged lies in a register, and so do its other versions; else it shares
  // memory with those that do not live at the same time.
  void addVersions(size_t v, size_t home, int64_t bytes) {
    const Versions &versions = pricing.versionsOf(v, made[v], needs[v]);
    bool isExchanged = false;
    for (int64_t boxed : versions.bytes)
      isExchanged |= boxed > 0;
    if (!isExchanged) {
      const int64_t begin = program.steps[program.values[v].producer].position + 1;
      addLive(home, begin, lives[v][home]->last + 1, copies(v, home) * bytes);
      return;
    }
    for (size_t stage = 0; stage < stages; ++stage)
      always[stage] += copies(v, stage) * (versions.bytes[stage] + (stage == home ? bytes : 0));
  }

  // ---- Choice

  bool isHopeless(size_t s) {
    for (size_t w = 0; w < weights.size(); ++w)
      if (weigh(weights[w], load) + leastFrom(s, w) >= least * (1 - 1e-12))
        return true;
    return false;
  }

  void add(const Load &change, double sign) {
    for (size_t s = 0; s < stages; ++s) {
      load.micro[s] += sign * change.micro[s];
      load.step[s] += sign * change.step[s];
    }
  }

  void visit(size_t s) {
    if (++visits > kMostVisits || isHopeless(s))
      return;
    if (s == program.steps.size()) {
      if (seconds() < least) {
        least = seconds();
        isFound = true;
      }
      return;
    }
    // The most promising first.
    std::vector<std::pair<double, size_t>> order;
    const std::vector<StepOption> options = optionsOf(s);
    for (size_t o = 0; o < options.size(); ++o) {
      const Change change = apply(s, options[o]);
      if (change.isPossible)
        order.push_back({weigh(weights[0], change.load) + leastFrom(s + 1, 0), o});
      undo(change);
    }
    std::sort(order.begin(), order.end());
    for (auto [bound, o] : order) {
      const Load before = load;
      const Change change = apply(s, options[o]);
      add(change.load, 1);
      if (!limit || fits(s))
        visit(s + 1);
      load = before;
      undo(change);
    }
  }

  const TrainProgram &program;
  Pricing pricing;
  const size_t stages;
  Load load;                           ///< of what is chosen
  std::vector<int> made;               ///< layout by value, of what is chosen
  std::vector<std::vector<int>> needs; ///< layouts by value, ascending
  const Plain plain;
  int64_t positions = 0;
  std::vector<std::vector<size_t>> alive; ///< by step
  std::vector<Weights> weights;
  std::vector<std::unordered_map<std::string, double>> toGo; ///< [weights][step], by state
  std::vector<std::vector<std::optional<Life>>> lives;       ///< [value][stage]
  std::vector<int64_t> underWay;                             ///< micro-batches by stage
  std::vector<int64_t> always;                               ///< bytes by stage
  std::vector<std::vector<int64_t>> live;                    ///< [stage][position]
  std::optional<int64_t> limit;
  double least = kInfinite;
  bool isFound = false;
  int64_t visits = 0;
};

bool isPlain(const Plan &plan) { return plan.meshes.size() == 1; }

} // namespace

Best enumerate(const TrainProgram &program, const std::vector<Plan> &plans, const Cluster &cluster,
               BoxingPlanner &planner, Plain plain) {
  std::vector<int64_t> devices;
  for (size_t d = 0; d < cluster.devices.size(); ++d)
    devices.push_back(int64_t(d));
  const std::optional<int64_t> memory = cluster.leastMemory(devices);
  Best out;
  std::vector<std::unique_ptr<PlanEnumeration>> each;
  for (const Plan &plan : plans)
    if (plain == Plain::None || isPlain(plan))
      each.push_back(std::make_unique<PlanEnumeration>(program, plan, cluster, planner, plain));
    else
      each.push_back(nullptr);
  for (out.round = 0; out.round <= (memory ? kMostRounds : 0) && !out.seconds; ++out.round) {
    std::optional<int64_t> limit = memory;
    if (limit)
      *limit += *limit / 4 * out.round;
    for (size_t p = 0; p < plans.size(); ++p) {
      if (!each[p])
        continue;
      if (auto seconds = each[p]->best(out.seconds.value_or(kInfinite), limit)) {
        out.seconds = seconds;
        out.stages = plans[p].meshes.size();
        out.axes = plans[p].meshes[0].shape.size();
      }
      out.gaveUp |= each[p]->gaveUp();
    }
    if (out.seconds)
      return out;
  }
  return out;
}

} // namespace of::test
