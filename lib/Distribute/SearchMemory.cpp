#include "lib/Distribute/SearchMemory.h"

#include "lib/Distribute/ChoiceSeconds.h"

#include <set>

using namespace mlir;

namespace of {

using search::CostEdge;
using search::CostNode;

// Each mesh has rows of its own. Of meshes that follow one another as stages of a pipeline, each
// has as many micro-batches under way as stages follow it, itself included. So a stage that does
// the same as one before it needs no more than that one, and no rows.
void SearchMemory::findRows() {
  int64_t microBatches = 1;
  for (const DistNode &node : network.nodes())
    microBatches = std::max(microBatches, node.times);
  const unsigned count = meshes.list().size();
  for (unsigned i = 0; i < count; ++i)
    underWay.push_back(std::min<int64_t>(microBatches, count - i));
  turn = network.nodes().size();
  for (size_t n = network.nodes().size(); n-- > 0;)
    if (meshOf(n) + 1 == count && isa<MicroOp>(node(n).op->getParentOp()))
      turn = n;
  std::vector<std::vector<uint32_t>> does(count);
  for (size_t n = 0; n < network.nodes().size(); ++n)
    does[meshOf(n)].push_back(classOf[n]);
  std::set<std::vector<uint32_t>> known; // looked up only
  for (std::vector<uint32_t> &classes : does)
    hasRows.push_back(known.insert(std::move(classes)).second);
}

// Lives of a member on one mesh, once for each micro-batch whose gradient it waits for.
void SearchMemory::addLife(DistLives &lives, size_t n, int64_t last, unsigned mesh) const {
  const bool waits = isa<MicroOp>(node(n).op->getParentOp()) && !isa<YieldOp>(node(n).op) &&
                     n < turn && last >= static_cast<int64_t>(turn);
  for (int64_t i = 0; i < (waits ? underWay[mesh] : 1); ++i)
    lives.add(n + 1, last + 1);
}

// Of folded members the one that is in use is counted from the first to the turn and from there
// to the last, so the others are what is kept.
void SearchMemory::addLifeWithGap(ValueClass &value, size_t n, int64_t last,
                                  const RecomputeProblem::Gap &gap, unsigned mesh) const {
  KeptValue &kept = value.kept[mesh];
  value.lives[mesh].add(n + 1, gap.from + 1);
  addLife(kept.lives, gap.from, gap.to - 1, mesh);
  kept.gaps.resize(kept.lives.count(), gap);
  if (last >= gap.to)
    kept.after.add(gap.to, last + 1);
}

void SearchMemory::addLives(ValueClass &value, size_t n, const std::map<unsigned, int64_t> &last,
                            const RecomputeProblem::Gap *gap) const {
  const unsigned home = meshOf(n);
  for (auto [mesh, at] : last)
    if (mesh != home)
      addLife(value.livesElsewhere[{mesh, int(mesh) - int(home)}], n, at, mesh);
    else if (gap)
      addLifeWithGap(value, n, at, *gap, mesh);
    else
      addLife(value.lives[mesh], n, at, mesh);
}

static bool isSome(const std::pair<const unsigned, int64_t> &entry) { return entry.second > 0; }

// Registers have a place of their own through the whole step: what exchanges read and write.
// Other values share theirs with those that do not live at the same time; variables have one
// already.
void SearchMemory::addUsages(const ValueClass &value, ArrayRef<DistAttr> needs,
                             ArrayRef<uint64_t> sets, ArrayRef<DistAttr> ways, uint32_t hub,
                             OwnBytes counted) {
  const int first = int(meshOf(value.producer));
  std::map<unsigned, SmallVector<int64_t>> registers; ///< by mesh, of each option of the hub
  for (auto &[mesh, lives] : value.lives)
    registers[mesh];
  for (auto &[place, lives] : value.livesElsewhere)
    registers[place.first];
  SmallVector<int64_t> shares; ///< bytes of what takes turns, of each option of the hub
  /// Of registers of one member that a gradient waits for: the value as it is made, which may be
  /// made again, and what exchanges gave, which is kept.
  SmallVector<int64_t> waiting, waitingBoxed;
  const uint64_t forGradient = value.kept.empty() ? 0 : neededBackward(value, needs);
  for (DistAttr made : ways)
    for (uint64_t set : sets) {
      std::map<unsigned, int64_t> boxed; ///< of the first member
      int64_t shared = estimated(addVersionBytes(value, needs, set, made, boxed));
      if (counted == OwnBytes::Elsewhere)
        shared = 0;
      for (auto &[mesh, bytes] : boxed)
        bytes = estimated(bytes);
      const bool isExchanged = counted == OwnBytes::Exchanged || llvm::any_of(boxed, isSome);
      std::map<unsigned, int64_t> sums;
      for (auto &[mesh, lives] : value.lives)
        sums[mesh] += lives.count() * (boxed[first] + (isExchanged ? shared : 0));
      for (auto &[place, lives] : value.livesElsewhere)
        sums[place.first] += lives.count() * boxed[first + place.second];
      for (auto &[mesh, bytes] : registers)
        bytes.push_back(sums[mesh]);
      shares.push_back(isExchanged ? 0 : shared);
      const auto [own, given] = waitingBytes(value, needs, set & forGradient, made);
      waiting.push_back(isExchanged ? estimated(own) : 0);
      waitingBoxed.push_back(isExchanged ? estimated(given) : 0);
    }
  addShares(value, shares, hub, counted == OwnBytes::Counted);
  for (const auto &[mesh, kept] : value.kept) {
    if (hasRows[mesh] && llvm::any_of(waiting, [](int64_t bytes) { return bytes > 0; }))
      addWaiting(kept, waiting, hub, mesh);
    const int64_t others = moreUnderWay(kept.gaps.size(), mesh);
    addTied(llvm::map_to_vector(waitingBoxed, [&](int64_t b) { return b * others; }), hub, mesh,
            nullptr);
  }
  for (auto &[mesh, bytes] : registers)
    addTied(bytes, hub, mesh, nullptr);
}

// Versions that some op of the backward pass can take.
uint64_t SearchMemory::neededBackward(const ValueClass &value, ArrayRef<DistAttr> needs) const {
  uint64_t out = 0;
  for (UserPlace user : value.users)
    if (RecomputeGroups::isBackward(node(representative[user.of]).op))
      for (const DistOption &option : node(representative[user.of]).options) {
        const size_t at =
            llvm::find(needs, distAttr(meshes.list()[user.mesh], option.operands[user.operand])) -
            needs.begin();
        if (at < needs.size())
          out |= uint64_t(1) << at;
      }
  return out;
}

// Bytes of these versions of an exchanged value where it is made: as it is, and of the others.
std::pair<int64_t, int64_t> SearchMemory::waitingBytes(const ValueClass &value,
                                                       ArrayRef<DistAttr> needs, uint64_t set,
                                                       DistAttr made) const {
  const MeshAttr home = node(value.producer).mesh;
  Value v = node(value.producer).results[value.result];
  std::pair<int64_t, int64_t> bytes;
  for (unsigned i = 0; i < needs.size(); ++i)
    if ((set >> i & 1) && needs[i].getMesh() == home)
      (!made || needs[i] == made ? bytes.first : bytes.second) += partBytes(v.getType(), needs[i]);
  return bytes;
}

// Lives that are kept, of each way of the groups.
SmallVector<int64_t> SearchMemory::keptByWay(const KeptValue &kept) const {
  SmallVector<int64_t> out;
  for (const RecomputeProblem::Way &way : again->ways(kept.gaps.front().groups))
    out.push_back(llvm::count_if(
        kept.gaps, [&](const RecomputeProblem::Gap &gap) { return again->isKept(gap, way); }));
  return out;
}

// Each member has registers already; one whose value is kept has them for every micro-batch that
// is under way.
void SearchMemory::addWaiting(const KeptValue &kept, ArrayRef<int64_t> bytes, uint32_t hub,
                              unsigned mesh) {
  SmallVector<int64_t> counts = keptByWay(kept);
  for (int64_t &count : counts)
    count = moreUnderWay(count, mesh);
  addProduct(bytes, counts, hub, again->nodeOf(kept.gaps.front().groups), mesh, nullptr);
}

// The hub itself has those of the first mesh.
void SearchMemory::addShares(const ValueClass &value, ArrayRef<int64_t> shares, uint32_t hub,
                             bool isKept) {
  bool isFirst = true;
  for (auto &[mesh, lives] : value.lives) {
    if (!hasRows[mesh])
      continue;
    const int64_t most = lives.mostAtOnce();
    const SmallVector<int64_t> bytes =
        llvm::map_to_vector(shares, [&](int64_t s) { return s * most; });
    std::optional<uint32_t> carrier = hub;
    if (isFirst) {
      problem.nodes[hub].usages.assign(bytes.begin(), bytes.end());
      setLife(hub, lives, mesh, false);
    } else {
      carrier = addTied(bytes, hub, mesh, &lives);
    }
    isFirst = false;
    if (auto kept = value.kept.find(mesh); carrier && isKept && kept != value.kept.end())
      addKept(value, kept->second, shares, hub, *carrier, mesh);
  }
  if (isFirst)
    problem.nodes[hub].usages.assign(shares.size(), 0);
}

// What is there in the gap, and behind it. `carrier` has the bytes of what is in use.
void SearchMemory::addKept(const ValueClass &value, const KeptValue &kept, ArrayRef<int64_t> shares,
                           uint32_t hub, uint32_t carrier, unsigned mesh) {
  const int64_t inUse = value.lives.at(mesh).mostAtOnce();
  const bool isFolded = value.homes.at(mesh) > inUse && kept.gaps.front().isKept[0];
  SmallVector<int64_t> counts = keptByWay(kept);
  for (int64_t &count : counts)
    count = std::max<int64_t>(count - (isFolded ? inUse : 0), 0);
  if (isFolded)
    problem.nodes[carrier].to =
        std::max(problem.nodes[carrier].to, begin(mesh) + kept.lives.firstEnd());
  addProduct(shares, counts, hub, again->nodeOf(kept.gaps.front().groups), mesh, &kept.lives);
  if (kept.after.count() == 0)
    return;
  const int64_t most = kept.after.mostAtOnce();
  addTied(llvm::map_to_vector(shares, [&](int64_t s) { return s * most; }), hub, mesh, &kept.after);
}

// Bytes that one node gives times the number that another gives. An option for each product, one
// where the bytes are none and one where the number is. Without lives they are there at all
// times.
void SearchMemory::addProduct(ArrayRef<int64_t> bytes, ArrayRef<int64_t> counts, uint32_t a,
                              uint32_t b, unsigned mesh, const DistLives *lives) {
  llvm::SetVector<int64_t> allBytes, allCounts;
  allBytes.insert(bytes.begin(), bytes.end());
  allCounts.insert(counts.begin(), counts.end());
  SmallVector<std::pair<int64_t, int64_t>> pairs; ///< -1: any
  if (allBytes.contains(0))
    pairs.push_back({0, -1});
  if (allCounts.contains(0))
    pairs.push_back({-1, 0});
  for (int64_t each : allBytes)
    for (int64_t count : allCounts)
      if (each > 0 && count > 0)
        pairs.push_back({each, count});
  const uint32_t product = problem.nodes.size();
  CostEdge toA{a, product, {}}, toB{b, product, {}};
  for (int64_t each : bytes)
    for (auto [of, count] : pairs)
      toA.costs.push_back(of < 0 || of == each ? 0 : search::kForbidden);
  for (int64_t times : counts)
    for (auto [of, count] : pairs)
      toB.costs.push_back(count < 0 || count == times ? 0 : search::kForbidden);
  CostNode node;
  node.costs.assign(pairs.size(), 0);
  for (auto [of, count] : pairs)
    node.usages.push_back(std::max<int64_t>(of, 0) * std::max<int64_t>(count, 0));
  problem.nodes.push_back(std::move(node));
  setLife(product, lives ? *lives : DistLives(), mesh, !lives);
  problem.edges.push_back(std::move(toA));
  problem.edges.push_back(std::move(toB));
}

// Bytes of what exchanges give, by mesh; returned are those of the value as it is made. Where
// that is not known, the versions stand for it.
int64_t SearchMemory::addVersionBytes(const ValueClass &value, ArrayRef<DistAttr> needs,
                                      uint64_t set, DistAttr made,
                                      std::map<unsigned, int64_t> &boxed) const {
  Value v = node(value.producer).results[value.result];
  const bool ofVariable = !node(value.producer).variable.empty();
  int64_t shared = made && !ofVariable ? partBytes(v.getType(), made) : 0;
  for (unsigned i = 0; i < needs.size(); ++i) {
    if (!(set >> i & 1))
      continue;
    if (made)
      boxed[meshes.indexOf(needs[i].getMesh())] += network.boxingBytes(v, made, needs[i]);
    else if (needs[i].getMesh() == node(value.producer).mesh)
      shared += partBytes(v.getType(), needs[i]);
    else
      boxed[meshes.indexOf(needs[i].getMesh())] += partBytes(v.getType(), needs[i]);
  }
  return shared;
}

// A node whose options are the different numbers of bytes, tied to those of the other node.
// Without lives they are there at all times. None if there are no bytes, or the mesh has no rows.
std::optional<uint32_t> SearchMemory::addTied(ArrayRef<int64_t> bytes, uint32_t hub, unsigned mesh,
                                              const DistLives *lives) {
  llvm::SetVector<int64_t> different(bytes.begin(), bytes.end());
  if (!hasRows[mesh] || (different.size() == 1 && different[0] == 0))
    return std::nullopt;
  CostEdge edge{hub, uint32_t(problem.nodes.size()), {}};
  for (int64_t of : bytes)
    for (int64_t one : different)
      edge.costs.push_back(of == one ? 0 : search::kForbidden);
  CostNode registers;
  registers.costs.assign(different.size(), 0);
  registers.usages.assign(different.begin(), different.end());
  problem.nodes.push_back(std::move(registers));
  setLife(edge.b, lives ? *lives : DistLives(), mesh, !lives);
  problem.edges.push_back(edge);
  return edge.b;
}

void SearchMemory::setLife(uint32_t n, const DistLives &lives, unsigned mesh, bool always) {
  problem.nodes[n].from = begin(mesh) + (always ? 0 : lives.first());
  problem.nodes[n].to = begin(mesh) + (always ? clock() : lives.last());
}

// Variables are always there; results as they are made, until their versions are. The class
// itself has those of the first mesh.
void SearchMemory::addOwnUsages() {
  std::vector<std::map<unsigned, DistLives>> lives(representative.size());
  int64_t firstYield = network.nodes().size(), lastYield = 0;
  for (size_t n = 0; n < network.nodes().size(); ++n)
    if (isa<YieldOp>(node(n).op)) {
      firstYield = std::min<int64_t>(firstYield, n);
      lastYield = n;
    }
  for (size_t n = 0; n < network.nodes().size(); ++n)
    if (isa<YieldOp>(node(n).op))
      lives[classOf[n]][meshOf(n)].add(firstYield, lastYield + 1);
    else
      lives[classOf[n]][meshOf(n)].add(n, n + 1);
  for (uint32_t c = 0; c < representative.size(); ++c) {
    const DistNode &member = node(representative[c]);
    const bool isVariable = !member.variable.empty();
    SmallVector<int64_t> bytes;
    for (const DistOption &option : member.options)
      bytes.push_back(ownBytes(member, option));
    std::vector<int64_t> &usages = problem.nodes[c].usages;
    for (auto &[mesh, on] : lives[c]) {
      if (!hasRows[mesh])
        continue;
      const int64_t times = isVariable ? on.count() : on.mostAtOnce();
      const SmallVector<int64_t> all =
          llvm::map_to_vector(bytes, [&](int64_t b) { return times * b; });
      if (usages.empty()) {
        usages.assign(all.begin(), all.end());
        setLife(c, on, mesh, isVariable);
      } else {
        addTied(all, c, mesh, isVariable ? nullptr : &on);
      }
    }
  }
}

int64_t SearchMemory::estimated(int64_t bytes) const {
  return std::llround(network.memoryFactor() * static_cast<double>(bytes));
}

int64_t SearchMemory::ownBytes(const DistNode &node, const DistOption &option) const {
  if (!node.variable.empty())
    return variableBytes(node, option);
  int64_t bytes = 0;
  for (auto [result, made] : llvm::zip(node.results, option.made))
    bytes += partBytes(result.getType(), distAttr(node.mesh, made));
  return estimated(bytes);
}

} // namespace of
