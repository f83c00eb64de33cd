#include "test/distribute/optimal/PlanEnumeration.h"

#include "test/distribute/optimal/Bytes.h"
#include "test/distribute/optimal/Order.h"

#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace of::test {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr int64_t kMostVisits = 3'000'000;
constexpr int64_t kFewVisits = 30'000; ///< of more bytes get prices first
constexpr int kPriceRounds = 24;
constexpr int kPatience = 3; ///< rounds without a better bound before steps get shorter
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
  /// Where bytes have a price: sums of prices (Bytes::worth), and what the limit is worth.
  std::vector<double> before;
  double free = 0;
};

/// What movements of values take at least that have users to come.
struct Pending {
  double micro = 0, step = 0;
  Pending operator+(const Pending &o) const { return {micro + o.micro, step + o.step}; }
};

} // namespace

class PlanEnumeration::Choices {
public:
  Choices(const TrainProgram &program, const Plan &plan, const Cluster &cluster,
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

  double bound() const {
    double most = 0;
    for (const auto &of : opsToGo)
      most = std::max(most, of[0]);
    return most;
  }

  std::optional<double> any(std::optional<int64_t> limit) {
    start(kInfinite, limit);
    isDive = true;
    visit(0);
    isDive = false;
    return isFound ? std::optional<double>(least) : std::nullopt;
  }

  std::optional<double> best(double below, std::optional<int64_t> limit) {
    start(below, limit);
    mostVisits = limit ? std::min(kMostVisits, visits + kFewVisits) : kMostVisits;
    visit(0);
    if (visits > mostVisits && mostVisits < kMostVisits) {
      const bool isKnown = isFound;
      settlePrices();
      start(least, limit);
      isFound = isKnown;
      mostVisits = kMostVisits;
      visit(0);
    }
    return isFound ? std::optional<double>(least) : std::nullopt;
  }
  bool gaveUp() const { return visits > kMostVisits; }

private:
  void start(double below, std::optional<int64_t> limit) {
    least = below;
    if (this->limit != limit)
      dropPrices();
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

  // ---- Prices of bytes

  void dropPrices() {
    if (hasPrices())
      toGo.resize((weights.size() - 1) * order.size());
    if (hasPrices())
      weights.pop_back();
  }
  bool hasPrices() const { return !weights.back().before.empty(); }

  // The last weighing has these.
  void setPrices(size_t like, const std::vector<double> &prices) {
    dropPrices();
    weights.push_back(weights[like]);
    opsToGo.resize(weights.size());
    opsToGo.back() = opsToGo[like];
    toGo.resize(weights.size() * order.size());
    Weights &w = weights.back();
    for (size_t stage = 0; stage < stages; ++stage) {
      double sum = 0;
      w.before.push_back(sum);
      for (size_t at = 0; at < bytes.numPositions(); ++at)
        w.before.push_back(sum += prices[stage * bytes.numPositions() + at]);
      w.free += sum * double(*limit);
    }
    worths.assign(program.values.size(), {});
  }

  double worthOf(size_t v, int state) {
    std::vector<double> &known = worths[v];
    if (known.size() <= size_t(state))
      known.resize(state + 1, -1);
    if (known[state] < 0)
      known[state] = bytes.worth(v, pricing.madeOf(v, state), pricing.versionsOf(v, state),
                                 weights.back().before);
    return known[state];
  }

  // Those with which the rest takes most: what lies above the limit gets dearer, what lies below
  // cheaper, in steps that would reach the best known if the rest stayed as it is (Polyak).
  void settlePrices() {
    size_t like = 0;
    for (size_t w = 1; w < weights.size() - hasPrices(); ++w)
      if (restOf(w, 0, {}, least) > restOf(like, 0, {}, least))
        like = w;
    std::vector<double> prices(bytes.totals().size(), 0), bestPrices = prices;
    double most = -kInfinite, length = 1;
    int stale = 0;
    for (int round = 0; round < kPriceRounds; ++round) {
      setPrices(like, prices);
      const double free = weights.back().free;
      const double rest = restOf(weights.size() - 1, 0, {}, least + free), bound = rest - free;
      if (bound > most) {
        most = bound;
        bestPrices = prices;
        stale = 0;
      } else if (++stale == kPatience) {
        length /= 2;
        stale = 0;
      }
      if (bound >= least)
        break;
      const std::vector<int64_t> totals = bytesOfBest(0, {}, rest + 1e-9 * std::abs(rest));
      std::vector<double> slopes;
      double square = 0;
      for (size_t at = 0; at < totals.size(); ++at) {
        const double over = double(totals[at] - *limit) / double(*limit);
        slopes.push_back(over < 0 && prices[at] <= 0 ? 0 : over);
        square += slopes.back() * slopes.back();
      }
      if (square <= 0)
        break;
      for (size_t at = 0; at < totals.size(); ++at)
        prices[at] = std::max(0.0, prices[at] + length * (least - bound) / square / double(*limit) *
                                                    slopes[at]);
    }
    setPrices(like, bestPrices);
  }

  // Of the choice that takes least from the k-th step on, at prices: it takes less than `below`.
  std::vector<int64_t> bytesOfBest(size_t k, const Pending &pending, double below) {
    if (k == order.size())
      return bytes.totals();
    const size_t w = weights.size() - 1;
    double best = below;
    StepOption taken;
    size_t takenWay = 0;
    forOptions(order[k], [&](const StepOption &option) {
      forChanges(order[k], option, false, [&](const Change &change, size_t way) {
        const double now = weigh(w, change);
        const double all = now + restOf(w, k + 1, pending + change.pending, best - now);
        if (all < best) {
          best = all;
          taken = option;
          takenWay = way;
        }
      });
    });
    const Change change = apply(order[k], taken, true, takenWay);
    std::vector<int64_t> out =
        bytesOfBest(k + 1, pending + change.pending, below - weigh(w, change));
    undo(order[k], change, true);
    return out;
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
    std::vector<std::pair<size_t, int>>
        complete;    ///< values of which no more is needed, as they are
    size_t ways = 1; ///< in which versions that are complete can be had
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

  Change apply(size_t s, const StepOption &option, bool countBytes, size_t way) {
    const Step &step = program.steps[s];
    Change change;
    (step.isMicro ? change.load.micro : change.load.step)[pricing.stageOf(s)] += option.seconds;
    for (size_t i = 0; i < step.results.size(); ++i) {
      const size_t v = step.results[i];
      become(v, pricing.madeAs(v, option.makes[i]), countBytes);
      if (program.values[v].users.empty())
        change.complete.push_back({v, at[v]});
    }
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
        pay(step.operands[i], way, change);
        change.complete.push_back({step.operands[i], at[step.operands[i]]});
      }
    return change;
  }

  bool isMadeInMicro(size_t v) const { return program.steps[program.values[v].producer].isMicro; }

  void charge(size_t v, double sign, Change &change) const {
    (isMadeInMicro(v) ? change.pending.micro : change.pending.step) +=
        sign * pricing.versionsOf(v, at[v]).atLeast;
  }

  void pay(size_t v, size_t way, Change &change) const {
    const auto &ways = pricing.versionsOf(v, at[v]).ways;
    const std::vector<double> &seconds = ways[way / change.ways % ways.size()];
    ByStage &paid = isMadeInMicro(v) ? change.load.micro : change.load.step;
    for (size_t stage = 0; stage < stages; ++stage)
      paid[stage] += seconds[stage];
    change.ways *= ways.size();
  }

  /// Calls `each` with the change that an option is, in every way, while it is made.
  template <typename Each>
  void forChanges(size_t s, const StepOption &option, bool countBytes, Each each) {
    for (size_t way = 0, ways = 1; way < ways; ++way) {
      const Change change = apply(s, option, countBytes, way);
      ways = change.ways;
      if (change.isPossible)
        each(change, way);
      undo(s, change, countBytes);
    }
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

  /// With what complete values are worth, where bytes have a price.
  double weigh(size_t w, const Change &change) {
    double sum = weigh(weights[w], change.load);
    if (!weights[w].before.empty())
      for (auto [v, state] : change.complete)
        sum += worthOf(v, state);
    return sum;
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
      forChanges(order[k], option, false, [&](const Change &change, size_t) {
        const double now = weigh(w, change);
        best = std::min(
            best, now + restOf(w, k + 1, pending + change.pending, std::min(best, below) - now));
      });
    });
    known[state] = {best, best < below};
    return best;
  }

  // ---- Choice

  bool isHopeless(size_t k) {
    if (isDive)
      return isFound;
    for (size_t w = weights.size(); w-- > 0;) {
      const bool isPriced = !weights[w].before.empty();
      const double left = least * (isPriced ? 1 + 1e-10 : 1 - 1e-12) - weigh(weights[w], load) -
                          (isPriced ? worth - weights[w].free : 0);
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
    pending = pending + change.pending;
    if (hasPrices())
      for (auto [v, state] : change.complete)
        worth += worthOf(v, state);
  }

  void visit(size_t k) {
    if (++visits > mostVisits || isHopeless(k))
      return;
    if (k == order.size()) {
      least = seconds();
      isFound = true;
      return;
    }
    if (isSeen(k))
      return;
    const size_t s = order[k];
    struct Next {
      double bound;
      StepOption option;
      size_t way;
    };
    std::vector<Next> promising;
    forOptions(s, [&](const StepOption &option) {
      forChanges(s, option, false, [&](const Change &change, size_t way) {
        promising.push_back(
            {weigh(weights[0], change.load) + weigh(weights[0], change.pending), option, way});
      });
    });
    std::stable_sort(promising.begin(), promising.end(),
                     [](const Next &l, const Next &r) { return l.bound < r.bound; });
    for (const Next &next : promising) {
      const Load loadBefore = load;
      const Pending pendingBefore = pending;
      const double worthBefore = worth;
      const Change change = apply(s, next.option, limit.has_value(), next.way);
      add(change);
      if (!limit || bytes.fit(*limit))
        visit(k + 1);
      load = loadBefore;
      pending = pendingBefore;
      worth = worthBefore;
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
  double worth = 0;             ///< of the bytes of values that are complete
  std::vector<int> at;          ///< state by value (Pricing.h); -1: not made
  std::vector<size_t> lastUser; ///< by value, in the order
  std::vector<Weights> weights;
  std::vector<std::vector<double>> opsToGo;                              ///< [weights][step]
  std::vector<std::unordered_map<std::string, Rest>> toGo;               ///< the same, by state
  std::vector<std::unordered_map<std::string, std::vector<Label>>> seen; ///< by step, by state
  std::optional<int64_t> limit;
  double least = kInfinite;
  bool isFound = false, isDive = false;
  int64_t visits = 0, mostVisits = kMostVisits;
  std::vector<std::vector<double>> worths; ///< by value and state; negative: not known
};

PlanEnumeration::PlanEnumeration(const TrainProgram &program, const Plan &plan,
                                 const Cluster &cluster, BoxingPlanner &planner, Plain plain)
    : choices(std::make_unique<Choices>(program, plan, cluster, planner, plain)) {}
PlanEnumeration::~PlanEnumeration() = default;

double PlanEnumeration::bound() const { return choices->bound(); }
std::optional<double> PlanEnumeration::any(std::optional<int64_t> limit) {
  return choices->any(limit);
}
std::optional<double> PlanEnumeration::best(double below, std::optional<int64_t> limit) {
  return choices->best(below, limit);
}
bool PlanEnumeration::gaveUp() const { return choices->gaveUp(); }

} // namespace of::test
