// What a watcher makes of a watch, once it has its list.
#include "tests/runtime/watcher_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using test::error_event;
using test::event;
using test::kList;
using test::kWatch;
using test::page;
using test::pod;
using test::run_until;
using test::status_reply;
using test::WatcherTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(WatcherTest, TellsOfEvents) {
  transport_.reply(kList, page("100", {}));
  const auto stream = transport_.reply_stream(
      kWatch, {event("ADDED", pod("a", "101")), event("MODIFIED", pod("a", "102")), event("DELETED", pod("a", "103"))});
  start();
  run_until_told("deleted a");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "end", "changed a", "changed a", "deleted a"));
  EXPECT_EQ(watcher_->version(), "103");
  stream->push("");  // a line without an event
  stream->push(event("ADDED", pod("b", "104")));
  run_until_told("changed b");
}

TEST_F(WatcherTest, ABookmarkMovesTheVersion) {
  transport_.reply(kList, page("100", {}));
  const auto stream = transport_.reply_stream(
      kWatch, {event("BOOKMARK", {{"metadata", {{"resourceVersion", "170"}}}}), event("ADDED", pod("a", "180"))});
  start();
  run_until_told("changed a");
  stream->push(event("BOOKMARK", {{"metadata", {{"resourceVersion", "200"}}}}));
  stream->end();
  run_until_requests(3);
  EXPECT_THAT(sink_.told, ElementsAre("begin", "end", "changed a"));
  EXPECT_THAT(query(2), HasSubstr("resourceVersion=200&"));
}

TEST_F(WatcherTest, GoesOnAtTheLastVersionAfterACleanEnd) {
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch, {event("ADDED", pod("a", "101"))})->end();
  start({hours(1), hours(1), 0.0});  // no back-off on this way
  run_until_requests(3);
  EXPECT_THAT(query(2), HasSubstr("resourceVersion=101&"));
  EXPECT_EQ(std::count(sink_.told.begin(), sink_.told.end(), "end"), 1);
}

TEST_F(WatcherTest, AWatchThatEndsAtOnceDoesNotSpin) {
  transport_.reply(kList, page("100", {}));
  for (int i = 0; i < 3; ++i) transport_.reply_stream(kWatch)->end();
  start({hours(1), hours(1), 0.0});
  run_until_requests(2);
  EXPECT_EQ(transport_.requests().size(), 2U);
}

TEST_F(WatcherTest, ListsAnewWhenItsVersionIsGone) {
  transport_.reply(kList, page("100", {}));
  transport_.reply(kWatch, status_reply(410, "Expired"));
  transport_.reply(kList, page("200", {}));
  start();
  run_until_requests(4);
  EXPECT_THAT(transport_.routes(), ElementsAre(kList, kWatch, kList, kWatch));
  EXPECT_THAT(query(3), HasSubstr("resourceVersion=200&"));
}

TEST_F(WatcherTest, ListsAnewAtOnceWhenAnEventSaysSo) {
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch, {event("ADDED", pod("a", "101")), error_event(410, "Expired")});
  transport_.reply(kList, page("200", {}));
  start({hours(1), hours(1), 0.0});
  run_until_requests(4);
  EXPECT_THAT(transport_.routes(), ElementsAre(kList, kWatch, kList, kWatch));
}

// A list that is followed by 410 each time would otherwise go round as fast as the server answers.
TEST_F(WatcherTest, AVersionThatIsAlwaysGoneDoesNotSpin) {
  for (int i = 0; i < 3; ++i) {
    transport_.reply(kList, page("100", {}));
    transport_.reply(kWatch, status_reply(410, "Expired"));
  }
  start({hours(1), hours(1), 0.0});
  run_until_requests(2);
  EXPECT_EQ(transport_.requests().size(), 2U);
}

TEST_F(WatcherTest, WhatCannotBeReadLeadsToANewList) {
  const std::vector<std::string> unreadable = {"{\"type\":\"ADDED\",\"obj", "5", event("CHANGED", pod("a", "101")),
                                               event("ADDED", pod("a", ""))};
  for (const std::string& line : unreadable) {
    transport_.reply(kList, page("100", {}));
    transport_.reply_stream(kWatch, {line});
  }
  transport_.reply(kList, page("100", {}));
  start();
  run_until_requests(2 * unreadable.size() + 2);
  EXPECT_EQ(std::count(sink_.told.begin(), sink_.told.end(), "end"), static_cast<int>(unreadable.size()) + 1);
  EXPECT_THAT(sink_.told, Not(::testing::Contains(HasSubstr("changed"))));
}

// Somebody who makes such objects must not make everybody list.
TEST_F(WatcherTest, AnObjectThatCannotBeReadIsLeftOut) {
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch, {event("ADDED", pod("bad", "101")), event("ADDED", pod("a", "102"))});
  start();
  run_until_told("changed a");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "end", "changed a"));
  EXPECT_EQ(watcher_->version(), "102");
}

TEST_F(WatcherTest, KeepsItsVersionWhenTheServerIsBusy) {
  transport_.reply(kList, page("100", {}));
  transport_.reply(kWatch, status_reply(429, "TooManyRequests"));
  transport_.reply(kWatch, Error{Code::kUnavailable, "no connection"});
  transport_.reply_stream(kWatch, {error_event(429, "TooManyRequests")});
  transport_.reply_stream(kWatch)->fail({Code::kUnavailable, "the connection broke"});
  start();
  run_until_requests(6);
  EXPECT_EQ(transport_.count(kList), 1);
  EXPECT_THAT(query(5), HasSubstr("resourceVersion=100&"));
}

// Nobody looked at the request: that says nothing of the version.
TEST_F(WatcherTest, KeepsItsVersionForAsLongAsNobodyTakesItsRequests) {
  transport_.reply(kList, page("100", {}));
  for (int i = 0; i < 10; ++i) {
    transport_.reply(kWatch, Error{Code::kUnavailable, "no connection", std::string(kube::kNotConnected)});
    transport_.reply(kWatch, status_reply(429, "TooManyRequests"));
  }
  start();
  run_until(context_, [this] { return transport_.count(kWatch) == 21 || transport_.count(kList) == 2; });
  EXPECT_EQ(transport_.count(kList), 1);
}

TEST_F(WatcherTest, ListsAnewAfterARefusalThatDoesNotPass) {
  transport_.reply(kList, page("100", {}));
  transport_.reply(kWatch, status_reply(400, "BadRequest"));
  transport_.reply(kList, page("200", {}));
  start();
  run_until_requests(4);
  EXPECT_THAT(transport_.routes(), ElementsAre(kList, kWatch, kList, kWatch));
}

// A version from before the server's storage was restored may never be valid again.
TEST_F(WatcherTest, ListsAnewWhenWatchingFailsAgainAndAgain) {
  transport_.reply(kList, page("999", {}));
  for (int i = 0; i < 10; ++i) transport_.reply(kWatch, status_reply(504, "Timeout", "Too large resource version"));
  transport_.reply(kList, page("100", {}));
  start();
  run_until(context_, [this] { return transport_.count(kList) == 2; });
  EXPECT_LE(transport_.count(kWatch), 10);
  EXPECT_GE(transport_.count(kWatch), 3);
}

TEST_F(WatcherTest, ASilentStreamIsOpenedAgain) {
  transport_.reply(kList, page("100", {}));
  const auto silent = transport_.reply_stream(kWatch, {event("ADDED", pod("a", "101"))});
  start({milliseconds(1), milliseconds(2), 0.0}, milliseconds(5));
  run_until_requests(3);
  EXPECT_TRUE(silent->closed());
  EXPECT_THAT(query(2), HasSubstr("resourceVersion=101&"));
}

class WatcherInVirtualTime : public WatcherTest {
 protected:
  runtime::VirtualTime& time_ = runtime::VirtualTime::install(context_);
};

// Having waited for long already, it does not wait for what failed before. A simulated run found this.
TEST_F(WatcherInVirtualTime, ASilentStreamEndsASeriesOfFailures) {
  transport_.reply(kList, page("100", {}));
  for (int i = 0; i < 6; ++i) transport_.reply(kWatch, status_reply(429, "TooManyRequests"));
  const auto silent = transport_.reply_stream(kWatch);
  start({milliseconds(800), std::chrono::seconds(30), 0.0}, std::chrono::seconds(150));
  test::settle(context_);
  while (transport_.count(kWatch) < 7) {
    time_.advance_to(time_.next().value());
    test::settle(context_);
  }
  time_.advance_to(time_.now() + std::chrono::seconds(150));
  silent->fail({Code::kTimeout, "the stream was silent"});
  test::settle(context_);
  EXPECT_EQ(time_.next().value() - time_.now(), milliseconds(800));
}

// Of several namespaces that are watched, one may be gone.
TEST_F(WatcherTest, SaysWhichNamespaceItCantList) {
  transport_.reply(kList, status_reply(403, "Forbidden"));
  ::testing::internal::CaptureStderr();
  start();
  run_until_requests(2);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr(R"(kind="Pod" namespace="llm")"));
}

TEST_F(WatcherTest, StopsWhileItWatches) {
  transport_.reply(kList, page("100", {}));
  const auto stream = transport_.reply_stream(kWatch);
  start();
  run_until_requests(2);
  stop_.stop();
  test::run_out(context_);
  EXPECT_TRUE(stream->closed());
}

TEST_F(WatcherTest, MayBeLeftWhileItWatches) {
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch);
  start();
  run_until_requests(2);
  left_ = true;
}

TEST_F(WatcherTest, WhatAStreamRepeatsIsNotToldAgain) {
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(
      kWatch, {event("ADDED", pod("a", "101")), event("MODIFIED", pod("a", "102")), event("ADDED", pod("a", "101")),
               event("MODIFIED", pod("a", "102")), event("DELETED", pod("b", "103"))});
  start();
  run_until_told("deleted b");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "end", "changed a", "changed a", "deleted b"));
}

TEST_F(WatcherTest, TellsWhyItStartsAnew) {
  std::vector<std::string> reasons;
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch, {event("ADDED", pod("a", "101"))})->end();
  transport_.reply_stream(kWatch, {error_event(410, "Expired")});
  transport_.reply(kList, page("200", {}));
  transport_.reply_stream(kWatch, {"garbage"});
  transport_.reply(kList, page("300", {}));
  transport_.reply(kWatch, Error{Code::kUnavailable, "no connection"});
  start();
  watcher_->on_restart([&](std::string_view reason) { reasons.emplace_back(reason); });
  run_until(context_, [&] { return reasons.size() == 4; });
  EXPECT_THAT(reasons, ElementsAre("ended", "gone", "unreadable", "failed"));
}

}  // namespace
}  // namespace pd::runtime
