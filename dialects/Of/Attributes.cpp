// Mesh, distribution and initialiser attributes: syntax and verifiers.
#include "dialects/Of/Of.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#define GET_ATTRDEF_CLASSES
#include "dialects/Of/OfAttrs.cpp.inc"

namespace of {

void OfDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Of/OfAttrs.cpp.inc"
      >();
}

// ---- #of.mesh<"name", [axis = size, ...], [devices]>
// ---------------------------------------------------------------

Attribute MeshAttr::parse(AsmParser &parser, Type) {
  std::string name;
  SmallVector<StringAttr> axes;
  SmallVector<int64_t> shape, devices;
  auto axis = [&]() -> ParseResult {
    std::string keyword;
    int64_t size;
    if (parser.parseKeywordOrString(&keyword) || parser.parseEqual() || parser.parseInteger(size))
      return failure();
    axes.push_back(parser.getBuilder().getStringAttr(keyword));
    shape.push_back(size);
    return success();
  };
  auto device = [&]() -> ParseResult { return parser.parseInteger(devices.emplace_back()); };
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseString(&name) || parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, axis) || parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, device) || parser.parseGreater())
    return {};
  return MeshAttr::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), name,
                              axes, shape, devices);
}

void MeshAttr::print(AsmPrinter &printer) const {
  printer << "<\"" << getName() << "\", [";
  llvm::interleaveComma(llvm::zip(getAxes(), getShape()), printer.getStream(), [&](auto it) {
    printer.printKeywordOrString(std::get<0>(it).getValue());
    printer << " = " << std::get<1>(it);
  });
  printer << "], [";
  llvm::interleaveComma(getDevices(), printer.getStream());
  printer << "]>";
}

LogicalResult MeshAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name,
                               ArrayRef<StringAttr> axes, ArrayRef<int64_t> shape,
                               ArrayRef<int64_t> devices) {
  int64_t points = 1;
  llvm::SmallSet<StringRef, 4> names;
  for (auto [axis, size] : llvm::zip(axes, shape)) {
    if (size < 1)
      return emitError() << "mesh '" << name << "': axis " << axis << " has size " << size
                         << "; sizes are at least 1";
    if (!names.insert(axis.getValue()).second)
      return emitError() << "mesh '" << name << "': axis name " << axis << " is used twice";
    points *= size;
  }
  if (axes.size() != shape.size() || points != static_cast<int64_t>(devices.size()))
    return emitError() << "mesh '" << name << "': axes span " << points << " points but "
                       << devices.size() << " devices are listed";
  llvm::SmallSet<int64_t, 16> seen;
  for (int64_t device : devices)
    if (device < 0 || !seen.insert(device).second)
      return emitError() << "mesh '" << name << "': device " << device
                         << " is negative or listed twice";
  return success();
}

int64_t MeshAttr::axisIndex(StringRef axis) const {
  for (auto [i, name] : llvm::enumerate(getAxes()))
    if (name.getValue() == axis)
      return i;
  return -1;
}

Placement MeshAttr::placement() const {
  return {std::vector<int64_t>(getShape().begin(), getShape().end()),
          std::vector<int64_t>(getDevices().begin(), getDevices().end())};
}

// ---- #of.dist<mesh, [sbp, ...]>
// ------------------------------------------------------------------------------------

static ParseResult parseSbp(AsmParser &parser, Sbp &sbp) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  if (keyword == "B") {
    sbp = Sbp::broadcast();
    return success();
  }
  if (keyword == "S") {
    int64_t dim;
    if (parser.parseLParen() || parser.parseInteger(dim) || parser.parseRParen())
      return failure();
    if (dim < 0 || dim > 255)
      return parser.emitError(loc) << "S(" << dim << "): the dim is out of range";
    sbp = Sbp::split(dim);
    return success();
  }
  if (keyword == "P") {
    sbp = Sbp::partialSum();
    if (failed(parser.parseOptionalLParen()))
      return success();
    StringRef kind;
    if (parser.parseKeyword(&kind) || parser.parseRParen())
      return failure();
    if (kind != "max" && kind != "min")
      return parser.emitError(loc) << "P(" << kind << "): partial values are P, P(max) or P(min)";
    sbp = {kind == "max" ? SbpKind::PartialMax : SbpKind::PartialMin, 0};
    return success();
  }
  return parser.emitError(loc) << "'" << keyword
                               << "' is no SBP: use S(dim), B, P, P(max) or P(min)";
}

Attribute DistAttr::parse(AsmParser &parser, Type) {
  MeshAttr mesh;
  SmallVector<Sbp> sbp;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseAttribute(mesh) || parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&]() { return parseSbp(parser, sbp.emplace_back()); }) ||
      parser.parseGreater())
    return {};
  return DistAttr::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), mesh,
                              sbp);
}

void DistAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printer.printAttribute(getMesh());
  printer << ", " << toString(ndSbp()) << ">";
}

LogicalResult DistAttr::verify(function_ref<InFlightDiagnostic()> emitError, MeshAttr mesh,
                               ArrayRef<Sbp> sbp) {
  if (mesh && mesh.numAxes() != static_cast<int64_t>(sbp.size()))
    return emitError() << "distribution " << toString(NdSbp(sbp.begin(), sbp.end())) << " has "
                       << sbp.size() << " entries for the " << mesh.numAxes() << " axes of mesh '"
                       << mesh.getName() << "'";
  return success();
}

LogicalResult DistAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  for (Sbp sbp : getSbp()) {
    if (sbp.isSplit() && sbp.dim >= shape.size())
      return emitError() << toString(sbp) << " splits dim " << int(sbp.dim)
                         << " of a tensor of rank " << shape.size();
    if (sbp.isPartial() && elementType.isInteger(1))
      return emitError() << toString(sbp) << ": a bool tensor cannot be partial; make it S or B";
  }
  return success();
}

bool DistAttr::isAllBroadcast() const {
  return llvm::all_of(getSbp(), [](Sbp s) { return s.isBroadcast(); });
}
bool DistAttr::hasPartial() const {
  return llvm::any_of(getSbp(), [](Sbp s) { return s.isPartial(); });
}

// ---- #of.init<kind, values...>
// -------------------------------------------------------------------------------------

Attribute InitAttr::parse(AsmParser &parser, Type) {
  StringRef keyword;
  SmallVector<double> values;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<InitKind> kind = symbolizeInitKind(keyword);
  if (!kind) {
    parser.emitError(loc)
        << "'" << keyword
        << "' is no initialiser: use constant, normal, uniform, xavier_uniform, xavier_normal, "
           "kaiming_uniform or kaiming_normal";
    return {};
  }
  while (succeeded(parser.parseOptionalComma()))
    if (parser.parseFloat(values.emplace_back()))
      return {};
  if (parser.parseGreater())
    return {};
  size_t most = *kind == InitKind::Normal || *kind == InitKind::Uniform ? 2 : 1;
  if (values.size() > most) {
    parser.emitError(loc) << "initialiser " << keyword << " takes at most " << most << " values";
    return {};
  }
  return InitAttr::get(parser.getContext(), *kind,
                       parser.getBuilder().getDenseF64ArrayAttr(values));
}

void InitAttr::print(AsmPrinter &printer) const {
  printer << "<" << stringifyInitKind(getKind());
  for (double value : getValues().asArrayRef()) {
    printer << ", ";
    printer.printFloat(APFloat(value));
  }
  printer << ">";
}

// ---- Types
// ---------------------------------------------------------------------------------------------------------

DistAttr distOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_or_null<DistAttr>(tensor.getEncoding()) : DistAttr();
}

DistAttr distOf(Value value) { return distOf(value.getType()); }

RankedTensorType withoutDist(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType());
}

RankedTensorType withDist(Type type, DistAttr dist) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), tensor.getElementType(), dist);
}

RankedTensorType localType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  DistAttr dist = distOf(type);
  if (!dist)
    return tensor;
  Shape local =
      largestLocalShape(Shape(tensor.getShape().begin(), tensor.getShape().end()), dist.layout());
  return RankedTensorType::get(local, tensor.getElementType());
}

RankedTensorType localTypeAt(Type type, int64_t point) {
  auto tensor = cast<RankedTensorType>(type);
  DistAttr dist = distOf(type);
  if (!dist)
    return withoutDist(type);
  Shape logical(tensor.getShape().begin(), tensor.getShape().end());
  return RankedTensorType::get(boxAt(logical, dist.layout(), point).shape(),
                               tensor.getElementType());
}

bool isCompatibleIgnoringDist(TypeRange l, TypeRange r) {
  if (l.size() != r.size())
    return false;
  for (auto [a, b] : llvm::zip(l, r)) {
    auto ta = dyn_cast<RankedTensorType>(a), tb = dyn_cast<RankedTensorType>(b);
    if (!ta || !tb || ta.getRank() != tb.getRank() || ta.getElementType() != tb.getElementType())
      return false;
    for (auto [da, db] : llvm::zip(ta.getShape(), tb.getShape()))
      if (da != db && !ShapedType::isDynamic(da) && !ShapedType::isDynamic(db))
        return false;
  }
  return true;
}

int64_t tensorBytes(RankedTensorType type) {
  return type.getNumElements() * static_cast<int64_t>(sizeOf(dtypeOf(type.getElementType())));
}

int64_t partBytes(Type type) { return tensorBytes(localType(type)); }

DType dtypeOf(Type type) {
  if (type.isF32())
    return DType::F32;
  if (type.isF64())
    return DType::F64;
  if (type.isF16())
    return DType::F16;
  if (type.isBF16())
    return DType::BF16;
  if (type.isInteger(1))
    return DType::Bool;
  if (type.isInteger(8))
    return type.isUnsignedInteger() ? DType::U8 : DType::I8;
  return type.isInteger(32) ? DType::I32 : DType::I64;
}

Type typeOf(DType dtype, MLIRContext *context) {
  Builder b(context);
  switch (dtype) {
  case DType::F32:
    return b.getF32Type();
  case DType::F64:
    return b.getF64Type();
  case DType::F16:
    return b.getF16Type();
  case DType::BF16:
    return b.getBF16Type();
  case DType::I8:
    return b.getI8Type();
  case DType::U8:
    return b.getIntegerType(8, /*isSigned=*/false);
  case DType::I32:
    return b.getI32Type();
  case DType::I64:
    return b.getI64Type();
  case DType::Bool:
    return b.getI1Type();
  }
  return {};
}

} // namespace of
