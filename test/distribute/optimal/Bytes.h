// What lies in the memory of each stage's devices at each position of a program, for what is chosen
// so far and at least for the rest.
//
//   variable              always
//   yielded value         while micro-batches are yielded
//   other value           where it is made, and on to its last use, once for each micro-batch
//                         under way if it waits for its gradient
//   value with exchanges  always, and so are what its exchanges land in and read
//
// A choice only adds to what a choice before it implied, so a prefix that does not fit has no
// completion that does.
#pragma once

#include "test/distribute/optimal/Pricing.h"

namespace of::test {

class Bytes {
public:
  /// `options` by step: what may be chosen.
  Bytes(const TrainProgram &program, const Pricing &pricing,
        const std::vector<std::vector<StepOption>> &options);

  /// A value as it is chosen: `versions` null while it is not made.
  void add(size_t value, int made, const Versions *versions) { change(value, made, versions, 1); }
  void remove(size_t value, int made, const Versions *versions) {
    change(value, made, versions, -1);
  }

  bool fit(int64_t limit) const;

  /// What a value's bytes cost once it is chosen, at a price for a byte of each stage and position.
  /// `before` are sums of prices: at [stage x (positions + 1) + p] of those of all positions below
  /// p.
  double worth(size_t value, int made, const Versions &versions,
               const std::vector<double> &before) const;
  size_t numPositions() const { return size_t(positions); }

  /// By stage and position.
  const std::vector<int64_t> &totals() const { return bytes; }

private:
  struct Life {
    bool waits = false; ///< for its gradient: once for each micro-batch under way
    int64_t last = 0;
  };
  void findUnderWay();
  void findLives();
  bool isInside(size_t step) const;
  int64_t copies(size_t value, size_t stage) const;
  template <typename Each>
  void forLives(size_t value, int made, const Versions *versions, Each each) const;
  void change(size_t value, int made, const Versions *versions, int64_t sign);

  const TrainProgram &program;
  const Pricing &pricing;
  const size_t stages;
  int64_t positions = 0, turn = 0, firstYield = 0, endOfYields = 0;
  std::vector<int64_t> underWay;                       ///< micro-batches by stage
  std::vector<std::vector<std::optional<Life>>> lives; ///< [value][stage]
  std::vector<int64_t> least;                          ///< bytes of a value's smallest part
  std::vector<int64_t> bytes;                          ///< [stage x positions + position]
};

} // namespace of::test
