#include "runtime/heartbeat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/spawn.h"
#include "tests/support/run_to_end.h"
#include "tests/support/virtual_clock.h"

namespace pd::runtime {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(Heartbeat, FailsWhenItHasNotBeatenForLong) {
  asio::io_context context;
  VirtualTime& time = VirtualTime::install(context);
  const test::VirtualClock clock(time);
  StopSource stop;
  Heartbeat heartbeat(clock);
  spawn(context, heartbeat.run(stop.token()));
  time.advance_to(time.now() + seconds(60));  // before it could begin
  ASSERT_FALSE(heartbeat.check());
  EXPECT_THAT(heartbeat.check().error().message, HasSubstr("60 s"));
  test::settle(context);
  EXPECT_TRUE(heartbeat.check());
  time.advance_to(time.now() + seconds(29));  // its timer has run, it has not gone on yet
  EXPECT_TRUE(heartbeat.check());
  time.advance_to(time.now() + seconds(1));
  EXPECT_FALSE(heartbeat.check());
  test::settle(context);
  EXPECT_TRUE(heartbeat.check());
  stop.stop();
  test::run_out(context);
}

TEST(Heartbeat, AllowsNoLongerSilenceWhenItBeatsLessOften) {
  asio::io_context context;
  VirtualTime& time = VirtualTime::install(context);
  const test::VirtualClock clock(time);
  StopSource stop;
  Heartbeat heartbeat(clock, seconds(5));
  spawn(context, heartbeat.run(stop.token()));
  test::settle(context);
  for (int beat = 0; beat < 20; ++beat) {
    EXPECT_TRUE(heartbeat.check());
    time.advance_to(time.now() + seconds(5));
    test::settle(context);
  }
  time.advance_to(time.now() + seconds(29));
  EXPECT_TRUE(heartbeat.check());
  time.advance_to(time.now() + seconds(1));
  EXPECT_FALSE(heartbeat.check());
  stop.stop();
  test::run_out(context);
}

}  // namespace
}  // namespace pd::runtime
