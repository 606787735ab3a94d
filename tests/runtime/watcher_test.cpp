#include "runtime/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/json_members.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using test::json_reply;
using test::run_until;
using test::status_reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const char* const kList = "GET /api/v1/namespaces/llm/pods";
const char* const kWatch = "WATCH /api/v1/namespaces/llm/pods";

Json pod(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"namespace", "llm"}, {"resourceVersion", version}}}};
}

kube::HttpResponse page(const std::string& version, const std::vector<Json>& items, const std::string& more = "") {
  return json_reply(200, {{"metadata", {{"resourceVersion", version}, {"continue", more}}}, {"items", items}});
}

std::string event(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

std::string error_event(int code, const std::string& reason) {
  return event("ERROR", {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "refused"}});
}

// Writes down what it is told; an object named "bad" can't be read.
class Recorder final : public WatchSink {
 public:
  void begin_list() override { told.push_back("begin"); }
  Status list_item(const Json& object) override { return note("item", object); }
  Status list_deleted(const Json& object) override { return note("gone", object); }
  void end_list() override { told.push_back("end"); }
  Status changed(const Json& object) override { return note("changed", object); }
  Status deleted(const Json& object) override { return note("deleted", object); }
  std::vector<std::string> told;

 private:
  Status note(const std::string& what, const Json& object) {
    const std::string name = kube::text_member(kube::object_member(object, "metadata"), "name");
    if (name == "bad") return invalid("an object that can't be read");
    told.push_back(what + " " + name);
    return Ok{};
  }
};

class WatcherTest : public ::testing::Test {
 protected:
  void start(Backoff::Policy backoff = {milliseconds(1), milliseconds(2), 0.0}, Duration silence = hours(1)) {
    Watcher::Timing timing;
    timing.backoff = backoff;
    timing.silence = silence;
    WatchTarget target{kube::Resource<kube::Pod>::kPath,         "Pod", false,
                       &kube::Resource<kube::Pod>::projection(), "llm", "a in (b)"};
    watch(std::move(target), timing);
  }
  void watch(WatchTarget target, Watcher::Timing timing) {
    watcher_.emplace(client_, std::move(target), sink_, rng_, timing);
    asio::co_spawn(context_, watcher_->run(stop_.token()), [this](std::exception_ptr error) {
      ended_ = true;
      if (error) std::rethrow_exception(error);
    });
  }
  void run_until_requests(std::size_t count) {
    run_until(context_, [&] { return transport_.requests().size() >= count; });
    context_.restart();
    context_.poll();
  }
  void run_until_told(const std::string& what) {
    run_until(context_, [&] { return !sink_.told.empty() && sink_.told.back() == what; });
  }
  const std::string& query(std::size_t request) const { return transport_.requests().at(request).query; }
  void TearDown() override {
    if (left_) return;
    stop_.stop();
    test::run_out(context_);
    EXPECT_TRUE(ended_);
  }

  asio::io_context context_;
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
  Rng rng_{1};
  StopSource stop_;
  Recorder sink_;
  std::optional<Watcher> watcher_;
  bool ended_ = false;
  bool left_ = false;
};

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
  const std::vector<std::string> unreadable = {"{\"type\":\"ADDED\",\"obj",       "5",
                                               event("ADDED", pod("bad", "101")), event("CHANGED", pod("a", "101")),
                                               event("ADDED", pod("a", "")),      event("DELETED", pod("bad", "101"))};
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

TEST_F(WatcherTest, StopsWhileItWatches) {
  transport_.reply(kList, page("100", {}));
  const auto stream = transport_.reply_stream(kWatch);
  start();
  run_until_requests(2);
  stop_.stop();
  test::run_out(context_);
  EXPECT_TRUE(stream->closed());
}

TEST_F(WatcherTest, MayBeLeftWhileItLists) {
  start();
  run_until_requests(1);
  left_ = true;
}

TEST_F(WatcherTest, MayBeLeftWhileItWatches) {
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch);
  start();
  run_until_requests(2);
  left_ = true;
}

TEST_F(WatcherTest, StopsWhileItBacksOff) {
  transport_.reply(kList, Error{Code::kUnavailable, "no connection"});
  start({hours(1), hours(1), 0.0});
  run_until_requests(1);
}

// The bookmark that ends a streaming list.
std::string list_end(const std::string& version) {
  Json object = pod("", version);
  object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  return event("BOOKMARK", object);
}

const char* const kStream = "STREAM /api/v1/namespaces/llm/pods";

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

TEST_F(WatcherTest, AServerWithoutStreamingListsIsAskedForOneOnce) {
  transport_.reply(kStream, status_reply(422, "Invalid"));
  transport_.reply(kList, page("100", {}));
  transport_.reply_stream(kWatch, {error_event(410, "Expired")});
  transport_.reply(kList, page("200", {}));
  start();
  run_until(context_, [&] { return watcher_->version() == "200"; });
  EXPECT_EQ(transport_.count(kStream), 1);
}

TEST_F(WatcherTest, AnErrorInAStreamingListIsNoObject) {
  transport_.reply_stream(kStream, {error_event(500, "InternalError")});
  transport_.reply(kList, page("400", {}));
  start();
  run_until_told("end");
  EXPECT_THAT(sink_.told, ElementsAre("begin", "begin", "end"));
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
  transport_.reply_stream(kWatch, {event("ADDED", pod("bad", "201"))});
  transport_.reply(kList, page("300", {}));
  transport_.reply(kWatch, Error{Code::kUnavailable, "no connection"});
  start();
  watcher_->on_restart([&](std::string_view reason) { reasons.emplace_back(reason); });
  run_until(context_, [&] { return reasons.size() == 4; });
  EXPECT_THAT(reasons, ElementsAre("ended", "gone", "unreadable", "failed"));
}

}  // namespace
}  // namespace pd::runtime
