// What a flow's rounds wait on: a point in time, or that somebody calls it earlier. A call made while nobody waits is
// kept for the next wait, so none is lost.
//
//   while (!stopping) {
//     look();
//     co_await wakeup.wait_until(time.now() + 60s);   // elsewhere: wakeup.notify();
//   }
//
// One flow waits at a time. Thread: the io_context's.
#pragma once

#include "runtime/signal.h"
#include "runtime/timing.h"

namespace pd::runtime {

class Wakeup {
 public:
  void notify() {
    notified_ = true;
    called_.notify_all();
  }

  asio::awaitable<void> wait_until(Instant deadline) {
    if (!notified_) {
      TimeService& time = *co_await time_service();
      const TimeService::Call call = time.call_at(deadline, [this] { called_.notify_all(); });
      co_await called_.wait();
    }
    notified_ = false;
  }

 private:
  Signal called_;
  bool notified_ = false;
};

}  // namespace pd::runtime
