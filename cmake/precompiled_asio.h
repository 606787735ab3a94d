// What precompiled_plain.h has, and Asio with coroutines. <utility> comes first: Boost 1.74's awaitable.hpp needs
// std::exchange without including it (g++ 12).
#pragma once
#include "precompiled_plain.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
