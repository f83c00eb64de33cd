#include "test/distribute/optimal/Bytes.h"

#include <algorithm>
#include <limits>

namespace of::test {

Bytes::Bytes(const TrainProgram &program, const Pricing &pricing,
             const std::vector<std::vector<StepOption>> &options)
    : program(program), pricing(pricing), stages(pricing.stages()) {
  for (const Step &step : program.steps)
    positions = std::max(positions, step.position + 1);
  firstYield = positions;
  for (const Step &step : program.steps)
    if (step.kind == StepKind::Yield) {
      firstYield = std::min(firstYield, step.position);
      endOfYields = std::max(endOfYields, step.position + 1);
    }
  bytes.resize(stages * size_t(positions));
  findUnderWay();
  findLives();
  for (size_t v = 0; v < program.values.size(); ++v) {
    const size_t maker = program.values[v].producer;
    const auto &results = program.steps[maker].results;
    const size_t at = std::find(results.begin(), results.end(), v) - results.begin();
    least.push_back(std::numeric_limits<int64_t>::max());
    for (const StepOption &option : options[maker])
      least[v] = std::min(least[v], pricing.partBytes(v, option.makes[at]));
    if (options[maker].empty())
      least[v] = 0;
    add(v, 0, nullptr);
  }
}

// A yield ends the micro-batches, it is one of their ops.
bool Bytes::isInside(size_t s) const {
  return program.steps[s].isMicro || program.steps[s].kind == StepKind::Yield;
}

// The last stage turns back: what is made before it begins and needed after that waits.
void Bytes::findUnderWay() {
  std::vector<size_t> used;
  for (size_t s = 0; s < program.steps.size(); ++s)
    if (program.steps[s].position >= 0)
      used.push_back(pricing.stageOf(s));
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  underWay.assign(stages, 1);
  for (size_t i = 0; i < used.size(); ++i)
    underWay[used[i]] = std::min<int64_t>(program.microBatches, int64_t(used.size() - i));
  turn = positions;
  for (size_t s = program.steps.size(); s-- > 0;)
    if (program.steps[s].position >= 0 && pricing.stageOf(s) == used.back() && isInside(s))
      turn = program.steps[s].position;
}

// Of each value on its own stage and on those of its users.
void Bytes::findLives() {
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

int64_t Bytes::copies(size_t v, size_t stage) const {
  const std::optional<Life> &life = lives[v][stage];
  return life && life->waits ? underWay[stage] : 1;
}

/// Calls each(stage, from, to, bytes) where the value lies.
template <typename Each>
void Bytes::forLives(size_t v, int made, const Versions *versions, Each each) const {
  const Step &maker = program.steps[program.values[v].producer];
  const size_t home = pricing.stageOf(program.values[v].producer);
  const int64_t part = versions ? pricing.partBytes(v, made) : least[v];
  const bool isVariable = maker.kind == StepKind::Get;
  if (isVariable)
    each(home, int64_t(0), positions, part);
  else if (maker.kind == StepKind::Yield)
    each(home, firstYield, endOfYields, part);
  else
    each(home, maker.position, maker.position + 1, part);
  if (program.values[v].users.empty())
    return;
  // A value that is exchanged lies in a register, and so do its other versions; else it shares
  // memory with those that do not live at the same time.
  const int64_t kept = isVariable ? 0 : part;
  if (!versions || std::all_of(versions->bytes.begin(), versions->bytes.end(),
                               [](int64_t exchanged) { return exchanged == 0; }))
    return each(home, maker.position + 1, lives[v][home]->last + 1, copies(v, home) * kept);
  for (size_t stage = 0; stage < stages; ++stage)
    each(stage, int64_t(0), positions,
         copies(v, stage) * (versions->bytes[stage] + (stage == home ? kept : 0)));
}

void Bytes::change(size_t v, int made, const Versions *versions, int64_t sign) {
  forLives(v, made, versions, [&](size_t stage, int64_t from, int64_t to, int64_t amount) {
    for (int64_t at = from; at < to; ++at)
      bytes[stage * size_t(positions) + size_t(at)] += sign * amount;
  });
}

double Bytes::worth(size_t v, int made, const Versions &versions,
                    const std::vector<double> &before) const {
  double sum = 0;
  forLives(v, made, &versions, [&](size_t stage, int64_t from, int64_t to, int64_t amount) {
    const double *const prices = before.data() + stage * size_t(positions + 1);
    if (from < to)
      sum += (prices[to] - prices[from]) * double(amount);
  });
  return sum;
}

bool Bytes::fit(int64_t limit) const {
  return std::all_of(bytes.begin(), bytes.end(), [&](int64_t total) { return total <= limit; });
}

} // namespace of::test
