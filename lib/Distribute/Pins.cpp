#include "lib/Distribute/Pins.h"

#include "lib/Distribute/Placement.h"

using namespace mlir;

namespace of {

std::optional<Sbp> parseSbp(StringRef text) {
  if (text == "B")
    return Sbp::broadcast();
  if (text == "P")
    return Sbp::partialSum();
  unsigned dim;
  if (text.consume_front("S(") && text.consume_back(")") && !text.getAsInteger(10, dim) &&
      dim < 256)
    return Sbp::split(dim);
  return std::nullopt;
}

static FailureOr<Sbp> sbpOf(Operation *op, RankedTensorType type, NamedAttribute entry) {
  auto text = dyn_cast<StringAttr>(entry.getValue());
  std::optional<Sbp> sbp = text ? parseSbp(text.getValue()) : std::nullopt;
  if (!sbp)
    return op->emitOpError("is pinned to ")
           << entry.getValue() << " on mesh axis '" << entry.getName().getValue()
           << "'; a pin is \"S(dim)\", \"B\" or \"P\"";
  if (sbp->isSplit() && sbp->dim >= type.getRank())
    return op->emitOpError("is pinned to ")
           << toString(*sbp) << " on mesh axis '" << entry.getName().getValue()
           << "', but the value has rank " << type.getRank();
  if (sbp->isPartial() && type.getElementType().isInteger(1))
    return op->emitOpError("is pinned to P on mesh axis '")
           << entry.getName().getValue() << "', but a bool is never partial; make it S or B";
  return *sbp;
}

FailureOr<Pin> pinOf(Operation *op, RankedTensorType type, MeshAttr mesh) {
  Pin pin(mesh.numAxes());
  auto dictionary = op->getAttrOfType<DictionaryAttr>(OfDialect::pinAttrName);
  if (!dictionary)
    return pin;
  for (NamedAttribute entry : dictionary) {
    int64_t axis = mesh.axisIndex(entry.getName().getValue());
    if (axis < 0) {
      InFlightDiagnostic diag = op->emitOpError("is pinned on axis '")
                                << entry.getName().getValue()
                                << "', which its mesh does not have; its axes are ";
      llvm::interleaveComma(mesh.getAxes(), diag, [&](StringAttr name) { diag << name; });
      return diag;
    }
    FailureOr<Sbp> sbp = sbpOf(op, type, entry);
    if (failed(sbp))
      return failure();
    if (mesh.getShape()[axis] > 1)
      pin[axis] = *sbp;
  }
  return pin;
}

NdSbp withPin(NdSbp sbp, const Pin &pin) {
  for (auto [entry, pinned] : llvm::zip(sbp, pin))
    if (pinned)
      entry = *pinned;
  return sbp;
}

SmallVector<NdSbp> splitChoices(ArrayRef<int64_t> shape, MeshAttr mesh, unsigned dims) {
  SmallVector<NdSbp> out{{}};
  for (int64_t size : mesh.getShape()) {
    SmallVector<NdSbp> longer;
    for (const NdSbp &prefix : out)
      for (unsigned choice = 0; choice <= (size > 1 ? dims : 0); ++choice) {
        longer.push_back(prefix);
        longer.back().push_back(choice ? Sbp::split(choice - 1) : Sbp::broadcast());
      }
    out = std::move(longer);
  }
  llvm::erase_if(out, [&](const NdSbp &sbp) {
    SmallVector<int64_t> parts(shape.size(), 1);
    for (auto [axis, s] : llvm::enumerate(sbp))
      if (s.isSplit())
        parts[s.dim] *= mesh.getShape()[axis];
    return llvm::any_of(llvm::zip(parts, shape),
                        [](auto pair) { return std::get<0>(pair) > std::get<1>(pair); });
  });
  return out;
}

// The pin of a variable, which is never partial.
static FailureOr<Pin> variablePin(VariableOp variable) {
  auto mesh = variable->getAttrOfType<MeshAttr>(placementAttrName);
  if (!mesh)
    return variable.emitOpError("has no of.placement; run of-assign-placements first");
  FailureOr<Pin> pin = pinOf(variable, cast<RankedTensorType>(variable.getType()), mesh);
  if (failed(pin))
    return failure();
  NdSbp sbp = withPin(NdSbp(mesh.numAxes()), *pin);
  if (llvm::any_of(sbp, [](Sbp s) { return s.isPartial(); }))
    return variable.emitOpError("is pinned to ")
           << toString(sbp) << ", but a variable is never partial; pin it to S(dim) or B";
  return pin;
}

llvm::StringMap<SmallVector<NdSbp>> variableChoices(ModuleOp module, MeshAttr mesh) {
  llvm::StringMap<SmallVector<NdSbp>> out;
  for (VariableOp variable : module.getOps<VariableOp>()) {
    auto type = cast<RankedTensorType>(variable.getType());
    out[variable.getSymName()] = splitChoices(type.getShape(), mesh, type.getRank());
  }
  return out;
}

FailureOr<llvm::StringMap<SmallVector<NdSbp>>> variableChoices(ModuleOp module) {
  llvm::StringMap<SmallVector<NdSbp>> out;
  for (VariableOp variable : module.getOps<VariableOp>()) {
    FailureOr<Pin> pin = variablePin(variable);
    if (failed(pin))
      return failure();
    auto type = cast<RankedTensorType>(variable.getType());
    SmallVector<NdSbp> &choices = out[variable.getSymName()];
    for (NdSbp sbp : splitChoices(
             type.getShape(), variable->getAttrOfType<MeshAttr>(placementAttrName), type.getRank()))
      if (NdSbp pinned = withPin(sbp, *pin); !llvm::is_contained(choices, pinned))
        choices.push_back(pinned);
  }
  return out;
}

FailureOr<llvm::StringMap<DistAttr>> variableDistributions(ModuleOp module) {
  llvm::StringMap<DistAttr> out;
  for (VariableOp variable : module.getOps<VariableOp>()) {
    FailureOr<Pin> pin = variablePin(variable);
    if (failed(pin))
      return failure();
    auto mesh = variable->getAttrOfType<MeshAttr>(placementAttrName);
    out[variable.getSymName()] =
        DistAttr::get(module.getContext(), mesh, withPin(NdSbp(mesh.numAxes()), *pin));
  }
  return out;
}

} // namespace of
