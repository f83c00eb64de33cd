#include "lib/Distribute/RecomputeGroups.h"

#include "lib/Distribute/Placement.h"
#include "lib/Train/Blocks.h"

using namespace mlir;

namespace of {

static constexpr std::pair<Recompute, llvm::StringLiteral> kLevels[] = {
    {Recompute::None, "none"},
    {Recompute::Selective, "selective"},
    {Recompute::Full, "full"},
    {Recompute::Host, "host"}};

StringRef nameOf(Recompute level) { return kLevels[static_cast<int>(level)].second; }

std::optional<Recompute> recomputeOf(StringRef name) {
  for (const auto &[level, text] : kLevels)
    if (text == name)
      return level;
  return std::nullopt;
}

static MeshAttr meshOf(Operation *op) {
  if (DistAttr dist = distOf(op->getResult(0)))
    return dist.getMesh();
  return op->getAttrOfType<MeshAttr>(placementAttrName);
}

static bool isForward(Operation *op) { return op->hasAttr(forwardBlockAttrName); }

// What has no operands is made where it is needed, and a batch is read once.
static bool canRepeat(Operation *op) {
  return isForward(op) && op->getNumOperands() > 0 && op->getNumResults() > 0 &&
         isMemoryEffectFree(op) && !isa<BoxingOp>(op);
}

static bool isLight(Operation *op) {
  return !isa<LibraryOpInterface, KernelOpInterface, LoopKernelOpInterface>(op);
}

bool RecomputeGroups::isBackward(Operation *op) {
  return !isForward(op) && isa<MicroOp>(op->getParentOp()) && !isa<YieldOp, BoxingOp>(op);
}

RecomputeGroups::RecomputeGroups(ProgramOp program) {
  llvm::DenseMap<std::pair<int64_t, Attribute>, size_t> known;
  for (MicroOp micro : program.getBody().getOps<MicroOp>())
    for (Operation &op : micro.getBody().front()) {
      if (!canRepeat(&op))
        continue;
      int64_t block = op.getAttrOfType<IntegerAttr>(forwardBlockAttrName).getInt();
      MeshAttr mesh = meshOf(&op);
      auto [it, isNew] = known.try_emplace({block, mesh}, list.size());
      if (isNew) {
        list.emplace_back();
        list.back().block = block;
        list.back().mesh = mesh;
      }
      list[it->second].ops.push_back(&op);
      groupOf[&op] = it->second;
    }
  int64_t last = 0;
  for (const RecomputeGroup &group : list)
    last = std::max(last, group.block);
  for (RecomputeGroup &group : list) {
    if (group.block == last)
      continue;
    for (Recompute level : {Recompute::Full, Recompute::Selective})
      findAgain(group, level);
    findNeeded(group);
  }
}

RecomputeLevels RecomputeGroups::levelsOf(size_t group) const {
  RecomputeLevels out{Recompute::None};
  const size_t selective = again(group, Recompute::Selective).size();
  const size_t full = again(group, Recompute::Full).size();
  if (selective > 0 && selective < full)
    out.push_back(Recompute::Selective);
  if (full > 0)
    out.push_back(Recompute::Full);
  return out;
}

bool RecomputeGroups::isEmpty(Recompute level) const {
  return llvm::all_of(list, [&](const RecomputeGroup &group) {
    return level == Recompute::Host ? !group.needed : group.again[static_cast<int>(level)].empty();
  });
}

// Others of the forward pass use it, so it is there anyway: above all what one block leaves to the
// next.
bool RecomputeGroups::isShared(Value value) const {
  Operation *op = value.getDefiningOp();
  auto group = groupOf.find(op);
  return group == groupOf.end() || llvm::any_of(value.getUsers(), [&](Operation *user) {
           if (isBackward(user) || isa<BoxingOp>(user))
             return false;
           auto at = groupOf.find(user);
           return at == groupOf.end() || at->second != group->second;
         });
}

bool RecomputeGroups::isDropped(Value value, Recompute level) const {
  return (level == Recompute::Selective || level == Recompute::Full) &&
         groupOf.contains(value.getDefiningOp()) && !isShared(value) &&
         (level == Recompute::Full || isLight(value.getDefiningOp()));
}

// From what the backward pass needs, back to what is kept.
void RecomputeGroups::findAgain(RecomputeGroup &group, Recompute level) const {
  llvm::DenseSet<Operation *> found;
  for (Operation *op : llvm::reverse(group.ops)) {
    const bool isUsed = llvm::any_of(op->getResults(), [&](Value v) {
      return isDropped(v, level) && llvm::any_of(v.getUsers(), [&](Operation *user) {
               return isBackward(user) || found.contains(user);
             });
    });
    if (isUsed)
      found.insert(op);
  }
  auto &again = group.again[static_cast<int>(level)];
  for (Operation *op : group.ops)
    if (found.contains(op))
      again.push_back(op);
}

void RecomputeGroups::findNeeded(RecomputeGroup &group) const {
  for (Operation *op : group.again[static_cast<int>(Recompute::Full)])
    for (Value v : op->getResults())
      for (Operation *user : v.getUsers())
        if (isBackward(user) && (!group.needed || user->isBeforeInBlock(group.needed)))
          group.needed = user;
}

} // namespace of
