// The cheapest way from one layout to another.
//
//   P on 4 devices of a slow network        P ──exchange──▶ S(0) ──exchange──▶ B
//   the same for a scalar                   P ──exchange──▶ B
//
//   the same on 512 devices                 P ──▶ [S P P P P] ──▶ [S S P P P] ··▶ [S S B B B] ··▶ B
//
// Any layout becomes any other in one exchange, so a path always exists; several may be cheaper.
// The states are the distributions on the source's and on the destination's placement, an edge is
// one exchange with its cost in seconds (ExchangeTable.h), and Dijkstra's algorithm finds the path.
// Ties: fewer bytes, less work for the busiest device, fewer steps, then the order of the states.
// Answers are remembered, for all devices that are alike (Cluster::signatureOf), and do not depend
// on what was asked before. Any thread.
//
// In one exchange every device hears from every other. Where messages cost more than bytes a sum
// or a gathering goes through an axis in rounds: the axis is cut into factors of at most four, and
// each round changes one of them (recursive halving and doubling; Thakur, Rabenseifner and Gropp,
// "Optimization of collective communication operations in MPICH", 2005). A device then sends
// O(log n) messages and the same bytes.
#pragma once

#include "dialects/Of/Of.h"
#include "lib/Distribute/ExchangeTable.h"

#include "llvm/ADT/DenseMap.h"

#include <array>
#include <memory>
#include <mutex>
#include <tuple>

namespace of {

struct BoxingPath {
  double seconds = 0;
  int64_t bytesMoved = 0;
  int64_t bytesTaken = 0; ///< of a device, by registers and landing slots
  /// Layouts after the source, ending with the destination; empty if it is the source. Their
  /// placements are the source's or the destination's, or that of both with an axis cut.
  std::vector<Layout> steps;
};

class BoxingPlanner {
public:
  explicit BoxingPlanner(const Cluster &cluster) : cluster(cluster) {}

  /// The reference stays valid as long as the planner.
  const BoxingPath &path(const Shape &shape, DType dtype, const Layout &src, const Layout &dst);

  /// The path of a value of this type, in short.
  struct Move {
    double seconds;
    int64_t bytesTaken;
  };
  Move move(mlir::Type type, DistAttr from, DistAttr to);

private:
  class Search;
  /// Of a table, whose devices stand for those that are alike.
  struct StatePath {
    double seconds = 0;
    int64_t bytesMoved = 0, bytesTaken = 0;
    struct Step {
      Layout layout;
      bool onDestination;
    };
    std::vector<Step> steps;
  };
  /// A table that may be of other devices, which are alike.
  struct Between {
    Placement src, dst;
    ExchangeTable *table = nullptr;
  };
  size_t numberOf(const Placement &placement);
  const Between &between(const Shape &shape, const Placement &src, const Placement &dst);

  const Cluster &cluster; ///< borrowed
  /// What `move` said; in parts, so that threads seldom meet.
  using MoveKey = std::tuple<mlir::Type, mlir::Attribute, mlir::Attribute>;
  struct MoveMemo {
    std::mutex mutex;
    llvm::DenseMap<MoveKey, Move> known;
  };
  std::array<MoveMemo, 64> moves;
  std::mutex mutex;                                              ///< of all below but the tables
  std::map<std::vector<int64_t>, size_t> placements;             ///< numbers, by shape and devices
  std::map<std::tuple<Shape, size_t, size_t>, Between> betweens; ///< by numbers
  /// By shapes of the placements and what their devices are like.
  std::map<std::tuple<Shape, Shape, Shape, std::vector<int64_t>>, std::unique_ptr<ExchangeTable>>
      tables;
  std::map<std::tuple<const ExchangeTable *, size_t, size_t, int64_t>, StatePath> foundAlike;
  std::map<std::tuple<const Between *, size_t, size_t, int64_t>, BoxingPath> found;
};

/// Ways through one axis of the placement of both in rounds, each without its ends.
std::vector<std::vector<Layout>> boxingRounds(size_t rank, const Layout &src, const Layout &dst);

} // namespace of
