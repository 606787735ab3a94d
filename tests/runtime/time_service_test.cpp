#include "runtime/time_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/signal.h"
#include "runtime/spawn.h"
#include "runtime/timing.h"
#include "tests/support/run_to_end.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;

class VirtualTimeTest : public ::testing::Test {
 protected:
  void call(Duration after, const std::string& name) {
    calls_.push_back(time_.call_at(time_.now() + after, [this, name] { told_.push_back(name); }));
  }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  std::vector<std::string> told_;
  std::vector<TimeService::Call> calls_;
};

TEST_F(VirtualTimeTest, IsTheContextsTime) { EXPECT_EQ(&TimeService::of(context_), &time_); }

TEST_F(VirtualTimeTest, CallsInTheOrderOfTimeThenOfAsking) {
  call(hours(2), "late");
  call(hours(1), "first");
  call(hours(1), "second");
  time_.advance_to(time_.now() + hours(1));
  EXPECT_THAT(told_, ElementsAre("first", "second"));
  ASSERT_TRUE(time_.next());
  time_.advance_to(*time_.next());
  EXPECT_THAT(told_, ElementsAre("first", "second", "late"));
  EXPECT_FALSE(time_.next());
}

TEST_F(VirtualTimeTest, NeverGoesBack) {
  const Instant before = time_.now();
  time_.advance_to(before - hours(1));
  EXPECT_EQ(time_.now(), before);
}

TEST_F(VirtualTimeTest, ACallThatIsGoneIsNotMade) {
  call(hours(1), "a");
  call(hours(1), "b");
  calls_.erase(calls_.begin());
  time_.advance_to(time_.now() + hours(2));
  EXPECT_THAT(told_, ElementsAre("b"));
}

TEST_F(VirtualTimeTest, ACallMadeNowIsNotMadeAgain) {
  call(hours(1), "a");
  calls_[0].make_now();
  calls_[0].make_now();
  EXPECT_THAT(told_, ElementsAre("a"));
  time_.advance_to(time_.now() + hours(2));
  EXPECT_THAT(told_, ElementsAre("a"));
}

TEST_F(VirtualTimeTest, ACallMayCancelAnotherOfItsMoment) {
  calls_.push_back(time_.call_at(time_.now(), [this] { calls_.clear(); }));
  call(Duration::zero(), "a");
  time_.advance_to(time_.now());
  EXPECT_TRUE(told_.empty());
}

TEST_F(VirtualTimeTest, HoursOfSleepTakeNoTime) {
  std::optional<bool> slept;
  test::start(context_, sleep_for(hours(1000), {}), slept);
  context_.poll();
  EXPECT_FALSE(slept);
  time_.advance_to(*time_.next());
  test::settle(context_);
  ASSERT_TRUE(slept);
  EXPECT_TRUE(*slept);
}

TEST(RealTime, CallsWhenItIsTime) {
  asio::io_context context;
  TimeService& time = TimeService::of(context);
  const Instant start = std::chrono::steady_clock::now();
  bool late = false;
  bool early = false;
  const TimeService::Call far = time.call_at(start + milliseconds(20), [&late] { late = true; });
  const TimeService::Call near = time.call_at(start + milliseconds(5), [&early] { early = true; });
  test::run_until(context, [&early] { return early; });
  EXPECT_FALSE(late && std::chrono::steady_clock::now() < start + milliseconds(20));
  test::run_until(context, [&late] { return late; });
  EXPECT_GE(std::chrono::steady_clock::now(), start + milliseconds(20));
}

TEST(RealTime, ACancelledCallKeepsNoContextRunning) {
  asio::io_context context;
  {
    const TimeService::Call call = TimeService::of(context).call_at(std::chrono::steady_clock::now() + hours(1), [] {});
  }
  test::run_out(context);
}

TEST(RealTime, ACallMayOutliveItsContext) {
  TimeService::Call call;
  {
    asio::io_context context;
    call = TimeService::of(context).call_at(std::chrono::steady_clock::now() + hours(1), [] {});
  }
  call.make_now();
  call.cancel();
}

asio::awaitable<void> count_up(Signal& signal, int& count) {
  co_await signal.wait();
  ++count;
}

TEST(Signal, TellsAllWhoWaitOnce) {
  asio::io_context context;
  Signal signal;
  int count = 0;
  signal.notify_all();  // nobody waits yet: it is not kept
  for (int i = 0; i < 3; ++i) spawn(context, count_up(signal, count));
  test::settle(context);
  EXPECT_EQ(count, 0);
  signal.notify_all();
  signal.notify_all();
  test::settle(context);
  EXPECT_EQ(count, 3);
}

TEST(Signal, WhoWaitsGoesWithTheContext) {
  Signal signal;
  int count = 0;
  {
    asio::io_context context;
    spawn(context, count_up(signal, count));
    context.poll();
  }
  signal.notify_all();
  EXPECT_EQ(count, 0);
}

}  // namespace
}  // namespace pd::runtime
