// Starts a flow that nobody waits for.
#pragma once

#include <utility>  // before awaitable.hpp: Boost 1.74 with g++ 12

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace pd::runtime {

// An exception in it is a fault of ours and leaves io_context::run(), which ends the program. With asio::detached it
// would vanish, and the program would go on without the flow.
void spawn(boost::asio::io_context& context, boost::asio::awaitable<void> flow);

}  // namespace pd::runtime
