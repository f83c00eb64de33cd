// MLIR for targets that make IR.
#pragma once

#include "dialects/Of/Of.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Diagnostics.h"

#include <memory>
#include <string>

namespace of::fuzz {

/// A context keeps every type and attribute it has seen, so it is made anew every now and then.
class Context {
public:
  mlir::MLIRContext *next() {
    if (!context || ++uses == kUses) {
      context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
      context->loadDialect<OfDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                           mlir::math::MathDialect>();
      context->getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
          said += diagnostic.str() + "\n";
        return mlir::success();
      });
      uses = 0;
    }
    said.clear();
    return context.get();
  }
  std::string said;

private:
  static constexpr int kUses = 2000;
  std::unique_ptr<mlir::MLIRContext> context;
  int uses = 0;
};

} // namespace of::fuzz
