#include "runtime/wakeup.h"

#include <gtest/gtest.h>

#include "runtime/spawn.h"

namespace pd::runtime {
namespace {

using std::chrono::seconds;

class Waiting : public ::testing::Test {
 protected:
  void wait_until(Instant deadline) {
    spawn(io_, wait(deadline));
    run();
  }
  void run() {
    io_.restart();
    io_.poll();
  }

  asio::io_context io_;
  VirtualTime& time_ = VirtualTime::install(io_);
  Wakeup wakeup_;
  int over_ = 0;

 private:
  asio::awaitable<void> wait(Instant deadline) {
    co_await wakeup_.wait_until(deadline);
    ++over_;
  }
};

TEST_F(Waiting, EndsWhenTheTimeIsOver) {
  const Instant deadline = time_.now() + seconds(5);
  wait_until(deadline);
  time_.advance_to(deadline - std::chrono::milliseconds(1));
  run();
  EXPECT_EQ(over_, 0);
  time_.advance_to(deadline);
  run();
  EXPECT_EQ(over_, 1);
}

TEST_F(Waiting, EndsWhenItIsCalled) {
  wait_until(TimeService::kNever);
  EXPECT_EQ(over_, 0);
  wakeup_.notify();
  run();
  EXPECT_EQ(over_, 1);
}

TEST_F(Waiting, KeepsOneCallForTheNext) {
  wakeup_.notify();
  wakeup_.notify();
  wait_until(TimeService::kNever);
  EXPECT_EQ(over_, 1);
  wait_until(TimeService::kNever);
  EXPECT_EQ(over_, 1);
}

TEST_F(Waiting, EndsAtOnceWhenTheTimeIsOverAlready) {
  wait_until(time_.now() - seconds(1));
  time_.advance_to(time_.now());
  run();
  EXPECT_EQ(over_, 1);
}

}  // namespace
}  // namespace pd::runtime
