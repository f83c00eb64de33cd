#include "lib/Import/Onnx/NodeContext.h"

#include "lib/Import/Onnx/Import.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace of::onnx {

NodeContext::NodeContext(Import &import, Frame &frame, const NodeProto &node, int64_t opset,
                         OpBuilder &b, Location loc)
    : import(import), node(node), opset(opset), b(b), loc(loc), results(node.outputs.size()),
      frame(frame) {}

std::nullptr_t NodeContext::fail(const Twine &why) {
  if (!failed)
    emitError(loc) << node.op << (node.name.empty() ? "" : " '") << node.name
                   << (node.name.empty() ? "" : "'") << " (opset " << opset << ") " << why;
  failed = true;
  return nullptr;
}

// ---- Inputs and outputs
// --------------------------------------------------------------------------

Value NodeContext::any(unsigned i) {
  if (!has(i))
    return fail("has no input " + Twine(i));
  Value value = import.lookup(node.inputs[i], frame, loc);
  failed |= !value;
  return value;
}

Value NodeContext::in(unsigned i) {
  Value value = any(i);
  if (value && isSequence(value))
    return fail("takes a tensor as input " + Twine(i) + "; '" + node.inputs[i] +
                "' is a sequence of tensors");
  return value;
}

std::optional<SmallVector<Value>> NodeContext::sequence(unsigned i) {
  Value value = any(i);
  if (!value)
    return std::nullopt;
  if (!isSequence(value)) {
    fail("takes a sequence of tensors as input " + Twine(i) + "; '" + node.inputs[i] +
         "' is a tensor");
    return std::nullopt;
  }
  return SmallVector<Value>(value.getDefiningOp()->getOperands());
}

Value NodeContext::asSequence(ValueRange tensors) {
  if (failed || !llvm::all_of(tensors, [](Value v) { return v && !isSequence(v); }))
    return failed ? nullptr : fail("makes a sequence of other things than tensors");
  Type type = TupleType::get(b.getContext(), SmallVector<Type>(tensors.getTypes()));
  return UnrealizedConversionCastOp::create(b, loc, type, tensors).getResult(0);
}

SmallVector<Value> NodeContext::allInputs() {
  SmallVector<Value> out;
  for (unsigned i = 0; i < numInputs(); ++i)
    out.push_back(in(i));
  if (out.empty())
    fail("has no inputs");
  return out;
}

void NodeContext::set(unsigned output, Value value) {
  failed |= !value;
  if (output < results.size())
    results[output] = value;
}

// ---- Attributes
// ----------------------------------------------------------------------------------

// In a function an attribute may be one of the call.
const AttributeProto *NodeContext::attr(StringRef name) {
  const AttributeProto *found = node.find(name);
  if (!found || found->reference.empty())
    return found;
  for (Frame *f = &frame; f; f = f->outer)
    if (const AttributeProto *bound = f->attributes.lookup(found->reference))
      return bound;
  return nullptr;
}

const AttributeProto *NodeContext::attrOf(StringRef name, int64_t kind) {
  const AttributeProto *found = attr(name);
  if (!found)
    return nullptr;
  // Files older than IR version 2 leave the type out.
  if (found->type != kind && found->type != 0)
    return fail("has attribute '" + name + "' of another type than ONNX says");
  return found;
}

int64_t NodeContext::integer(StringRef name, int64_t otherwise) {
  const AttributeProto *found = attrOf(name, kInt);
  return found ? found->i : otherwise;
}

// The decimal number that was written: 1e-5, not the float nearest to it.
static double asWritten(float value) {
  char text[64];
  snprintf(text, sizeof text, "%.9g", value);
  for (int digits = 1; digits < 9; ++digits) {
    char shorter[64];
    snprintf(shorter, sizeof shorter, "%.*g", digits, value);
    if (strtof(shorter, nullptr) == value)
      return strtod(shorter, nullptr);
  }
  return strtod(text, nullptr);
}

double NodeContext::number(StringRef name, double otherwise) {
  const AttributeProto *found = attrOf(name, kFloat);
  return found ? asWritten(found->f) : otherwise;
}

StringRef NodeContext::text(StringRef name, StringRef otherwise) {
  const AttributeProto *found = attrOf(name, kString);
  return found ? found->s : otherwise;
}

std::optional<Ints> NodeContext::integers(StringRef name) {
  const AttributeProto *found = attrOf(name, kInts);
  if (!found)
    return std::nullopt;
  return Ints(found->ints.begin(), found->ints.end());
}

const TensorProto *NodeContext::tensor(StringRef name) {
  const AttributeProto *found = attrOf(name, kTensor);
  return found ? found->tensor.get() : nullptr;
}

const GraphProto *NodeContext::graph(StringRef name) {
  const AttributeProto *found = attrOf(name, kGraph);
  return found ? found->graph.get() : nullptr;
}

LogicalResult NodeContext::lowerBranch(const GraphProto &graph, ArrayRef<Value> arguments,
                                       SmallVectorImpl<Value> &results, int64_t turn) {
  if (graph.inputs.size() != arguments.size()) {
    fail("gives " + Twine(arguments.size()) + " values to a graph of " +
         Twine(graph.inputs.size()) + " inputs");
    return failure();
  }
  Frame inner;
  inner.outer = &frame;
  inner.opsets = frame.opsets;
  inner.prefix = frame.prefix + (node.name.empty() ? node.op : node.name).str() + "/";
  if (turn >= 0)
    inner.prefix += std::to_string(turn) + "/";
  inner.depth = frame.depth + 1;
  for (auto [input, argument] : llvm::zip(graph.inputs, arguments))
    inner.values[input.name] = argument;
  if (succeeded(import.lowerGraph(graph, inner, results)))
    return success();
  failed = true; // told inside
  return failure();
}

bool NodeContext::isInBranch() const { return frame.outer; }

// ---- Constants
// -----------------------------------------------------------------------------------

DenseElementsAttr NodeContext::known(Value v) {
  DenseElementsAttr elements;
  if (v)
    matchPattern(v, m_Constant(&elements));
  return elements;
}

std::optional<Ints> NodeContext::knownInts(unsigned i) {
  Value value = in(i);
  if (!value)
    return std::nullopt;
  DenseElementsAttr elements = known(value);
  if (!elements || !isa<IntegerType>(elements.getElementType())) {
    fail("has input " + Twine(i) + " ('" + node.inputs[i] +
         "') that is computed from data; shapes and indices of this kind must follow from the "
         "shapes of the inputs");
    return std::nullopt;
  }
  if (elements.getNumElements() > 4096) {
    fail("has a list of " + Twine(elements.getNumElements()) + " numbers as input " + Twine(i));
    return std::nullopt;
  }
  Ints out;
  for (const APInt &element : elements.getValues<APInt>())
    out.push_back(element.getSExtValue());
  return out;
}

std::optional<double> NodeContext::knownNumber(Value v) {
  DenseElementsAttr elements = known(v);
  if (!elements || !elements.isSplat())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType())) {
    APFloat value = elements.getSplatValue<APFloat>();
    return elements.getElementType().isF32() ? asWritten(value.convertToFloat())
                                             : value.convertToDouble();
  }
  return elements.getSplatValue<APInt>().getSExtValue();
}

Value NodeContext::constant(DenseElementsAttr elements) {
  return arith::ConstantOp::create(b, loc, elements);
}

Value NodeContext::constantInts(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, b.getI64Type());
  return constant(DenseElementsAttr::get(type, values));
}

Value NodeContext::splat(RankedTensorType type, double value) {
  Type element = type.getElementType();
  if (isa<IntegerType>(element) && !(value >= -0x1p63 && value < 0x1p63))
    return fail("computes with " + std::to_string(value) + ", which no integer holds");
  Attribute attr = isa<FloatType>(element)
                       ? Attribute(b.getFloatAttr(element, value))
                       : Attribute(b.getIntegerAttr(element, static_cast<int64_t>(value)));
  return constant(DenseElementsAttr::get(type, attr));
}

Value NodeContext::like(Value x, double value) {
  return x ? splat(RankedTensorType::get({}, element(x)), value) : Value();
}

// ---- Building
// ------------------------------------------------------------------------------------

// Made with stand-ins for its results, so that the op's own inference can be asked with its
// attributes in place.
Operation *NodeContext::makeOp(StringRef name, ValueRange operands,
                               ArrayRef<NamedAttribute> attributes, unsigned results) {
  if (failed || !llvm::all_of(operands, [](Value v) { return static_cast<bool>(v); })) {
    failed = true;
    return nullptr;
  }
  OperationState state(loc, name);
  state.addOperands(operands);
  state.addAttributes(attributes);
  state.addTypes(SmallVector<Type>(results, RankedTensorType::get({}, b.getF32Type())));
  Operation *op = b.create(state);
  auto inference = llvm::cast<InferTypeOpInterface>(op);
  SmallVector<Type> types;
  bool good = succeeded(inference.inferReturnTypes(
      op->getContext(), loc, op->getOperands(), op->getDiscardableAttrDictionary(),
      op->getPropertiesStorage(), op->getRegions(), types));
  for (auto [result, type] : llvm::zip(op->getResults(), types)) {
    std::string problem = problemOfShape(llvm::cast<RankedTensorType>(type).getShape());
    if (good && !problem.empty()) {
      fail("has a result that is too large: " + problem);
      good = false;
    }
    result.setType(type);
  }
  if (good)
    return op;
  failed = true;
  op->erase();
  return nullptr;
}

NamedAttribute NodeContext::named(StringRef name, int64_t value) {
  return b.getNamedAttr(name, b.getI64IntegerAttr(value));
}
NamedAttribute NodeContext::named(StringRef name, double value) {
  return b.getNamedAttr(name, b.getF64FloatAttr(value));
}
NamedAttribute NodeContext::named(StringRef name, StringRef value) {
  return b.getNamedAttr(name, b.getStringAttr(value));
}
NamedAttribute NodeContext::named(StringRef name, ArrayRef<int64_t> value) {
  return b.getNamedAttr(name, b.getDenseI64ArrayAttr(value));
}
NamedAttribute NodeContext::flag(StringRef name) { return b.getNamedAttr(name, b.getUnitAttr()); }

Value NodeContext::cast(Value x, Type to) {
  if (!x || element(x) == to)
    return x;
  return make<CastOp>(x, b.getNamedAttr("to", TypeAttr::get(to)));
}

Value NodeContext::reshape(Value x, ArrayRef<int64_t> to) {
  if (!x || shape(x) == to)
    return x;
  // 0 means "as the input" to the op; here it means nothing there.
  for (auto [i, dim] : llvm::enumerate(to))
    if (dim == 0 && (static_cast<int64_t>(i) >= rank(x) || shape(x)[i] != 0))
      return fail("makes an empty tensor of " + Twine(to.size()) + " dims, which has no use here");
  return make<ReshapeOp>(x, named("shape", to));
}

Value NodeContext::transpose(Value x, ArrayRef<int64_t> permutation) {
  if (!x || llvm::is_sorted(permutation))
    return x;
  return make<TransposeOp>(x, named("permutation", permutation));
}

Value NodeContext::slice(Value x, ArrayRef<int64_t> starts, ArrayRef<int64_t> sizes,
                         ArrayRef<int64_t> steps) {
  if (!x)
    return {};
  bool isWhole = shape(x) == sizes;
  for (size_t i = 0; isWhole && i < starts.size(); ++i)
    isWhole = starts[i] == 0 && (steps[i] == 1 || sizes[i] <= 1);
  if (isWhole)
    return x;
  return make<SliceOp>(x, {named("starts", starts), named("sizes", sizes), named("steps", steps)});
}

Value NodeContext::sliceDim(Value x, int64_t dim, int64_t start, int64_t size) {
  if (!x)
    return {};
  Ints starts(rank(x), 0), sizes(shape(x)), steps(rank(x), 1);
  starts[dim] = start;
  sizes[dim] = size;
  return slice(x, starts, sizes, steps);
}

Value NodeContext::broadcast(Value x, ArrayRef<int64_t> to) {
  if (!x || shape(x) == to)
    return x;
  if (std::string problem = problemOfShape(to); !problem.empty())
    return fail("has a result that is too large: " + problem);
  Value like = splat(RankedTensorType::get(to, element(x)), 0);
  return make<ExpandOp>({x, like});
}

Value NodeContext::concat(ValueRange parts, int64_t dim) {
  if (!parts.empty() && parts.size() == 1)
    return parts[0];
  return make<ConcatOp>(parts, named("dim", dim));
}

Value NodeContext::stack(ArrayRef<Value> parts, int64_t dim) {
  SmallVector<Value> out;
  for (Value v : parts) {
    if (!v)
      return {};
    Ints to(shape(v));
    to.insert(to.begin() + dim, 1);
    out.push_back(reshape(v, to));
  }
  return concat(out, dim);
}

Value NodeContext::pad(Value x, ArrayRef<int64_t> before, ArrayRef<int64_t> behind,
                       ArrayRef<int64_t> between, double value) {
  if (!x)
    return {};
  Ints none(rank(x), 0);
  between = between.empty() ? ArrayRef<int64_t>(none) : between;
  for (int64_t dim = 0; dim < rank(x); ++dim)
    if (double(before[dim]) + double(behind[dim]) + double(shape(x)[dim]) * (1 + between[dim]) >
        0x1p41)
      return fail("pads dim " + Twine(dim) + " to more than 2^40 elements");
  if (before == ArrayRef<int64_t>(none) && behind == before && between == before)
    return x;
  return make<PadOp>(x, {named("low", before), named("high", behind), named("interior", between),
                         named("value", value)});
}

Value NodeContext::sum(Value x, ArrayRef<int64_t> dims, bool keep) {
  SmallVector<NamedAttribute> attributes{named("dims", dims)};
  if (keep)
    attributes.push_back(flag("keepdims"));
  return make<ReduceSumOp>(x, attributes);
}

Value NodeContext::iota(ArrayRef<int64_t> dims, int64_t dim, Type element) {
  if (std::string problem = problemOfShape(dims); !problem.empty())
    return fail("counts along a tensor that cannot be: " + problem);
  return IotaOp::create(b, loc, RankedTensorType::get(dims, element), dim);
}

int64_t NodeContext::axis(int64_t value, int64_t rank) {
  int64_t counted = value < 0 ? value + rank : value;
  if (counted >= 0 && counted < rank)
    return counted;
  fail("has axis " + Twine(value) + " for a tensor of " + Twine(rank) + " dims");
  return 0;
}

Ints NodeContext::axes(ArrayRef<int64_t> values, int64_t rank) {
  Ints out;
  for (int64_t value : values)
    out.push_back(axis(value, rank));
  llvm::sort(out);
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    fail("names an axis twice");
  return failed ? Ints() : out;
}

} // namespace of::onnx
