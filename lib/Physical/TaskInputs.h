// What of-build-tasks needs of a program: checked, and where it is only a copy away, made.
//
//   before   of.set @a, %get_b   of.set @c, %k   of.set @d, %k
//   after    of.set @a, copy(%get_b)   of.set @c, %k   of.set @d, copy(%k)
#pragma once

#include "dialects/Task/Task.h"

namespace of {

/// Errors, at the op: a set, metric or check inside of of.micro, a second of.micro, a value of the
/// step that is boxed inside of it, a variable set twice, values that no reader or metric can have,
/// one name for two meshes. Afterwards every value that is set, moved or reported is a kernel's own
/// result, or a register's, and no value is set twice.
mlir::LogicalResult prepareForTasks(ProgramOp program);

} // namespace of
