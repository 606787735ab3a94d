// That events arrive: answers that are lost, refusals, pauses, and the end of the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/event_recorder_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::StartsWith;

// A request whose answer was lost, or which the library sent twice.
TEST_F(EventRecorderTest, AnEventThatExistsIsAsGoodAsWritten) {
  start();
  server_.answers_.push_back(test::status_reply(409, "AlreadyExists"));
  record(event_of("a"));
  EXPECT_THAT(methods(), ElementsAre("POST"));
  EXPECT_EQ(counted("failed"), 0);
  record(event_of("a"));
  EXPECT_THAT(methods(), ElementsAre("POST", "PATCH"));
}

TEST_F(EventRecorderTest, ASeriesThatExpiredIsCreatedAnew) {
  start();
  record(event_of("a"));
  server_.answers_.push_back(test::status_reply(404, "NotFound"));
  record(event_of("a"));
  ASSERT_THAT(methods(), ElementsAre("POST", "PATCH", "POST"));
  EXPECT_EQ(name(2), name(0));
  EXPECT_EQ(body(2)["series"]["count"], 2);
  record(event_of("a"));
  EXPECT_THAT(requests(), SizeIs(3)) << "it counts on as before";
}

TEST_F(EventRecorderTest, TriesAgainWithPauses) {
  start();
  server_.answers_.push_back(Error{Code::kUnavailable, "no connection"});
  server_.answers_.push_back(test::status_reply(500, "InternalError"));
  record(event_of("a"));
  EXPECT_THAT(requests(), SizeIs(1));
  pass(seconds(2));
  EXPECT_THAT(requests(), SizeIs(2));
  pass(seconds(3));
  EXPECT_THAT(methods(), ElementsAre("POST", "POST", "POST"));
  EXPECT_EQ(name(0), name(2)) << "the same event, so that it is not there twice";
  EXPECT_EQ(counted("written"), 1);
  EXPECT_EQ(counted("failed"), 0);
}

TEST_F(EventRecorderTest, WaitsAsLongAsItIsAskedTo) {
  start();
  kube::HttpResponse busy = test::status_reply(429, "TooManyRequests");
  busy.retry_after = seconds(50);
  server_.answers_.push_back(busy);
  record(event_of("a"));
  pass(seconds(49));
  EXPECT_THAT(requests(), SizeIs(1));
  pass(seconds(1));
  EXPECT_THAT(requests(), SizeIs(2));
}

TEST_F(EventRecorderTest, GivesUpAfterTwelveTries) {
  start();
  for (int i = 0; i < 12; ++i) server_.answers_.push_back(Error{Code::kUnavailable, "no connection"});
  record(event_of("a"));
  record(event_of("b"));
  pass(minutes(10));
  ASSERT_THAT(requests(), SizeIs(13));
  EXPECT_THAT(name(12), StartsWith("b."));
  EXPECT_EQ(counted("failed"), 1);
}

TEST_F(EventRecorderTest, WhatIsRefusedIsNotTriedAgain) {
  start();
  for (const int status : {400, 403, 404, 422}) server_.answers_.push_back(test::status_reply(status, "Refused"));
  for (const char* pod : {"a", "b", "c", "d", "e"}) record(event_of(pod));
  pass(minutes(1));
  EXPECT_THAT(requests(), SizeIs(5));
  EXPECT_EQ(counted("failed"), 4);
  EXPECT_EQ(counted("written"), 1);
  record(event_of("a"));
  ASSERT_THAT(requests(), SizeIs(6)) << "what was never told is told when it happens again";
  EXPECT_EQ(requests()[5].method, "POST");
}

TEST_F(EventRecorderTest, RepetitionsThatComeBeforeItIsWrittenGoWithIt) {
  start();
  server_.answers_.push_back(Error{Code::kUnavailable, "no connection"});
  for (int i = 0; i < 4; ++i) record(event_of("a"));
  pass(seconds(2));
  ASSERT_THAT(methods(), ElementsAre("POST", "POST"));
  EXPECT_FALSE(body(0).contains("series"));
  EXPECT_EQ(body(1)["series"]["count"], 4);
}

// The first request was taken although its answer was lost: the event there has no count.
TEST_F(EventRecorderTest, ACountIsNotTakenForToldWhenTheEventExists) {
  start();
  server_.answers_.push_back(Error{Code::kTimeout, "no answer"});
  server_.answers_.push_back(test::status_reply(409, "AlreadyExists"));
  for (int i = 0; i < 4; ++i) record(event_of("a"));
  pass(seconds(2));
  ASSERT_THAT(methods(), ElementsAre("POST", "POST", "PATCH"));
  EXPECT_EQ(body(2)["series"]["count"], 4);
}

TEST_F(EventRecorderTest, WritesWhatIsLeftWhenItIsStopped) {
  start();
  for (int i = 0; i < 7; ++i) record(event_of("a"));
  const std::size_t before = requests().size();
  recorder_->record(event_of("b"));
  recorder_->record(event_of("c"));
  stop_.stop();
  test::settle(context_);
  EXPECT_TRUE(ended_);
  ASSERT_THAT(requests(), SizeIs(before + 3));
  EXPECT_THAT(name(before), StartsWith("b."));
  EXPECT_THAT(name(before + 1), StartsWith("c."));
  EXPECT_EQ(body(before + 2)["series"]["count"], 7) << "the count as it is now";
  recorder_->record(event_of("d"));
  test::settle(context_);
  EXPECT_THAT(requests(), SizeIs(before + 3));
  EXPECT_EQ(counted("dropped"), 1);
}

TEST_F(EventRecorderTest, ARequestThatTheStopCutsOffIsSentAgain) {
  start();
  server_.hangs_ = true;
  record(event_of("a"));
  server_.hangs_ = false;
  server_.answers_.push_back(test::status_reply(409, "AlreadyExists"));
  stop_.stop();
  test::settle(context_);
  EXPECT_TRUE(ended_);
  ASSERT_THAT(methods(), ElementsAre("POST", "POST"));
  EXPECT_EQ(name(0), name(1));
  EXPECT_EQ(counted("written"), 1);
}

TEST_F(EventRecorderTest, TheStopCutsAPauseShort) {
  start();
  server_.answers_.push_back(Error{Code::kUnavailable, "no connection"});
  record(event_of("a"));
  stop_.stop();
  test::settle(context_);
  EXPECT_TRUE(ended_);
  EXPECT_EQ(counted("written"), 1);
}

TEST_F(EventRecorderTest, WhatIsLeftHasOnlySoMuchTime) {
  start();
  server_.hangs_ = true;
  for (int i = 0; i < 10; ++i) record(event_of("pod-" + std::to_string(i)));
  stop_.stop();
  const Instant stopped = time_.now();
  while (!ended_ && step()) {
  }
  EXPECT_TRUE(ended_);
  EXPECT_EQ(time_.now() - stopped, seconds(3));
  EXPECT_EQ(counted("failed") + counted("dropped"), 10);
}

// Nothing is left to wait for when all series are over: a simulation may end.
TEST_F(EventRecorderTest, IsQuietWhenNothingHappens) {
  start();
  EXPECT_FALSE(time_.next());
  record(event_of("a"));
  EXPECT_TRUE(time_.next());
  pass(minutes(6));
  EXPECT_FALSE(time_.next());
}

TEST(EventRecorder, MayBeLeftInTheMiddle) {
  EventServer server;
  kube::Client client(server);
  StopSource stop;
  Rng rng(1);
  std::optional<test::VirtualClock> clock;
  std::optional<EventRecorder> recorder;
  {
    asio::io_context context;
    clock.emplace(VirtualTime::install(context));
    recorder.emplace(client, *clock, rng, EventRecorder::Reporter{"c", "i"});
    spawn(context, recorder->run(stop.token()));
    server.hangs_ = true;
    recorder->record(event_of("a"));
    context.poll();
    EXPECT_THAT(server.requests_, SizeIs(1));
  }
  stop.stop();
}

}  // namespace
}  // namespace pd::runtime
