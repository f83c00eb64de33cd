// Lowering of a whole graph: names and what they stand for, node by node, into one function.
//
//   initialisers ─▶ parameters, constants     nodes in order ─▶ OpTable ─▶ of ops ─▶ Fold
//
// One object for one import, one thread. All complaints are told, not only the first.
#pragma once

#include "lib/Import/Onnx/NodeContext.h"
#include "lib/Import/Onnx/TensorData.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <map>

namespace of::onnx {

/// Where names are looked up: a graph, a branch of an If (which sees the graph around it), or the
/// body of a function (which sees its inputs alone).
struct Frame {
  Frame *outer = nullptr;                  ///< whose names are seen too
  llvm::StringMap<Value> values;           ///< null: could not be made
  llvm::StringMap<std::string> uncomputed; ///< outputs that have no meaning here, and of which op
  llvm::StringMap<const TensorProto *> initializers;
  llvm::StringMap<const AttributeProto *> attributes; ///< of the call of a function
  const OpsetImports *opsets = nullptr;
  std::string prefix; ///< of names of values, so that each call of a function has its own
  unsigned depth = 0;
};

/// An op that was met and cannot be imported.
struct Refused {
  int64_t count = 0;
  std::string first, why;
};

class Import {
public:
  Import(const ModelProto &model, mlir::MLIRContext *context, StringRef file, Weights &weights);

  /// Builds the body of `function`, whose arguments are the inputs of the graph that are no
  /// initialisers, in order.
  mlir::LogicalResult run(mlir::func::FuncOp function);

  /// A parameter of the model with an initialiser's values.
  Value parameter(StringRef name, const StoredTensor &tensor, bool frozen);
  /// Another parameter that starts with the same values; null if the value is no parameter.
  Value untie(Value value, StringRef name);
  /// Elements of a value that is known now, first values of small parameters too, or null: for what
  /// no one trains, such as the scales of Resize.
  mlir::DenseElementsAttr firstElements(Value value);
  /// Marks a parameter as running statistics, which no optimizer touches.
  void freeze(Value value);
  mlir::Location nodeLoc(const NodeProto &node, const Frame &frame);
  mlir::LogicalResult lowerGraph(const GraphProto &graph, Frame &frame,
                                 llvm::SmallVectorImpl<Value> &results);
  /// The value of a name, or null after an error, or silently if its node failed.
  Value lookup(StringRef name, Frame &frame, mlir::Location loc);

  /// For advice on the export.
  struct Hints {
    int64_t foldedNorms = 0, evalNorms = 0, renamed = 0;
    std::string firstFolded, firstRenamed;
  } hints;

  mlir::MLIRContext *context;
  mlir::OpBuilder b;
  ExternalFiles files;

private:
  mlir::LogicalResult lowerNodes(llvm::ArrayRef<NodeProto> nodes, Frame &frame);
  mlir::LogicalResult lowerNode(const NodeProto &node, Frame &frame);
  mlir::LogicalResult callFunction(const FunctionProto &function, const NodeProto &node,
                                   Frame &frame);
  mlir::LogicalResult define(StringRef name, Value value, Frame &frame, mlir::Location loc);
  Value initializer(StringRef name, const TensorProto &tensor, mlir::Location loc);
  void findRefused(llvm::ArrayRef<NodeProto> nodes, const OpsetImports &opsets, const Frame &frame);
  mlir::LogicalResult reportRefused();
  mlir::LogicalResult dropSequences(llvm::ArrayRef<Value> results);
  const FunctionProto *functionOf(const NodeProto &node) const;
  void nameOps(mlir::Block::iterator first, mlir::Block::iterator last, NodeContext &node,
               const Frame &frame);

  const ModelProto &model;
  std::string file;
  Weights &weights;
  mlir::func::FuncOp function;
  mlir::Operation *lastParameter = nullptr;
  std::map<std::string, Refused> refused; ///< by "Op (domain, opset)"
  llvm::StringMap<StoredTensor> stored;   ///< of parameters, by name
  llvm::DenseMap<const TensorProto *, Value> parameters;
  int64_t lowered = 0; ///< nodes so far, calls of functions included
};

/// Version of an operator set that a model imports, or 0.
int64_t versionOf(const OpsetImports &opsets, StringRef domain);

/// True for names that exporters make up for values of their own.
bool isMadeUp(StringRef name);

/// Replaces ops of known operands by constants (arith.constant); `results` follow.
void foldOps(mlir::Block &block, mlir::Block::iterator first,
             llvm::SmallVectorImpl<Value> &results);

/// Turns the constants that are left into `of` ops: one value, an index, or a frozen parameter.
void materialiseConstants(mlir::func::FuncOp function, Weights &weights);
/// Freezes parameters that nothing trains: integers, and what reaches no result over floats.
void freezeUnreached(mlir::func::FuncOp function);

} // namespace of::onnx
