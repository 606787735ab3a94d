#include "runtime/event_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/spawn.h"
#include "tests/runtime/metric_value.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/virtual_clock.h"

namespace pd::runtime {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Takes every event, unless it is told what to answer instead; an answer may be held back.
class EventServer final : public kube::Transport {
 public:
  asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                   StopToken stop) override {
    const std::string method = request.method;
    requests_.push_back(std::move(request));
    if (hangs_) {
      const bool over = co_await sleep_for(timeout, stop);
      co_return over ? Error{Code::kTimeout, "no answer in time"} : Error{Code::kCancelled, "stopped"};
    }
    if (!answers_.empty()) {
      Result<kube::HttpResponse> answer = std::move(answers_.front());
      answers_.pop_front();
      co_return answer;
    }
    co_return test::json_reply(method == "POST" ? 201 : 200, {{"metadata", {{"name", "e"}, {"resourceVersion", "1"}}}});
  }
  asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest /*request*/, Duration /*timeout*/,
                                                     StopToken /*stop*/) override {
    co_return Error{Code::kInternal, "events are not watched"};
  }

  std::vector<kube::HttpRequest> requests_;
  std::deque<Result<kube::HttpResponse>> answers_;
  bool hangs_ = false;
};

kube::Event event_of(const std::string& pod, const std::string& note = "Device 3 has no link.") {
  kube::Event event;
  event.type = "Warning";
  event.action = "Check";
  event.reason = "LinkDown";
  event.note = note;
  event.regarding = {"v1", "Pod", "llm", pod, "uid-" + pod};
  return event;
}

class EventRecorderTest : public ::testing::Test {
 protected:
  ~EventRecorderTest() override {
    stop_.stop();
    while (started_ && !ended_ && step()) {
    }
    EXPECT_TRUE(!started_ || ended_) << "run() goes on after the stop";
  }

  void start(EventRecorder::Limits limits = {}) {
    recorder_.emplace(client_, clock_, rng_, EventRecorder::Reporter{"pd-operator.io/pd-operator", "host-1"},
                      EventMetrics(registry_), limits);
    started_ = true;
    spawn(context_, run());
    test::settle(context_);
  }
  asio::awaitable<void> run() {
    co_await recorder_->run(stop_.token());
    ended_ = true;
  }
  void record(kube::Event event) {
    recorder_->record(std::move(event));
    test::settle(context_);
  }
  // Moves the time to what comes next; false when nothing does.
  bool step() {
    test::settle(context_);
    const std::optional<Instant> next = time_.next();
    if (!next) return false;
    time_.advance_to(*next);
    test::settle(context_);
    return true;
  }
  void pass(Duration duration) {
    const Instant until = time_.now() + duration;
    while (time_.next() && *time_.next() <= until) step();
    time_.advance_to(until);
    test::settle(context_);
  }
  const std::vector<kube::HttpRequest>& requests() const { return server_.requests_; }
  std::vector<std::string> methods() const {
    std::vector<std::string> all;
    for (const kube::HttpRequest& request : requests()) all.push_back(request.method);
    return all;
  }
  Json body(std::size_t index) const { return Json::parse(requests().at(index).body); }
  std::string name(std::size_t index) const { return body(index)["metadata"]["name"]; }
  double counted(const std::string& result) const {
    return test::metric(registry_.text(), "pd_operator_events_total{result=\"" + result + "\"}").value_or(-1);
  }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  test::VirtualClock clock_{time_};
  Rng rng_{1};
  EventServer server_;
  kube::Client client_{server_};
  MetricsRegistry registry_;
  StopSource stop_;
  std::optional<EventRecorder> recorder_;
  bool started_ = false;
  bool ended_ = false;
};

const char* const kEvents = "/apis/events.k8s.io/v1/namespaces/llm/events";

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
