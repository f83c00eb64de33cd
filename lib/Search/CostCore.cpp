#include "lib/Search/CostCore.h"

namespace of::search {

double CostCore::costOf(const Choice &choice) const {
  double sum = 0;
  for (uint32_t i = 0; i < nodes; ++i) {
    sum += cost(i)[choice[i]];
    for (const CoreLink *l = linksBegin(i); l != linksEnd(i); ++l)
      if (l->other > i)
        sum += tables[l->out + size_t(choice[i]) * options(l->other) + choice[l->other]];
  }
  return sum;
}

} // namespace of::search
