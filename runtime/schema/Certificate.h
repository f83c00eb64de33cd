// The liveness certificate that a plan carries, and its check.
//
// The certificate gives each task an offset and a duration and each program two periods; firing m
// of iteration t of task i gets the time
//   T(i, m, t) = offset(i) + m * microPeriod + t * stepPeriod.
// Orders that have no times which repeat with the micro-batches get an offset for each firing:
//   T(i, m, t) = offset(i, m) + t * stepPeriod.
// The check: every duration is at least 1, the periods are not negative and the same in all roles,
// and every dependency of Dependencies.h holds as an inequality: what waits starts after what it
// waits for has ended.
//
// Why that is a proof. Suppose all inequalities hold. A firing waits only for firings with a
// smaller T, as durations are positive. So no firings can wait for each other in a ring: T would
// grow all the way round. A run has finitely many firings; among those that have not fired take one
// with the smallest T: all it waits for has fired, so it can fire, whatever the true durations and
// delays are. The run ends. (Firing never takes a token another firing waits for: each place has
// one reader and one writer.) Programs return to their initial marking, so each entry of the
// schedule starts alike.
//
// Times are predictions and are not believed: a wrong duration costs time, never liveness.
// Linear in the number of dependencies, in the second form in that of firings. Pure; needs a plan
// that passed `verifyStructure`.
#pragma once

#include "runtime/base/Status.h"
#include "runtime/schema/plan_generated.h"

namespace of::rt {

/// Checks one program over all roles. Refused, naming the violated dependency, and if the program
/// cannot run at all, the circuit.
Status checkCertificate(const plan::Plan &plan, uint32_t program);

} // namespace of::rt
