#include "lib/Import/Onnx/OpTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace of::onnx {

llvm::SmallVector<OpEntry> allOps() {
  llvm::SmallVector<OpEntry> out;
  for (llvm::ArrayRef<OpEntry> family :
       {elementwiseOps(), reductionOps(),     selectionOps(),   shapeOps(),     indexingOps(),
        generatorOps(),   normalizationOps(), convolutionOps(), poolingOps(),   productOps(),
        einsumOps(),      resizeOps(),        samplingOps(),    recurrentOps(), lossOps(),
        controlOps(),     sequenceOps(),      attentionOps(),   signalOps(),    quantizationOps()})
    out.append(family.begin(), family.end());
  return out;
}

const OpEntry *findOp(llvm::StringRef name) {
  // Sorted by name, once.
  static const llvm::SmallVector<OpEntry> sorted = [] {
    llvm::SmallVector<OpEntry> all = allOps();
    llvm::sort(all, [](const OpEntry &a, const OpEntry &b) { return a.name < b.name; });
    return all;
  }();
  const OpEntry *found = llvm::lower_bound(
      sorted, name, [](const OpEntry &entry, llvm::StringRef n) { return entry.name < n; });
  return found != sorted.end() && found->name == name ? found : nullptr;
}

} // namespace of::onnx
