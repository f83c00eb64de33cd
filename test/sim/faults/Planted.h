// Which of the bugs that planted.py puts into copies of the sources is alive. For `planted-bugs`
// alone: the product knows nothing of it.
#pragma once

#include <vector>

namespace planted {

extern int number; ///< 0: none
extern const std::vector<const char *> names;
inline bool is(int bug) { return number == bug; }

} // namespace planted
