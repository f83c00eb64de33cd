#include "runtime/node/Schedule.h"
#include "test/support/PlanBuilder.h"

#include <catch2/catch.hpp>

using namespace of;
using namespace of::rt;
using namespace of::test;

namespace {

/// init, then `epochs` times: 10 training steps, evaluation, snapshot.
std::vector<uint8_t> job(uint64_t epochs) {
  PlanBuilder b;
  const uint32_t init = b.program("init", plan::ProgramKind::Init),
                 train = b.program("train", plan::ProgramKind::Train),
                 test = b.program("test", plan::ProgramKind::Eval),
                 snapshot = b.program("snapshot", plan::ProgramKind::Snapshot);
  b.plan.epoch_steps = 10;
  b.run(init, 1);
  auto epoch = std::make_unique<plan::LoopT>();
  epoch->program = -1;
  epoch->count = epochs;
  b.plan.schedule->body.push_back(std::move(epoch));
  for (const auto &[program, count] :
       {std::pair(train, 10), std::pair(test, 3), std::pair(snapshot, 1)}) {
    auto loop = std::make_unique<plan::LoopT>();
    loop->program = static_cast<int32_t>(program);
    loop->count = static_cast<uint64_t>(count);
    b.plan.schedule->body.back()->body.push_back(std::move(loop));
  }
  return b.finish();
}

/// "program x iterations @ first step . epoch" of each entry.
std::vector<std::string> shown(uint64_t epochs, const ScheduleRequest &request) {
  const std::vector<uint8_t> bytes = job(epochs);
  auto schedule = makeSchedule(*plan::GetPlan(bytes.data()), request);
  INFO(schedule.status().message());
  REQUIRE(schedule.isOk());
  std::vector<std::string> out;
  for (const ProgramEntry &e : *schedule)
    out.push_back(plan::GetPlan(bytes.data())->programs()->Get(e.program)->name()->str() + " x" +
                  std::to_string(e.iterations) + " @" + std::to_string(e.firstStep) + " ." +
                  std::to_string(e.epoch));
  return out;
}

using Lines = std::vector<std::string>;

} // namespace

TEST_CASE("the loop nest becomes a list") {
  REQUIRE(shown(2, {}) == Lines{"init x1 @0 .0", "train x10 @0 .0", "test x3 @10 .0",
                                "snapshot x1 @10 .0", "train x10 @10 .1", "test x3 @20 .1",
                                "snapshot x1 @20 .1"});
}

TEST_CASE("stopping early keeps what belongs to the steps that are done") {
  ScheduleRequest request;
  request.stopAfterSteps = 4;
  REQUIRE(shown(2, request) ==
          Lines{"init x1 @0 .0", "train x4 @0 .0", "test x3 @4 .0", "snapshot x1 @4 .0"});
  request.stopAfterSteps = 10;
  REQUIRE(shown(2, request) ==
          Lines{"init x1 @0 .0", "train x10 @0 .0", "test x3 @10 .0", "snapshot x1 @10 .0"});
  request.stopAfterSteps = 100;
  REQUIRE(shown(2, request) == shown(2, {}));
}

TEST_CASE("resuming goes on behind the snapshot") {
  ScheduleRequest request;
  request.resumeAtStep = 10;
  REQUIRE(shown(2, request) == Lines{"train x10 @10 .1", "test x3 @20 .1", "snapshot x1 @20 .1"});
  request.resumeAtStep = 13; // a snapshot inside an epoch, of another plan
  REQUIRE(shown(2, request) == Lines{"train x7 @13 .1", "test x3 @20 .1", "snapshot x1 @20 .1"});
  request.resumeAtStep = 20;
  REQUIRE(shown(2, request).empty());
}

TEST_CASE("resuming and stopping count the same steps") {
  ScheduleRequest request;
  request.resumeAtStep = 10;
  request.stopAfterSteps = 12;
  REQUIRE(shown(2, request) == Lines{"train x2 @10 .1", "test x3 @12 .1", "snapshot x1 @12 .1"});
}

TEST_CASE("a checkpoint from beyond the end of the job is refused") {
  const std::vector<uint8_t> bytes = job(1);
  ScheduleRequest request;
  request.resumeAtStep = 11;
  REQUIRE(makeSchedule(*plan::GetPlan(bytes.data()), request).status().code() ==
          Code::InvalidArgument);
}

TEST_CASE("an early end keeps what began before, and takes a snapshot") {
  const std::vector<uint8_t> bytes = job(2);
  const plan::Plan &plan = *plan::GetPlan(bytes.data());
  const auto whole = makeSchedule(plan, {});
  REQUIRE(whole.isOk());
  auto ended = [&](uint64_t step, bool snapshot) {
    Lines out;
    for (const ProgramEntry &e : endAfter(plan, *whole, step, snapshot))
      out.push_back(plan.programs()->Get(e.program)->name()->str() + " x" +
                    std::to_string(e.iterations) + " @" + std::to_string(e.firstStep) + " ." +
                    std::to_string(e.epoch));
    return out;
  };
  REQUIRE(ended(4, true) == Lines{"init x1 @0 .0", "train x4 @0 .0", "snapshot x1 @4 .0"});
  REQUIRE(ended(4, false) == Lines{"init x1 @0 .0", "train x4 @0 .0"});
  // The evaluation behind the last step has begun nowhere.
  REQUIRE(ended(10, true) == Lines{"init x1 @0 .0", "train x10 @0 .0", "snapshot x1 @10 .0"});
  REQUIRE(ended(11, true) == Lines{"init x1 @0 .0", "train x10 @0 .0", "test x3 @10 .0",
                                   "snapshot x1 @10 .0", "train x1 @10 .1", "snapshot x1 @11 .1"});
  REQUIRE(ended(20, true).size() == whole->size());
  REQUIRE(ended(99, true).size() == whole->size());
}
