// A clock that stands still until a test moves it.
#pragma once

#include "base/clock.h"

namespace pd::test {

class FakeClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall_now() const override { return wall_now_; }
  void advance(std::chrono::seconds by) {
    now_ += by;
    wall_now_ += by;
  }

 private:
  Instant now_{std::chrono::hours(1)};
  WallTime wall_now_{std::chrono::seconds(1795502096)};  // 2026-11-24T06:34:56Z
};

}  // namespace pd::test
