// What a test that goes on needs to have worked.
#pragma once

#include "runtime/base/Status.h"

#include <catch2/catch.hpp>

namespace of {

/// Fails the test with the status's own words.
inline void require(const Status &status) {
  INFO(status.message());
  REQUIRE(status.isOk());
}

} // namespace of
