// Whether the io_context's thread still turns: a flow that beats at an interval, and a check for liveness that fails
// when it has not for 30 s, whatever the interval. A thread that hangs answers no probe at all; this finds the one
// whose timers starve.
//
//   Heartbeat heartbeat(clock);
//   spawn(io, heartbeat.run(stop));
//   pages.liveness().add("event-loop", [&] { return heartbeat.check(); });
//
// Owner: the program. Thread: the io_context's.
#pragma once

#include "base/clock.h"
#include "runtime/timing.h"

namespace pd::runtime {

class Heartbeat {
 public:
  // The clock must outlive it. A longer interval wakes the thread less often, and takes for as long a silence one that
  // began up to that much later.
  explicit Heartbeat(const Clock& clock, Duration interval = std::chrono::seconds(1))
      : clock_(clock), interval_(interval), last_(clock.now()) {}

  asio::awaitable<void> run(StopToken stop) {
    bool going = true;
    while (going) {  // g++ 12 compiles a co_await in the condition of do-while to a crash
      last_ = clock_.now();
      going = co_await sleep_for(interval_, stop);
    }
  }

  Status check() const {
    const auto quiet = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - last_);
    if (quiet < kLimit) return Ok{};
    return Error{Code::kInternal, "no timer has run for " + std::to_string(quiet.count()) + " s"};
  }

 private:
  static constexpr auto kLimit = std::chrono::seconds(30);

  const Clock& clock_;
  Duration interval_;
  Instant last_;
};

}  // namespace pd::runtime
