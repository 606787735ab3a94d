#include "runtime/event_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/event_recorder_fixture.h"

namespace pd::runtime {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

TEST_F(EventRecorderTest, WritesTheFirstOccurrenceAtOnce) {
  start();
  record(event_of("a"));
  ASSERT_THAT(methods(), ElementsAre("POST"));
  EXPECT_EQ(requests()[0].target, kEvents);
  const Json event = body(0);
  EXPECT_EQ(event["apiVersion"], "events.k8s.io/v1");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["action"], "Check");
  EXPECT_EQ(event["reason"], "LinkDown");
  EXPECT_EQ(event["note"], "Device 3 has no link.");
  EXPECT_EQ(event["eventTime"], "2026-11-24T06:34:56.000000Z");
  EXPECT_EQ(event["reportingController"], "pd-operator.io/pd-operator");
  EXPECT_EQ(event["reportingInstance"], "host-1");
  EXPECT_EQ(event["regarding"]["uid"], "uid-a");
  EXPECT_EQ(event["metadata"]["namespace"], "llm");
  EXPECT_THAT(name(0), MatchesRegex("a\\.[0-9a-f]{16}"));
  EXPECT_FALSE(event.contains("series"));
  EXPECT_EQ(counted("written"), 1);
}

TEST_F(EventRecorderTest, WhatHappensAgainIsOneEvent) {
  start();
  record(event_of("a"));
  pass(seconds(10));
  record(event_of("a"));
  ASSERT_THAT(methods(), ElementsAre("POST", "PATCH"));
  EXPECT_EQ(requests()[1].target, kEvents + ("/" + name(0)));
  EXPECT_EQ(requests()[1].content_type, "application/merge-patch+json");
  EXPECT_EQ(body(1), Json::parse(R"({"series":{"count":2,"lastObservedTime":"2026-11-24T06:35:06.000000Z"}})"));
  for (int i = 0; i < 100; ++i) record(event_of("a"));
  EXPECT_THAT(requests(), SizeIs(2));
  EXPECT_EQ(counted("counted"), 101);
  EXPECT_EQ(counted("written"), 2);
}

TEST_F(EventRecorderTest, TellsTheCountAtLastWhenItIsOver) {
  start();
  for (int i = 0; i < 5; ++i) record(event_of("a"));
  const std::size_t before = requests().size();
  pass(seconds(359));
  EXPECT_THAT(requests(), SizeIs(before));
  pass(seconds(1));
  ASSERT_THAT(requests(), SizeIs(before + 1));
  EXPECT_EQ(body(before)["series"]["count"], 5);
  EXPECT_EQ(body(before)["series"]["lastObservedTime"], "2026-11-24T06:34:56.000000Z");
  pass(std::chrono::hours(10));
  EXPECT_THAT(requests(), SizeIs(before + 1));
}

TEST_F(EventRecorderTest, AfterThatItIsANewEvent) {
  start();
  record(event_of("a"));
  pass(minutes(6));
  EXPECT_THAT(methods(), ElementsAre("POST")) << "there is no count to tell";
  record(event_of("a"));
  ASSERT_THAT(methods(), ElementsAre("POST", "POST"));
  EXPECT_NE(name(0), name(1));
  EXPECT_FALSE(body(1).contains("series"));
}

TEST_F(EventRecorderTest, ALongSeriesIsToldEveryHalfHour) {
  start();
  for (int minute = 0; minute < 125; ++minute) {
    record(event_of("a"));
    pass(minutes(1));
  }
  // At 0, then at 1, 31, 61, 91 and 121 minutes.
  ASSERT_THAT(methods(), ElementsAre("POST", "PATCH", "PATCH", "PATCH", "PATCH", "PATCH"));
  EXPECT_EQ(body(2)["series"]["count"], 32);
  EXPECT_EQ(body(5)["series"]["count"], 122);
}

TEST_F(EventRecorderTest, DifferentWordsAreDifferentEvents) {
  start();
  const kube::Event event = event_of("a");
  record(event);
  std::vector<kube::Event> others(6, event);
  others[0].note = "Device 4 has no link.";
  others[1].reason = "Other";
  others[2].action = "Other";
  others[3].type = "Normal";
  others[4].regarding.uid = "another";
  others[5].related = kube::ObjectReference{"v1", "Node", "", "node-1", "uid-node"};
  for (const kube::Event& other : others) record(other);
  EXPECT_THAT(methods(), ElementsAre("POST", "POST", "POST", "POST", "POST", "POST", "POST"));
  std::set<std::string> names;
  for (std::size_t i = 0; i < 7; ++i) names.insert(name(i));
  EXPECT_THAT(names, SizeIs(7));
  EXPECT_EQ(body(6)["related"]["name"], "node-1");
}

TEST_F(EventRecorderTest, WhatHasNoNamespaceIsToldInDefault) {
  start();
  kube::Event event = event_of("a");
  event.regarding = {"v1", "Node", "", "node-1", "uid"};
  record(event);
  ASSERT_THAT(requests(), SizeIs(1));
  EXPECT_EQ(requests()[0].target, "/apis/events.k8s.io/v1/namespaces/default/events");
  EXPECT_FALSE(body(0)["regarding"].contains("namespace"));
}

TEST_F(EventRecorderTest, KeepsWithinTheApiServersLimits) {
  start();
  std::string note(1023, 'x');
  note += "\u00e9";  // two bytes, one of which would fit
  kube::Event event = event_of(std::string(235, 'p') + "." + std::string(17, 'q'), note);
  record(event);
  ASSERT_THAT(requests(), SizeIs(1));
  EXPECT_EQ(body(0)["note"], std::string(1023, 'x'));
  EXPECT_THAT(name(0), MatchesRegex("p{235}\\.[0-9a-f]{16}"));
  EXPECT_LE(name(0).size(), 253U);
}

TEST_F(EventRecorderTest, ManyEventsAboutOneObjectAreSuppressed) {
  start();
  for (int i = 0; i < 100; ++i) record(event_of("a", "Note " + std::to_string(i)));
  EXPECT_THAT(requests(), SizeIs(25));
  EXPECT_EQ(counted("suppressed"), 75);
  record(event_of("b"));
  EXPECT_THAT(requests(), SizeIs(26)) << "others are not held up";
  pass(seconds(299));
  record(event_of("a", "Note 200"));
  EXPECT_THAT(requests(), SizeIs(26));
  pass(seconds(1));
  record(event_of("a", "Note 201"));
  record(event_of("a", "Note 202"));
  EXPECT_THAT(requests(), SizeIs(27));
  pass(std::chrono::hours(24));
  const std::size_t before = requests().size();
  for (int i = 0; i < 100; ++i) record(event_of("a", "Day " + std::to_string(i)));
  EXPECT_THAT(requests(), SizeIs(before + 25)) << "it holds no more than 25";
}

TEST_F(EventRecorderTest, RecordingNeverWaits) {
  start();
  server_.hangs_ = true;
  record(event_of("pod"));
  for (int i = 0; i < 1500; ++i) record(event_of("pod-" + std::to_string(i)));
  EXPECT_THAT(requests(), SizeIs(1)) << "one at a time";
  EXPECT_EQ(counted("dropped"), 500) << "1000 wait";
  server_.hangs_ = false;
  pass(minutes(1));
  EXPECT_EQ(counted("written"), 1001);
  record(event_of("again"));
  EXPECT_EQ(counted("written"), 1002);
}

TEST_F(EventRecorderTest, RemembersABoundedNumber) {
  EventRecorder::Limits limits;
  limits.series = 3;
  start(limits);
  for (const char* pod : {"a", "b", "c"}) record(event_of(pod));
  record(event_of("a"));
  record(event_of("d"));  // b was seen longest ago
  ASSERT_THAT(methods(), ElementsAre("POST", "POST", "POST", "PATCH", "POST"));
  record(event_of("a"));
  EXPECT_THAT(requests(), SizeIs(5)) << "still known";
  pass(seconds(1));
  record(event_of("b"));
  ASSERT_THAT(requests(), SizeIs(6));
  EXPECT_EQ(requests()[5].method, "POST");
}

}  // namespace
}  // namespace pd::runtime
