// What a coroutine of ours waits on: a point in time, or that somebody calls it earlier. A call made while nobody waits
// is kept for the next wait, so none is lost. Thread: the io_context's one thread.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/clock.h"

namespace pd::probe {

namespace asio = boost::asio;

class Wakeup {
 public:
  explicit Wakeup(asio::io_context& io) : timer_(io) {}

  void notify() {
    notified_ = true;
    timer_.cancel();
  }

  asio::awaitable<void> wait_until(Instant deadline) {
    if (!notified_) {
      boost::system::error_code ignored;
      timer_.expires_at(deadline);
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    notified_ = false;
  }

  asio::awaitable<void> wait() { return wait_until(Instant::max()); }

 private:
  asio::steady_timer timer_;
  bool notified_ = false;
};

}  // namespace pd::probe
