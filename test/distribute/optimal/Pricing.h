// What steps and values of a program cost on the meshes of a plan, for the enumeration.
//
// Asked of the cost model are the seconds of one op on its local shapes, and the seconds and steps
// of one movement of a tensor; all that adds them up is here.
#pragma once

#include "lib/Distribute/BoxingPlanner.h"
#include "test/distribute/optimal/Plan.h"

#include <deque>

namespace of::test {

/// One way to run a step: layouts by number.
struct StepOption {
  std::vector<int> needs, makes;
  double seconds = 0; ///< per step of the optimizer
};

/// What it takes to have a value in all layouts that are needed of it.
struct Versions {
  double total = 0; ///< seconds per step of the optimizer; infinite: not possible
  /// The same by the stage that receives, of each of the cheapest ways that load stages
  /// differently.
  std::vector<std::vector<double>> ways;
  double atLeast = 0;         ///< `total` is no less, whatever else is needed too
  std::vector<int64_t> bytes; ///< of exchanges' registers and landing slots, by stage
};

class Pricing {
public:
  Pricing(const TrainProgram &program, const Plan &plan, const Cluster &cluster,
          BoxingPlanner &planner);

  size_t stages() const { return plan.meshes.size(); }
  size_t stageOf(size_t step) const { return plan.stageOf(program.steps[step].block); }
  size_t stageOfLayout(int layout) const { return layouts[layout].first; }
  const NdSbp &sbpOf(int layout) const { return layouts[layout].second; }

  /// Of a get: all ways a variable may lie; of a set: none, it follows from its get.
  const std::vector<StepOption> &optionsOf(size_t step) const { return options[step]; }

  /// A value as it is made and what is needed of it so far, by number; nothing is needed of it yet.
  int madeAs(size_t value, int layout);
  /// The same value with one more need.
  int withNeed(size_t value, int state, int layout);
  int madeOf(size_t value, int state) const { return values[value].states[state].made; }
  const Versions &versionsOf(size_t value, int state) const {
    return values[value].states[state].versions;
  }

  /// Bytes of the largest part.
  int64_t partBytes(size_t value, int layout) const;

private:
  using Shapes = std::vector<Shape>;
  int numberOf(size_t stage, const NdSbp &sbp);
  std::vector<NdSbp> splitsOf(const Shape &shape, const Placement &mesh, size_t dims) const;
  struct State {
    int made;
    std::vector<int> needs; ///< ascending, each once
    Versions versions;
    std::vector<int> next; ///< by layout that is needed too; -1: not asked for yet
  };
  struct ValueStates {
    std::deque<State> states;
    std::map<std::pair<int, std::vector<int>>, int> numbers;
  };
  int stateOf(size_t value, int made, std::vector<int> needs);
  Versions cheapest(size_t value, int made, const std::vector<int> &needs);
  void addVariable(size_t step);
  void addRead(size_t step);
  void addYield(size_t step);
  void addCompute(size_t step);
  void addJoint(size_t step, const struct Formula &formula,
                const std::vector<const struct Way *> &joint);
  Layout layoutOf(int layout) const;
  double moveSeconds(size_t value, int from, int to);
  int64_t moveBytes(size_t value, int from, int to);

  const TrainProgram &program;
  const Plan &plan;
  const Cluster &cluster;
  BoxingPlanner &planner;
  std::vector<std::pair<size_t, NdSbp>> layouts; ///< stage and distribution, by number
  std::map<std::pair<size_t, NdSbp>, int> numbers;
  std::vector<std::vector<StepOption>> options; ///< by step
  std::vector<ValueStates> values;
  std::map<std::tuple<size_t, int, int>, double> moves;
};

Shape shapeOf(mlir::RankedTensorType type);

} // namespace of::test
