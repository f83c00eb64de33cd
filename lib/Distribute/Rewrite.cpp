#include "lib/Distribute/Rewrite.h"

#include "lib/Distribute/Placement.h"
#include "lib/Distribute/Versions.h"
#include "lib/Train/Formula.h"

using namespace mlir;

namespace of {
namespace {

class Rewriter {
public:
  Rewriter(const DistNetwork &network, BoxingPlanner &planner, const DistChoice &choice,
           const VersionOrders &orders)
      : network(network), planner(planner), orders(orders) {
    for (auto [node, index] : llvm::zip(network.nodes(), choice))
      note(node, node.options[index]);
    for (Step &step : steps)
      giveTypes(step);
    if (network.isOpen())
      makeVersions();
    for (Step &step : steps)
      connect(step);
  }

private:
  struct Step {
    const DistNode *node;
    const DistOption *option;
  };

  void note(const DistNode &node, const DistOption &option) { steps.push_back({&node, &option}); }

  // Types first, so that operands are compared with what they really are.
  void giveTypes(const Step &step) {
    for (unsigned i = 0; i < step.node->results.size(); ++i) {
      Value result = step.node->results[i];
      DistAttr made = distAttr(step.node->mesh, step.option->made[i]);
      DistAttr seen = distAttr(step.node->mesh, step.option->results[i]);
      result.setType(withDist(result.getType(), made));
      if (made != seen)
        pinned[result] = boxed(result, seen);
    }
  }

  void connect(const Step &step) {
    for (auto [operand, sbp] : llvm::zip(step.node->operands, step.option->operands))
      operand->set(valueAs(operand->get(), distAttr(step.node->mesh, sbp)));
  }

  // All versions of a value that are needed, in the order in which they cost what the search was
  // told.
  void makeVersions() {
    llvm::MapVector<Value, llvm::SetVector<DistAttr>> needs;
    for (const Step &step : steps)
      for (auto [operand, sbp] : llvm::zip(step.node->operands, step.option->operands))
        if (!network.value(operand->get()).isFree)
          needs[operand->get()].insert(distAttr(step.node->mesh, sbp));
    for (auto &[v, wanted] : needs) {
      Value seen = pinned.lookup(v);
      if (wanted.size() < 2 || wanted.size() > mostOrderedNeeds)
        continue;
      if (const auto order = orders.find(v); order != orders.end()) {
        for (DistAttr next : order->second)
          valueAs(v, next);
        continue;
      }
      const DistAttr made = distOf(seen ? seen : v);
      for (unsigned next : versionOrder(network, v, made, wanted.getArrayRef()))
        valueAs(v, wanted[next]);
    }
  }

  Value valueAs(Value v, DistAttr wanted) {
    Operation *op = v.getDefiningOp();
    if (!distOf(v) || isFree.contains(op))
      v = freeValueAs(v, wanted);
    else if (Value seen = pinned.lookup(v))
      v = seen;
    return distOf(v) == wanted ? v : boxed(v, wanted);
  }

  // An op without operands stands once per distribution that is needed; broadcast, and boxed from
  // there, if it cannot be made so.
  Value freeValueAs(Value v, DistAttr wanted) {
    Operation *op = v.getDefiningOp();
    isFree.insert(op);
    if (!canMake(op, wanted.ndSbp()))
      wanted = distAttr(wanted.getMesh(), NdSbp(wanted.getMesh().numAxes()));
    Value &made = freeVersions[{v, wanted}];
    if (made)
      return made;
    if (!distOf(v)) {
      v.setType(withDist(v.getType(), wanted));
      return made = v;
    }
    OpBuilder b(op->getContext());
    b.setInsertionPointAfter(op);
    Value copy = b.clone(*op)->getResult(0);
    copy.setType(withDist(v.getType(), wanted));
    return made = copy;
  }

  // From the nearest version; of equally near ones from the first that went to fewer than two
  // other meshes, so that no device sends a value to all stages itself.
  Value boxed(Value v, DistAttr wanted) {
    SmallVector<Value> &made = boxings[v];
    Value nearest = v;
    std::pair<double, bool> least = farness(v, wanted);
    for (Value version : made) {
      if (distOf(version) == wanted)
        return version;
      if (auto far = farness(version, wanted); far < least) {
        least = far;
        nearest = version;
      }
    }
    copies[nearest] += distOf(nearest).getMesh() != wanted.getMesh();
    OpBuilder b(v.getContext());
    b.setInsertionPointAfterValue(nearest);
    made.push_back(BoxingOp::create(b, derivedLoc(v.getLoc(), "boxing"),
                                    withDist(v.getType(), wanted), nearest));
    return made.back();
  }

  std::pair<double, bool> farness(Value version, DistAttr wanted) {
    return {planner.move(version.getType(), distOf(version), wanted).seconds,
            copies.lookup(version) >= 2};
  }

  const DistNetwork &network;
  BoxingPlanner &planner;
  const VersionOrders &orders;
  SmallVector<Step> steps;
  llvm::DenseMap<Value, Value> pinned; ///< by value: the one that users see
  llvm::DenseMap<Value, SmallVector<Value>> boxings;
  llvm::DenseMap<Value, int> copies; ///< of a value on other meshes, made from it
  llvm::DenseMap<std::pair<Value, DistAttr>, Value> freeVersions;
  llvm::SmallPtrSet<Operation *, 16> isFree;
};

} // namespace

void rewriteProgram(ProgramOp program, const DistNetwork &network, BoxingPlanner &planner,
                    const DistChoice &choice, const VersionOrders &orders) {
  Rewriter(network, planner, choice, orders);
  // What is left without a type has no users: it lies whole where it was placed.
  program.getBody().walk([&](Operation *op) {
    if (auto mesh = op->getAttrOfType<MeshAttr>(placementAttrName))
      for (Value result : op->getResults())
        if (!distOf(result))
          result.setType(withDist(result.getType(),
                                  DistAttr::get(op->getContext(), mesh, NdSbp(mesh.numAxes()))));
    op->removeAttr(placementAttrName);
    op->removeAttr(OfDialect::pinAttrName);
  });
}

} // namespace of
