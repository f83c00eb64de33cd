// What a user asks of the search beside its result, as attributes of the module until
// of-distribute has answered and taken them off.
//
//   of.what_if   what a choice would cost: ["h1=S(0)", ...]
//   of.given     choices to take for given (Annotations.h): [file, text]
//   of.keep      leave the choices as text in of.choices
//   of.weigh     leave in of.weighed what a step takes: seconds, and quarters of a device's memory
//                that it was taken to have beside it, since nothing fits
//   of.memory    a factor on the bytes that the search estimates, which are those of all but
//                variables; what it thinks of its choice is left in of.searched: {bytes, fixed:
//                those of variables, seconds, limited: if memory made it slower, blocks: what
//                blocks cost as stages}
//   of.block_costs   that, as a search of the same module left it: it does not depend on the factor
#pragma once

#include "mlir/IR/BuiltinOps.h"

namespace of {

inline constexpr llvm::StringLiteral whatIfAttrName = "of.what_if";
inline constexpr llvm::StringLiteral givenAttrName = "of.given";
inline constexpr llvm::StringLiteral keepAttrName = "of.keep";
inline constexpr llvm::StringLiteral choicesAttrName = "of.choices";
inline constexpr llvm::StringLiteral weighAttrName = "of.weigh";
inline constexpr llvm::StringLiteral weighedAttrName = "of.weighed";
inline constexpr llvm::StringLiteral memoryFactorAttrName = "of.memory";
inline constexpr llvm::StringLiteral blockCostsAttrName = "of.block_costs";
inline constexpr llvm::StringLiteral searchedAttrName = "of.searched";

struct SearchRequests {
  std::vector<std::string> whatIf;
  std::string givenFile, givenText; ///< both empty: nothing is given
  bool keep = false, weigh = false;
  std::optional<double> memoryFactor;
  mlir::ArrayAttr blockCosts; ///< null: not known
};

/// Those of the module, which has none afterwards.
SearchRequests takeRequests(mlir::ModuleOp module);

void setRequests(mlir::ModuleOp module, const SearchRequests &requests);

/// `blockCosts` may be null.
void setMemoryFactor(mlir::ModuleOp module, double factor, mlir::ArrayAttr blockCosts);

} // namespace of
