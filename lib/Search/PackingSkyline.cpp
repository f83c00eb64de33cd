#include "lib/Search/PackingSkyline.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace of::search {

namespace {

constexpr unsigned kOtherRules = 3;
constexpr unsigned kForget = 64; ///< descents after which weights start anew
constexpr double kBlame = 0.002, kWeightGrowth = 1.0005;

auto shapeOf(const SectionBuffer &b) { return std::tie(b.lower, b.upper, b.size, b.alignment); }

bool sameShape(const SectionBuffer &a, const SectionBuffer &b) { return shapeOf(a) == shapeOf(b); }

} // namespace

SkylineSearch::SkylineSearch(const Component &component) : component_(component) {
  weight_.resize(component.buffers.size());
  starts_.resize(component.sections());
  for (uint32_t i = 0; i < component.buffers.size(); ++i) {
    starts_[component.buffers[i].lower].push_back(i);
    bySize_.push_back(i);
  }
  for (std::vector<uint32_t> &starts : starts_)
    std::stable_sort(starts.begin(), starts.end(), [&](uint32_t a, uint32_t b) {
      return shapeOf(component.buffers[a]) < shapeOf(component.buffers[b]);
    });
  std::stable_sort(bySize_.begin(), bySize_.end(), [&](uint32_t a, uint32_t b) {
    return component.buffers[a].size < component.buffers[b].size;
  });
}

void SkylineSearch::reset(int64_t capacity) {
  const uint32_t sections = component_.sections();
  height_.assign(sections, 0);
  slack_.resize(sections);
  for (uint32_t s = 0; s < sections; ++s)
    slack_[s] = capacity - component_.live[s];
  open_.assign(sections, 0);
  for (const SectionBuffer &b : component_.buffers)
    for (uint32_t s = b.lower; s < b.upper; ++s)
      ++open_[s];
  left_ = component_.buffers.size();
  placed_.assign(left_, false);
  offset_.assign(left_, 0);
  coverBytes_.resize(sections + 1);
  coverCount_.resize(sections + 1);
  changes_.clear();
  options_.clear();
  frames_.clear();
}

int64_t SkylineSearch::smallestOpen() {
  if (!component_.aligned)
    return 1; // an alignment can raise a floor by less than a buffer does
  for (uint32_t i : bySize_) {
    ++work_;
    if (!placed_[i])
      return component_.buffers[i].size;
  }
  return 1;
}

bool SkylineSearch::nextValley(uint32_t &section, Valley &valley) const {
  const uint32_t sections = component_.sections();
  while (section < sections) {
    const uint32_t begin = section;
    const int64_t floor = height_[begin];
    while (section < sections && height_[section] == floor)
      ++section;
    if (floor == kClosed)
      continue;
    const int64_t left = begin ? height_[begin - 1] : kClosed;
    const int64_t right = section < sections ? height_[section] : kClosed;
    if (left < floor || right < floor)
      continue;
    const int64_t wall = std::min(left, right);
    valley = {begin, section, floor, wall == kClosed ? kClosed : wall - floor};
    return true;
  }
  return false;
}

void SkylineSearch::collect(const Valley &valley) {
  inside_.clear();
  for (uint32_t s = valley.begin; s < valley.end; ++s)
    for (uint32_t i : starts_[s])
      if (!placed_[i] && component_.buffers[i].upper <= valley.end)
        inside_.push_back(i);
}

bool SkylineSearch::inspect(const Valley &valley) {
  collect(valley);
  std::fill(coverBytes_.begin() + valley.begin, coverBytes_.begin() + valley.end + 1, 0);
  std::fill(coverCount_.begin() + valley.begin, coverCount_.begin() + valley.end + 1, 0);
  for (uint32_t i : inside_) {
    const SectionBuffer &b = component_.buffers[i];
    coverBytes_[b.lower] += b.size;
    coverBytes_[b.upper] -= b.size;
    ++coverCount_[b.lower];
    --coverCount_[b.upper];
  }
  work_ += 4 * inside_.size() + 4 * (valley.end - valley.begin);
  const int64_t nextFloor = std::min(valley.depth, smallest_);
  int64_t bytes = 0;
  int32_t count = 0;
  for (uint32_t s = valley.begin; s < valley.end; ++s) {
    bytes += coverBytes_[s];
    count += coverCount_[s];
    if (valley.depth != kClosed && bytes + slack_[s] < valley.depth) {
      blame(valley, s);
      return false;
    }
    if (slack_[s] < nextFloor && count < tightCount_) {
      tightCount_ = count;
      tightSection_ = s;
      tightest_ = valley;
    }
  }
  if (tightCount_ > 0)
    return true;
  blame(valley, tightSection_);
  return false;
}

void SkylineSearch::blame(const Valley &valley, uint32_t section) {
  weightUnit_ *= kWeightGrowth;
  if (weightUnit_ > 1e100) {
    for (double &w : weight_)
      w /= weightUnit_;
    weightUnit_ = 1;
  }
  for (uint32_t i = 0; i < component_.buffers.size(); ++i) {
    const SectionBuffer &b = component_.buffers[i];
    const bool inside = b.lower >= valley.begin && b.upper <= valley.end;
    if (!placed_[i] && b.lower <= section && section < b.upper && !inside)
      weight_[i] += kBlame * weightUnit_;
  }
  work_ += component_.buffers.size();
}

double SkylineSearch::score(const Valley &valley, uint32_t buffer) const {
  const SectionBuffer &b = component_.buffers[buffer];
  const double width = double(b.upper - b.lower) / (valley.end - valley.begin);
  const double size = double(b.size) / double(component_.bound);
  const double flush = valley.depth == b.size ? 1 : 0; // levels with the lower wall
  const double weight = weight_[buffer] / weightUnit_;
  switch (rule_) {
  case 0:
    return width + weight;
  case 1:
    return width + flush + size + weight;
  case 2:
    return width + 4 * size + weight;
  default:
    return width * std::sqrt(size) * (1 + flush) + weight;
  }
}

void SkylineSearch::collectOptions() {
  const bool tight = tightCount_ != INT32_MAX;
  const Valley &valley = tight ? tightest_ : lowest_;
  collect(valley);
  std::vector<std::pair<double, uint32_t>> ranked;
  uint32_t last = kEmpty;
  for (uint32_t i : inside_) {
    const SectionBuffer &b = component_.buffers[i];
    const bool twin = last != kEmpty && sameShape(component_.buffers[last], b);
    last = i;
    if (twin)
      continue; // as good as the one before
    if (tight && (b.lower > tightSection_ || b.upper <= tightSection_))
      continue;
    double value = score(valley, i);
    if (noise_ > 0)
      value *= 1 + noise_ * double((*random_)() >> 11) * 0x1p-53;
    ranked.emplace_back(-value, i);
  }
  std::sort(ranked.begin(), ranked.end());
  work_ += 16 * ranked.size();
  for (const auto &[value, i] : ranked)
    options_.push_back(i);
  if (!tight && valley.depth != kClosed)
    options_.push_back(kEmpty);
}

SkylineSearch::Step SkylineSearch::expand(Frame &frame) {
  if (left_ == 0)
    return Step::Solved;
  smallest_ = smallestOpen();
  tightCount_ = INT32_MAX;
  lowest_.floor = kClosed;
  work_ += 2 * component_.sections();
  Valley valley;
  for (uint32_t section = 0; nextValley(section, valley);) {
    if (!inspect(valley))
      return Step::Dead;
    if (valley.floor < lowest_.floor)
      lowest_ = valley;
  }
  frame.valley = tightCount_ != INT32_MAX ? tightest_ : lowest_;
  frame.firstOption = frame.nextOption = options_.size();
  collectOptions();
  return Step::Branch;
}

bool SkylineSearch::place(const Valley &valley, uint32_t buffer) {
  const SectionBuffer &b = component_.buffers[buffer];
  const int64_t bottom = roundUp(valley.floor, b.alignment), waste = bottom - valley.floor;
  for (uint32_t s = b.lower; s < b.upper; ++s)
    if (slack_[s] < waste)
      return false;
  for (uint32_t s = b.lower; s < b.upper; ++s) {
    changes_.push_back({s, height_[s], slack_[s]});
    slack_[s] -= waste;
    height_[s] = --open_[s] ? bottom + b.size : kClosed;
  }
  work_ += 2 * (b.upper - b.lower);
  offset_[buffer] = bottom;
  placed_[buffer] = true;
  --left_;
  return true;
}

bool SkylineSearch::raise(const Valley &valley) {
  for (uint32_t s = valley.begin; s < valley.end; ++s)
    if (slack_[s] < valley.depth)
      return false;
  for (uint32_t s = valley.begin; s < valley.end; ++s) {
    changes_.push_back({s, height_[s], slack_[s]});
    slack_[s] -= valley.depth;
    height_[s] += valley.depth;
  }
  return true;
}

bool SkylineSearch::tryOption(Frame &frame, uint32_t option) {
  frame.undo = changes_.size();
  frame.placed = option;
  return option == kEmpty ? raise(frame.valley) : place(frame.valley, option);
}

void SkylineSearch::undo(Frame &frame) {
  while (changes_.size() > frame.undo) {
    const Change &c = changes_.back();
    height_[c.section] = c.height;
    slack_[c.section] = c.slack;
    changes_.pop_back();
  }
  if (frame.placed == kEmpty)
    return;
  const SectionBuffer &b = component_.buffers[frame.placed];
  for (uint32_t s = b.lower; s < b.upper; ++s)
    ++open_[s];
  placed_[frame.placed] = false;
  ++left_;
}

SkylineSearch::Outcome SkylineSearch::run(int64_t capacity, uint64_t nodes, double noise,
                                          std::mt19937_64 &random, uint64_t &work) {
  reset(capacity);
  noise_ = noise;
  random_ = &random;
  rule_ = runs_ % 2 ? 1 + runs_ / 2 % kOtherRules : 0; // width alone does best in most problems
  if (runs_++ % kForget == 0)
    weight_.assign(weight_.size(), 0);
  work_ = 0;
  Outcome outcome = Outcome::Refuted;
  bool descend = true;
  while (true) {
    if (descend) {
      Frame frame{};
      const Step step = nodes-- ? expand(frame) : Step::Solved;
      if (step == Step::Solved) {
        outcome = left_ ? Outcome::GaveUp : Outcome::Found;
        break;
      }
      if (step == Step::Branch)
        frames_.push_back(frame);
      else if (!frames_.empty())
        undo(frames_.back());
      descend = false;
    }
    if (frames_.empty())
      break;
    Frame &frame = frames_.back();
    if (frame.nextOption == options_.size()) {
      options_.resize(frame.firstOption);
      frames_.pop_back();
      if (!frames_.empty())
        undo(frames_.back());
      continue;
    }
    descend = tryOption(frame, options_[frame.nextOption++]);
  }
  work += work_;
  if (outcome == Outcome::Found) {
    layout_.offsets = offset_;
    layout_.peak = 0;
    for (size_t i = 0; i < offset_.size(); ++i)
      layout_.peak = std::max(layout_.peak, offset_[i] + component_.buffers[i].size);
  }
  return outcome;
}

} // namespace of::search
