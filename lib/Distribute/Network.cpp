#include "lib/Distribute/Network.h"

#include "lib/Distribute/Options.h"
#include "lib/Distribute/Placement.h"

#include <limits>

using namespace mlir;

namespace of {

StringRef nameOf(const DistNode &node) {
  if (!node.variable.empty())
    return node.variable;
  auto name = dyn_cast<NameLoc>(node.op->getLoc());
  return name ? name.getName().strref() : node.op->getName().getStringRef();
}

// ---- Edges

bool canMake(Operation *op, const NdSbp &sbp) {
  SmallVector<Signature> signatures = signaturesOf(op);
  return llvm::all_of(sbp, [&](Sbp wanted) {
    return llvm::any_of(signatures, [&](const Signature &s) { return s.results[0] == wanted; });
  });
}

double DistNetwork::moveSeconds(Value v, DistAttr from, DistAttr to) const {
  const DistValue &info = value(v);
  if (from == to || (info.isFree && canMake(v.getDefiningOp(), to.ndSbp())))
    return 0;
  const bool isSameMesh = from.getMesh() == to.getMesh(); // else axes may differ in number
  for (auto [axis, need] : llvm::enumerate(to.getSbp()))
    if (need.isPartial() && (!isSameMesh || from.getSbp()[axis] != need))
      return std::numeric_limits<double>::infinity();
  return info.times * planner->move(v.getType(), from, to).seconds;
}

int64_t variableBytes(const DistNode &node, const DistOption &option) {
  return node.results.empty()
             ? partBytes(node.operands[0]->get().getType(), distAttr(node.mesh, option.operands[0]))
             : partBytes(node.results[0].getType(), distAttr(node.mesh, option.results[0]));
}

int64_t DistNetwork::moveBytes(Value v, DistAttr from, DistAttr to) const {
  const DistValue &info = value(v);
  if (from == to || (info.isFree && canMake(v.getDefiningOp(), to.ndSbp())))
    return 0;
  auto tensor = cast<RankedTensorType>(v.getType());
  Shape shape(tensor.getShape().begin(), tensor.getShape().end());
  return info.times *
         planner->path(shape, dtypeOf(tensor.getElementType()), from.layout(), to.layout())
             .bytesMoved;
}

DistNetwork DistNetwork::with(llvm::function_ref<void(DistNode &)> change) const {
  DistNetwork out(*this);
  out.optionsOf.clear();
  for (DistNode &node : out.nodeList)
    change(node);
  return out;
}

// ---- Wishes

// Backwards from the variables: where a result is wanted split and one of the op's signatures gives
// that, its operands are wanted as that signature has them. The first wish counts.
void DistNetwork::noteWishes(ProgramOp program) {
  SmallVector<Operation *> order;
  program.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) { order.push_back(op); });
  for (Operation *op : llvm::reverse(order)) {
    if (auto set = dyn_cast<SetOp>(op)) {
      if (DistAttr dist = boundary.variables.lookup(set.getVariable()))
        wishes.try_emplace(set.getValue(), dist.ndSbp());
      continue;
    }
    auto wish = op->getNumResults() == 1 ? wishes.find(op->getResult(0)) : wishes.end();
    if (wish == wishes.end())
      continue;
    NdSbp wanted = wish->second;
    SmallVector<Signature> signatures = signaturesOf(op);
    SmallVector<NdSbp> operands(op->getNumOperands(), NdSbp(wanted.size()));
    for (auto [axis, sbp] : llvm::enumerate(wanted))
      for (const Signature &s : signatures)
        if (s.results[0] == sbp) {
          for (auto [i, operand] : llvm::enumerate(s.operands))
            operands[i][axis] = operand;
          break;
        }
    for (auto [operand, sbp] : llvm::zip(op->getOperands(), operands))
      wishes.try_emplace(operand, sbp);
  }
}

static DistOption fixedOption(SmallVector<NdSbp> operands, SmallVector<NdSbp> results) {
  return {std::move(operands), results, results, 0};
}

static int64_t timesOf(Operation *op) {
  auto micro = dyn_cast<MicroOp>(op->getParentOp());
  return micro ? micro.getCount() : 1;
}

// ---- A part of a program

MeshAttr DistNetwork::meshOf(Operation *op) const {
  return boundary.mesh ? boundary.mesh : op->getAttrOfType<MeshAttr>(placementAttrName);
}

bool DistNetwork::isWithin(Operation *op) const {
  return !boundary.within || boundary.within->contains(op);
}

NdSbp DistNetwork::cutLayout(Value v) const {
  auto type = cast<RankedTensorType>(v.getType());
  NdSbp sbp(boundary.mesh.numAxes());
  int64_t rows = type.getRank() ? type.getDimSize(0) : 1;
  for (auto [axis, size] : llvm::enumerate(boundary.mesh.getShape()))
    if (boundary.cutAxes[axis] && size > 1 && rows >= size) {
      sbp[axis] = Sbp::split(0);
      rows /= size;
    }
  return sbp;
}

static bool isInMicro(Value v) {
  return isa<MicroOp>(v.getDefiningOp()->getParentOp()) && !isa<MicroOp>(v.getDefiningOp());
}

// A node for each operand that no op of the part gives.
void DistNetwork::addArrivals(Operation *op) {
  if (!boundary.within)
    return;
  for (Value v : op->getOperands()) {
    if (valueMap.contains(v))
      continue;
    auto type = cast<RankedTensorType>(v.getType());
    DistNode node{v.getDefiningOp(), {}, {v}, boundary.mesh, timesOf(v.getDefiningOp()), {}, {}};
    if (isInMicro(v))
      node.options.push_back(fixedOption({}, {cutLayout(v)}));
    else
      for (const NdSbp &sbp : splitChoices(type.getShape(), boundary.mesh, type.getRank()))
        node.options.push_back(fixedOption({}, {sbp}));
    addNode(std::move(node));
  }
}

// A node for each result that some other op needs.
void DistNetwork::addDepartures(Operation *op) {
  if (!boundary.within)
    return;
  for (Value v : op->getResults()) {
    if (!isInMicro(v))
      continue;
    for (OpOperand &use : v.getUses()) {
      if (isa<YieldOp>(use.getOwner()) || isWithin(use.getOwner()))
        continue;
      DistNode node{op, {&use}, {}, boundary.mesh, timesOf(op), {}, {}};
      node.options.push_back(fixedOption({cutLayout(v)}, {}));
      addNode(std::move(node));
      break;
    }
  }
}

// ---- Building

void DistNetwork::addNode(DistNode node) {
  for (auto [i, result] : llvm::enumerate(node.results)) {
    DistValue &info = valueMap[result];
    info.mesh = node.mesh;
    info.times = isa<YieldOp>(node.op) ? 1 : node.times;
    for (const DistOption &option : node.options)
      if (!llvm::is_contained(info.candidates, option.results[i]))
        info.candidates.push_back(option.results[i]);
  }
  nodeList.push_back(std::move(node));
}

void DistNetwork::addFree(Operation *op) {
  DistValue &info = valueMap[op->getResult(0)];
  info.mesh = meshOf(op);
  info.candidates = {NdSbp(info.mesh.numAxes())};
  info.times = timesOf(op);
  info.isFree = true;
}

// Results of of.micro are sums of what is yielded: a partial sum stays one, a maximum must be
// whole before it is added up.
LogicalResult DistNetwork::addYield(YieldOp yield) {
  for (OpOperand &operand : yield->getOpOperands()) {
    if (!isWithin(operand.get().getDefiningOp()))
      continue;
    const DistValue &yielded = value(operand.get());
    DistNode node{yield,
                  {&operand},
                  {yield->getParentOp()->getResult(operand.getOperandNumber())},
                  yielded.mesh,
                  timesOf(yield),
                  {},
                  {}};
    for (NdSbp sbp : yielded.candidates) {
      for (Sbp &s : sbp)
        if (s.isPartial() && s != Sbp::partialSum())
          s = Sbp::broadcast();
      if (llvm::none_of(node.options, [&](const DistOption &o) { return o.made[0] == sbp; }))
        node.options.push_back({{sbp}, {sbp}, {sbp}, 0});
    }
    // Where it costs the same, a partial value is reduced after the micro-batches.
    llvm::stable_sort(node.options.edit(), [](const DistOption &l, const DistOption &r) {
      auto partial = [](Sbp s) { return s.isPartial(); };
      return llvm::count_if(l.made[0], partial) > llvm::count_if(r.made[0], partial);
    });
    addNode(std::move(node));
  }
  return success();
}

// ---- Batches

// A read task has one distribution for all fields.
static bool canSplit(ReadOp read) {
  return llvm::all_of(read.getResultTypes(),
                      [](Type type) { return cast<RankedTensorType>(type).getRank() > 0; });
}

static bool isDataAxis(StringRef name) { return name == "data" || name.starts_with("data_"); }

// The batch as the strategy has it.
static SmallVector<NdSbp> batchDistributions(ReadOp read, MeshAttr mesh, bool splitsBatch) {
  SmallVector<NdSbp> out;
  for (Type type : read.getResultTypes()) {
    NdSbp sbp(mesh.numAxes());
    if (splitsBatch && cast<RankedTensorType>(type).getRank() > 0)
      for (unsigned axis = 0; axis < mesh.numAxes(); ++axis)
        if (isDataAxis(mesh.getAxes()[axis].getValue()) && mesh.getShape()[axis] > 1)
          sbp[axis] = Sbp::split(0);
    out.push_back(sbp);
  }
  return out;
}

// A device reads its rows and writes them once: they pass its memory twice.
static double readSeconds(ReadOp read, MeshAttr mesh, const NdSbp &sbp, const Cluster &cluster) {
  double bytes = 0;
  for (Type type : read.getResultTypes())
    bytes += 2.0 * partBytes(withDist(type, distAttr(mesh, sbp)));
  return bytes / cluster.devices[mesh.getDevices()[0]].bytesPerSecond;
}

void DistNetwork::addRead(ReadOp read) {
  MeshAttr mesh = meshOf(read);
  DistNode node{read, {}, {}, mesh, timesOf(read), {}, {}};
  node.results.assign(read->result_begin(), read->result_end());
  if (!boundary.isOpen) {
    node.options.push_back(fixedOption({}, batchDistributions(read, mesh, boundary.splitsBatch)));
    return addNode(std::move(node));
  }
  int64_t rows = cast<RankedTensorType>(read.getResult(0).getType()).getRank()
                     ? cast<RankedTensorType>(read.getResult(0).getType()).getDimSize(0)
                     : 1;
  for (const NdSbp &sbp : splitChoices({rows}, mesh, canSplit(read) ? 1 : 0)) {
    node.options.push_back(fixedOption({}, SmallVector<NdSbp>(node.results.size(), sbp)));
    node.options.edit().back().seconds = readSeconds(read, mesh, sbp, *cluster);
  }
  addNode(std::move(node));
}

// ---- Variables

// One node for all that a program does with a variable: it is read as it lies and set as it lies.
void DistNetwork::addOpenVariable(StringRef name, Operation *access) {
  if (!opened.insert(name).second)
    return;
  if (accesses.empty())
    program.getBody().walk([&](Operation *op) {
      if (auto get = dyn_cast<GetOp>(op))
        accesses[get.getVariable()].push_back(op);
      else if (auto set = dyn_cast<SetOp>(op))
        accesses[set.getVariable()].push_back(op);
    });
  DistNode node{access, {}, {}, meshOf(access), 1, {}, name};
  for (Operation *op : accesses[name]) {
    if (auto get = dyn_cast<GetOp>(op))
      node.results.push_back(get.getResult());
    else if (auto set = cast<SetOp>(op); isWithin(set.getValue().getDefiningOp()))
      node.operands.push_back(&set.getValueMutable());
  }
  for (const NdSbp &sbp : boundary.openVariables->lookup(name))
    node.options.push_back(fixedOption(SmallVector<NdSbp>(node.operands.size(), sbp),
                                       SmallVector<NdSbp>(node.results.size(), sbp)));
  addNode(std::move(node));
}

LogicalResult DistNetwork::addAccess(Operation *access, StringRef name) {
  DistAttr dist = boundary.variables.lookup(name);
  if (!dist && boundary.openVariables && boundary.openVariables->contains(name)) {
    addOpenVariable(name, access);
    return success();
  }
  if (!dist)
    return access->emitOpError("refers to variable '")
           << name << "', which the module does not have";
  DistNode node{access, {}, {}, meshOf(access), 1, {}, {}};
  for (OpOperand &operand : access->getOpOperands())
    node.operands.push_back(&operand);
  node.results.assign(access->result_begin(), access->result_end());
  node.options.push_back(fixedOption(SmallVector<NdSbp>(node.operands.size(), dist.ndSbp()),
                                     SmallVector<NdSbp>(node.results.size(), dist.ndSbp())));
  addNode(std::move(node));
  return success();
}

LogicalResult DistNetwork::addOp(Operation *op) {
  if (auto yield = dyn_cast<YieldOp>(op))
    return addYield(yield);
  if (isa<MicroOp>(op))
    return success();
  MeshAttr mesh = meshOf(op);
  if (!mesh)
    return op->emitOpError("has no of.placement; run of-assign-placements first");
  if (op->getNumOperands() == 0 && op->getNumResults() == 1 && isPure(op) &&
      !op->hasAttr(OfDialect::pinAttrName)) {
    addFree(op);
    return success();
  }
  if (!isWithin(op))
    return success();
  if (auto get = dyn_cast<GetOp>(op))
    return addAccess(op, get.getVariable());
  if (auto set = dyn_cast<SetOp>(op))
    return addAccess(op, set.getVariable());
  if (auto read = dyn_cast<ReadOp>(op)) {
    addRead(read);
    addDepartures(op);
    return success();
  }
  addArrivals(op);
  DistNode node{op, {}, {}, mesh, timesOf(op), {}, {}};
  for (OpOperand &operand : op->getOpOperands())
    node.operands.push_back(&operand);
  node.results.assign(op->result_begin(), op->result_end());
  if (failed(OptionBuilder(*this, node).build()))
    return failure();
  addNode(std::move(node));
  addDepartures(op);
  return success();
}

FailureOr<DistNetwork> DistNetwork::build(ProgramOp program, DistBoundary boundary,
                                          const Cluster &cluster, BoxingPlanner &planner) {
  DistNetwork network(program, boundary, cluster, planner);
  if (!boundary.isOpen)
    network.noteWishes(program);
  WalkResult walked = program.getBody().walk([&](Operation *op) {
    return failed(network.addOp(op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  if (boundary.isOpen && !boundary.within && program.getKind() == ProgramKind::Train)
    network.groups = std::make_shared<RecomputeGroups>(program);
  if (network.groups)
    network.groupLevels.assign(network.groups->groups().size(), {Recompute::None});
  return network;
}

} // namespace of
