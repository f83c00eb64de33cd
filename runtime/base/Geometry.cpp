#include "runtime/base/Geometry.h"

#include <algorithm>

namespace of {

int64_t elementsOf(const Shape &shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

Shape Box::shape() const {
  Shape s;
  for (const Range &r : dims)
    s.push_back(r.size());
  return s;
}

int64_t Box::elements() const {
  int64_t n = 1;
  for (const Range &r : dims)
    n *= std::max<int64_t>(0, r.size());
  return n;
}

Box wholeBox(const Shape &shape) {
  Box box;
  box.dims.reserve(shape.size());
  for (int64_t d : shape)
    box.dims.push_back({0, d});
  return box;
}

Box intersect(const Box &a, const Box &b) {
  Box out;
  out.dims.reserve(a.dims.size());
  for (size_t i = 0; i < a.dims.size(); ++i) {
    int64_t begin = std::max(a.dims[i].begin, b.dims[i].begin);
    int64_t end = std::min(a.dims[i].end, b.dims[i].end);
    out.dims.push_back({begin, std::max(begin, end)});
  }
  return out;
}

int64_t commonElements(const Box &a, const Box &b) {
  int64_t n = 1;
  for (size_t i = 0; i < a.dims.size(); ++i) {
    const int64_t begin = std::max(a.dims[i].begin, b.dims[i].begin);
    const int64_t end = std::min(a.dims[i].end, b.dims[i].end);
    if (begin >= end)
      return 0;
    n *= end - begin;
  }
  return n;
}

Range balancedPart(Range range, int64_t parts, int64_t index) {
  int64_t base = range.size() / parts, rest = range.size() % parts;
  int64_t begin = range.begin + index * base + std::min(index, rest);
  return {begin, begin + base + (index < rest ? 1 : 0)};
}

std::string toString(Sbp sbp) {
  switch (sbp.kind) {
  case SbpKind::Split:
    return "S(" + std::to_string(sbp.dim) + ")";
  case SbpKind::Broadcast:
    return "B";
  case SbpKind::PartialSum:
    return "P";
  case SbpKind::PartialMax:
    return "P(max)";
  case SbpKind::PartialMin:
    return "P(min)";
  }
  return "?";
}

std::string toString(const NdSbp &sbp) {
  std::string out = "[";
  for (size_t i = 0; i < sbp.size(); ++i)
    out += (i ? ", " : "") + toString(sbp[i]);
  return out + "]";
}

std::vector<int64_t> Placement::coordinates(int64_t point) const {
  std::vector<int64_t> c(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    c[i] = point % shape[i];
    point /= shape[i];
  }
  return c;
}

int64_t Placement::pointOf(int64_t device) const {
  auto it = std::find(devices.begin(), devices.end(), device);
  return it == devices.end() ? -1 : it - devices.begin();
}

Box boxAt(const Shape &shape, const Layout &layout, int64_t point) {
  Box box = wholeBox(shape);
  int64_t stride = layout.placement.size();
  for (size_t axis = 0; axis < layout.sbp.size(); ++axis) {
    const int64_t parts = layout.placement.shape[axis];
    stride /= parts;
    if (!layout.sbp[axis].isSplit())
      continue;
    Range &r = box.dims[layout.sbp[axis].dim];
    r = balancedPart(r, parts, point / stride % parts);
  }
  return box;
}

Shape largestLocalShape(const Shape &shape, const Layout &layout) {
  // The first part of a balanced split is never smaller than the others, recursively.
  return boxAt(shape, layout, 0).shape();
}

} // namespace of
