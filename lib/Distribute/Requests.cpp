#include "lib/Distribute/Requests.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace of {

static std::vector<std::string> takeTexts(ModuleOp module, StringRef name) {
  std::vector<std::string> out;
  if (auto texts = dyn_cast_or_null<ArrayAttr>(module->removeAttr(name)))
    for (Attribute text : texts)
      if (auto string = dyn_cast<StringAttr>(text))
        out.push_back(string.str());
  return out;
}

SearchRequests takeRequests(ModuleOp module) {
  SearchRequests out;
  out.whatIf = takeTexts(module, whatIfAttrName);
  if (std::vector<std::string> given = takeTexts(module, givenAttrName); given.size() == 2) {
    out.givenFile = given[0];
    out.givenText = given[1];
  }
  out.keep = static_cast<bool>(module->removeAttr(keepAttrName));
  out.weigh = static_cast<bool>(module->removeAttr(weighAttrName));
  if (auto factor = dyn_cast_or_null<FloatAttr>(module->removeAttr(memoryFactorAttrName)))
    out.memoryFactor = factor.getValueAsDouble();
  out.blockCosts = dyn_cast_or_null<ArrayAttr>(module->removeAttr(blockCostsAttrName));
  return out;
}

void setMemoryFactor(ModuleOp module, double factor, ArrayAttr blockCosts) {
  module->setAttr(memoryFactorAttrName, Builder(module.getContext()).getF64FloatAttr(factor));
  if (blockCosts)
    module->setAttr(blockCostsAttrName, blockCosts);
}

void setRequests(ModuleOp module, const SearchRequests &requests) {
  Builder b(module.getContext());
  auto texts = [&](ArrayRef<std::string> list) {
    return b.getStrArrayAttr(SmallVector<StringRef>(list.begin(), list.end()));
  };
  if (!requests.whatIf.empty())
    module->setAttr(whatIfAttrName, texts(requests.whatIf));
  if (!requests.givenFile.empty())
    module->setAttr(givenAttrName, texts({requests.givenFile, requests.givenText}));
  if (requests.keep)
    module->setAttr(keepAttrName, b.getUnitAttr());
  if (requests.weigh)
    module->setAttr(weighAttrName, b.getUnitAttr());
}

} // namespace of
