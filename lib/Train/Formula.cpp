#include "lib/Train/Formula.h"

using namespace mlir;

namespace of {

Location derivedLoc(Location loc, StringRef suffix) {
  if (auto name = dyn_cast<NameLoc>(loc))
    return NameLoc::get(StringAttr::get(loc.getContext(), name.getName().getValue() + "." + suffix),
                        name.getChildLoc());
  return NameLoc::get(StringAttr::get(loc.getContext(), suffix), loc);
}

void tagNewOps(Block *block, function_ref<void()> build, function_ref<void(Operation *)> tag) {
  Operation *last = block->empty() ? nullptr : &block->back();
  build();
  Block::iterator it = last ? std::next(last->getIterator()) : block->begin();
  for (; it != block->end(); ++it)
    tag(&*it);
}

} // namespace of
