#include "runtime/for_each_concurrent.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "runtime/signal.h"
#include "runtime/spawn.h"

namespace pd::runtime {
namespace {

struct Round {
  const std::size_t count;
  const std::function<asio::awaitable<bool>(std::size_t)>& one;
  std::size_t workers;  // that have not ended
  std::size_t next = 0;
  bool goes_on = true;
  std::exception_ptr thrown = nullptr;
  Signal ended = {};  // a worker has
};

asio::awaitable<void> work(Round& round) {
  try {
    while (round.goes_on && round.next < round.count) {
      const bool goes_on = co_await round.one(round.next++);
      round.goes_on = round.goes_on && goes_on;
    }
  } catch (...) {
    round.goes_on = false;
    if (!round.thrown) round.thrown = std::current_exception();
  }
  --round.workers;
  round.ended.notify_all();
}

}  // namespace

asio::awaitable<bool> for_each_concurrent(std::size_t count, std::size_t at_a_time,
                                          const std::function<asio::awaitable<bool>(std::size_t)>& one) {
  const auto executor = co_await asio::this_coro::executor;
  auto& context = static_cast<asio::io_context&>(asio::query(executor, asio::execution::context));
  const std::size_t workers = std::min(count, at_a_time);
  Round round{count, one, workers};
  for (std::size_t i = 0; i < workers; ++i) spawn(context, work(round));
  while (round.workers > 0) co_await round.ended.wait();
  if (round.thrown) std::rethrow_exception(round.thrown);
  co_return round.goes_on;
}

}  // namespace pd::runtime
