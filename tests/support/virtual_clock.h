// The clock that belongs to a virtual time: both move together.
#pragma once

#include "base/clock.h"
#include "runtime/time_service.h"

namespace pd::test {

class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(const runtime::VirtualTime& time) : time_(time), start_(time.now()) {}
  Instant now() const override { return time_.now(); }
  WallTime wall_now() const override {
    return kStart + std::chrono::duration_cast<std::chrono::seconds>(time_.now() - start_);
  }

 private:
  static constexpr WallTime kStart{std::chrono::seconds(1795502096)};  // 2026-11-24T06:34:56Z

  const runtime::VirtualTime& time_;
  Instant start_;
};

}  // namespace pd::test
