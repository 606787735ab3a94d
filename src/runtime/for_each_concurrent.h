// Does the same for several things, some at a time, and ends when all that was begun has ended.
//
//   const std::function<asio::awaitable<bool>(std::size_t)> touch = [&](std::size_t i) { return patch(pods[i]); };
//   co_await for_each_concurrent(pods.size(), 16, touch);
//
// Thread: the io_context's.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>

namespace pd::runtime {

// `one` is begun for 0, 1, ... count - 1, and answers whether the next may be begun. Once it has answered false or has
// thrown, no more are. Answers whether all said that the next may; the first exception comes out of this.
// `one` must live until then.
boost::asio::awaitable<bool> for_each_concurrent(std::size_t count, std::size_t at_a_time,
                                                 const std::function<boost::asio::awaitable<bool>(std::size_t)>& one);

}  // namespace pd::runtime
