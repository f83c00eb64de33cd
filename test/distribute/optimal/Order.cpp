#include "test/distribute/optimal/Order.h"

#include <algorithm>

namespace of::test {
namespace {

/// By value: all steps that must be chosen before its layout is of no interest.
std::vector<std::vector<size_t>> usersOf(const TrainProgram &program) {
  std::vector<std::vector<size_t>> out;
  for (const TensorValue &value : program.values)
    out.push_back(value.users);
  for (size_t s = 0; s < program.steps.size(); ++s)
    if (program.steps[s].kind == StepKind::Set)
      out[program.steps[program.getOf[s]].results[0]].push_back(s);
  return out;
}

class Orderer {
public:
  explicit Orderer(const TrainProgram &program)
      : program(program), users(usersOf(program)), isDone(program.steps.size()) {}

  std::vector<size_t> run() {
    while (out.size() < program.steps.size())
      take(next());
    return std::move(out);
  }

private:
  bool isSource(size_t s) const { return program.steps[s].operands.empty(); }

  bool isReady(size_t s) const {
    if (isDone[s])
      return false;
    for (size_t v : program.steps[s].operands)
      if (const size_t maker = program.values[v].producer; !isDone[maker] && !isSource(maker))
        return false;
    return program.steps[s].kind != StepKind::Set || isDone[program.getOf[s]];
  }

  /// What is alive once `s` and its sources are chosen.
  size_t aliveAfter(size_t s) const {
    std::vector<bool> done = isDone;
    done[s] = true;
    for (size_t v : program.steps[s].operands)
      done[program.values[v].producer] = true;
    size_t alive = 0;
    for (size_t v = 0; v < program.values.size(); ++v)
      alive += done[program.values[v].producer] &&
               !std::all_of(users[v].begin(), users[v].end(), [&](size_t u) { return done[u]; });
    return alive;
  }

  // Sources alone only where nothing uses them.
  size_t next() const {
    size_t best = program.steps.size(), least = 0;
    for (bool areSources : {false, true}) {
      for (size_t s = 0; s < program.steps.size(); ++s) {
        if (isSource(s) != areSources || !isReady(s))
          continue;
        const size_t alive = aliveAfter(s);
        if (best == program.steps.size() || alive < least) {
          best = s;
          least = alive;
        }
      }
      if (best < program.steps.size())
        break;
    }
    return best;
  }

  void take(size_t s) {
    for (size_t v : program.steps[s].operands)
      if (const size_t maker = program.values[v].producer; !isDone[maker])
        take(maker);
    isDone[s] = true;
    out.push_back(s);
  }

  const TrainProgram &program;
  const std::vector<std::vector<size_t>> users;
  std::vector<bool> isDone;
  std::vector<size_t> out;
};

} // namespace

std::vector<size_t> choiceOrder(const TrainProgram &program) { return Orderer(program).run(); }

std::vector<std::vector<size_t>> aliveAt(const TrainProgram &program,
                                         const std::vector<size_t> &order) {
  std::vector<size_t> rank(order.size());
  for (size_t k = 0; k < order.size(); ++k)
    rank[order[k]] = k;
  const auto users = usersOf(program);
  std::vector<std::vector<size_t>> out(order.size());
  for (size_t v = 0; v < program.values.size(); ++v) {
    size_t last = rank[program.values[v].producer];
    for (size_t user : users[v])
      last = std::max(last, rank[user]);
    for (size_t k = rank[program.values[v].producer] + 1; k <= last; ++k)
      out[k].push_back(v);
  }
  return out;
}

} // namespace of::test
