// How long to wait before trying again: twice as long each time up to a limit, and jittered, so that the agents of a
// cluster whose API server comes back do not call it in step.
//
//   Backoff backoff(1s, 30s);
//   while (!try_it()) wait(backoff.next());
//
// Thread: one owner.
#pragma once

#include <algorithm>
#include <random>

#include "base/clock.h"

namespace pd::probe {

class Backoff {
 public:
  Backoff(Duration first, Duration limit) : first_(std::min(first, limit)), limit_(limit), current_(first_) {}

  // Between a half of the current step and all of it.
  Duration next() {
    // Of all of them, since most are gone again before they are asked.
    thread_local std::minstd_rand random(std::random_device{}());
    const Duration step = current_;
    current_ = std::min(limit_, current_ * 2);
    std::uniform_real_distribution<double> share(0.5, 1.0);
    return std::chrono::duration_cast<Duration>(step * share(random));
  }

  void reset() { current_ = first_; }

 private:
  Duration first_;
  Duration limit_;
  Duration current_;
};

}  // namespace pd::probe
