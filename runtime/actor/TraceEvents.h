// The events of a trace in Chrome's format that a run (runtime/node/Trace.cpp) and a simulated run
// (of-plan simulate --trace) have in common: tracks, firings, and the arrows between their ends.
//
// A process ("pid") is a node, a thread ("tid") is a stream of a device. Times are microseconds.
// Each function appends one event, or one for each edge, with a comma before it, to an open list of
// events. Any thread, one at a time for each file.
#pragma once

#include "runtime/actor/Table.h"
#include "runtime/schema/PlanView.h"

#include <cstdio>
#include <string>

namespace of::rt::trace {

/// A JSON string literal.
std::string quoted(const std::string &text);
/// The thread of a stream: one file may hold several devices.
uint32_t trackOf(uint32_t device, uint32_t stream);
double microseconds(int64_t ns);

/// Opens the file's list of events with the name of a node.
void beginNode(std::FILE *file, const plan::Plan &plan, uint32_t node, bool isFirst = true);
void nameTrack(std::FILE *file, const plan::Role &role, uint32_t node, uint32_t device,
               uint32_t stream);

/// One firing of a task, or a kernel of it (`call` of its segment, -1: the whole firing).
struct Firing {
  const char *program = "";
  const plan::Task *task = nullptr;
  int32_t call = -1;
  uint64_t index = 0;
  double beginUs = 0, durationUs = 0;
  double threadUs = 0; ///< of kernels: how long the thread had a processor
};
void firing(std::FILE *file, uint32_t node, uint32_t device, const Firing &firing);

/// An arrow for every edge of a firing, from a time within a Send's span to one within the
/// Receive's: both ends give it the same id, whichever node writes them. `entry` counts the runs of
/// the program.
void arrows(std::FILE *file, const plan::Plan &plan, const ProgramTable &table,
            const TaskEntry &task, uint32_t entry, uint64_t index, double timeUs, uint32_t node,
            uint32_t track);

} // namespace of::rt::trace
