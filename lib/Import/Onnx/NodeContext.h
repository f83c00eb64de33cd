// One node of an ONNX graph while `of` ops are built for it: what it says, and how to say it here.
//
// Every question and every op that cannot be answered or built reports why, at the node, once; from
// then on values are null and everything that takes them does nothing. So a lowering reads like its
// formula and is checked at its end. Borrows the import; lives as long as the node is lowered.
#pragma once

#include "dialects/Of/Build.h"
#include "lib/Import/Onnx/Proto.h"

#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

namespace of::onnx {

class Import;
struct Frame;
using mlir::Value;
using mlir::ValueRange;
using Ints = llvm::SmallVector<int64_t>;

class NodeContext {
public:
  NodeContext(Import &import, Frame &frame, const NodeProto &node, int64_t opset,
              mlir::OpBuilder &b, mlir::Location loc);

  Import &import;
  const NodeProto &node;
  int64_t opset;
  mlir::OpBuilder &b;
  mlir::Location loc;

  bool hasFailed() const { return failed; }
  /// Says why this node cannot be imported.
  std::nullptr_t fail(const llvm::Twine &why);

  // ---- Inputs and outputs
  unsigned numInputs() const { return node.inputs.size(); }
  bool has(unsigned i) const { return i < numInputs() && !node.inputs[i].empty(); }
  /// An input that must be there: a tensor.
  Value in(unsigned i);
  /// The same, or a sequence of tensors for ops that only pass it on.
  Value any(unsigned i);
  /// The tensors of an input that must be a sequence; nothing after an error.
  std::optional<llvm::SmallVector<Value>> sequence(unsigned i);
  /// Tensors under one name. It is taken apart before the import ends.
  Value asSequence(ValueRange tensors);
  static bool isSequence(Value v) { return mlir::isa<mlir::TupleType>(v.getType()); }
  llvm::SmallVector<Value> allInputs();
  bool wants(unsigned output) const {
    return output < node.outputs.size() && !node.outputs[output].empty();
  }
  void set(unsigned output, Value value);
  llvm::SmallVector<Value> results;

  // ---- Attributes; the value of ONNX's default where left out
  bool hasAttr(StringRef name) { return attr(name) != nullptr; }
  int64_t integer(StringRef name, int64_t otherwise);
  double number(StringRef name, double otherwise);
  StringRef text(StringRef name, StringRef otherwise);
  std::optional<Ints> integers(StringRef name);
  const TensorProto *tensor(StringRef name);
  const GraphProto *graph(StringRef name);

  /// Lowers a graph that sees the values around this node. `turn`: of a loop, for names.
  mlir::LogicalResult lowerBranch(const GraphProto &graph, llvm::ArrayRef<Value> arguments,
                                  llvm::SmallVectorImpl<Value> &results, int64_t turn = -1);
  /// True in a graph that belongs to a node.
  bool isInBranch() const;

  // ---- Constants
  /// Elements of a value that is known now, or null.
  mlir::DenseElementsAttr known(Value v);
  /// Integers of an input; fails if they are not known.
  std::optional<Ints> knownInts(unsigned i);
  /// A number that an input is known to hold everywhere, if it is.
  std::optional<double> knownNumber(Value v);
  Value constant(mlir::DenseElementsAttr elements);
  Value constantInts(llvm::ArrayRef<int64_t> values);
  Value splat(mlir::RankedTensorType type, double value);
  /// A scalar of x's element type.
  Value like(Value x, double value);

  // ---- Building
  /// An op with inferred results; null if its types do not fit.
  mlir::Operation *makeOp(StringRef name, ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> attributes, unsigned results = 1);
  template <class Op>
  Value make(ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    mlir::Operation *op = makeOp(Op::getOperationName(), operands, attributes);
    return op ? op->getResult(0) : Value();
  }
  mlir::NamedAttribute named(StringRef name, int64_t value);
  mlir::NamedAttribute named(StringRef name, double value);
  mlir::NamedAttribute named(StringRef name, StringRef value);
  mlir::NamedAttribute named(StringRef name, llvm::ArrayRef<int64_t> value);
  mlir::NamedAttribute flag(StringRef name);

  static mlir::RankedTensorType type(Value v) {
    return mlir::cast<mlir::RankedTensorType>(v.getType());
  }
  static llvm::ArrayRef<int64_t> shape(Value v) { return type(v).getShape(); }
  static int64_t rank(Value v) { return type(v).getRank(); }
  static mlir::Type element(Value v) { return type(v).getElementType(); }
  static bool isFloat(Value v) { return mlir::isa<mlir::FloatType>(element(v)); }

  Value add(Value x, Value y) { return make<AddOp>({x, y}); }
  Value sub(Value x, Value y) { return make<SubOp>({x, y}); }
  Value mul(Value x, Value y) { return make<MulOp>({x, y}); }
  Value div(Value x, Value y) { return make<DivOp>({x, y}); }
  Value add(Value x, double y) { return x ? add(x, like(x, y)) : Value(); }
  Value mul(Value x, double y) { return x ? mul(x, like(x, y)) : Value(); }
  Value select(Value c, Value x, Value y) { return make<SelectOp>({c, x, y}); }
  Value compare(StringRef predicate, Value x, Value y) {
    return make<CompareOp>({x, y}, named("predicate", predicate));
  }
  Value cast(Value x, mlir::Type to);
  Value reshape(Value x, llvm::ArrayRef<int64_t> shape);
  Value transpose(Value x, llvm::ArrayRef<int64_t> permutation);
  Value slice(Value x, llvm::ArrayRef<int64_t> starts, llvm::ArrayRef<int64_t> sizes,
              llvm::ArrayRef<int64_t> steps);
  Value sliceDim(Value x, int64_t dim, int64_t start, int64_t size);
  Value broadcast(Value x, llvm::ArrayRef<int64_t> shape);
  Value concat(ValueRange parts, int64_t dim);
  /// Tensors of one shape behind each other along a new dim.
  Value stack(llvm::ArrayRef<Value> parts, int64_t dim);
  /// A value before, behind and between the elements along each dim; `between` none where empty.
  Value pad(Value x, llvm::ArrayRef<int64_t> before, llvm::ArrayRef<int64_t> behind,
            llvm::ArrayRef<int64_t> between = {}, double value = 0);
  Value sum(Value x, llvm::ArrayRef<int64_t> dims, bool keep);
  Value iota(llvm::ArrayRef<int64_t> shape, int64_t dim, mlir::Type element);
  /// An axis counted from the front; fails if it is none.
  int64_t axis(int64_t value, int64_t rank);
  /// The same for several, sorted; fails if one is there twice.
  Ints axes(llvm::ArrayRef<int64_t> values, int64_t rank);

private:
  const AttributeProto *attr(StringRef name);
  const AttributeProto *attrOf(StringRef name, int64_t kind);

  Frame &frame;
  bool failed = false;
};

/// The product over dims, which has no op of its own.
Value productOver(NodeContext &n, Value x, llvm::ArrayRef<int64_t> dims, bool keep);
/// The product of matrices or batches of them, as numpy's `matmul` has it.
Value matrixProduct(NodeContext &n, Value x, Value y);
/// For the elements of a matrix of this shape whether column - row compares with `k`.
Value whereDiagonal(NodeContext &n, llvm::ArrayRef<int64_t> matrix, StringRef predicate, int64_t k);
/// For each element of `index` the element of x at its place, with the coordinate of `axis`
/// replaced.
Value gatherAlong(NodeContext &n, Value x, Value index, int64_t axis);

/// AttributeProto.AttributeType.
enum AttributeKind {
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7
};

} // namespace of::onnx
