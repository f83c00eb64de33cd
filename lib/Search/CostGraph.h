// The network while it is being reduced: options disappear, nodes merge, edges combine, and a
// record is kept of how to get back.
//
//   forbid   option k of i                  its costs become kForbidden
//   fold     i has one option left          costs go to the neighbours
//   follow   j's option is a function       costs and demands of j go to i
//            of i's option
//   bridge   j between a and b, no bytes    a new edge a-b, best option of j for each pair
//
// Each step keeps at least one optimal choice. Options keep their numbers until the core is built.
// Owned by CostReduction.
#pragma once

#include "lib/Search/CostCore.h"

#include <deque>

namespace of::search {

struct GraphDemand {
  RowRange rows;
  std::vector<int64_t> bytes; ///< of each option
};

struct GraphNode {
  std::vector<double> costs;
  std::vector<GraphDemand> demands;
  std::vector<uint32_t> edges;
  uint32_t left = 0; ///< options that are not forbidden
  bool alive = true;
};

struct GraphEdge {
  uint32_t a = 0, b = 0;
  std::vector<double> costs; ///< options of a x options of b
  bool alive = true;
  /// For each option of a (of b) one before which it has no partner: options are only ever lost.
  std::vector<uint32_t> firstOfA = {}, firstOfB = {};
};

/// An edge seen from one of its ends.
struct EdgeView {
  const double *costs;
  size_t mine, theirs; ///< strides
  double at(size_t k, size_t q) const { return costs[k * mine + q * theirs]; }
};

class CostGraph {
public:
  CostGraph(const CostNetwork &network, uint64_t &work);

  std::vector<GraphNode> nodes;
  std::vector<GraphEdge> edges;
  double constant = 0;
  std::vector<int64_t> baseBytes;   ///< used in each row whatever is chosen
  std::optional<uint32_t> conflict; ///< node without options

  /// Edges and nodes whose surroundings changed since they were last taken, in order of change.
  std::optional<uint32_t> nextEdge();
  std::optional<uint32_t> nextNode();
  void touchNode(uint32_t node);

  /// Gives every node its demand; at most once, before anything merges.
  void addDemands(const CostNetwork &network, const CostRows &rows);

  size_t options(uint32_t node) const { return nodes[node].costs.size(); }
  bool allowed(uint32_t node, uint32_t k) const { return nodes[node].costs[k] != kForbidden; }
  uint32_t other(uint32_t edge, uint32_t node) const {
    return edges[edge].a == node ? edges[edge].b : edges[edge].a;
  }
  EdgeView view(uint32_t edge, uint32_t node) const;

  void forbid(uint32_t node, uint32_t k);
  /// Forbids pairs (option of node, option of the other end).
  void forbidPairs(uint32_t edge, uint32_t node,
                   const std::vector<std::pair<uint32_t, uint32_t>> &pairs);
  /// Forbids what has no partner left across some edge, until nothing changes; false on conflict.
  bool propagate();

  /// `node` has one option left.
  void fold(uint32_t node);
  /// `map[k]` is the option `follower` takes when `leader` takes k; they share exactly one edge.
  void follow(uint32_t follower, uint32_t leader, uint32_t edge, std::vector<uint32_t> map);
  /// `node` has two edges and no demand.
  void bridge(uint32_t node);
  /// Drops an edge whose costs are those of its ends: costs = ofA + ofB.
  void split(uint32_t edge, const std::vector<double> &ofA, const std::vector<double> &ofB);
  /// Moves the edge, whose costs change, so that it runs between a and b; merges it with another.
  void connect(uint32_t a, uint32_t b, std::vector<double> costs);

  /// Options of all nodes from those of the nodes alive.
  void expand(Choice &choice) const;

private:
  struct Step {
    uint32_t node, a, b;          ///< b is a where the option depends on a alone
    std::vector<uint32_t> option; ///< by options of a, or of a x b; one if decided
  };

  void detach(uint32_t edge, uint32_t node);
  void touch(uint32_t edge);
  void mustRevise(uint32_t edge, uint32_t node);
  bool revise(uint32_t edge, uint32_t node);

  uint64_t &work_;
  std::vector<Step> steps_;
  std::deque<uint32_t> arcs_; ///< ends of edges to revise: twice the edge, one more for its b
  std::deque<uint32_t> changedEdges_, changedNodes_;
  std::vector<char> arcQueued_, edgeQueued_, nodeQueued_;
};

} // namespace of::search
