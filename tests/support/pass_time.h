// Virtual time that passes with all that happens meanwhile. Thread: for tests.
//
//   pass(context, time, std::chrono::minutes(1));
#pragma once

#include <functional>

#include "runtime/time_service.h"
#include "tests/support/run_to_end.h"

namespace pd::test {

// `look` sees the state after each step.
inline void pass(
    boost::asio::io_context& context, runtime::VirtualTime& time, Duration duration,
    const std::function<void()>& look = [] {}) {
  const Instant until = time.now() + duration;
  settle(context);
  while (time.next() && *time.next() <= until) {
    time.advance_to(*time.next());
    settle(context);
    look();
  }
  time.advance_to(until);
  settle(context);
}

}  // namespace pd::test
