#include "lib/Distribute/Choose.h"

#include "mlir/IR/Remarks.h"

#include <limits>

using namespace mlir;

namespace of {
namespace {

/// Distributions a value is boxed to, each paid once.
struct Paid {
  SmallVector<std::pair<MeshAttr, NdSbp>> targets;
  bool has(MeshAttr mesh, const NdSbp &sbp) const {
    return llvm::is_contained(targets, std::pair(mesh, sbp));
  }
};

unsigned indexOf(const DistValue &value, const NdSbp &sbp) {
  return llvm::find(value.candidates, sbp) - value.candidates.begin();
}

class Propagation {
public:
  explicit Propagation(const DistNetwork &network) : network(network) {}

  DistChoice run() {
    for (const DistNode &node : llvm::reverse(network.nodes()))
      estimate(node);
    DistChoice choice;
    for (const DistNode &node : network.nodes())
      choice.push_back(choose(node));
    return choice;
  }

private:
  struct Ahead {
    double seconds = 0; ///< of all users
    Paid paid;
  };

  std::vector<Ahead> &aheadOf(Value v) {
    std::vector<Ahead> &all = ahead[v];
    all.resize(network.value(v).candidates.size());
    return all;
  }

  // Seconds from the node on, without its operands.
  double secondsFrom(const DistNode &node, const DistOption &option) {
    double seconds = node.times * option.seconds;
    for (auto [result, sbp] : llvm::zip(node.results, option.results))
      seconds += aheadOf(result)[indexOf(network.value(result), sbp)].seconds;
    return seconds;
  }

  double leastMove(const DistNode &node, unsigned operand, const DistOption &option) {
    Value v = node.operands[operand]->get();
    double least = std::numeric_limits<double>::infinity();
    for (const NdSbp &from : network.value(v).candidates)
      least = std::min(least, network.moveSeconds(v, from, node.mesh, option.operands[operand]));
    return least;
  }

  void estimate(const DistNode &node) {
    int64_t open = llvm::count_if(node.operands, [&](OpOperand *operand) {
      return network.value(operand->get()).candidates.size() > 1;
    });
    double share = 1.0 / std::max<int64_t>(open, 1);
    // Least cost of each option apart from one operand's boxing.
    std::vector<double> from;
    std::vector<std::vector<double>> moves;
    for (const DistOption &option : node.options) {
      from.push_back(secondsFrom(node, option));
      moves.emplace_back();
      for (unsigned i = 0; i < node.operands.size(); ++i)
        moves.back().push_back(leastMove(node, i, option));
    }
    for (unsigned i = 0; i < node.operands.size(); ++i)
      estimateOperand(node, i, share, from, moves);
  }

  void estimateOperand(const DistNode &node, unsigned operand, double share,
                       const std::vector<double> &from,
                       const std::vector<std::vector<double>> &moves) {
    Value v = node.operands[operand]->get();
    const DistValue &info = network.value(v);
    for (auto [candidate, all] : llvm::zip(info.candidates, aheadOf(v))) {
      double best = std::numeric_limits<double>::infinity();
      const NdSbp *target = nullptr;
      for (auto [o, option] : llvm::enumerate(node.options)) {
        const NdSbp &need = option.operands[operand];
        double rest = from[o];
        for (auto [i, move] : llvm::enumerate(moves[o]))
          rest += i == operand ? 0 : move;
        double move =
            all.paid.has(node.mesh, need) ? 0 : network.moveSeconds(v, candidate, node.mesh, need);
        if (move + share * rest < best) {
          best = move + share * rest;
          target = &need;
        }
      }
      all.seconds += best;
      if (target)
        all.paid.targets.push_back({node.mesh, *target});
    }
  }

  double secondsOf(const DistNode &node, const DistOption &option) {
    double seconds = secondsFrom(node, option);
    for (auto [operand, need] : llvm::zip(node.operands, option.operands)) {
      Value v = operand->get();
      if (!boxed[v].has(node.mesh, need))
        seconds += network.moveSeconds(v, chosenOf(v), node.mesh, need);
    }
    return seconds;
  }

  const NdSbp &chosenOf(Value v) {
    auto it = chosen.find(v);
    return it == chosen.end() ? network.value(v).candidates[0] : it->second;
  }

  unsigned choose(const DistNode &node) {
    unsigned best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (auto [o, option] : llvm::enumerate(node.options)) {
      double seconds = secondsOf(node, option);
      // Sums of the same terms in another order are no difference.
      if (seconds < least * (1 - 1e-9)) {
        least = seconds;
        best = o;
      }
    }
    const DistOption &option = node.options[best];
    for (auto [result, sbp] : llvm::zip(node.results, option.results))
      chosen[result] = sbp;
    for (auto [operand, need] : llvm::zip(node.operands, option.operands))
      boxed[operand->get()].targets.push_back({node.mesh, need});
    return best;
  }

  const DistNetwork &network;
  llvm::DenseMap<Value, std::vector<Ahead>> ahead; ///< by candidate
  llvm::DenseMap<Value, NdSbp> chosen;
  llvm::DenseMap<Value, Paid> boxed;
};

} // namespace

DistChoice choosePropagated(const DistNetwork &network) { return Propagation(network).run(); }

void remarkChoice(const DistNetwork &network, const DistChoice &choice) {
  for (auto [node, index] : llvm::zip(network.nodes(), choice)) {
    if (node.options.size() < 2)
      continue;
    const DistOption &option = node.options[index];
    auto text = [](ArrayRef<NdSbp> list) {
      std::string out;
      for (const NdSbp &sbp : list)
        out += (out.empty() ? "" : " ") + toString(sbp);
      return out;
    };
    remark::analysis(node.op->getLoc(),
                     remark::RemarkOpts::name("Distribution").category("distribute"))
        << node.op->getName().getStringRef() << " on mesh " << node.mesh.getName() << ": "
        << text(option.operands) << " -> " << text(option.made) << ", one of "
        << std::to_string(node.options.size()) << " ways, " << std::to_string(option.seconds * 1e6)
        << " us";
  }
}

} // namespace of
