// When values that are alike live, for the memory rows of the search.
#pragma once

#include "llvm/ADT/STLExtras.h"

#include <cstdint>
#include <vector>

namespace of {

/// Intervals [from, to) of positions in the program.
class DistLives {
public:
  void add(int64_t from, int64_t to) { lives.push_back({from, to}); }
  int64_t count() const { return lives.size(); }
  int64_t first() const { return llvm::min_element(lives)->first; }
  int64_t last() const {
    return llvm::max_element(lives, [](auto l, auto r) { return l.second < r.second; })->second;
  }
  /// The least end.
  int64_t firstEnd() const {
    return llvm::min_element(lives, [](auto l, auto r) { return l.second < r.second; })->second;
  }
  int64_t mostAtOnce() const {
    std::vector<std::pair<int64_t, int>> ends; // at equal positions ends come first
    for (auto [from, to] : lives) {
      ends.push_back({from, 1});
      ends.push_back({to, -1});
    }
    llvm::sort(ends);
    int64_t most = 0, now = 0;
    for (auto [at, change] : ends)
      most = std::max(most, now += change);
    return most;
  }

private:
  std::vector<std::pair<int64_t, int64_t>> lives;
};

} // namespace of
