#include "runtime/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::runtime {
namespace {

using test::json_reply;
using test::run_until;

const char* const kList = "GET /api/v1/nodes";
const char* const kWatch = "WATCH /api/v1/nodes";

Json node(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"resourceVersion", version}}}};
}

kube::HttpResponse list(const std::string& version, const std::vector<Json>& items) {
  return json_reply(200, {{"metadata", {{"resourceVersion", version}}}, {"items", items}});
}

std::string event(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

class ReflectorTest : public ::testing::Test {
 protected:
  ReflectorTest() {
    nodes_.on_listed([this] { ++listed_; });
    asio::co_spawn(context_, nodes_.run(stop_.token()), asio::detached);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> keys;
    for (const auto& object : nodes_.store().all())
      keys.push_back(object->meta.key() + "@" + object->meta.resource_version);
    return keys;
  }
  void TearDown() override {
    stop_.stop();
    test::run_out(context_);
  }

  asio::io_context context_;
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
  Rng rng_{1};
  StopSource stop_;
  Watcher::Timing timing_{.backoff = {std::chrono::milliseconds(1), std::chrono::milliseconds(2), 0.0}};
  Reflector<kube::Node> nodes_{client_, {}, rng_, timing_};
  int listed_ = 0;
};

TEST_F(ReflectorTest, FollowsTheServer) {
  transport_.reply(kList, list("10", {node("a", "1"), node("b", "2")}));
  const auto stream = transport_.reply_stream(kWatch);
  EXPECT_FALSE(nodes_.synced(""));
  run_until(context_, [this] { return nodes_.synced(""); });
  EXPECT_THAT(names(), ::testing::ElementsAre("a@1", "b@2"));
  stream->push(event("MODIFIED", node("a", "11")));
  stream->push(event("DELETED", node("b", "12")));
  stream->push(event("ADDED", node("c", "13")));
  run_until(context_, [this] { return nodes_.version("") == "13"; });
  EXPECT_THAT(names(), ::testing::ElementsAre("a@11", "c@13"));
}

TEST_F(ReflectorTest, AsksForMetadataAlone) {
  transport_.reply(kList, list("10", {}));
  run_until(context_, [this] { return transport_.count(kWatch) == 1; });
  EXPECT_EQ(transport_.last(kList).request.accept, kube::kAcceptMetadataList);
  EXPECT_EQ(transport_.last(kWatch).request.accept, kube::kAcceptMetadata);
}

TEST_F(ReflectorTest, ANewListTakesAwayWhatVanishedMeanwhile) {
  std::vector<std::string> gone;
  nodes_.store().on_change([&](const auto& before, const auto& after) {
    if (!after) gone.push_back(before->meta.name);
  });
  transport_.reply(kList, list("10", {node("a", "1"), node("b", "2")}));
  transport_.reply(kWatch, test::status_reply(410, "Expired"));
  transport_.reply(kList, list("20", {node("b", "2")}));
  run_until(context_, [this] { return transport_.count(kWatch) == 2; });
  EXPECT_THAT(gone, ::testing::ElementsAre("a"));
  EXPECT_THAT(names(), ::testing::ElementsAre("b@2"));
  EXPECT_EQ(listed_, 2);
}

// What a leader begins with: a list that was asked for after it had become one, whatever the watch is at.
TEST_F(ReflectorTest, ListsAnewWhenAsked) {
  transport_.reply(kList, list("10", {node("a", "1")}));
  const auto stream = transport_.reply_stream(kWatch);
  run_until(context_, [this] { return nodes_.fresh(""); });
  nodes_.relist("");
  EXPECT_FALSE(nodes_.fresh(""));
  EXPECT_TRUE(nodes_.synced(""));
  transport_.reply(kList, list("20", {node("a", "15")}));
  run_until(context_, [this] { return nodes_.fresh(""); });
  EXPECT_TRUE(stream->closed());
  EXPECT_THAT(names(), ::testing::ElementsAre("a@15"));
}

// The answer has come, and the flow that takes it has not gone on yet.
TEST_F(ReflectorTest, AListWhoseAnswerIsThereIsNotTheOneThatWasAskedForEither) {
  transport_.reply(kList, list("10", {node("a", "1")}));
  const auto stream = transport_.reply_stream("STREAM /api/v1/nodes");
  test::settle(context_);
  const Json end = {
      {"metadata", {{"resourceVersion", "10"}, {"annotations", {{"k8s.io/initial-events-end", "true"}}}}}};
  stream->push(event("BOOKMARK", end));
  nodes_.relist("");
  test::settle(context_);
  EXPECT_EQ(transport_.count("STREAM /api/v1/nodes"), 2) << "a stream again";
  EXPECT_FALSE(nodes_.fresh(""));
  EXPECT_EQ(nodes_.version(""), "") << "nothing counts as seen with it";
}

TEST_F(ReflectorTest, AListThatHadBegunIsNotTheOneThatWasAskedFor) {
  test::settle(context_);  // the first list waits for its answer
  nodes_.relist("");
  transport_.reply(kList, list("20", {node("a", "15")}));
  run_until(context_, [this] { return nodes_.fresh(""); });
  EXPECT_EQ(transport_.count(kList), 2);
}

// A list that breaks off half way leaves the store as it was.
TEST_F(ReflectorTest, HalfAListChangesNothing) {
  transport_.reply(kList, list("10", {node("a", "1"), node("b", "2")}));
  transport_.reply(kWatch, test::status_reply(410, "Expired"));
  transport_.reply(kList, json_reply(200, {{"metadata", {{"resourceVersion", "20"}, {"continue", "next"}}},
                                           {"items", Json::array({node("c", "3")})}}));
  run_until(context_, [this] { return transport_.count(kList) == 3; });
  EXPECT_THAT(names(), ::testing::ElementsAre("a@1", "b@2"));
  EXPECT_EQ(nodes_.version(""), "10");
}

// Who misses an object takes it for deleted.
TEST_F(ReflectorTest, WhatCantBeReadAnyMoreStaysAsItWas) {
  const auto with_uid = [](Json object, const std::string& uid) {
    object["metadata"]["uid"] = uid;
    return object;
  };
  const Json unreadable = {{"metadata", {{"name", "a"}, {"uid", "1"}}}};  // no resourceVersion
  transport_.reply(kList, list("10", {with_uid(node("a", "1"), "1"), with_uid(node("b", "2"), "2")}));
  transport_.reply(kWatch, test::status_reply(410, "Expired"));
  const Json another = {{"metadata", {{"name", "b"}, {"uid", "3"}}}};
  transport_.reply(kList, list("20", {unreadable, another, node("c", "15")}));
  run_until(context_, [this] { return transport_.count(kWatch) == 2; });
  EXPECT_THAT(names(), ::testing::ElementsAre("a@1", "c@15")) << "b is another one now";
}

TEST_F(ReflectorTest, AChangeThatCantBeReadLeavesWhatWas) {
  transport_.reply(kList, list("10", {node("a", "1"), node("b", "2")}));
  const auto stream = transport_.reply_stream(kWatch);
  run_until(context_, [this] { return nodes_.synced(""); });
  const auto too_deep = [](Json object) {
    for (int i = 0; i < 70; ++i) object["metadata"]["annotations"] = {{"deeper", object["metadata"]["annotations"]}};
    return object;
  };
  stream->push(event("MODIFIED", too_deep(node("a", "11"))));
  Json another = node("b", "12");
  another["metadata"]["uid"] = "another";
  stream->push(event("ADDED", too_deep(another)));
  stream->push(event("ADDED", node("c", "13")));
  run_until(context_, [this] { return nodes_.version("") == "13"; });
  EXPECT_THAT(names(), ::testing::ElementsAre("a@1", "c@13"));
  stream->push(event("DELETED", too_deep(node("a", "14"))));
  run_until(context_, [this] { return nodes_.version("") == "14"; });
  EXPECT_THAT(names(), ::testing::ElementsAre("c@13"));
  EXPECT_EQ(transport_.count(kList), 1);
}

TEST_F(ReflectorTest, TellsAllWhoAsked) {
  int also_listed = 0;
  std::vector<std::string> reasons;
  nodes_.on_listed([&] { ++also_listed; });
  nodes_.on_restart([&](std::string_view reason) { reasons.push_back("one: " + std::string(reason)); });
  nodes_.on_restart([&](std::string_view reason) { reasons.push_back("two: " + std::string(reason)); });
  transport_.reply(kList, list("10", {}));
  transport_.reply(kWatch, test::status_reply(410, "Expired"));
  transport_.reply(kList, list("20", {}));
  run_until(context_, [this] { return transport_.count(kWatch) == 2; });
  EXPECT_EQ(listed_, 2);
  EXPECT_EQ(also_listed, 2);
  EXPECT_THAT(reasons, ::testing::ElementsAre("one: gone", "two: gone"));
}

TEST(ReflectorOfSeveralNamespaces, IsSyncedInEachAndKeepsThemApart) {
  asio::io_context context;
  test::ScriptedTransport transport;
  kube::Client client(transport);
  Rng rng(1);
  StopSource stop;
  Reflector<kube::Pod> pods(client, {.namespaces = {"one", "two"}}, rng);
  const auto pod = [](const std::string& ns, const std::string& name) {
    return Json{{"metadata", {{"name", name}, {"namespace", ns}, {"resourceVersion", "1"}}}};
  };
  spawn(context, pods.run(stop.token()));
  transport.reply("GET /api/v1/namespaces/one/pods", list("10", {pod("one", "a")}));
  const auto one = transport.reply_stream("WATCH /api/v1/namespaces/one/pods");
  test::settle(context);
  EXPECT_TRUE(pods.synced("one"));
  EXPECT_FALSE(pods.synced("two"));
  stop.stop();
  test::run_out(context);

  StopSource again;
  for (const std::string ns : {"one", "two"}) {
    transport.reply("GET /api/v1/namespaces/" + ns + "/pods", list(ns == "one" ? "20" : "30", {pod(ns, "b")}));
  }
  const auto first = transport.reply_stream("WATCH /api/v1/namespaces/one/pods");
  transport.reply_stream("WATCH /api/v1/namespaces/two/pods");
  spawn(context, pods.run(again.token()));
  run_until(context, [&] { return pods.version("one") == "20" && pods.version("two") == "30"; });
  EXPECT_TRUE(pods.synced("two"));
  pods.relist("two");
  EXPECT_TRUE(pods.fresh("one"));
  EXPECT_FALSE(pods.fresh("two"));
  EXPECT_EQ(pods.store().find("one/a"), nullptr);
  EXPECT_NE(pods.store().find("one/b"), nullptr);
  EXPECT_NE(pods.store().find("two/b"), nullptr);
  again.stop();
  test::run_out(context);
}

}  // namespace
}  // namespace pd::runtime
