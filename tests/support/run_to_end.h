// Runs an io_context until a test has what it waits for, and fails the test when that takes too long. Nothing sleeps:
// what is waited for is a handler that has run.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stdexcept>

namespace pd::test {

// Far above what any test needs on a busy machine.
inline constexpr auto kTestLimit = std::chrono::seconds(30);

inline void run_until(boost::asio::io_context& context, const std::function<bool()>& reached) {
  const auto deadline = std::chrono::steady_clock::now() + kTestLimit;
  const auto guard = boost::asio::make_work_guard(context);  // other threads may post when nothing is left here
  context.restart();
  while (!reached()) {
    if (context.run_one_until(deadline) == 0) throw std::runtime_error("the test did not get there in time");
  }
}

// Runs what can run now, and what follows from that at once.
inline void settle(boost::asio::io_context& context) {
  context.restart();
  while (context.poll() > 0) {
  }
}

// Runs what is left until the context has nothing to do: all coroutines have ended.
inline void run_out(boost::asio::io_context& context) {
  context.restart();
  context.run_for(kTestLimit);
  if (!context.stopped()) throw std::runtime_error("something did not end in time");
}

// A coroutine's result.
template <typename T>
boost::asio::awaitable<void> keep_result(boost::asio::awaitable<T> work, std::optional<T>& result) {
  T value = co_await std::move(work);
  result.emplace(std::move(value));
}

// Starts a coroutine; its result is there when it has ended. An exception ends the test.
template <typename T>
void start(boost::asio::io_context& context, boost::asio::awaitable<T> work, std::optional<T>& result) {
  boost::asio::co_spawn(context, keep_result(std::move(work), result), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

template <typename T>
T run_to_end(boost::asio::io_context& context, boost::asio::awaitable<T> work) {
  std::optional<T> result;
  std::exception_ptr thrown;
  boost::asio::co_spawn(context, keep_result(std::move(work), result),
                        [&thrown](std::exception_ptr error) { thrown = error; });
  run_until(context, [&] { return result.has_value() || thrown; });
  if (thrown) std::rethrow_exception(thrown);
  return *std::move(result);
}

}  // namespace pd::test
