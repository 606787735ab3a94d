#include "runtime/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_to_end.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using test::run_out;
using test::run_until;
using Key = std::optional<std::string>;

class WorkQueueTest : public ::testing::Test {
 protected:
  // Takes one key; nothing when none is ready.
  Key take_ready() {
    std::optional<Key> taken;
    StopSource only_this;
    test::start(context_, queue_.take(only_this.token()), taken);
    poll();
    if (!taken) {
      only_this.stop();
      poll();
      return std::nullopt;
    }
    return *taken;
  }
  Key take() { return test::run_to_end(context_, queue_.take(stop_.token())); }
  void poll() {
    context_.restart();
    context_.poll();
  }

  asio::io_context context_;
  Rng rng_{1};
  StopSource stop_;
  WorkQueue queue_{context_, rng_, {milliseconds(1), milliseconds(64), 0.0}};
};

TEST_F(WorkQueueTest, GivesKeysInOrder) {
  queue_.add("a");
  queue_.add("b");
  EXPECT_EQ(queue_.depth(), 2U);
  EXPECT_EQ(take_ready(), "a");
  EXPECT_EQ(take_ready(), "b");
  EXPECT_EQ(take_ready(), std::nullopt);
}

TEST_F(WorkQueueTest, HoldsAKeyOnce) {
  queue_.add("a");
  queue_.add("a");
  EXPECT_EQ(queue_.depth(), 1U);
  EXPECT_EQ(take_ready(), "a");
  EXPECT_EQ(take_ready(), std::nullopt);
}

TEST_F(WorkQueueTest, WorksOnAKeyOnceAtATimeAndOnceMoreAfterwards) {
  queue_.add("a");
  EXPECT_EQ(take_ready(), "a");
  queue_.add("a");
  queue_.add("a");
  EXPECT_EQ(take_ready(), std::nullopt);
  queue_.done("a", {});
  EXPECT_EQ(take_ready(), "a");
  queue_.done("a", {});
  EXPECT_EQ(take_ready(), std::nullopt);
}

TEST_F(WorkQueueTest, AFailureComesBackLaterAndLater) {
  queue_.add("a");
  ASSERT_EQ(take(), "a");
  for (const int wait : {1, 2, 4, 8, 16, 32, 64, 64}) {
    const Instant failed = std::chrono::steady_clock::now();
    queue_.done("a", {false, std::nullopt});
    ASSERT_EQ(take(), "a");
    EXPECT_GE(std::chrono::steady_clock::now() - failed, milliseconds(wait));
  }
}

// A round that was put off, because the stores lag, is no success.
TEST_F(WorkQueueTest, ARoundThatWasPutOffForgetsNoFailure) {
  queue_.add("a");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(take(), "a");
    queue_.done("a", {false, std::nullopt});
  }
  ASSERT_EQ(take(), "a");
  queue_.done("a", {true, milliseconds(1), true});
  ASSERT_EQ(take(), "a");
  const Instant failed = std::chrono::steady_clock::now();
  queue_.done("a", {false, std::nullopt});
  ASSERT_EQ(take(), "a");
  EXPECT_GE(std::chrono::steady_clock::now() - failed, milliseconds(32));
}

TEST_F(WorkQueueTest, ASuccessForgetsTheFailures) {
  queue_.add("a");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(take(), "a");
    queue_.done("a", {false, std::nullopt});
  }
  ASSERT_EQ(take(), "a");
  queue_.done("a", {});
  queue_.add("a");
  ASSERT_EQ(take(), "a");
  queue_.done("a", {false, std::nullopt});
  const Instant failed = std::chrono::steady_clock::now();
  ASSERT_EQ(take(), "a");
  // 1 ms again, not 32. A busy machine may be late, so only a wait that is far too long is wrong.
  EXPECT_LT(std::chrono::steady_clock::now() - failed, std::chrono::seconds(10));
}

TEST_F(WorkQueueTest, AFailureWaitsAsLongAsItWasAskedTo) {
  queue_.add("a");
  ASSERT_EQ(take(), "a");
  const Instant failed = std::chrono::steady_clock::now();
  queue_.done("a", {false, milliseconds(30)});
  ASSERT_EQ(take(), "a");
  EXPECT_GE(std::chrono::steady_clock::now() - failed, milliseconds(30));
}

TEST_F(WorkQueueTest, OthersAreNotHeldUpByAFailure) {
  queue_.add("a");
  ASSERT_EQ(take(), "a");
  queue_.done("a", {false, hours(1)});
  queue_.add("b");
  EXPECT_EQ(take_ready(), "b");
}

TEST(WorkQueuePace, OfABurstOfEventsTenTurnsAreTakenAtOnce) {
  asio::io_context context;
  VirtualTime& time = VirtualTime::install(context);
  Rng rng{1};
  const StopSource stop;
  WorkQueue queue(context, rng, {milliseconds(1), milliseconds(64), 0.0});
  const auto work = [&] { queue.done(*test::run_to_end(context, queue.take(stop.token())), {}); };
  const auto turns_at_once = [&] {
    for (int turns = 0;; ++turns) {
      queue.add_event("a");
      if (queue.depth() == 0) return turns;
      work();
    }
  };
  EXPECT_EQ(turns_at_once(), 10);
  queue.add_event("b");
  EXPECT_EQ(queue.depth(), 1U) << "others are not held up";
  work();
  time.advance_to(time.now() + milliseconds(100));
  EXPECT_EQ(queue.depth(), 1U) << "the event that came last is not lost";
  work();
  time.advance_to(time.now() + std::chrono::seconds(2));
  EXPECT_EQ(turns_at_once(), 10);
}

// Through an outage of some seconds, the pods of a deployment may have many events.
TEST(WorkQueueOutage, EventsMakeTheWaitAfterItNoLonger) {
  asio::io_context context;
  VirtualTime& time = VirtualTime::install(context);
  Rng rng(1);
  WorkQueue queue(context, rng, {milliseconds(5), std::chrono::minutes(5), 0.0});
  const auto take = [&] {
    std::optional<std::optional<std::string>> taken;
    test::start(context, queue.take({}), taken);
    test::settle(context);
    while (!taken && time.next()) {
      time.advance_to(*time.next());
      test::settle(context);
    }
    return taken.value_or(std::nullopt);
  };
  const Instant start = time.now();
  queue.add("a");
  for (; time.now() < start + std::chrono::seconds(8); time.advance_to(time.now() + milliseconds(50))) {
    ASSERT_EQ(take(), "a");
    queue.done("a", {false, std::nullopt});
    queue.add_event("a");
  }
  ASSERT_EQ(take(), "a");  // that of the last event
  queue.done("a", {false, std::nullopt});
  const Instant over = time.now();
  ASSERT_EQ(take(), "a");
  EXPECT_LE(time.now() - over, std::chrono::seconds(9));
}

TEST_F(WorkQueueTest, TheEarlierOfTwoTimesWins) {
  queue_.add_after("a", milliseconds(1));
  queue_.add_after("a", hours(1));
  EXPECT_EQ(take(), "a");
  queue_.done("a", {});
  queue_.add_after("a", hours(1));
  queue_.add_after("a", milliseconds(1));
  EXPECT_EQ(take(), "a");
}

TEST_F(WorkQueueTest, EachTimeIsKept) {
  queue_.add_after("far", hours(1));
  queue_.add_after("second", milliseconds(20));
  queue_.add_after("first", milliseconds(1));
  EXPECT_EQ(take(), "first");
  EXPECT_EQ(take(), "second");
  EXPECT_EQ(take_ready(), std::nullopt);
}

TEST_F(WorkQueueTest, WorkNowReplacesWorkLater) {
  queue_.add_after("a", milliseconds(1));
  queue_.add("a");
  EXPECT_EQ(take_ready(), "a");
  queue_.done("a", {});
  queue_.add_after("b", milliseconds(5));  // due later than "a" would have been
  EXPECT_EQ(take(), "b");
  EXPECT_EQ(take_ready(), std::nullopt);
}

TEST_F(WorkQueueTest, ATimeSetWhileInWorkIsKept) {
  queue_.add("a");
  ASSERT_EQ(take(), "a");
  queue_.add_after("a", milliseconds(1));
  queue_.done("a", {});
  EXPECT_EQ(take(), "a");
}

TEST_F(WorkQueueTest, ForgetsAKey) {
  queue_.add_after("a", milliseconds(1));
  queue_.forget("a");
  queue_.add_after("b", milliseconds(5));
  EXPECT_EQ(take(), "b");
  EXPECT_EQ(take_ready(), std::nullopt);
}

TEST_F(WorkQueueTest, WakesWhoeverWaits) {
  std::optional<Key> first;
  std::optional<Key> second;
  test::start(context_, queue_.take(stop_.token()), first);
  test::start(context_, queue_.take(stop_.token()), second);
  poll();
  EXPECT_FALSE(first);
  queue_.add("a");
  queue_.add("b");
  run_until(context_, [&] { return first && second; });
  EXPECT_THAT((std::vector{**first, **second}), ::testing::UnorderedElementsAre("a", "b"));
}

// Two takers and one key: the one who goes empty waits again instead of waking the other in turn.
TEST_F(WorkQueueTest, TakersDoNotWakeEachOther) {
  std::optional<Key> first;
  std::optional<Key> second;
  test::start(context_, queue_.take(stop_.token()), first);
  test::start(context_, queue_.take(stop_.token()), second);
  poll();
  queue_.add("a");
  context_.restart();
  EXPECT_LT(context_.poll(), 50U);
  EXPECT_NE(first.has_value(), second.has_value());
  context_.restart();
  EXPECT_EQ(context_.poll(), 0U);
}

TEST_F(WorkQueueTest, StopEndsThemAll) {
  std::optional<Key> first;
  std::optional<Key> second;
  test::start(context_, queue_.take(stop_.token()), first);
  test::start(context_, queue_.take(stop_.token()), second);
  queue_.add_after("a", hours(1));
  poll();
  stop_.stop();
  run_out(context_);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, std::nullopt);
  EXPECT_EQ(*second, std::nullopt);
}

TEST_F(WorkQueueTest, StopEndsWhoeverIsInWork) {
  queue_.add("a");
  ASSERT_EQ(take(), "a");
  stop_.stop();
  queue_.done("a", {false, hours(1)});
  EXPECT_EQ(take(), std::nullopt);
  queue_.add_after("b", hours(1));
  run_out(context_);
}

// The timer has expired and its handler is on its way when the queue is stopped: it must not be set anew.
TEST_F(WorkQueueTest, StopEndsATimerThatIsJustDue) {
  std::optional<Key> taken;
  test::start(context_, queue_.take(stop_.token()), taken);
  poll();
  queue_.add_after("far", hours(1));
  queue_.add_after("now", Duration::zero());
  asio::post(context_, [this] { stop_.stop(); });
  run_out(context_);
  EXPECT_TRUE(taken);
}

TEST_F(WorkQueueTest, MayBeLeftInTheMiddle) {
  std::optional<Key> taken;
  test::start(context_, queue_.take(stop_.token()), taken);
  queue_.add_after("a", hours(1));
  poll();
}

}  // namespace
}  // namespace pd::runtime
