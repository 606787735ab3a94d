// Waiting on the io_context, cut short by a stop token.
// Thread: the io_context's.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <random>

#include "base/clock.h"
#include "base/stop_token.h"
#include "runtime/time_service.h"

namespace pd::runtime {

// Random numbers for jitter; seeded in tests.
using Rng = std::mt19937_64;

// A uniform factor in [1, 1 + jitter).
Duration jittered(Duration base, double jitter, Rng& rng);

// That of the flow that asks.
asio::awaitable<TimeService*> time_service();

// False when stopped before the time was over.
asio::awaitable<bool> sleep_for(Duration duration, StopToken stop);

// Waits that grow: base, 2 base, 4 base ... up to the cap, each with jitter, so that many clients do not come back
// together.
class Backoff {
 public:
  struct Policy {
    Duration base = std::chrono::milliseconds(800);
    Duration cap = std::chrono::seconds(30);
    double jitter = 1.0;
  };
  Backoff(Policy policy, Rng& rng) : policy_(policy), rng_(rng) {}
  Duration next();
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  Policy policy_;
  Rng& rng_;
  int failures_ = 0;
};

}  // namespace pd::runtime
