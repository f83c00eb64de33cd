// The `task` dialect: include this to work with its ops. TaskOps.td is the specification.
#pragma once

#include "dialects/Of/Of.h"

#include "dialects/Task/TaskDialect.h.inc"

#define GET_OP_CLASSES
#include "dialects/Task/TaskOps.h.inc"
