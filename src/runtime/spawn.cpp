#include "runtime/spawn.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>

namespace pd::runtime {

// Not in the header: where g++ 12 inlines co_spawn's coroutine in several files, optimised objects do not link.
void spawn(boost::asio::io_context& context, boost::asio::awaitable<void> flow) {
  boost::asio::co_spawn(context, std::move(flow), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
}

}  // namespace pd::runtime
