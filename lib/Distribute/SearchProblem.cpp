#include "lib/Distribute/SearchProblem.h"

#include "lib/Distribute/ChoiceSeconds.h"
#include "lib/Distribute/SearchMemory.h"
#include "lib/Distribute/Versions.h"

#include "mlir/IR/Threading.h"

#include <map>
#include <tuple>

using namespace mlir;

namespace of {

using search::CostEdge;
using search::CostNode;

class ProblemBuilder {
public:
  ProblemBuilder(SearchProblem &out, SearchProblemOptions options)
      : out(out), network(out.network), options(options), edges(network), meshes(network),
        memory(out.problem, network, meshes, out.classOf, representative, out.again) {}

  void run() {
    isSmall = network.nodes().size() <= options.fewNodes;
    if (isSmall) {
      for (uint32_t n = 0; n < network.nodes().size(); ++n)
        out.classOf.push_back(n);
      options.mostVersionSets = mostSetsOfFew;
    } else {
      out.classOf = foldColours(network, edges, meshes, options.fold);
    }
    out.meshList.assign(meshes.list().begin(), meshes.list().end());
    memory.findRows();
    for (size_t n = 0; n < network.nodes().size(); ++n)
      addNode(n);
    out.again.emplace(network, out.classOf);
    out.again->addChoices(
        out.problem,
        [&](uint32_t c) { return ArrayRef(seconds).slice(firstOption[c], optionsOf(c).size()); },
        [&](uint32_t c, MeshAttr mesh, std::vector<double> costs) {
          addToEdge(loadOf(meshes.indexOf(mesh), node(representative[c]).op), std::move(costs));
        });
    for (size_t n = 0; n < network.nodes().size(); ++n)
      for (unsigned r = 0; r < network.nodes()[n].results.size(); ++r)
        countValue(n, r);
    out.problem.usageLimit = options.memoryLimit;
    askAhead();
    for (const auto &[key, value] : values)
      if (value.users.size() == 1 && !options.memoryLimit)
        addEdge(value, value.users.front());
      else
        addVersions(value, value.users);
    if (options.memoryLimit)
      memory.addOwnUsages();
  }

private:
  /// Producer; who decides whether it is kept, and how; users, with what their mesh is to the
  /// maker's.
  using ValueKey = std::tuple<std::pair<uint32_t, unsigned>, std::vector<int64_t>,
                              std::vector<std::array<int64_t, 3>>>;

  const DistNode &node(size_t n) const { return network.nodes()[n]; }

  unsigned meshOf(size_t n) const { return meshes.indexOf(node(n).mesh); }

  /// Smaller networks are built beside each other.
  static constexpr size_t leastLarge = 1000;

  // What the values of a large network cost to move is asked of the planner on all cores; it
  // answers the same whatever it was asked before.
  void askAhead() const {
    if (network.nodes().size() < leastLarge)
      return;
    std::vector<const ValueClass *> asked;
    for (const auto &[key, value] : values)
      asked.push_back(&value);
    parallelFor(node(0).op->getContext(), 0, asked.size(), [&](size_t i) {
      const ValueClass &value = *asked[i];
      Value v = node(value.producer).results[value.result];
      llvm::SetVector<DistAttr> needs, from;
      for (UserPlace user : value.users)
        for (const DistOption &option : optionsOf(user.of))
          needs.insert(neededBy(user, option));
      for (const DistOption &option : node(value.producer).options)
        from.insert(madeBy(value, option));
      if (value.users.size() > 1 || options.memoryLimit)
        from.insert(needs.begin(), needs.end());
      for (DistAttr source : from)
        for (DistAttr need : needs)
          network.moveSeconds(v, source, need);
    });
  }

  // ---- Nodes

  // Members of a class add up.
  void addNode(size_t n) {
    uint32_t c = out.classOf[n];
    if (c == out.problem.nodes.size()) {
      out.problem.nodes.emplace_back();
      representative.push_back(n);
      out.problem.nodes[c].costs.resize(node(n).options.size());
      for (auto [o, option] : llvm::enumerate(node(n).options))
        seconds.push_back(ownSeconds(n, option));
      firstOption.push_back(seconds.size() - node(n).options.size());
    }
    addToNode(c, loadOf(meshOf(n), node(n).op),
              ArrayRef<double>(seconds).slice(firstOption[c], node(n).options.size()));
  }

  // ---- Loads

  unsigned loadOf(unsigned mesh, Operation *maker) const { return 2 * mesh + !isPerMicro(maker); }

  // Large networks are not weighed.
  bool areLoadsApart() {
    if (out.problem.nodes.size() > options.mostWeighed)
      out.parts.clear();
    return meshes.list().size() > 1 && out.problem.nodes.size() <= options.mostWeighed;
  }

  void addToNode(uint32_t c, unsigned load, ArrayRef<double> costs) {
    for (auto [cost, more] : llvm::zip(out.problem.nodes[c].costs, costs))
      cost += more;
    if (areLoadsApart())
      out.parts.push_back({false, c, load, costs.vec()});
  }

  // Of an edge that is added next.
  void addToEdge(unsigned load, std::vector<double> costs) {
    if (areLoadsApart())
      out.parts.push_back({true, uint32_t(out.problem.edges.size()), load, std::move(costs)});
  }

  // With the boxings of free values that cannot be made as the option needs them.
  double ownSeconds(size_t n, const DistOption &option) const {
    double total = node(n).times * option.seconds;
    for (unsigned i = 0; i < option.operands.size(); ++i) {
      if (edges.producer(n, i))
        continue;
      Value v = node(n).operands[i]->get();
      const DistValue &info = network.value(v);
      total += network.moveSeconds(v, distAttr(info.mesh, info.candidates[0]),
                                   distAttr(node(n).mesh, option.operands[i]));
    }
    return total;
  }

  void countValue(size_t n, unsigned r) {
    const unsigned home = meshOf(n);
    std::vector<UserPlace> users;
    for (const DistUse &use : edges.users(n, r))
      users.push_back({out.classOf[use.node], use.operand, meshOf(use.node)});
    llvm::sort(users);
    users.erase(std::unique(users.begin(), users.end()), users.end());
    if (users.empty())
      return;
    const RecomputeProblem::Gap *gap = out.again->gapOf(node(n).results[r]);
    std::vector<int64_t> decides;
    if (gap) {
      decides.push_back(int64_t(gap->groups));
      decides.insert(decides.end(), gap->isKept.begin(), gap->isKept.end());
    }
    std::vector<std::array<int64_t, 3>> places;
    for (UserPlace user : users)
      places.push_back({user.of, user.operand, meshes.relationOf(home, user.mesh)});
    ValueClass &value =
        values.try_emplace({{out.classOf[n], r}, decides, places}, ValueClass{n, r, users})
            .first->second;
    value.count++;
    value.homes[home]++;
    std::map<unsigned, int64_t> last{
        {home, std::max<int64_t>(n, out.again->lastAgain(node(n).results[r]))}};
    for (const DistUse &use : edges.users(n, r)) {
      int64_t &on = last[meshOf(use.node)];
      on = std::max<int64_t>(on, use.node);
    }
    memory.addLives(value, n, last, gap);
  }

  DistAttr madeBy(const ValueClass &value, const DistOption &option) const {
    return distAttr(node(value.producer).mesh, option.results[value.result]);
  }
  DistAttr neededBy(UserPlace user, const DistOption &option) const {
    return distAttr(meshes.list()[user.mesh], option.operands[user.operand]);
  }
  const DistOptions &optionsOf(uint32_t c) const { return node(representative[c]).options; }

  /// Of so many members.
  static std::vector<double> times(std::vector<double> seconds, int64_t members) {
    for (double &each : seconds)
      each *= members;
    return seconds;
  }

  // ---- One user

  void addEdge(const ValueClass &value, UserPlace user) {
    Value v = node(value.producer).results[value.result];
    uint32_t producer = out.classOf[value.producer];
    std::vector<double> one; ///< of a member
    SmallVector<DistAttr> needs;
    for (const DistOption &need : optionsOf(user.of))
      needs.push_back(neededBy(user, need));
    for (const DistOption &option : node(value.producer).options) {
      DistAttr made = madeBy(value, option);
      for (DistAttr need : needs)
        one.push_back(network.moveSeconds(v, made, need));
    }
    const bool isOwn = producer == user.of;
    if (isOwn) { // what the class gives itself
      const size_t count = optionsOf(producer).size();
      for (size_t o = 0; o < count; ++o)
        one[o] = one[o * count + o];
      one.resize(count);
    }
    const int away = int(user.mesh) - int(meshOf(value.producer));
    for (auto [home, members] : value.homes) {
      const unsigned load = loadOf(home + away, node(value.producer).op);
      if (isOwn)
        addToNode(producer, load, times(one, members));
      else if (areLoadsApart())
        addToEdge(load, times(one, members));
    }
    if (!isOwn)
      out.problem.edges.push_back({producer, user.of, times(one, value.count)});
  }

  // ---- Several users

  // What some user can need and some option of the producer can give.
  SmallVector<DistAttr> needsOf(const ValueClass &value, ArrayRef<UserPlace> users) const {
    Value v = node(value.producer).results[value.result];
    llvm::SetVector<DistAttr> needs;
    for (UserPlace user : users)
      for (const DistOption &option : optionsOf(user.of))
        needs.insert(neededBy(user, option));
    SmallVector<DistAttr> possible;
    for (DistAttr need : needs)
      if (llvm::any_of(node(value.producer).options, [&](const DistOption &made) {
            return std::isfinite(network.moveSeconds(v, madeBy(value, made), need));
          }))
        possible.push_back(need);
    // Whole comes first and is always among them, so what is left out forbids nothing for good.
    if (possible.size() > 60)
      possible.resize(60);
    return possible;
  }

  SmallVector<uint64_t> setsOf(size_t needs, size_t users) const {
    unsigned most = std::min(needs, users);
    SmallVector<uint64_t> sets = versionSets(needs, std::min(most, 2u));
    while (sets.size() < options.mostVersionSets) {
      unsigned size = llvm::popcount(sets.back());
      if (size == most)
        break;
      SmallVector<uint64_t> more = versionSets(needs, size + 1);
      if (more.size() > options.mostVersionSets)
        break;
      sets = std::move(more);
    }
    return sets;
  }

  // Where there are too many sets for each mesh to have all it can need, each has a hub of its own:
  // what a mesh gets costs about the same from whichever mesh it comes.
  void addVersions(const ValueClass &value, ArrayRef<UserPlace> users) {
    const SmallVector<DistAttr> needs = needsOf(value, users);
    const SmallVector<uint64_t> sets = setsOf(needs.size(), users.size());
    const bool hasAll = llvm::popcount(sets.back()) == int(std::min(needs.size(), users.size()));
    std::map<unsigned, SmallVector<UserPlace>> byMesh;
    for (UserPlace user : users)
      byMesh[user.mesh].push_back(user);
    if (hasAll || byMesh.size() < 2)
      return addHub(value, users, needs, sets, OwnBytes::Counted);
    OwnBytes own = OwnBytes::Exchanged;
    for (auto &[mesh, there] : byMesh) {
      const SmallVector<DistAttr> some = needsOf(value, there);
      addHub(value, there, some, setsOf(some.size(), there.size()), own);
      own = OwnBytes::Elsewhere;
    }
  }

  /// What an option of a hub stands for beside how its value is made.
  struct Versions {
    SmallVector<uint64_t> sets;
    SmallVector<size_t> at;    ///< the set's number among those without ways
    SmallVector<unsigned> way; ///< of equally cheap ones
    size_t size() const { return sets.size(); }
  };

  void addHub(const ValueClass &value, ArrayRef<UserPlace> users, ArrayRef<DistAttr> needs,
              ArrayRef<uint64_t> sets, OwnBytes own) {
    uint32_t hub = out.problem.nodes.size();
    out.problem.nodes.emplace_back();
    const VersionTrees trees(network, node(value.producer).results[value.result], needs, sets);
    const MadeWays ways = waysOf(value, trees, needs);
    const Versions versions = versionsOf(sets, ways);
    // With what is made known, an option stands for a set of versions and for one way to be made.
    llvm::SetVector<DistAttr> made;
    if (options.memoryLimit)
      for (const DistOption &option : node(value.producer).options)
        made.insert(madeBy(value, option));
    if (made.empty() ||
        made.size() * versions.size() > (isSmall ? mostKnownOfFew : mostKnownSets)) {
      made.clear();
      made.insert(DistAttr());
    }
    out.problem.nodes[hub].costs.assign(made.size() * versions.size(), 0);
    if (areLoadsApart())
      addMakingByMesh(value, versions, ways, needs, made.size());
    addMaking(value, trees, versions, ways, made.getArrayRef(), hub);
    for (UserPlace user : users)
      addNeeding(user, needs, versions.sets, made.size(), hub);
    if (options.memoryLimit)
      memory.addUsages(value, needs, versions.sets, made.getArrayRef(), hub, own);
  }

  /// By how a value is made: the cheapest ways to each set.
  using MadeWays = std::map<NdSbp, std::vector<SmallVector<VersionWay>>>;

  // Of several meshes, whose loads are told apart.
  MadeWays waysOf(const ValueClass &value, const VersionTrees &trees, ArrayRef<DistAttr> needs) {
    MadeWays out;
    if (!areLoadsApart())
      return out;
    SmallVector<unsigned> meshOfNeed;
    for (DistAttr need : needs)
      meshOfNeed.push_back(meshes.indexOf(need.getMesh()));
    for (const DistOption &option : node(value.producer).options) {
      auto [it, isNew] = out.try_emplace(option.results[value.result]);
      if (isNew)
        it->second = trees.waysFrom(madeBy(value, option), meshOfNeed, meshes.list().size());
    }
    return out;
  }

  // All sets, then the other ways to have them.
  Versions versionsOf(ArrayRef<uint64_t> sets, const MadeWays &ways) const {
    Versions out;
    for (unsigned way = 0, most = 1; way < most; ++way)
      for (auto [at, set] : llvm::enumerate(sets)) {
        size_t count = 1;
        for (auto &[made, of] : ways)
          count = isSmall ? std::max(count, of[at].size()) : count;
        most = std::max<unsigned>(most, count);
        if (way >= count)
          continue;
        out.sets.push_back(set);
        out.at.push_back(at);
        out.way.push_back(way);
      }
    return out;
  }

  void addMaking(const ValueClass &value, const VersionTrees &trees, const Versions &versions,
                 const MadeWays &apart, ArrayRef<DistAttr> ways, uint32_t hub) {
    std::map<NdSbp, std::vector<double>> known;
    CostEdge edge{out.classOf[value.producer], hub, {}};
    for (const DistOption &option : node(value.producer).options) {
      const NdSbp &made = option.results[value.result];
      auto [it, isNew] = known.try_emplace(made);
      if (isNew)
        it->second = trees.secondsFrom(madeBy(value, option));
      const auto there = apart.find(made);
      for (DistAttr way : ways)
        for (auto [at, which] : llvm::zip(versions.at, versions.way)) {
          const bool isNone = which > 0 && which >= there->second[at].size();
          edge.costs.push_back(isNone || (way && way != madeBy(value, option))
                                   ? search::kForbidden
                                   : value.count * it->second[at]);
        }
    }
    out.problem.edges.push_back(std::move(edge));
  }

  // The same by the mesh that has the version, for each mesh on which members are made.
  void addMakingByMesh(const ValueClass &value, const Versions &versions, const MadeWays &apart,
                       ArrayRef<DistAttr> needs, size_t ways) {
    const unsigned count = meshes.list().size();
    std::vector<std::vector<double>> costs(count);
    for (const DistOption &option : node(value.producer).options) {
      const auto &of = apart.at(option.results[value.result]);
      for (size_t way = 0; way < ways; ++way)
        for (auto [at, which] : llvm::zip(versions.at, versions.way))
          for (unsigned mesh = 0; mesh < count; ++mesh)
            costs[mesh].push_back(which < of[at].size() ? of[at][which].seconds[mesh] : 0);
    }
    const int first = int(meshOf(value.producer));
    for (unsigned mesh = 0; mesh < count; ++mesh)
      if (llvm::any_of(needs,
                       [&](DistAttr need) { return meshes.indexOf(need.getMesh()) == mesh; }))
        for (auto [home, members] : value.homes)
          addToEdge(loadOf(home + int(mesh) - first, node(value.producer).op),
                    times(costs[mesh], members));
  }

  void addNeeding(UserPlace user, ArrayRef<DistAttr> needs, ArrayRef<uint64_t> sets, size_t ways,
                  uint32_t hub) {
    CostEdge edge{hub, user.of, {}};
    SmallVector<size_t> at;
    for (const DistOption &option : optionsOf(user.of))
      at.push_back(llvm::find(needs, neededBy(user, option)) - needs.begin());
    for (size_t way = 0; way < ways; ++way)
      for (uint64_t set : sets)
        for (size_t need : at)
          edge.costs.push_back(need < needs.size() && (set >> need & 1) ? 0 : search::kForbidden);
    out.problem.edges.push_back(std::move(edge));
  }

  /// Options of a node that knows how its value is made, at most; of a small network more.
  static constexpr size_t mostKnownSets = 1000, mostKnownOfFew = 12000;
  static constexpr unsigned mostSetsOfFew = 700; ///< of versions

  SearchProblem &out;
  const DistNetwork &network;
  SearchProblemOptions options;
  DistEdges edges;
  DistMeshes meshes;
  bool isSmall = false;
  std::vector<size_t> representative; ///< by class: its first DistNode
  std::vector<double> seconds;        ///< of one member, options of all classes
  std::vector<size_t> firstOption;    ///< by class, into seconds
  std::map<ValueKey, ValueClass> values;
  SearchMemory memory;
};

SearchProblem::SearchProblem(const DistNetwork &network, SearchProblemOptions options)
    : network(network) {
  ProblemBuilder(*this, options).run();
}

search::CostNetwork SearchProblem::weighed(ArrayRef<double> weights) const {
  search::CostNetwork out = problem;
  auto costsOf = [&](const CostPart &part) -> std::vector<double> & {
    return part.isEdge ? out.edges[part.index].costs : out.nodes[part.index].costs;
  };
  for (const CostPart &part : parts)
    for (double &cost : costsOf(part))
      if (std::isfinite(cost))
        cost = 0;
  for (const CostPart &part : parts)
    for (auto [cost, more] : llvm::zip(costsOf(part), part.costs))
      if (std::isfinite(cost)) // what is forbidden stays so
        cost += weights[part.load] * more;
  return out;
}

DistChoice SearchProblem::choiceOf(const search::Choice &choice) const {
  DistChoice out;
  for (uint32_t c : classOf)
    out.push_back(choice[c]);
  return out;
}

size_t SearchProblem::nodeAt(int64_t time) const {
  const auto clock = static_cast<int64_t>(network.nodes().size());
  return std::min(time % (clock + 1), clock - 1); // as SearchMemory::begin has it
}

RecomputeChoice SearchProblem::levelsOf(const search::Choice &choice) const {
  return again->levelsOf(choice);
}

} // namespace of
