// Whether the io_context's thread still turns: a flow that beats each second, and a check for liveness that fails when
// it has not for long. A thread that hangs answers no probe at all; this finds the one whose timers starve.
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
  // The clock must outlive it.
  explicit Heartbeat(const Clock& clock) : clock_(clock), last_(clock.now()) {}

  asio::awaitable<void> run(StopToken stop) {
    bool going = true;
    while (going) {  // g++ 12 compiles a co_await in the condition of do-while to a crash
      last_ = clock_.now();
      going = co_await sleep_for(kInterval, stop);
    }
  }

  Status check() const {
    const auto quiet = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - last_);
    if (quiet < kLimit) return Ok{};
    return Error{Code::kInternal, "no timer has run for " + std::to_string(quiet.count()) + " s"};
  }

 private:
  static constexpr auto kInterval = std::chrono::seconds(1);
  static constexpr auto kLimit = std::chrono::seconds(30);

  const Clock& clock_;
  Instant last_;
};

}  // namespace pd::runtime
