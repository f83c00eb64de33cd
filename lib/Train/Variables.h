// The variables of a job: parameters and buffers of the model, optimizer state, the step counter.
#pragma once

#include "dialects/Of/Of.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace of {

inline constexpr llvm::StringLiteral stepVariable = "step";

struct Variable {
  Variable(std::string name, mlir::RankedTensorType type, std::string role, bool trainable,
           mlir::Location loc)
      : name(std::move(name)), type(type), role(std::move(role)), trainable(trainable), loc(loc) {}

  std::string name;
  mlir::RankedTensorType type;
  std::string role; ///< "parameter", "state", "buffer", "counter"
  bool trainable = false;
  mlir::Location loc;
  InitAttr init;                ///< of a parameter or buffer; null: zero
  bool fanInFirst = false;      ///< the first dim is the fan in (matmul weights [in, out])
  mlir::DictionaryAttr pin;     ///< `of.pin`, or null
  mlir::DictionaryAttr gradPin; ///< `of.grad_pin`, or null
  mlir::IntegerAttr stage;      ///< `of.stage`, or null

  /// The model has it, not only its training.
  bool isFromModel() const { return static_cast<bool>(init); }
};

/// In the order of declaration, which is that of the module.
class VariableTable {
public:
  /// The parameters of a model, in program order. A frozen one is a buffer.
  static mlir::FailureOr<VariableTable> ofModel(mlir::func::FuncOp model);

  const Variable &declare(Variable variable);
  const Variable *find(llvm::StringRef name) const;
  const std::vector<Variable> &all() const { return variables; }

  /// Writes the `of.variable` ops.
  void emit(mlir::OpBuilder &b) const;

private:
  std::vector<Variable> variables;
  llvm::StringMap<size_t> index;
};

} // namespace of
