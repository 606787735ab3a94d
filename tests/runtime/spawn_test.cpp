#include "runtime/spawn.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

namespace pd::runtime {
namespace {

boost::asio::awaitable<void> fail_later(boost::asio::io_context& context) {
  co_await boost::asio::post(context, boost::asio::use_awaitable);
  throw std::runtime_error("a fault");
}

TEST(Spawn, AFaultEndsTheProgram) {
  boost::asio::io_context context;
  spawn(context, fail_later(context));
  EXPECT_THROW(context.run(), std::runtime_error);
}

}  // namespace
}  // namespace pd::runtime
