#include "lib/Distribute/RecomputeProblem.h"

#include <set>

using namespace mlir;

namespace of {

/// Numbers of groups to do again that a class may choose between, beside none of them.
static constexpr int64_t mostCounts = 8;

static int index(Recompute level) { return static_cast<int>(level); }

RecomputeProblem::RecomputeProblem(const DistNetwork &network, const std::vector<uint32_t> &classOf)
    : network(network), classOfNode(classOf), copies(network) {
  if (!network.recompute())
    return;
  numberOps();
  findClasses(classOf);
  findGaps();
  findLeavingGaps();
}

void RecomputeProblem::numberOps() {
  for (auto [n, node] : llvm::enumerate(network.nodes()))
    if (node.variable.empty() && !node.operands.empty())
      position.try_emplace(node.op, n);
}

// ---- Groups that are alike

static SmallVector<RecomputeProblem::Way> waysOf(ArrayRef<Recompute> levels, int64_t members) {
  SmallVector<RecomputeProblem::Way> out;
  for (Recompute level : levels) {
    if (level == Recompute::None) {
      out.push_back({level, 0});
      continue;
    }
    const bool isOpen = levels.size() > 1;
    const int64_t steps = isOpen ? std::min(members, mostCounts) : 1;
    for (int64_t i = 1; i <= steps; ++i)
      out.push_back({level, (members * i + steps - 1) / steps});
  }
  return out;
}

void RecomputeProblem::findClasses(const std::vector<uint32_t> &classOf) {
  std::map<std::vector<int64_t>, size_t> known;
  for (auto [g, group] : llvm::enumerate(network.recompute()->groups())) {
    classOfGroup.push_back(-1);
    memberOfGroup.push_back(0);
    if (!group.needed)
      continue;
    std::vector<int64_t> key;
    for (Recompute level : network.levels()[g])
      key.push_back(index(level));
    for (Recompute level : recomputeLevels) {
      key.push_back(-1);
      for (Operation *op : group.again[index(level)])
        if (auto at = position.find(op); at != position.end())
          key.push_back(classOf[at->second]);
    }
    auto [it, isNew] = known.try_emplace(key, classes.size());
    if (isNew)
      classes.emplace_back();
    GroupClass &c = classes[it->second];
    memberOfGroup.back() = c.onMesh[group.mesh]++;
    c.members.push_back(g);
    classOfGroup.back() = int64_t(it->second);
  }
  for (GroupClass &c : classes) {
    int64_t most = 0;
    for (auto &[mesh, members] : c.onMesh)
      most = std::max(most, members);
    c.ways = waysOf(network.levels()[c.members.front()], most);
    if (c.ways.size() > 1) // what takes longer to leave is still there when the others are
      llvm::erase_if(c.ways, [&](const Way &way) {
        return way.level == Recompute::Host &&
               !copies.leaveInTime(c.members.front(), way.count, most);
      });
  }
}

std::map<uint32_t, int64_t> RecomputeProblem::countAgain(size_t group, Recompute level) const {
  std::map<uint32_t, int64_t> out;
  for (Operation *op : network.recompute()->again(group, level))
    if (auto at = position.find(op); at != position.end())
      out[classOfNode[at->second]]++;
  return out;
}

std::map<uint32_t, std::vector<double>> RecomputeProblem::leavingSeconds(size_t group) const {
  std::map<uint32_t, std::vector<double>> out;
  for (const HostCopies::Leaving &value : copies.leaving(group)) {
    std::vector<double> &sums = out[classOfNode[value.node]];
    const DistOptions &options = network.nodes()[value.node].options;
    sums.resize(options.size());
    for (auto [sum, option] : llvm::zip(sums, options))
      sum += copies.seconds(value, option);
  }
  return out;
}

/// What one group's ways make dearer, by class of op: times that it is done again, by level, and
/// seconds of what it leaves, by option.
struct RecomputeProblem::Dearer {
  std::array<std::map<uint32_t, int64_t>, numRecomputeLevels> again;
  std::map<uint32_t, std::vector<double>> leaving;
};

// Of all members on a mesh that go a way: the op done again, and what it leaves copied.
std::vector<double> RecomputeProblem::costsOn(const GroupClass &c, const Dearer &dearer,
                                              int64_t members, uint32_t op,
                                              ArrayRef<double> seconds) const {
  const auto left = dearer.leaving.find(op);
  std::vector<double> out;
  for (const Way &way : c.ways) {
    const int64_t count = std::min(way.count, members);
    const auto &again = dearer.again[index(way.level)];
    const auto times = again.find(op);
    const int64_t runs = times == again.end() ? 0 : times->second * count;
    const bool leaves = way.level == Recompute::Host && left != dearer.leaving.end() && count > 0;
    const double longer =
        leaves ? double(count) * copies.longerPerSecond(c.members.front(), count) : 0;
    for (size_t o = 0; o < seconds.size(); ++o) {
      double cost = runs ? double(runs) * seconds[o] : 0; // forbidden ones stay so
      if (leaves)
        cost += longer * left->second[o];
      out.push_back(cost);
    }
  }
  return out;
}

void RecomputeProblem::addChoices(
    search::CostNetwork &problem, llvm::function_ref<ArrayRef<double>(uint32_t)> seconds,
    llvm::function_ref<void(uint32_t, MeshAttr, std::vector<double>)> added) {
  for (GroupClass &c : classes) {
    c.node = problem.nodes.size();
    problem.nodes.emplace_back();
    problem.nodes.back().costs.assign(c.ways.size(), 0);
    Dearer dearer;
    std::set<uint32_t> ops;
    for (const Way &way : c.ways) {
      auto &again = dearer.again[index(way.level)];
      if (again.empty())
        again = countAgain(c.members.front(), way.level);
      for (auto [op, times] : again)
        ops.insert(op);
      if (way.level == Recompute::Host && dearer.leaving.empty())
        dearer.leaving = leavingSeconds(c.members.front());
    }
    for (auto &[op, each] : dearer.leaving)
      ops.insert(op);
    for (uint32_t op : ops) {
      search::CostEdge edge{c.node, op, {}};
      edge.costs.resize(c.ways.size() * seconds(op).size());
      for (auto &[mesh, members] : c.onMesh) {
        std::vector<double> costs = costsOn(c, dearer, members, op, seconds(op));
        for (auto [sum, more] : llvm::zip(edge.costs, costs))
          sum += more;
        added(op, mesh, std::move(costs));
      }
      problem.edges.push_back(std::move(edge));
    }
  }
}

RecomputeChoice RecomputeProblem::levelsOf(const search::Choice &choice) const {
  RecomputeChoice out(classOfGroup.size(), Recompute::None);
  for (const GroupClass &c : classes) {
    const Way &way = c.ways[choice[c.node]];
    for (size_t g : c.members)
      if (memberOfGroup[g] < way.count)
        out[g] = way.level;
  }
  return out;
}

// ---- Values

int64_t RecomputeProblem::lastForward(Value value) const {
  int64_t last = -1;
  if (auto at = position.find(value.getDefiningOp()); at != position.end())
    last = at->second;
  for (Operation *user : value.getUsers())
    if (auto at = position.find(user); at != position.end() && !RecomputeGroups::isBackward(user))
      last = std::max(last, at->second);
  return last;
}

static bool isWanted(Value value) {
  return llvm::any_of(value.getUsers(), RecomputeGroups::isBackward);
}

RecomputeProblem::Gap RecomputeProblem::gapUntil(Value value, size_t group) const {
  return {size_t(classOfGroup[group]), memberOfGroup[group], lastForward(value),
          position.lookup(network.recompute()->groups()[group].needed)};
}

void RecomputeProblem::addGap(Value value, const Gap &gap) {
  const bool isSame = llvm::all_equal(gap.isKept);
  if (!isSame && gap.from < gap.to)
    gaps[value] = gap;
}

void RecomputeProblem::findGaps() {
  const RecomputeGroups &groups = *network.recompute();
  /// Who computes again from a kept value: groups with the levels at which they do.
  llvm::MapVector<Value, llvm::MapVector<size_t, std::array<bool, numRecomputeLevels>>> sources;
  for (auto [g, group] : llvm::enumerate(groups.groups())) {
    if (classOfGroup[g] < 0)
      continue;
    for (Recompute level : recomputeLevels)
      for (Operation *op : group.again[index(level)])
        for (Value operand : op->getOperands())
          if (position.contains(operand.getDefiningOp()) &&
              isa<MicroOp>(operand.getDefiningOp()->getParentOp()) &&
              !groups.isDropped(operand, level))
            sources[operand][g][index(level)] = true;
  }
  for (auto [g, group] : llvm::enumerate(groups.groups())) {
    if (classOfGroup[g] < 0)
      continue;
    for (Operation *op : group.ops)
      for (Value v : op->getResults()) {
        if (!groups.isDropped(v, Recompute::Full))
          continue;
        Gap gap = gapUntil(v, g);
        auto from = sources.find(v); // its own group alone
        for (Recompute level : recomputeLevels)
          gap.isKept[index(level)] =
              !groups.isDropped(v, level) &&
              (isWanted(v) || (from != sources.end() && from->second.front().second[index(level)]));
        gap.isKept[index(Recompute::Host)] = !mayLeave(g) && gap.isKept[index(Recompute::None)];
        addGap(v, gap);
      }
  }
  for (auto &[v, users] : sources) {
    if (groups.isDropped(v, Recompute::Full))
      continue;
    int64_t last = -1;
    for (auto &[g, levels] : users)
      last = std::max(last, position.lookup(groups.groups()[g].needed));
    if (isWanted(v) || users.size() > 1) {
      needed[v] = last;
      continue;
    }
    auto &[g, levels] = users.front();
    Gap gap = gapUntil(v, g);
    gap.isKept = levels;
    addGap(v, gap);
  }
}

// At level host what others of the forward pass use leaves too, until the backward pass needs it.
void RecomputeProblem::findLeavingGaps() {
  for (size_t g = 0; g < classOfGroup.size(); ++g) {
    if (classOfGroup[g] < 0 || !mayLeave(g))
      continue;
    for (const HostCopies::Leaving &leaving : copies.leaving(g)) {
      Value v = network.nodes()[leaving.node].results[leaving.result];
      if (gaps.contains(v))
        continue;
      Gap gap = gapUntil(v, g);
      gap.to = std::numeric_limits<int64_t>::max();
      for (Operation *user : v.getUsers())
        if (auto at = position.find(user);
            at != position.end() && RecomputeGroups::isBackward(user))
          gap.to = std::min(gap.to, at->second);
      for (Recompute level : recomputeLevels)
        gap.isKept[index(level)] = level != Recompute::Host;
      if (gap.to < std::numeric_limits<int64_t>::max())
        addGap(v, gap);
    }
  }
}

bool RecomputeProblem::mayLeave(size_t group) const {
  return llvm::is_contained(network.levels()[group], Recompute::Host);
}

const RecomputeProblem::Gap *RecomputeProblem::gapOf(Value value) const {
  auto it = gaps.find(value);
  return it == gaps.end() ? nullptr : &it->second;
}

int64_t RecomputeProblem::lastAgain(Value value) const {
  auto it = needed.find(value);
  return it == needed.end() ? -1 : it->second;
}

} // namespace of
