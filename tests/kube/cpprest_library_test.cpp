#include "kube/cpprest_library.h"

#include <gtest/gtest.h>
#include <pplx/threadpool.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <stdexcept>

namespace pd::kube {
namespace {

// An exception that leaves a thread ends the process.
TEST(CpprestLibrary, OutlivesWhatItsCodeThrows) {
  start_library();
  std::atomic<int> done = 0;
  for (int i = 0; i < 20; ++i) {
    boost::asio::post(crossplat::threadpool::shared_instance().service(), [&done] {
      ++done;
      throw std::runtime_error("thrown by the library");
    });
  }
  settle_library(std::chrono::seconds(30));
  EXPECT_EQ(done, 20);
}

}  // namespace
}  // namespace pd::kube
