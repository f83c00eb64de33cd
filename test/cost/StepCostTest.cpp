// Closed forms of a step against schedules written out.
#include "lib/Cost/StepCost.h"

#include "catch2/catch.hpp"

using namespace of;

TEST_CASE("a pipeline takes what its busiest stage and the others once take", "[step-cost]") {
  CHECK(pipelineSeconds({{1, 2}}, 5) == Approx(15));
  CHECK(pipelineSeconds({{1, 2}, {1, 2}, {1, 2}, {1, 2}}, 8) == Approx(3 * (8 + 3)));
  CHECK(pipelineSeconds({{1, 1}, {2, 4}}, 3) == Approx(6 * 3 + 2));
  CHECK(pipelineSeconds({}, 4) == 0);
  // The bubble is what the step has beyond the work.
  CHECK(bubbleFraction(4, 8) == Approx(1 - 3 * 8 / pipelineSeconds({4, {1, 2}}, 8)));
  CHECK(bubbleFraction(1, 8) == 0);
}

TEST_CASE("computing beside an exchange is slowed while it lasts", "[step-cost]") {
  CHECK(overlapSeconds(2, 1, 1) == Approx(2));
  CHECK(overlapSeconds(1, 2, 1) == Approx(2));
  CHECK(overlapSeconds(1, 2, 1.5) == Approx(2));
  // In the exchange's second 1/1.25 of a second's work is done, the rest afterwards.
  CHECK(overlapSeconds(2, 1, 1.25) == Approx(1 + 2 - 0.8));
  CHECK(overlapSeconds(2, 0, 1.25) == Approx(2));
}

TEST_CASE("exchanges trail the parts that they belong to", "[step-cost]") {
  // The first exchange hides behind the second part, the second has nothing to hide behind.
  CHECK(trailedSeconds({{2, 1}, {2, 1}}, 1) == Approx(5));
  CHECK(trailedSeconds({{1, 3}, {1, 1}}, 1) == Approx(5)); // one after the other on the link
  CHECK(trailedSeconds({{2, 1}, {2, 0}}, 1.25) == Approx(2 + 1 + 2 - 0.8));
  CHECK(trailedSeconds({}, 1) == 0);
}
