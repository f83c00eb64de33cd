// The semantic verifier: everything a node relies on that the plan file's own checks do not see.
//
//   verifyStructure   ids, enums, sizes, layouts, roles, ports, bodies, orders, schedule
//   verifyMemory      what lies where: inside its chunk, and apart from the others
//   checkCertificate  the liveness proof (Certificate.h)
//
// verifyPlan runs them in this order, each relying on those before it. A plan may come from
// anywhere, so nothing is believed: no index is used before it is checked, no sum can overflow.
// The first broken rule is the answer, with the names of what breaks it.
//
// Pure. Called by of-run before anything starts, by of-plan, and by the compiler on what it emits.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

namespace of::rt {

/// Corrupt or Refused; ok means that building and running the plan needs no further checks of it.
Status verifyPlan(const plan::Plan &plan);

/// Corrupt, naming the rule's subject.
Status verifyStructure(const plan::Plan &plan);

/// Rules for the bytes of one device in one program; needs verifyStructure.
///
///   register, landing slots, variable, temporary      lie inside their chunk
///   register - register    share bytes if the program orders their uses (ProgramOrder.h), or if
///                          they are the same variable that no task of the program writes
///   register - variable    only if the register is the variable: same place, one slot, one initial
///                          version
///   temporary              a Chunk buffer of a segment that is no part of a variable; those of one
///                          stream share bytes as they like, with others as registers do
///   landing slots          share bytes with nothing
///   variable               used in place, by a Chunk buffer, a Load or a Write without ports, by
///                          the tasks of one stream, or through a register
Status verifyMemory(const plan::Plan &plan);

} // namespace of::rt
