#include "runtime/timing.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pd::runtime {

Duration jittered(Duration base, double jitter, Rng& rng) {
  std::uniform_real_distribution<double> factor(1.0, 1.0 + jitter);
  return std::chrono::duration_cast<Duration>(base * factor(rng));
}

asio::awaitable<bool> sleep_for(Duration duration, StopToken stop) {
  if (stop.stopped()) co_return false;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(duration);
  const auto registration = stop.on_stop([&timer] { timer.cancel(); });
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return !stop.stopped();
}

Duration Backoff::next() {
  Duration wait = policy_.base;
  for (int i = 0; i < failures_ && wait < policy_.cap; ++i) wait *= 2;
  ++failures_;
  return jittered(std::min(wait, policy_.cap), policy_.jitter, rng_);
}

}  // namespace pd::runtime
