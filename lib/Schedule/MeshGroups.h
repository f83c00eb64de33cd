// Which chunk a mesh's memory is in: meshes that share devices share it. Borrows the IR.
#pragma once

#include "dialects/Task/Task.h"

#include "llvm/ADT/EquivalenceClasses.h"

#include <string>

namespace of {

class MeshGroups {
public:
  explicit MeshGroups(mlir::ModuleOp module);

  /// A group is named after its first mesh.
  std::string groupOf(MeshAttr mesh) const;
  llvm::ArrayRef<MeshAttr> meshes() const { return order; }
  /// Dictionary group -> devices.
  mlir::DictionaryAttr devices(mlir::Builder &b) const;

private:
  size_t position(MeshAttr mesh) const { return llvm::find(order, mesh) - order.begin(); }

  llvm::SmallVector<MeshAttr> order;
  llvm::EquivalenceClasses<size_t> classes;
};

} // namespace of
