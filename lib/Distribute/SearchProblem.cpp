#include "lib/Distribute/SearchProblem.h"

#include "lib/Distribute/ChoiceSeconds.h"
#include "lib/Distribute/Lives.h"
#include "lib/Distribute/Versions.h"

#include <map>

using namespace mlir;

namespace of {

using search::CostEdge;
using search::CostNode;

/// A place that needs a value: operand of all nodes of a class.
using UserPlace = std::pair<uint32_t, unsigned>;

class ProblemBuilder {
public:
  ProblemBuilder(SearchProblem &out, SearchProblemOptions options)
      : out(out), network(out.network), options(options), edges(network) {}

  void run() {
    isSmall = network.nodes().size() <= options.fewNodes;
    if (isSmall) {
      for (uint32_t n = 0; n < network.nodes().size(); ++n)
        out.classOf.push_back(n);
      options.mostVersionSets = mostSetsOfFew;
    } else {
      out.classOf = foldColours(network, edges, options.fold);
    }
    findMeshes();
    for (size_t n = 0; n < network.nodes().size(); ++n)
      addNode(n);
    out.again.emplace(network, out.classOf);
    out.again->addChoices(
        out.problem,
        [&](uint32_t c) { return ArrayRef(seconds).slice(firstOption[c], optionsOf(c).size()); },
        [&](uint32_t c, const CostEdge &edge) {
          const DistNode &member = node(representative[c]);
          addToEdge(loadOf(member.mesh, member.op), edge.costs);
        });
    for (size_t n = 0; n < network.nodes().size(); ++n)
      for (unsigned r = 0; r < network.nodes()[n].results.size(); ++r)
        countValue(n, r);
    out.problem.usageLimit = options.memoryLimit;
    for (const auto &[key, value] : values)
      if (const auto &users = std::get<2>(key); users.size() == 1 && !options.memoryLimit)
        addEdge(value, users.front());
      else
        addVersions(value, users);
    if (options.memoryLimit)
      addOwnUsages();
  }

private:
  /// A value that stands for all that are made and needed at the same places.
  struct ValueClass {
    size_t producer;
    unsigned result;
    int64_t count = 0;
    std::map<unsigned, DistLives> lives = {}; ///< of its members, by mesh
    /// Where it is computed again or kept, the same in all members: `lives` end with the forward
    /// pass, in between it may be kept, and then it is there again.
    std::vector<RecomputeProblem::Gap> gaps = {}; ///< of the members, one for each life in `kept`
    DistLives kept = {}, after = {};
  };
  /// Producer; who decides whether it is kept, and how; users.
  using ValueKey =
      std::tuple<std::pair<uint32_t, unsigned>, std::vector<int64_t>, std::vector<UserPlace>>;

  const DistNode &node(size_t n) const { return network.nodes()[n]; }

  // ---- Stages

  // Each mesh has rows of its own. Of meshes that follow one another as stages of a pipeline, each
  // has as many micro-batches under way as stages follow it, itself included.
  void findMeshes() {
    SmallVector<MeshAttr> order;
    int64_t microBatches = 1;
    for (const DistNode &node : network.nodes()) {
      if (!llvm::is_contained(order, node.mesh))
        order.push_back(node.mesh);
      microBatches = std::max(microBatches, node.times);
    }
    llvm::sort(order, [](MeshAttr l, MeshAttr r) { return l.getDevices() < r.getDevices(); });
    out.meshList = order;
    for (auto [i, mesh] : llvm::enumerate(order)) {
      meshIndex[mesh] = i;
      underWay.push_back(std::min<int64_t>(microBatches, order.size() - i));
    }
    turn = network.nodes().size();
    for (size_t n = network.nodes().size(); n-- > 0;)
      if (node(n).mesh == order.back() && isa<MicroOp>(node(n).op->getParentOp()))
        turn = n;
  }

  // Lives of a member on one mesh, once for each micro-batch whose gradient it waits for.
  void addLife(DistLives &lives, size_t n, int64_t last, unsigned mesh) {
    const bool waits = isa<MicroOp>(node(n).op->getParentOp()) && !isa<YieldOp>(node(n).op) &&
                       n < turn && last >= static_cast<int64_t>(turn);
    for (int64_t i = 0; i < (waits ? underWay[mesh] : 1); ++i)
      lives.add(n + 1, last + 1);
  }

  // Of folded members the one that is in use is counted from the first to the turn and from there
  // to the last, so the others are what is kept.
  void addLifeWithGap(ValueClass &value, size_t n, int64_t last, const RecomputeProblem::Gap &gap,
                      unsigned mesh) {
    value.lives[mesh].add(n + 1, gap.from + 1);
    addLife(value.kept, gap.from, gap.to - 1, mesh);
    value.gaps.resize(value.kept.count(), gap);
    if (last >= gap.to)
      value.after.add(gap.to, last + 1);
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
    addToNode(c, loadOf(node(n).mesh, node(n).op),
              ArrayRef<double>(seconds).slice(firstOption[c], node(n).options.size()));
  }

  // ---- Loads

  unsigned loadOf(MeshAttr mesh, Operation *maker) const {
    return 2 * meshIndex.lookup(mesh) + !isPerMicro(maker);
  }

  void addToNode(uint32_t c, unsigned load, ArrayRef<double> costs) {
    for (auto [cost, more] : llvm::zip(out.problem.nodes[c].costs, costs))
      cost += more;
    if (out.meshList.size() > 1)
      out.parts.push_back({false, c, load, costs.vec()});
  }

  // Of an edge that is added next.
  void addToEdge(unsigned load, std::vector<double> costs) {
    if (out.meshList.size() > 1)
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
    std::vector<UserPlace> users;
    for (const DistUse &use : edges.users(n, r))
      users.push_back({out.classOf[use.node], use.operand});
    llvm::sort(users);
    users.erase(std::unique(users.begin(), users.end()), users.end());
    if (users.empty())
      return;
    const RecomputeProblem::Gap *gap = out.again->gapOf(node(n).results[r]);
    std::vector<int64_t> decides;
    if (gap)
      decides = {int64_t(gap->groups), gap->isKept[0], gap->isKept[1], gap->isKept[2]};
    ValueClass &value =
        values.try_emplace({{out.classOf[n], r}, decides, users}, ValueClass{n, r}).first->second;
    value.count++;
    const unsigned home = meshIndex.lookup(node(n).mesh);
    std::map<unsigned, int64_t> last{
        {home, std::max<int64_t>(n, out.again->lastAgain(node(n).results[r]))}};
    for (const DistUse &use : edges.users(n, r)) {
      int64_t &on = last[meshIndex.lookup(node(use.node).mesh)];
      on = std::max<int64_t>(on, use.node);
    }
    for (auto [mesh, at] : last)
      if (gap && mesh == home)
        addLifeWithGap(value, n, at, *gap, mesh);
      else
        addLife(value.lives[mesh], n, at, mesh);
  }

  DistAttr madeBy(const ValueClass &value, const DistOption &option) const {
    return distAttr(node(value.producer).mesh, option.results[value.result]);
  }
  DistAttr neededBy(UserPlace user, const DistOption &option) const {
    return distAttr(node(representative[user.first]).mesh, option.operands[user.second]);
  }
  const DistOptions &optionsOf(uint32_t c) const { return node(representative[c]).options; }

  // ---- One user

  void addEdge(const ValueClass &value, UserPlace user) {
    Value v = node(value.producer).results[value.result];
    uint32_t producer = out.classOf[value.producer];
    CostEdge edge{producer, user.first, {}};
    SmallVector<DistAttr> needs;
    for (const DistOption &need : optionsOf(user.first))
      needs.push_back(neededBy(user, need));
    for (const DistOption &option : node(value.producer).options) {
      DistAttr made = madeBy(value, option);
      for (DistAttr need : needs)
        edge.costs.push_back(value.count * network.moveSeconds(v, made, need));
    }
    const unsigned load = loadOf(node(representative[user.first]).mesh, node(value.producer).op);
    if (producer != user.first) {
      addToEdge(load, edge.costs);
      out.problem.edges.push_back(std::move(edge));
      return;
    }
    size_t count = optionsOf(producer).size();
    std::vector<double> own;
    for (size_t o = 0; o < count; ++o)
      own.push_back(edge.costs[o * count + o]);
    addToNode(producer, load, own);
  }

  // ---- Several users

  // What some user can need and some option of the producer can give.
  SmallVector<DistAttr> needsOf(const ValueClass &value, ArrayRef<UserPlace> users) const {
    Value v = node(value.producer).results[value.result];
    llvm::SetVector<DistAttr> needs;
    for (UserPlace user : users)
      for (const DistOption &option : optionsOf(user.first))
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

  /// How a hub counts the value as it is made: itself; as one that is exchanged for sure; not at
  /// all, since another hub does.
  enum class Own { Counted, Exchanged, Elsewhere };

  // Where there are too many sets for each mesh to have all it can need, each has a hub of its own:
  // what a mesh gets costs about the same from whichever mesh it comes.
  void addVersions(const ValueClass &value, ArrayRef<UserPlace> users) {
    const SmallVector<DistAttr> needs = needsOf(value, users);
    const SmallVector<uint64_t> sets = setsOf(needs.size(), users.size());
    const bool hasAll = llvm::popcount(sets.back()) == int(std::min(needs.size(), users.size()));
    std::map<unsigned, SmallVector<UserPlace>> byMesh;
    for (UserPlace user : users)
      byMesh[meshIndex.lookup(node(representative[user.first]).mesh)].push_back(user);
    if (hasAll || byMesh.size() < 2)
      return addHub(value, users, needs, sets, Own::Counted);
    Own own = Own::Exchanged;
    for (auto &[mesh, there] : byMesh) {
      const SmallVector<DistAttr> some = needsOf(value, there);
      addHub(value, there, some, setsOf(some.size(), there.size()), own);
      own = Own::Elsewhere;
    }
  }

  void addHub(const ValueClass &value, ArrayRef<UserPlace> users, ArrayRef<DistAttr> needs,
              ArrayRef<uint64_t> sets, Own own) {
    uint32_t hub = out.problem.nodes.size();
    out.problem.nodes.emplace_back();
    // With what is made known, an option stands for a set of versions and for one way to be made.
    llvm::SetVector<DistAttr> made;
    if (options.memoryLimit)
      for (const DistOption &option : node(value.producer).options)
        made.insert(madeBy(value, option));
    if (made.empty() || made.size() * sets.size() > (isSmall ? mostKnownOfFew : mostKnownSets)) {
      made.clear();
      made.insert(DistAttr());
    }
    out.problem.nodes[hub].costs.assign(made.size() * sets.size(), 0);
    addMaking(value, needs, sets, made.getArrayRef(), hub);
    for (UserPlace user : users)
      addNeeding(user, needs, sets, made.size(), hub);
    if (options.memoryLimit)
      addUsages(value, needs, sets, made.getArrayRef(), hub, own);
  }

  // ---- Memory

  // Registers have a place of their own through the whole step: what exchanges read and write.
  // Other values share theirs with those that do not live at the same time; variables have one
  // already.
  void addUsages(const ValueClass &value, ArrayRef<DistAttr> needs, ArrayRef<uint64_t> sets,
                 ArrayRef<DistAttr> ways, uint32_t hub, Own counted) {
    const unsigned home = meshIndex.lookup(node(value.producer).mesh);
    std::map<unsigned, SmallVector<int64_t>> registers; ///< by mesh, of each option of the hub
    for (auto &[mesh, lives] : value.lives)
      registers[mesh];
    SmallVector<int64_t> shares; ///< bytes of what takes turns, of each option of the hub
    for (DistAttr made : ways)
      for (uint64_t set : sets) {
        std::map<unsigned, int64_t> boxed;
        int64_t shared = estimated(addVersionBytes(value, needs, set, made, boxed));
        if (counted == Own::Elsewhere)
          shared = 0;
        for (auto &[mesh, bytes] : boxed)
          bytes = estimated(bytes);
        const bool isExchanged = counted == Own::Exchanged || llvm::any_of(boxed, isSome);
        for (auto &[mesh, bytes] : registers) {
          int64_t own = boxed[mesh];
          if (mesh == home && isExchanged)
            own += shared;
          bytes.push_back(value.lives.at(mesh).count() * own);
        }
        shares.push_back(isExchanged ? 0 : shared);
        out.problem.nodes[hub].usages.push_back(shares.back() * value.lives.at(home).mostAtOnce());
      }
    setLife(hub, value.lives.at(home), home, false);
    if (!value.gaps.empty() && counted == Own::Counted)
      addKept(value, shares, hub, home);
    for (auto &[mesh, bytes] : registers)
      addTied(bytes, hub, mesh, nullptr);
  }

  // What is there in the gap, and behind it.
  void addKept(const ValueClass &value, ArrayRef<int64_t> shares, uint32_t hub, unsigned mesh) {
    const size_t groups = value.gaps.front().groups;
    const int64_t inUse = value.lives.at(mesh).mostAtOnce();
    const bool isFolded = value.count > inUse && value.gaps.front().isKept[0];
    SmallVector<int64_t> counts; ///< kept, of each way of the groups
    for (const RecomputeProblem::Way &way : out.again->ways(groups)) {
      int64_t kept = llvm::count_if(value.gaps, [&](const RecomputeProblem::Gap &gap) {
        return out.again->isKept(gap, way);
      });
      counts.push_back(std::max<int64_t>(kept - (isFolded ? inUse : 0), 0));
    }
    if (isFolded)
      out.problem.nodes[hub].to =
          std::max(out.problem.nodes[hub].to, begin(mesh) + value.kept.firstEnd());
    addProduct(shares, counts, hub, out.again->nodeOf(groups), mesh, value.kept);
    if (value.after.count() == 0)
      return;
    const int64_t most = value.after.mostAtOnce();
    addTied(llvm::map_to_vector(shares, [&](int64_t s) { return s * most; }), hub, mesh,
            &value.after);
  }

  // Bytes that one node gives times the number that another gives. An option for each product, one
  // where the bytes are none and one where the number is.
  void addProduct(ArrayRef<int64_t> bytes, ArrayRef<int64_t> counts, uint32_t a, uint32_t b,
                  unsigned mesh, const DistLives &lives) {
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
    const uint32_t product = out.problem.nodes.size();
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
    out.problem.nodes.push_back(std::move(node));
    setLife(product, lives, mesh, false);
    out.problem.edges.push_back(std::move(toA));
    out.problem.edges.push_back(std::move(toB));
  }

  static bool isSome(const std::pair<const unsigned, int64_t> &entry) { return entry.second > 0; }

  // Bytes of what exchanges give, by mesh; returned are those of the value as it is made. Where
  // that is not known, the versions stand for it.
  int64_t addVersionBytes(const ValueClass &value, ArrayRef<DistAttr> needs, uint64_t set,
                          DistAttr made, std::map<unsigned, int64_t> &boxed) const {
    Value v = node(value.producer).results[value.result];
    const bool ofVariable = !node(value.producer).variable.empty();
    int64_t shared = made && !ofVariable ? partBytes(v.getType(), made) : 0;
    for (unsigned i = 0; i < needs.size(); ++i) {
      if (!(set >> i & 1))
        continue;
      if (made)
        boxed[meshIndex.lookup(needs[i].getMesh())] += network.boxingBytes(v, made, needs[i]);
      else if (needs[i].getMesh() == node(value.producer).mesh)
        shared += partBytes(v.getType(), needs[i]);
      else
        boxed[meshIndex.lookup(needs[i].getMesh())] += partBytes(v.getType(), needs[i]);
    }
    return shared;
  }

  // A node whose options are the different numbers of bytes, tied to those of the other node.
  // Without lives they are there at all times.
  void addTied(ArrayRef<int64_t> bytes, uint32_t hub, unsigned mesh, const DistLives *lives) {
    llvm::SetVector<int64_t> different(bytes.begin(), bytes.end());
    if (different.size() == 1 && different[0] == 0)
      return;
    CostEdge edge{hub, uint32_t(out.problem.nodes.size()), {}};
    for (int64_t of : bytes)
      for (int64_t one : different)
        edge.costs.push_back(of == one ? 0 : search::kForbidden);
    CostNode registers;
    registers.costs.assign(different.size(), 0);
    registers.usages.assign(different.begin(), different.end());
    out.problem.nodes.push_back(std::move(registers));
    setLife(edge.b, lives ? *lives : DistLives(), mesh, !lives);
    out.problem.edges.push_back(std::move(edge));
  }

  void setLife(uint32_t n, const DistLives &lives, unsigned mesh, bool always) {
    out.problem.nodes[n].from = begin(mesh) + (always ? 0 : lives.first());
    out.problem.nodes[n].to = begin(mesh) + (always ? clock() : lives.last());
  }
  // Each mesh has a clock of its own.
  int64_t clock() const { return static_cast<int64_t>(network.nodes().size()); }
  int64_t begin(unsigned mesh) const { return mesh * (clock() + 1); }

  void addMaking(const ValueClass &value, ArrayRef<DistAttr> needs, ArrayRef<uint64_t> sets,
                 ArrayRef<DistAttr> ways, uint32_t hub) {
    VersionTrees trees(network, node(value.producer).results[value.result], needs, sets);
    std::map<NdSbp, std::vector<double>> known;
    CostEdge edge{out.classOf[value.producer], hub, {}};
    for (const DistOption &option : node(value.producer).options) {
      auto [it, isNew] = known.try_emplace(option.results[value.result]);
      if (isNew)
        it->second = trees.secondsFrom(madeBy(value, option));
      for (DistAttr way : ways)
        for (double cost : it->second)
          edge.costs.push_back(way && way != madeBy(value, option) ? search::kForbidden
                                                                   : value.count * cost);
    }
    if (out.meshList.size() > 1)
      addMakingByMesh(value, trees, needs, ways);
    out.problem.edges.push_back(std::move(edge));
  }

  // The same by the mesh that has the version.
  void addMakingByMesh(const ValueClass &value, const VersionTrees &trees, ArrayRef<DistAttr> needs,
                       ArrayRef<DistAttr> ways) {
    const unsigned meshes = out.meshList.size();
    SmallVector<unsigned> meshOf;
    for (DistAttr need : needs)
      meshOf.push_back(meshIndex.lookup(need.getMesh()));
    std::map<NdSbp, std::vector<std::vector<double>>> known;
    std::vector<std::vector<double>> costs(meshes);
    for (const DistOption &option : node(value.producer).options) {
      auto [it, isNew] = known.try_emplace(option.results[value.result]);
      if (isNew)
        it->second = trees.secondsByMesh(madeBy(value, option), meshOf, meshes);
      for (size_t way = 0; way < ways.size(); ++way)
        for (const std::vector<double> &each : it->second)
          for (unsigned mesh = 0; mesh < meshes; ++mesh)
            costs[mesh].push_back(value.count * each[mesh]);
    }
    for (unsigned mesh = 0; mesh < meshes; ++mesh)
      if (llvm::is_contained(meshOf, mesh))
        addToEdge(loadOf(out.meshList[mesh], node(value.producer).op), std::move(costs[mesh]));
  }

  void addNeeding(UserPlace user, ArrayRef<DistAttr> needs, ArrayRef<uint64_t> sets, size_t ways,
                  uint32_t hub) {
    CostEdge edge{hub, user.first, {}};
    SmallVector<size_t> at;
    for (const DistOption &option : optionsOf(user.first))
      at.push_back(llvm::find(needs, neededBy(user, option)) - needs.begin());
    for (size_t way = 0; way < ways; ++way)
      for (uint64_t set : sets)
        for (size_t need : at)
          edge.costs.push_back(need < needs.size() && (set >> need & 1) ? 0 : search::kForbidden);
    out.problem.edges.push_back(std::move(edge));
  }

  // Variables are always there; results as they are made, until their versions are.
  void addOwnUsages() {
    std::vector<DistLives> lives(representative.size());
    int64_t firstYield = network.nodes().size(), lastYield = 0;
    for (size_t n = 0; n < network.nodes().size(); ++n)
      if (isa<YieldOp>(node(n).op)) {
        firstYield = std::min<int64_t>(firstYield, n);
        lastYield = n;
      }
    for (size_t n = 0; n < network.nodes().size(); ++n)
      if (isa<YieldOp>(node(n).op))
        lives[out.classOf[n]].add(firstYield, lastYield + 1);
      else
        lives[out.classOf[n]].add(n, n + 1);
    for (uint32_t c = 0; c < representative.size(); ++c) {
      const DistNode &member = node(representative[c]);
      bool isVariable = !member.variable.empty();
      int64_t times = isVariable ? lives[c].count() : lives[c].mostAtOnce();
      for (const DistOption &option : member.options)
        out.problem.nodes[c].usages.push_back(times * ownBytes(member, option));
      setLife(c, lives[c], meshIndex.lookup(member.mesh), isVariable);
    }
  }

  int64_t estimated(int64_t bytes) const {
    return std::llround(network.memoryFactor() * static_cast<double>(bytes));
  }

  int64_t ownBytes(const DistNode &node, const DistOption &option) const {
    if (!node.variable.empty())
      return variableBytes(node, option);
    int64_t bytes = 0;
    for (auto [result, made] : llvm::zip(node.results, option.made))
      bytes += partBytes(result.getType(), distAttr(node.mesh, made));
    return estimated(bytes);
  }

  /// Options of a node that knows how its value is made, at most; of a small network more.
  static constexpr size_t mostKnownSets = 1000, mostKnownOfFew = 12000;
  static constexpr unsigned mostSetsOfFew = 700; ///< of versions

  SearchProblem &out;
  const DistNetwork &network;
  SearchProblemOptions options;
  DistEdges edges;
  bool isSmall = false;
  std::vector<size_t> representative; ///< by class: its first DistNode
  std::vector<double> seconds;        ///< of one member, options of all classes
  std::vector<size_t> firstOption;    ///< by class, into seconds
  std::map<ValueKey, ValueClass> values;
  llvm::DenseMap<MeshAttr, unsigned> meshIndex; ///< in the order of their devices
  std::vector<int64_t> underWay;                ///< micro-batches, by mesh
  size_t turn =
      0; ///< the first node of a micro-batch on the last mesh: gradients come back from it
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
  return std::min(time % (clock + 1), clock - 1); // as ProblemBuilder::begin has it
}

RecomputeChoice SearchProblem::levelsOf(const search::Choice &choice) const {
  return again->levelsOf(choice);
}

} // namespace of
