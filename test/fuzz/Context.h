// MLIR for targets that make IR.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <memory>
#include <string>

namespace of::fuzz {

/// A context keeps every type and attribute it has seen, so it is made anew every now and then.
class Context {
public:
  /// `load` gives a new context its dialects; without it there are none.
  explicit Context(void (*load)(mlir::MLIRContext &) = nullptr) : load(load) {}

  mlir::MLIRContext *next() {
    if (!context || ++uses == kUses) {
      context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
      if (load)
        load(*context);
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
  void (*const load)(mlir::MLIRContext &);
  std::unique_ptr<mlir::MLIRContext> context;
  int uses = 0;
};

} // namespace of::fuzz
