// Time as an argument: what the code decides with comes from a Clock, so that tests and simulations own it.
// Thread: a Clock may be read from any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pd {

using Duration = std::chrono::steady_clock::duration;
using Instant = std::chrono::steady_clock::time_point;  // monotonic: waits, deadlines
using WallTime =
    std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;  // what Kubernetes objects carry

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall_now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override { return std::chrono::steady_clock::now(); }
  WallTime wall_now() const override {
    return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  }
};

// RFC 3339 in UTC with whole seconds, as metav1.Time is written: "2026-11-24T06:34:56Z".
std::string format_rfc3339(WallTime time);
// Reads metav1.Time and metav1.MicroTime; a fraction of a second is dropped, an offset is applied.
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace pd
