// How a watcher comes to its list: in pages, or as the first events of a watch.
#include "tests/runtime/watcher_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::error_event;
using test::event;
using test::json_reply;
using test::kList;
using test::kStream;
using test::kWatch;
using test::list_end;
using test::page;
using test::pod;
using test::run_out;
using test::run_until;
using test::settle;
using test::status_reply;
using test::WatcherTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(WatcherTest, ListsConsistentlyAndWatchesFromTheListsVersion) {
  transport_.reply(kList, page("100", {pod("a", "7"), pod("b", "250")}));
  start();
  run_until_requests(2);
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "item b", "end"));
  EXPECT_THAT(transport_.routes(), ElementsAre(kList, kWatch));
  EXPECT_THAT(query(0), HasSubstr("limit=32&"));
  EXPECT_THAT(query(0), HasSubstr("labelSelector=a%20in%20%28b%29"));
  EXPECT_THAT(query(0), Not(HasSubstr("resourceVersion")));
  EXPECT_THAT(query(1), HasSubstr("resourceVersion=100&"));  // not an item's
  EXPECT_THAT(query(1), HasSubstr("allowWatchBookmarks=true"));
  EXPECT_THAT(query(1), HasSubstr("labelSelector=a%20in%20%28b%29"));
  EXPECT_EQ(watcher_->version(), "100");
}

TEST_F(WatcherTest, TakesLargerPagesWhereOnlyMetadataIsAskedFor) {
  transport_.reply("GET /api/v1/nodes", page("100", {}));
  WatchTarget nodes{kube::Resource<kube::Node>::kPath, "Node", true, &kube::Resource<kube::Node>::projection(), "", ""};
  watch(std::move(nodes), {});
  run_until_requests(1);
  EXPECT_THAT(query(0), HasSubstr("limit=200"));
}

TEST_F(WatcherTest, ReadsAllPages) {
  transport_.reply(kList, page("100", {pod("a", "7")}, "next/1"));
  transport_.reply(kList, page("100", {pod("b", "8")}, "next/2"));
  transport_.reply(kList, page("100", {pod("c", "9")}));
  start();
  run_until_requests(4);
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "item b", "item c", "end"));
  EXPECT_THAT(query(1), HasSubstr("continue=next%2F1"));
  EXPECT_THAT(query(2), HasSubstr("continue=next%2F2"));
  EXPECT_EQ(std::count(sink_.told.begin(), sink_.told.end(), "end"), 1);
}

// Else whoever waits for a version would find it reached before the store has what it stands for.
TEST_F(WatcherTest, ItsVersionIsThatOfACompleteList) {
  transport_.reply(kList, page("100", {pod("a", "7")}, "next"));
  start();
  run_until_requests(2);  // the second page does not come
  EXPECT_EQ(watcher_->version(), "");
}

TEST_F(WatcherTest, AnExpiredTokenStartsTheListAgain) {
  transport_.reply(kList, page("100", {pod("a", "7")}, "next"));
  transport_.reply(kList, status_reply(410, "Expired"));
  transport_.reply(kList, page("120", {pod("b", "8")}));
  start();
  run_until_requests(4);
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "begin", "item b", "end"));
  EXPECT_THAT(query(2), Not(HasSubstr("continue")));
  EXPECT_EQ(watcher_->version(), "120");
}

// Such a token would go round for ever.
TEST_F(WatcherTest, APageThatBringsNothingButATokenStartsTheListAgain) {
  transport_.reply(kList, page("100", {}, "again"));
  transport_.reply(kList, page("200", {}));
  start();
  run_until_told("end");
  EXPECT_THAT(query(1), Not(HasSubstr("continue")));
  EXPECT_EQ(watcher_->version(), "200");
}

TEST_F(WatcherTest, AnItemThatCannotBeReadHidesNoOther) {
  transport_.reply(kList, page("100", {pod("a", "7"), pod("bad", "8"), Json(5), pod("c", "9")}));
  start();
  run_until_requests(2);
  EXPECT_THAT(sink_.told, ::testing::IsSupersetOf({"item a", "item c", "end"}));
}

TEST_F(WatcherTest, AListWithoutAVersionIsNone) {
  transport_.reply(kList, json_reply(200, {{"items", Json::array({pod("a", "7")})}}));
  transport_.reply(kList, kube::HttpResponse{200, "<html>", std::nullopt});
  transport_.reply(kList, page("100", {}));
  start();
  run_until_requests(4);
  EXPECT_EQ(std::count(sink_.told.begin(), sink_.told.end(), "end"), 1);
  EXPECT_THAT(transport_.routes(), ElementsAre(kList, kList, kList, kWatch));
}

TEST_F(WatcherTest, WaitsAsLongAsTheServerAsks) {
  kube::HttpResponse busy = status_reply(429, "TooManyRequests");
  busy.retry_after = std::chrono::seconds(3600);
  transport_.reply(kList, busy);
  transport_.reply(kList, page("100", {}));
  start();
  run_until_requests(1);
  context_.restart();
  context_.run_for(milliseconds(20));  // ten times the back-off
  EXPECT_EQ(transport_.requests().size(), 1U);
}

TEST_F(WatcherTest, ItsBackOffGrowsUntilItWorks) {
  for (int i = 0; i < 4; ++i) transport_.reply(kList, Error{Code::kUnavailable, "no connection"});
  transport_.reply(kList, page("100", {}));
  const Instant started = std::chrono::steady_clock::now();
  start({milliseconds(2), milliseconds(1000), 0.0});
  run_until_requests(6);
  EXPECT_GE(std::chrono::steady_clock::now() - started, milliseconds(2 + 4 + 8 + 16));
}

TEST_F(WatcherTest, StopsWhileItLists) {
  start();
  run_until_requests(1);  // the list does not come: TearDown stops it there
}

TEST_F(WatcherTest, MayBeLeftWhileItLists) {
  start();
  run_until_requests(1);
  left_ = true;
}

TEST_F(WatcherTest, StopsWhileItBacksOff) {
  transport_.reply(kList, Error{Code::kUnavailable, "no connection"});
  start({hours(1), hours(1), 0.0});
  run_until_requests(1);
}

TEST_F(WatcherTest, ListsByAStreamAndGoesOnWithIt) {
  const auto stream =
      transport_.reply_stream(kStream, {event("ADDED", pod("a", "250")), event("BOOKMARK", pod("", "90")),
                                        event("ADDED", pod("b", "7")), list_end("300")});
  start();
  run_until_told("end");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "item b", "end"));
  EXPECT_EQ(watcher_->version(), "300");
  EXPECT_THAT(query(0), HasSubstr("sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
  EXPECT_THAT(query(0), HasSubstr("allowWatchBookmarks=true"));
  EXPECT_THAT(query(0), Not(HasSubstr("resourceVersion=")));
  EXPECT_THAT(query(0), HasSubstr("labelSelector=a%20in%20%28b%29"));
  stream->push(event("MODIFIED", pod("a", "301")));
  run_until_told("changed a");
  EXPECT_EQ(transport_.requests().size(), 1U);
}

TEST_F(WatcherTest, AnObjectThatGoesDuringAStreamingListIsNotInIt) {
  transport_.reply_stream(kStream,
                          {event("ADDED", pod("a", "250")), event("DELETED", pod("a", "260")), list_end("300")});
  start();
  run_until_told("end");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "gone a", "end"));
}

TEST_F(WatcherTest, AStreamingListThatBreaksIsVoidAndPagesFollow) {
  transport_.reply_stream(kStream, {event("ADDED", pod("a", "250"))})->end();
  transport_.reply(kList, page("400", {pod("b", "1")}));
  start();
  run_until_told("end");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "begin", "item b", "end"));
  EXPECT_EQ(watcher_->version(), "400");
}

TEST_F(WatcherTest, TheNextListIsAStreamAgainAfterOneThatBroke) {
  transport_.reply_stream(kStream)->end();
  transport_.reply(kList, page("400", {}));
  transport_.reply_stream(kWatch, {error_event(410, "Expired")});
  transport_.reply_stream(kStream, {list_end("500")});
  start();
  run_until(context_, [&] { return watcher_->version() == "500"; });
  EXPECT_THAT(transport_.routes(), ElementsAre(kStream, kList, kWatch, kStream));
}

// A line that is too long for a stream may be in the way of a page as well, and no longer be there.
TEST_F(WatcherTest, TheNextListIsAStreamAgainAfterPagesThatFailed) {
  transport_.reply_stream(kStream)->fail({Code::kInternal, "a line without end"});
  transport_.reply(kList, page("400", {pod("a", "7")}, "next"));
  transport_.reply(kList, Error{Code::kUnavailable, "the answer is larger than is accepted"});
  transport_.reply_stream(kStream, {list_end("500")});
  start();
  run_until(context_, [&] { return watcher_->version() == "500"; });
  EXPECT_THAT(transport_.routes(), ElementsAre(kStream, kList, kList, kStream));
  EXPECT_THAT(sink_.told, ElementsAre("begin", "begin", "item a", "begin", "end"));
}

TEST_F(WatcherTest, TheNextListIsAStreamAgainAfterPagesThatTookTooLong) {
  VirtualTime& time = VirtualTime::install(context_);
  transport_.reply_stream(kStream)->end();
  transport_.reply_stream(kStream, {list_end("500")});
  start();
  run_until_requests(1);
  settle(context_);
  time.advance_to(time.next().value());  // the back-off
  run_until_requests(2);                 // the page does not come
  time.advance_to(time.now() + seconds(300));
  settle(context_);
  time.advance_to(time.next().value());
  run_until_told("end");
  EXPECT_THAT(transport_.routes(), ElementsAre(kStream, kList, kStream));
}

// In pages it would be many requests more.
TEST_F(WatcherTest, AServerWithTooMuchToDoIsAskedForAStreamAgain) {
  transport_.reply(kStream, status_reply(429, "TooManyRequests"));
  transport_.reply_stream(kStream, {list_end("500")});
  start();
  run_until(context_, [&] { return watcher_->version() == "500"; });
  EXPECT_THAT(transport_.routes(), ElementsAre(kStream, kStream));
}

TEST_F(WatcherTest, AServerWithoutStreamingListsIsAskedForOneOnce) {
  transport_.reply(kStream, status_reply(422, "Invalid"));
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch, {error_event(410, "Expired")});
  transport_.reply(kList, page("200", {}));
  start();
  run_until(context_, [&] { return watcher_->version() == "200"; });
  EXPECT_EQ(transport_.count(kStream), 1);
}

// Only the API server's refusal says that it knows none.
TEST_F(WatcherTest, WhatCannotBeReadInAStreamingListIsNoRefusal) {
  transport_.reply_stream(kStream, {R"({"type":"ADDED","obj)"});
  transport_.reply(kList, page("400", {}));
  transport_.reply_stream(kWatch, {error_event(410, "Expired")});
  transport_.reply_stream(kStream)->fail({Code::kInternal, "a line without end"});
  transport_.reply(kList, page("500", {}));
  transport_.reply_stream(kWatch, {error_event(410, "Expired")});
  transport_.reply_stream(kStream, {list_end("600")});
  start();
  run_until(context_, [&] { return watcher_->version() == "600"; });
  EXPECT_THAT(transport_.routes(), ElementsAre(kStream, kList, kWatch, kStream, kList, kWatch, kStream));
}

// Each line comes in time, and there is no end of them.
TEST_F(WatcherTest, AStreamingListThatDripsIsGivenUp) {
  VirtualTime& time = VirtualTime::install(context_);
  const auto stream = transport_.reply_stream(kStream);
  transport_.reply(kList, page("400", {}));
  start();
  run_until_requests(1);
  int lines = 0;
  for (; !stream->closed() && lines < 100; ++lines) {
    stream->push(event("ADDED", pod("a", "250")));
    settle(context_);
    time.advance_to(time.now() + seconds(10));
    settle(context_);
  }
  EXPECT_EQ(lines, 30);  // as long as the shortest watch
  time.advance_to(time.next().value());
  run_until_told("end");
  EXPECT_EQ(watcher_->version(), "400");
}

TEST_F(WatcherTest, AListInPagesHasOneTimeForAllOfThem) {
  VirtualTime& time = VirtualTime::install(context_);
  transport_.reply(kList, page("100", {pod("a", "7")}, "next"));
  start();
  run_until_requests(2);  // the second page does not come
  time.advance_to(time.now() + seconds(299));
  settle(context_);
  transport_.reply(kList, page("200", {}));
  EXPECT_EQ(transport_.requests().size(), 2U);
  time.advance_to(time.now() + seconds(1));
  settle(context_);
  time.advance_to(time.next().value());
  run_until_told("end");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "item a", "begin", "end"));
  EXPECT_EQ(watcher_->version(), "200");
}

// The wait after it would otherwise be one that nobody ends.
TEST_F(WatcherTest, StopsInTheStepThatGivesAListUp) {
  VirtualTime& time = VirtualTime::install(context_);
  transport_.reply_stream(kStream);
  start();
  run_until_requests(1);
  time.advance_to(time.now() + seconds(300));
  stop_.stop();
  run_out(context_);
  EXPECT_TRUE(ended_);
}

TEST_F(WatcherTest, AnErrorInAStreamingListIsNoObject) {
  transport_.reply_stream(kStream, {error_event(500, "InternalError")});
  transport_.reply(kList, page("400", {}));
  start();
  run_until_told("end");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "begin", "end"));
}

}  // namespace
}  // namespace pd::runtime
