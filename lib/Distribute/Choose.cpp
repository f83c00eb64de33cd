#include "lib/Distribute/Choose.h"

#include "mlir/IR/Remarks.h"

#include <limits>

using namespace mlir;

namespace of {
namespace {

/// How a value lies, once it was boxed for some users: as made, and as each of them needed it. The
/// next one is served from the nearest.
using Versions = SmallVector<DistAttr>;

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
    Versions versions;
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

  double moveFromNearest(Value v, const Versions &versions, DistAttr to) {
    double least = std::numeric_limits<double>::infinity();
    for (DistAttr from : versions)
      least = std::min(least, network.moveSeconds(v, from, to));
    return least;
  }

  double leastMove(const DistNode &node, unsigned operand, const DistOption &option) {
    Value v = node.operands[operand]->get();
    double least = std::numeric_limits<double>::infinity();
    DistAttr to = distAttr(node.mesh, option.operands[operand]);
    for (const NdSbp &from : network.value(v).candidates)
      least = std::min(least, network.moveSeconds(v, distAttr(network.value(v).mesh, from), to));
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
      if (all.versions.empty())
        all.versions.push_back(distAttr(info.mesh, candidate));
      double best = std::numeric_limits<double>::infinity();
      DistAttr target = all.versions[0];
      for (auto [o, option] : llvm::enumerate(node.options)) {
        DistAttr need = distAttr(node.mesh, option.operands[operand]);
        double rest = from[o];
        for (auto [i, move] : llvm::enumerate(moves[o]))
          rest += i == operand ? 0 : move;
        double seconds = moveFromNearest(v, all.versions, need) + share * rest;
        if (seconds < best) {
          best = seconds;
          target = need;
        }
      }
      all.seconds += best;
      all.versions.push_back(target);
    }
  }

  double secondsOf(const DistNode &node, const DistOption &option) {
    double seconds = secondsFrom(node, option);
    for (auto [operand, need] : llvm::zip(node.operands, option.operands))
      seconds +=
          moveFromNearest(operand->get(), versionsOf(operand->get()), distAttr(node.mesh, need));
    return seconds;
  }

  // A free value has no version of its own until a user needs one.
  Versions &versionsOf(Value v) {
    Versions &all = versions[v];
    if (all.empty())
      all.push_back(distAttr(network.value(v).mesh, network.value(v).candidates[0]));
    return all;
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
      versions[result] = {distAttr(node.mesh, sbp)};
    for (auto [operand, need] : llvm::zip(node.operands, option.operands))
      versionsOf(operand->get()).push_back(distAttr(node.mesh, need));
    return best;
  }

  const DistNetwork &network;
  llvm::DenseMap<Value, std::vector<Ahead>> ahead; ///< by candidate
  llvm::DenseMap<Value, Versions> versions;
};

} // namespace

DistChoice choosePropagated(const DistNetwork &network) { return Propagation(network).run(); }

std::string optionText(const DistOption &option) {
  std::string text;
  for (const NdSbp &sbp : option.operands)
    text += toString(sbp) + " ";
  text += "->";
  for (const NdSbp &sbp : option.made)
    text += " " + toString(sbp);
  return text;
}

static std::string microseconds(double seconds) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g us", seconds * 1e6);
  return buffer;
}

void remarkChoice(const DistNetwork &network, const DistChoice &choice) {
  for (auto [node, index] : llvm::zip(network.nodes(), choice)) {
    if (node.options.size() < 2)
      continue;
    auto out = remark::analysis(node.op->getLoc(),
                                remark::RemarkOpts::name("Distribution").category("distribute"));
    if (!out)
      continue; // nobody listens
    const DistOption &option = node.options[index];
    out << remark::metric("Op", node.op->getName().getStringRef())
        << remark::metric("Mesh", node.mesh.getName())
        << remark::metric("Chosen", optionText(option))
        << remark::metric("Cost", microseconds(option.seconds));
    for (auto [i, other] : llvm::enumerate(node.options))
      if (i != index)
        out << remark::metric("Other", optionText(other) + ", " + microseconds(other.seconds));
  }
}

} // namespace of
