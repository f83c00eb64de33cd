#include "dialects/Of/Of.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Of/OfDialect.cpp.inc"
#include "dialects/Of/OfEnums.cpp.inc"
#include "dialects/Of/OfInterfaces.cpp.inc"

namespace of {
namespace {
// Meshes are long and recur in every type: print them once, as an alias.
struct AliasInterface : public OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    if (auto mesh = dyn_cast<MeshAttr>(attr)) {
      os << "mesh_" << mesh.getName();
      return AliasResult::FinalAlias;
    }
    return AliasResult::NoAlias;
  }
};
} // namespace

void OfDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dialects/Of/OfOps.cpp.inc"
      >();
  addInterfaces<AliasInterface>();
}
} // namespace of

#define GET_OP_CLASSES
#include "dialects/Of/OfOps.cpp.inc"
