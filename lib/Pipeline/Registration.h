// All dialects and passes in one place: what of-opt knows and of-compile runs.
#pragma once

namespace mlir {
class DialectRegistry;
}

namespace of {
void registerDialects(mlir::DialectRegistry &registry);
void registerPasses();
} // namespace of
