#include "runtime/schema/PlanView.h"

#include <algorithm>

namespace of::rt {

Result<RoleInstance> roleOf(const plan::Plan &plan, uint32_t device) {
  for (uint32_t r = 0; r < plan.roles()->size(); ++r) {
    const plan::Role *role = plan.roles()->Get(r);
    const auto *instances = role->instances();
    const auto it = std::lower_bound(instances->begin(), instances->end(), device);
    if (it != instances->end() && *it == device)
      return RoleInstance{role, r, static_cast<uint32_t>(it - instances->begin())};
  }
  return Status(Code::Corrupt,
                "device " + std::to_string(device) + " has no role in the plan; compile it again");
}

namespace {
struct Place {
  uint32_t node, host;
};
} // namespace

static Place placeOf(const plan::Plan &plan, uint32_t device) {
  const uint32_t node = plan.devices()->Get(device)->node();
  return {node, plan.nodes()->Get(node)->host()};
}

/// Of two devices.
static Distance between(const Place &from, const Place &to) {
  return from.node == to.node   ? Distance::SameNode
         : from.host == to.host ? Distance::SameHost
                                : Distance::Remote;
}

DistanceFn distanceOf(const plan::Plan &plan) {
  return [&plan](int64_t a, int64_t b) {
    return a == b ? Distance::SameDevice
                  : between(placeOf(plan, static_cast<uint32_t>(a)),
                            placeOf(plan, static_cast<uint32_t>(b)));
  };
}

DistanceFn preparedDistanceOf(const plan::Plan &plan) {
  std::vector<Place> places; // by device
  for (uint32_t device = 0; device < plan.devices()->size(); ++device)
    places.push_back(placeOf(plan, device));
  return [places = std::move(places)](int64_t a, int64_t b) {
    return a == b ? Distance::SameDevice
                  : between(places[static_cast<size_t>(a)], places[static_cast<size_t>(b)]);
  };
}

Layout layoutOf(const plan::Plan &plan, const plan::Layout &layout) {
  Layout out;
  const plan::Placement *placement = plan.placements()->Get(layout.placement());
  out.placement.shape.assign(placement->shape()->begin(), placement->shape()->end());
  out.placement.devices.assign(placement->devices()->begin(), placement->devices()->end());
  if (layout.sbp())
    for (const plan::Sbp *sbp : *layout.sbp())
      out.sbp.push_back({static_cast<SbpKind>(sbp->kind()), sbp->dim()});
  return out;
}

Shape shapeOf(const flatbuffers::Vector<int64_t> *dims) {
  return dims ? Shape(dims->begin(), dims->end()) : Shape();
}

std::vector<ExchangePart> exchangeParts(const plan::Plan &plan, uint32_t exchange) {
  std::vector<ExchangePart> out;
  for (const plan::ExchangeTensor *tensor : *plan.exchanges()->Get(exchange)->tensors())
    out.push_back({dtypeOf(tensor->dtype()), shapeOf(tensor->shape()),
                   layoutOf(plan, *tensor->src()), layoutOf(plan, *tensor->dst())});
  return out;
}

std::vector<std::pair<uint32_t, uint32_t>> exchangePairs(const plan::Plan &plan,
                                                         const plan::Exchange &exchange) {
  std::vector<std::pair<uint32_t, uint32_t>> pairs; // destination first, for the order
  const DistanceFn distance = preparedDistanceOf(plan);
  for (const plan::ExchangeTensor *tensor : *exchange.tensors()) {
    const Shape shape = shapeOf(tensor->shape());
    const Layout src = layoutOf(plan, *tensor->src()), dst = layoutOf(plan, *tensor->dst());
    const PreparedExchange prepared(shape, src, dst);
    for (int64_t point = 0; point < dst.placement.size(); ++point)
      prepared.forEachSize(point, distance, [&](const PieceSize &piece) {
        pairs.emplace_back(dst.placement.devices[point], piece.srcDevice);
      });
  }
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  for (auto &[first, second] : pairs)
    std::swap(first, second);
  return pairs;
}

std::string describe(const plan::Task &task) {
  std::string out = task.name()->str();
  if (task.location() && task.location()->size() > 0)
    out += " (" + task.location()->str() + ")";
  return out;
}

} // namespace of::rt
