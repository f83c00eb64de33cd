#include "lib/Schedule/MeshGroups.h"

#include <map>
#include <set>

using namespace mlir;

namespace of {

MeshGroups::MeshGroups(ModuleOp module) {
  std::map<int64_t, MeshAttr> owner;
  llvm::DenseSet<MeshAttr> seen;
  llvm::DenseSet<Type> known; // many values are of few types
  auto note = [&](Type type) {
    if (!known.insert(type).second)
      return;
    DistAttr dist = isa<RankedTensorType>(type) ? distOf(type) : DistAttr();
    if (!dist || !seen.insert(dist.getMesh()).second)
      return;
    order.push_back(dist.getMesh());
    classes.insert(position(dist.getMesh()));
    for (int64_t device : dist.getMesh().getDevices())
      if (auto [it, isNew] = owner.try_emplace(device, dist.getMesh()); !isNew)
        classes.unionSets(position(it->second), position(dist.getMesh()));
  };
  module.walk([&](Operation *op) {
    if (auto variable = dyn_cast<VariableOp>(op))
      note(variable.getType());
    for (Type type : op->getResultTypes())
      note(type);
  });
}

std::string MeshGroups::groupOf(MeshAttr mesh) const {
  size_t leader = order.size();
  for (size_t i = 0; i < order.size(); ++i)
    if (classes.isEquivalent(i, position(mesh)))
      leader = std::min(leader, i);
  return order[leader].getName().str();
}

DictionaryAttr MeshGroups::devices(Builder &b) const {
  std::map<std::string, std::set<int64_t>> members;
  for (MeshAttr mesh : order)
    members[groupOf(mesh)].insert(mesh.getDevices().begin(), mesh.getDevices().end());
  SmallVector<NamedAttribute> out;
  for (auto &[name, devices] : members)
    out.push_back(b.getNamedAttr(
        name, b.getDenseI64ArrayAttr(SmallVector<int64_t>(devices.begin(), devices.end()))));
  return b.getDictionaryAttr(out);
}

} // namespace of
