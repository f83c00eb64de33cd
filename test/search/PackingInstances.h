// Packing problems for the tests: rectangles cut into buffers, so that a perfect packing is known,
// and lifetimes like those of a training step.
#pragma once

#include "lib/Search/Packing.h"

#include <algorithm>
#include <random>

namespace of::search {

/// Cuts a rectangle of `time` x `bytes` (in units of 64) into `count` buffers: guillotine cuts and
/// pinwheels of larger pieces at random places, then shuffled.
class RectangleCutter {
public:
  RectangleCutter(uint64_t seed, int64_t time, int64_t bytes) : random_(seed) {
    pieces_.push_back({0, time, 0, bytes});
  }

  PackingProblem cut(size_t count) {
    while (pieces_.size() < count)
      cutOne(count - pieces_.size());
    std::shuffle(pieces_.begin(), pieces_.end(), random_);
    PackingProblem problem;
    for (const Piece &p : pieces_)
      problem.buffers.push_back({problem.buffers.size(), p.x0, p.x1, (p.y1 - p.y0) * 64, 64});
    return problem;
  }

private:
  struct Piece {
    int64_t x0, x1, y0, y1;
    double area() const { return double(x1 - x0) * double(y1 - y0); }
  };

  /// A place at least a fifth away from both ends.
  int64_t between(int64_t low, int64_t high) {
    const int64_t margin = std::max<int64_t>(1, (high - low) / 5);
    const int64_t room = high - low - 2 * margin;
    return low + margin + (room > 0 ? int64_t(random_() % uint64_t(room + 1)) : 0);
  }

  void cutOne(size_t more) {
    size_t pick = random_() % pieces_.size();
    for (int k = 0; k < 2; ++k) {
      const size_t other = random_() % pieces_.size();
      if (pieces_[other].area() > pieces_[pick].area())
        pick = other;
    }
    const Piece p = pieces_[pick];
    const unsigned kind = random_() % 5;
    if (kind == 4 && more >= 4)
      pinwheel(pick, p);
    else if (kind < 2 && p.x1 - p.x0 >= 2) {
      const int64_t x = between(p.x0, p.x1);
      pieces_[pick].x1 = x;
      pieces_.push_back({x, p.x1, p.y0, p.y1});
    } else if (p.y1 - p.y0 >= 2) {
      const int64_t y = between(p.y0, p.y1);
      pieces_[pick].y1 = y;
      pieces_.push_back({p.x0, p.x1, y, p.y1});
    }
  }

  void pinwheel(size_t pick, const Piece &p) {
    if (p.x1 - p.x0 < 3 || p.y1 - p.y0 < 3)
      return;
    int64_t xa = between(p.x0, p.x1), xb = between(p.x0, p.x1);
    int64_t ya = between(p.y0, p.y1), yb = between(p.y0, p.y1);
    if (xa == xb || ya == yb)
      return;
    if (xa > xb)
      std::swap(xa, xb);
    if (ya > yb)
      std::swap(ya, yb);
    pieces_[pick] = {xa, xb, ya, yb};
    pieces_.push_back({p.x0, xb, p.y0, ya});
    pieces_.push_back({xb, p.x1, p.y0, yb});
    pieces_.push_back({xa, p.x1, yb, p.y1});
    pieces_.push_back({p.x0, xa, ya, p.y1});
  }

  std::mt19937_64 random_;
  std::vector<Piece> pieces_;
};

/// A training step of `count` buffers: activations kept from forward to backward (nested), short
/// temporaries, gradients that live until the optimizer.
inline PackingProblem trainingStep(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  const auto bytes = [&](int64_t most) { return 4 * (1 + int64_t(random() % uint64_t(most))); };
  const int64_t layers = int64_t(count / 5), end = 2 * layers + 1;
  PackingProblem problem;
  const auto add = [&](int64_t lower, int64_t upper, int64_t size) {
    problem.buffers.push_back({problem.buffers.size(), lower, upper, size, 64});
  };
  for (int64_t l = 0; l < layers; ++l) {
    const int64_t back = end - 1 - l;
    add(l, back + 1, bytes(int64_t(1) << (10 + random() % 10))); // activation
    add(l, l + 1 + int64_t(random() % 3), bytes(1 << 18));       // workspace
    add(back, std::min(end, back + 2), bytes(1 << 19));          // gradient of the activation
    add(back, std::min(end, back + 1 + int64_t(random() % 20)), bytes(1 << 14)); // of a weight
    add(l, std::min(end, l + 1 + int64_t(random() % uint64_t(layers))), bytes(1 << 16)); // skip
  }
  return problem;
}

} // namespace of::search
