// Exchanges between all pairs of layouts, executed piece by piece and compared with the logical
// value.
#include "runtime/base/Landing.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <tuple>

using namespace of;

namespace {

Distance twoNodes(int64_t a, int64_t b) {
  if (a == b)
    return Distance::SameDevice;
  return a / 2 == b / 2 ? Distance::SameNode : Distance::Remote;
}

/// All layouts of a placement for tensors of this rank, sums only.
std::vector<Layout> layoutsOf(const Placement &placement, int rank) {
  std::vector<Sbp> choices = {Sbp::broadcast(), Sbp::partialSum()};
  for (int d = 0; d < rank; ++d)
    choices.push_back(Sbp::split(d));
  std::vector<Layout> out = {{placement, {}}};
  for (size_t axis = 0; axis < placement.shape.size(); ++axis) {
    std::vector<Layout> next;
    for (const Layout &layout : out)
      for (const Sbp &sbp : choices) {
        next.push_back(layout);
        next.back().sbp.push_back(sbp);
      }
    out = next;
  }
  return out;
}

/// Parts of an integer tensor in a layout: element i of the value is 100 + i; partial terms differ
/// per device and add up to it.
std::vector<std::vector<int64_t>> scatter(const Shape &shape, const Layout &layout) {
  std::vector<std::vector<int64_t>> parts;
  for (int64_t point = 0; point < layout.placement.size(); ++point) {
    const Box box = boxAt(shape, layout, point);
    const auto at = layout.placement.coordinates(point);
    std::vector<int64_t> whole(static_cast<size_t>(elementsOf(shape)));
    for (size_t i = 0; i < whole.size(); ++i) {
      // Term c of n: all but the first hold 7 * c, the first what is missing.
      int64_t term = 0, terms = 1;
      for (size_t a = 0; a < layout.sbp.size(); ++a)
        if (layout.sbp[a].isPartial()) {
          term = term * layout.placement.shape[a] + at[a];
          terms *= layout.placement.shape[a];
        }
      const int64_t value =
          term > 0 ? 7 * term : 100 + static_cast<int64_t>(i) - 7 * terms * (terms - 1) / 2;
      whole[i] = value;
    }
    std::vector<int64_t> part(static_cast<size_t>(box.elements()));
    copyRegion(DType::I64, box, whole.data(), wholeBox(shape), part.data(), box);
    parts.push_back(part);
  }
  return parts;
}

/// Value of parts: the sum over partial axes, any replica of broadcast ones. Checks that replicas
/// agree.
std::vector<int64_t> gather(const Shape &shape, const Layout &layout,
                            const std::vector<std::vector<int64_t>> &parts) {
  std::vector<int64_t> value(static_cast<size_t>(elementsOf(shape)), 0);
  for (int64_t point = 0; point < layout.placement.size(); ++point) {
    const auto at = layout.placement.coordinates(point);
    int64_t original = 0;
    for (size_t a = 0; a < at.size(); ++a)
      original = original * layout.placement.shape[a] + (layout.sbp[a].isBroadcast() ? 0 : at[a]);
    if (original != point) {
      REQUIRE(parts[static_cast<size_t>(point)] == parts[static_cast<size_t>(original)]);
      continue;
    }
    const Box box = boxAt(shape, layout, point);
    reduceRegion(DType::I64, SbpKind::PartialSum, box, parts[static_cast<size_t>(point)].data(),
                 box, value.data(), wholeBox(shape));
  }
  return value;
}

/// Sizes alone say of the pieces what the pieces say, of which the first of each region is first.
void checkSizes(const PreparedExchange &exchange, int64_t point, const ReceivePlan &plan) {
  using Size = std::tuple<int64_t, int64_t, bool>;
  std::vector<Size> sizes, expected;
  const int64_t filled = exchange.forEachSize(point, twoNodes, [&](const PieceSize &piece) {
    sizes.emplace_back(piece.srcDevice, piece.elements, piece.first);
  });
  const Piece *last = nullptr;
  for (const Piece &piece : plan.pieces) {
    expected.emplace_back(piece.srcDevice, piece.region.elements(),
                          !last || !(last->region == piece.region));
    last = &piece;
  }
  std::sort(sizes.begin(), sizes.end());
  std::sort(expected.begin(), expected.end());
  REQUIRE(sizes == expected);
  REQUIRE(filled == (plan.fillNeutral ? plan.box.elements() : 0));
}

void check(const Shape &shape, const Layout &src, const Layout &dst) {
  INFO(toString(src.sbp) << " to " << toString(dst.sbp));
  const auto sources = scatter(shape, src);
  std::vector<std::vector<int64_t>> results;
  std::vector<Piece> received;
  int64_t moved = 0;
  for (int64_t point = 0; point < dst.placement.size(); ++point) {
    const ReceivePlan plan = receivePlan(shape, src, dst, point, twoNodes);
    REQUIRE(plan.box == boxAt(shape, dst, point));
    checkSizes(PreparedExchange(shape, src, dst), point, plan);
    std::vector<int64_t> part(static_cast<size_t>(plan.box.elements()), -1);
    if (plan.fillNeutral)
      fillNeutral(DType::I64, plan.reduction, part.data(), plan.box.elements());
    for (const Piece &piece : plan.pieces) {
      const int64_t from = src.placement.pointOf(piece.srcDevice);
      const auto apply = [&](auto... a) {
        if (piece.first)
          copyRegion(DType::I64, a...);
        else
          reduceRegion(DType::I64, plan.reduction, a...);
      };
      apply(piece.region, static_cast<const void *>(sources[static_cast<size_t>(from)].data()),
            boxAt(shape, src, from), static_cast<void *>(part.data()), plan.box);
      received.push_back(piece);
      moved += piece.srcDevice == piece.dstDevice ? 0 : piece.region.elements();
    }
    results.push_back(part);
  }
  std::vector<int64_t> expected;
  for (int64_t i = 0; i < elementsOf(shape); ++i)
    expected.push_back(100 + i);
  REQUIRE(gather(shape, dst, results) == expected);

  size_t sent = 0; // what the sources give is what the destinations take
  for (int64_t device : src.placement.devices)
    for (const Piece &piece : sendPieces(shape, src, dst, device, twoNodes)) {
      REQUIRE(piece.srcDevice == device);
      ++sent;
    }
  REQUIRE(sent == received.size());
  REQUIRE(elementsMoved(shape, src, dst, twoNodes) == moved);
}

} // namespace

TEST_CASE("every pair of layouts gives the value") {
  const std::vector<Placement> placements = {
      {{1}, {0}},          {{2}, {0, 1}},          {{3}, {0, 1, 2}}, {{2}, {1, 3}},
      {{4}, {0, 1, 2, 3}}, {{2, 2}, {0, 1, 2, 3}}, {{2}, {4, 5}},    {{2, 3}, {0, 1, 2, 3, 4, 5}}};
  for (const Shape &shape : {Shape{5}, Shape{3, 4}, Shape{1, 2, 3}, Shape{}})
    for (const Placement &from : placements)
      for (const Placement &to : placements)
        for (const Layout &src : layoutsOf(from, static_cast<int>(shape.size())))
          for (const Layout &dst : layoutsOf(to, static_cast<int>(shape.size())))
            check(shape, src, dst);
}

TEST_CASE("nothing moves where nothing changes, and replicas come from near") {
  const Placement line{{4}, {0, 1, 2, 3}};
  for (const Layout &layout : layoutsOf(line, 1))
    REQUIRE(elementsMoved({8}, layout, layout, twoNodes) == 0);
  // All-gather of 8 elements on 4 devices: each takes the 6 it lacks. Reduce-scatter: each of the 2
  // of its part from 3 others.
  const Layout split{line, {Sbp::split(0)}}, all{line, {Sbp::broadcast()}},
      partial{line, {Sbp::partialSum()}};
  REQUIRE(elementsMoved({8}, split, all, twoNodes) == 4 * 6);
  REQUIRE(elementsMoved({8}, partial, split, twoNodes) == 4 * 2 * 3);
  REQUIRE(elementsMoved({8}, all, split, twoNodes) == 0);
  // Devices 0 and 2 hold the whole; 1 and 3 take it from the device of their node.
  const Layout holders{{{2}, {0, 2}}, {Sbp::broadcast()}},
      others{{{2}, {1, 3}}, {Sbp::broadcast()}};
  REQUIRE(receivePlan({8}, holders, others, 0, twoNodes).pieces.at(0).srcDevice == 0);
  REQUIRE(receivePlan({8}, holders, others, 1, twoNodes).pieces.at(0).srcDevice == 2);
}

TEST_CASE("replicas that are equally near take turns") {
  // Nodes of four. All destinations of a term that find it equally far in the same replicas: of
  // those no replica gives to many more than another.
  const auto nodesOfFour = [](int64_t a, int64_t b) {
    return a == b ? Distance::SameDevice : a / 4 == b / 4 ? Distance::SameNode : Distance::Remote;
  };
  const auto line = [](int64_t first, std::vector<int64_t> shape) {
    Placement out{std::move(shape), {}};
    const int64_t size = elementsOf(out.shape);
    for (int64_t i = 0; i < size; ++i)
      out.devices.push_back(first + i);
    return out;
  };
  const Shape shape{96, 50};
  int64_t many = 0;
  for (const Placement &from : {line(0, {4, 4}), line(0, {2, 2, 4}), line(2, {12})})
    for (const Placement &to : {line(0, {4, 4}), line(16, {2, 3, 4}), line(0, {6, 4})})
      for (const Layout &src : layoutsOf(from, 2))
        for (const Layout &dst : layoutsOf(to, 2)) {
          const PreparedExchange exchange(shape, src, dst);
          // By what is given and by whom it could be: pieces from each of those.
          std::map<std::pair<std::vector<int64_t>, std::vector<int64_t>>,
                   std::map<int64_t, int64_t>>
              given;
          for (int64_t point = 0; point < to.size(); ++point) {
            const ReceivePlan plan = exchange.receive(point, nodesOfFour);
            const int64_t device = to.devices[point];
            for (const Piece &piece : plan.pieces) {
              const int64_t source = from.pointOf(piece.srcDevice);
              std::vector<int64_t> term, replicas;
              for (const Range &range : boxAt(shape, src, source).dims)
                term.insert(term.end(), {range.begin, range.end});
              const auto at = from.coordinates(source);
              for (size_t axis = 0; axis < src.sbp.size(); ++axis)
                term.push_back(src.sbp[axis].isPartial() ? at[axis] : 0);
              for (int64_t other = 0; other < from.size(); ++other) {
                const auto there = from.coordinates(other);
                bool same = true;
                for (size_t axis = 0; axis < src.sbp.size(); ++axis)
                  same &= src.sbp[axis].isBroadcast() || at[axis] == there[axis];
                if (same && nodesOfFour(from.devices[other], device) ==
                                nodesOfFour(piece.srcDevice, device))
                  replicas.push_back(from.devices[other]);
              }
              std::map<int64_t, int64_t> &counts = given[{term, replicas}];
              for (const int64_t replica : replicas)
                counts[replica] += replica == piece.srcDevice;
            }
          }
          for (const auto &[key, counts] : given) {
            int64_t least = std::numeric_limits<int64_t>::max(), most = 0;
            for (const auto &[replica, count] : counts) {
              least = std::min(least, count);
              most = std::max(most, count);
            }
            INFO(toString(src.sbp) << " on " << from.size() << " -> " << toString(dst.sbp) << " on "
                                   << to.size() << ": " << least << " to " << most);
            // Those that need not ask leave gaps in the turns: each may cost a replica one.
            REQUIRE(most - least <= 3);
            many += counts.size() > 1 && most > 1;
          }
        }
  REQUIRE(many > 1000);
}

TEST_CASE("a landing slot is as large as what other hosts push, asked of one device or of all") {
  const Placement from{{4}, {0, 1, 2, 3}}, to{{3}, {1, 2, 4}};
  const std::vector<int64_t> devices = {0, 1, 2, 4, 9};
  int64_t all = 0;
  for (const Layout &src : layoutsOf(from, 2))
    for (const Layout &dst : layoutsOf(to, 2)) {
      const std::vector<ExchangePart> parts = {{DType::F32, {7, 40}, src, dst},
                                               {DType::F64, {5, 3}, src, dst}};
      const std::vector<int64_t> bytes = landingSlotBytes(parts, devices, twoNodes);
      REQUIRE(bytes.size() == devices.size());
      for (size_t i = 0; i < devices.size(); ++i) {
        int64_t pushed = 0;
        for (const LandingPayload &payload : landingPayloads(parts, devices[i], twoNodes))
          pushed += payload.bytes;
        REQUIRE(bytes[i] == pushed);
        REQUIRE(landingSlotBytes(parts, devices[i], twoNodes) == pushed);
        all += pushed;
      }
      REQUIRE(bytes[0] == 0); // no destination
    }
  REQUIRE(all > 0);
}

TEST_CASE("all destinations reduce in the same order, whichever replica is near") {
  // Three terms, each held by two devices: sums of floats depend on the order.
  const Placement grid{{3, 2}, {0, 1, 2, 3, 4, 5}};
  const Layout src{grid, {Sbp::partialSum(), Sbp::broadcast()}},
      dst{grid, {Sbp::broadcast(), Sbp::broadcast()}};
  for (int64_t point = 0; point < 6; ++point) {
    const auto pieces = receivePlan({1}, src, dst, point, twoNodes).pieces;
    REQUIRE(pieces.size() == 3);
    for (size_t term = 0; term < 3; ++term)
      REQUIRE(pieces[term].srcDevice / 2 == static_cast<int64_t>(term));
  }
}

TEST_CASE("maximum and minimum have neutral elements and keep NaN") {
  const Box box = wholeBox({3});
  float low[3], high[3];
  fillNeutral(DType::F32, SbpKind::PartialMax, low, 3);
  fillNeutral(DType::F32, SbpKind::PartialMin, high, 3);
  const float values[3] = {-std::numeric_limits<float>::infinity(), 2, std::nanf("")};
  reduceRegion(DType::F32, SbpKind::PartialMax, box, values, box, low, box);
  reduceRegion(DType::F32, SbpKind::PartialMin, box, values, box, high, box);
  REQUIRE(low[0] == values[0]);
  REQUIRE(low[1] == 2);
  REQUIRE(std::isnan(low[2]));
  REQUIRE(high[0] == values[0]);
  REQUIRE(high[1] == 2);
  REQUIRE(std::isnan(high[2]));
}

TEST_CASE("16-bit floats add with one rounding") {
  const Box box = wholeBox({4});
  // f16: 1 + 2 = 3; 65504 + 65504 overflows; smallest subnormal twice; 2048 + 1 rounds to even.
  const uint16_t a[4] = {0x3c00, 0x7bff, 0x0001, 0x6800}, b[4] = {0x4000, 0x7bff, 0x0001, 0x3c00};
  uint16_t sum[4];
  std::memcpy(sum, a, sizeof sum);
  reduceRegion(DType::F16, SbpKind::PartialSum, box, b, box, sum, box);
  REQUIRE(sum[0] == 0x4200);
  REQUIRE(sum[1] == 0x7c00);
  REQUIRE(sum[2] == 0x0002);
  REQUIRE(sum[3] == 0x6800);
  // bf16: 1 + 2 = 3; 256 + 1 rounds to even.
  const uint16_t c[4] = {0x3f80, 0x4380, 0, 0}, d[4] = {0x4000, 0x3f80, 0, 0};
  std::memcpy(sum, c, sizeof sum);
  reduceRegion(DType::BF16, SbpKind::PartialSum, box, d, box, sum, box);
  REQUIRE(sum[0] == 0x4040);
  REQUIRE(sum[1] == 0x4380);
}

TEST_CASE("a sum over an axis is reduced over a part of it") {
  const Layout src{{{4}, {0, 1, 2, 3}}, {Sbp::partialSum()}};
  const Layout dst{{{2, 2}, {0, 1, 2, 3}}, {Sbp::split(0), Sbp::partialSum()}};
  check({6}, src, dst);
  for (int64_t point = 0; point < 4; ++point) {
    const ReceivePlan plan = receivePlan({6}, src, dst, point, twoNodes);
    REQUIRE_FALSE(plan.fillNeutral);
    REQUIRE(plan.pieces.size() == 2);
    CHECK(plan.pieces[0].srcDevice == point % 2);
    CHECK(plan.pieces[1].srcDevice == point % 2 + 2);
  }
  // Not where the devices are others or in another order.
  const Layout turned{{{2, 2}, {0, 2, 1, 3}}, dst.sbp};
  CHECK(receivePlan({6}, src, turned, 0, twoNodes).pieces.size() == 4);
  CHECK(receivePlan({6}, src, turned, 1, twoNodes).fillNeutral);
}

TEST_CASE("a region that is prepared once is gone through in the same runs") {
  const Box box{{{2, 5}, {1, 3}, {0, 4}}}, src{{{0, 6}, {0, 4}, {0, 4}}},
      dst{{{2, 5}, {1, 4}, {0, 4}}};
  const RegionRuns runs(box, src, dst);
  REQUIRE_FALSE(runs.isOne());
  std::vector<std::array<int64_t, 3>> seen;
  runs.forEach([&](int64_t s, int64_t d, int64_t run) { seen.push_back({s, d, run}); });
  REQUIRE(seen == std::vector<std::array<int64_t, 3>>{
                      {2 * 16 + 4, 0, 8}, {3 * 16 + 4, 12, 8}, {4 * 16 + 4, 24, 8}});
  const RegionRuns rows({{{1, 3}, {0, 4}}}, {{{0, 5}, {0, 4}}}, {{{1, 3}, {0, 4}}});
  REQUIRE((rows.isOne() && rows.src() == 4 && rows.dst() == 0 && rows.run() == 8));
  RegionRuns({{{3, 3}}}, {{{0, 5}}}, {{{0, 5}}}).forEach([](int64_t, int64_t, int64_t) { FAIL(); });
}

TEST_CASE("many terms are reduced in their order, whatever the blocks") {
  const DType dtype = GENERATE(DType::F32, DType::F64);
  const SbpKind kind = GENERATE(SbpKind::PartialSum, SbpKind::PartialMax);
  const size_t numTerms = GENERATE(2u, 3u, 5u);
  const int64_t count = 10007; // no multiple of a block
  const Box box{{{0, count}}};
  const size_t bytes = static_cast<size_t>(count) * sizeOf(dtype);
  std::vector<std::vector<char>> terms(numTerms, std::vector<char>(bytes));
  std::vector<const void *> addresses;
  for (size_t t = 0; t < numTerms; ++t) {
    for (int64_t i = 0; i < count; ++i) { // sums that depend on the order
      const double value = 1.0 / static_cast<double>(3 + i * 7 + int64_t(t) * 11 % 5);
      if (dtype == DType::F32)
        reinterpret_cast<float *>(terms[t].data())[i] = static_cast<float>(value);
      else
        reinterpret_cast<double *>(terms[t].data())[i] = value;
    }
    addresses.push_back(terms[t].data());
  }
  std::vector<char> expected = terms[0], out(bytes);
  for (size_t t = 1; t < numTerms; ++t)
    reduceRegion(dtype, kind, box, terms[t].data(), box, expected.data(), box);
  reduceBuffers(dtype, kind, addresses.data(), numTerms, out.data(), count);
  REQUIRE(out == expected);
}

TEST_CASE("small landing slots are two, however few slots the output has") {
  REQUIRE(landingSlots(64, 1) == 2);
  REQUIRE(landingSlots(64 << 10, 1) == 2);
  REQUIRE(landingSlots((64 << 10) + 64, 1) == 1); // memory counts
  REQUIRE(landingSlots(64, 3) == 3);
  REQUIRE(landingSlots(0, 1) == 1); // nobody pushes
}
