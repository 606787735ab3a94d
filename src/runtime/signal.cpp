#include "runtime/signal.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pd::runtime {

asio::awaitable<void> Signal::wait() {
  const auto executor = co_await asio::this_coro::executor;
  TimeService& time = TimeService::of(asio::query(executor, asio::execution::context));
  auto enlist = [this, &time, executor](auto handler) {
    auto kept = std::make_shared<decltype(handler)>(std::move(handler));  // std::function wants it copyable
    waiting_.push_back(time.call_at(TimeService::kNever, [kept, executor] { asio::post(executor, std::move(*kept)); }));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(enlist, asio::use_awaitable);
}

void Signal::notify_all() {
  for (TimeService::Call& call : std::exchange(waiting_, {})) call.make_now();
}

}  // namespace pd::runtime
