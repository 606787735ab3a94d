#include "runtime/timing.h"

#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Jittered, StaysWithinItsBounds) {
  Rng rng(1);
  Duration least = Duration::max();
  Duration most = Duration::zero();
  for (int i = 0; i < 10000; ++i) {
    const Duration wait = jittered(seconds(10), 0.5, rng);
    ASSERT_GE(wait, seconds(10));
    ASSERT_LE(wait, seconds(15));
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_LT(least, milliseconds(10100));
  EXPECT_GT(most, milliseconds(14900));
}

TEST(Jittered, WithoutJitterIsTheBase) {
  Rng rng(1);
  EXPECT_EQ(jittered(seconds(10), 0.0, rng), seconds(10));
}

TEST(Backoff, DoublesUpToItsCap) {
  Rng rng(1);
  Backoff backoff({milliseconds(100), seconds(1), 0.0}, rng);
  for (const int wait : {100, 200, 400, 800, 1000, 1000, 1000}) EXPECT_EQ(backoff.next(), milliseconds(wait));
  EXPECT_EQ(backoff.failures(), 7);
  backoff.reset();
  EXPECT_EQ(backoff.next(), milliseconds(100));
}

TEST(Backoff, StaysAtItsCapForEver) {
  Rng rng(1);
  Backoff backoff({milliseconds(1), hours(24 * 365), 1.0}, rng);
  for (int i = 0; i < 1000; ++i) {
    const Duration wait = backoff.next();
    ASSERT_GE(wait, milliseconds(1));
    ASSERT_LE(wait, hours(2 * 24 * 365));
  }
}

TEST(Backoff, ABaseOverTheCapIsCut) {
  Rng rng(1);
  Backoff backoff({seconds(10), seconds(1), 0.0}, rng);
  EXPECT_EQ(backoff.next(), seconds(1));
}

TEST(SleepFor, EndsWhenItsTimeIsOver) {
  asio::io_context context;
  StopSource stop;
  EXPECT_TRUE(test::run_to_end(context, sleep_for(milliseconds(1), stop.token())));
}

TEST(SleepFor, IsCutShort) {
  asio::io_context context;
  StopSource stop;
  asio::post(context, [&stop] { stop.stop(); });
  EXPECT_FALSE(test::run_to_end(context, sleep_for(hours(1), stop.token())));
  EXPECT_FALSE(test::run_to_end(context, sleep_for(hours(1), stop.token())));
}

TEST(SleepFor, MayBeLeftInTheMiddle) {
  StopSource stop;
  {
    asio::io_context context;
    std::optional<bool> ended;
    test::start(context, sleep_for(hours(1), stop.token()), ended);
    context.poll();
  }
  stop.stop();
}

}  // namespace
}  // namespace pd::runtime
