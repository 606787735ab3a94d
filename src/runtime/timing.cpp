#include "runtime/timing.h"

#include <boost/asio/this_coro.hpp>

#include "runtime/signal.h"

namespace pd::runtime {

Duration jittered(Duration base, double jitter, Rng& rng) {
  std::uniform_real_distribution<double> factor(1.0, 1.0 + jitter);
  return std::chrono::duration_cast<Duration>(base * factor(rng));
}

asio::awaitable<TimeService*> time_service() {
  const auto executor = co_await asio::this_coro::executor;
  co_return &TimeService::of(asio::query(executor, asio::execution::context));
}

asio::awaitable<bool> sleep_for(Duration duration, StopToken stop) {
  if (stop.stopped()) co_return false;
  TimeService& time = *co_await time_service();
  Signal over;
  const TimeService::Call call = time.call_at(time.now() + duration, [&over] { over.notify_all(); });
  const auto registration = stop.on_stop([&over] { over.notify_all(); });
  co_await over.wait();
  co_return !stop.stopped();
}

Duration Backoff::next() {
  Duration wait = policy_.base;
  for (int i = 0; i < failures_ && wait < policy_.cap; ++i) wait *= 2;
  ++failures_;
  return jittered(std::min(wait, policy_.cap), policy_.jitter, rng_);
}

}  // namespace pd::runtime
