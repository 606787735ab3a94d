#include "runtime/monitoring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/spawn.h"
#include "tests/runtime/metric_value.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_to_end.h"

namespace pd::runtime {
namespace {

using ::testing::HasSubstr;

class MonitoringTest : public ::testing::Test {
 protected:
  asio::io_context context_;
  test::FakeClock clock_;
  StopSource stop_;
  Monitoring monitoring_{context_, clock_};
};

TEST_F(MonitoringTest, ShowsTheProcessAndWhatElseIsCounted) {
  monitoring_.metrics().counter("tables_total", "Tables.").add(3);
  const std::string text = monitoring_.pages().answer("GET", "/metrics").body;
  EXPECT_EQ(test::metric(text, "tables_total"), 3);
  EXPECT_GT(test::metric(text, "process_resident_memory_bytes").value_or(0), 1e6);
}

TEST_F(MonitoringTest, IsAliveWhileItsLoopTurns) {
  EXPECT_EQ(monitoring_.pages().answer("GET", "/livez/event-loop").status, 200);
  clock_.advance(std::chrono::seconds(60));
  EXPECT_EQ(monitoring_.pages().answer("GET", "/livez/event-loop").status, 500);
}

TEST_F(MonitoringTest, ListensUntilItIsStopped) {
  const Status listens = monitoring_.listen("127.0.0.1:0");
  ASSERT_TRUE(listens) << listens.error().message;
  EXPECT_NE(monitoring_.port(), 0);
  Monitoring second(context_, clock_);
  const Status refused = second.listen("127.0.0.1:" + std::to_string(monitoring_.port()));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr(std::to_string(monitoring_.port())));
  spawn(context_, monitoring_.run(stop_.token()));
  test::settle(context_);
  stop_.stop();
  test::run_out(context_);
}

TEST_F(MonitoringTest, MayBeOff) {
  ASSERT_TRUE(monitoring_.listen("off"));
  EXPECT_EQ(monitoring_.port(), 0);
  spawn(context_, monitoring_.run(stop_.token()));
  test::run_out(context_);  // there is nothing to run
}

}  // namespace
}  // namespace pd::runtime
