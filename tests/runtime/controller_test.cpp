#include "runtime/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/pass_time.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test::json_reply;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const char* const kPath = "/api/v1/nodes";

Json node(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"resourceVersion", version}}}};
}

class RuntimeControllerTest : public ::testing::Test {
 protected:
  RuntimeControllerTest() {
    controller_.watch<kube::Node>(nodes_, [](const kube::Node& found) { return found.meta.name; });
  }
  void serve(const std::vector<Json>& listed) {
    const Json list = {{"metadata", {{"resourceVersion", "100"}}}, {"items", listed}};
    transport_.reply(std::string("GET ") + kPath, json_reply(200, list));
    stream_ = transport_.reply_stream(std::string("WATCH ") + kPath);
  }
  void start() {
    spawn(context_, controller_.run_watches(stop_watching_.token()));
    test::start(context_, run(), ended_);
    test::settle(context_);
  }
  asio::awaitable<bool> run() {
    outcome_ = co_await controller_.run(stop_working_.token());
    co_return true;
  }
  void event(const std::string& type, const Json& object) {
    stream_->push(Json{{"type", type}, {"object", object}}.dump());
    test::settle(context_);
  }
  // The first reconcile writes something that gets this version; the others do nothing.
  void write_once(const std::string& version) {
    does_ = [this, version](const std::string& key, OwnWrites& writes) {
      kube::ObjectMeta written;
      written.name = key;
      written.resource_version = version;
      if (reconciled_.size() == 1) writes.remember(nodes_, written);
      return Controller::Outcome{};
    };
  }
  void pass(Duration duration) { test::pass(context_, time_, duration); }
  void TearDown() override {
    stop_working_.stop();
    stop_watching_.stop();
    test::run_out(context_);
    EXPECT_TRUE(ended_);
  }

  asio::io_context context_;
  VirtualTime& time_ = VirtualTime::install(context_);
  test::ScriptedTransport transport_;
  std::shared_ptr<test::ScriptedStream> stream_;
  kube::Client client_{transport_};
  Rng rng_{1};
  StopSource stop_watching_;
  StopSource stop_working_;
  Reflector<kube::Node> nodes_{client_, {}, rng_};
  std::vector<std::string> reconciled_;
  bool hangs_ = false;
  Signal go_on_;
  std::function<Controller::Outcome(const std::string&, OwnWrites&)> does_ = [](const auto&, auto&) {
    return Controller::Outcome{};
  };
  Controller controller_{context_,
                         rng_,
                         {.name = "test", .retry = {milliseconds(10), seconds(1), 0.0}},
                         [this](std::string key, OwnWrites& writes, StopToken) -> asio::awaitable<Controller::Outcome> {
                           reconciled_.push_back(key);
                           while (hangs_) co_await go_on_.wait();
                           co_return does_(key, writes);
                         }};
  std::optional<bool> ended_;
  Status outcome_ = Ok{};
};

TEST_F(RuntimeControllerTest, ReconcilesWhatThereIsOnceItsStoresAreFilled) {
  start();
  EXPECT_FALSE(controller_.synced());
  EXPECT_THAT(reconciled_, IsEmpty());
  stop_watching_.stop();  // before anything was listed: there is nothing to start with
}

TEST_F(RuntimeControllerTest, ReconcilesWhatChanges) {
  serve({node("a", "1"), node("b", "2")});
  start();
  EXPECT_TRUE(controller_.synced());
  EXPECT_THAT(reconciled_, ElementsAre("a", "b"));
  event("MODIFIED", node("b", "101"));
  event("DELETED", node("a", "102"));
  EXPECT_THAT(reconciled_, ElementsAre("a", "b", "b", "a"));
}

TEST_F(RuntimeControllerTest, AnExceptionIsAFailureAndComesBackWithBackOff) {
  serve({node("a", "1")});
  does_ = [](const auto&, auto&) -> Controller::Outcome { throw std::runtime_error("a fault"); };
  start();
  EXPECT_EQ(reconciled_.size(), 1U);
  pass(milliseconds(10));
  EXPECT_EQ(reconciled_.size(), 2U);
  pass(milliseconds(10));
  EXPECT_EQ(reconciled_.size(), 2U);
  pass(milliseconds(10));
  EXPECT_EQ(reconciled_.size(), 3U);
}

TEST_F(RuntimeControllerTest, DoesNotReconcileBeforeItsOwnWriteWasSeen) {
  serve({node("a", "1")});
  write_once("150");
  start();
  event("MODIFIED", node("a", "149"));
  EXPECT_EQ(reconciled_.size(), 1U);
  event("BOOKMARK", node("", "150"));
  pass(seconds(1));
  EXPECT_EQ(reconciled_.size(), 2U);
}

// A half-open watch, as a rule: its silence would be noticed much later.
TEST_F(RuntimeControllerTest, AWriteThatIsNotSeenLeadsToANewList) {
  serve({node("a", "1")});
  write_once("150");
  start();
  event("MODIFIED", node("a", "149"));
  pass(seconds(29));
  EXPECT_EQ(reconciled_.size(), 1U);
  const Json list = {{"metadata", {{"resourceVersion", "200"}}}, {"items", {node("a", "149")}}};
  transport_.reply(std::string("GET ") + kPath, json_reply(200, list));
  pass(seconds(3));
  EXPECT_EQ(reconciled_.size(), 2U);
  EXPECT_EQ(nodes_.version(""), "200");
}

TEST_F(RuntimeControllerTest, BeginsWithAllKeysAndRemembersNoneBefore) {
  serve({node("a", "1"), node("b", "2")});
  spawn(context_, controller_.run_watches(stop_watching_.token()));
  test::settle(context_);
  event("ADDED", node("c", "101"));
  event("DELETED", node("b", "102"));
  controller_.add_after("a", seconds(1));
  pass(seconds(2));
  EXPECT_EQ(controller_.queue().depth(), 0U) << "a standby's queue would grow for ever";
  const Json list = {{"metadata", {{"resourceVersion", "200"}}}, {"items", {node("a", "1"), node("c", "101")}}};
  transport_.reply(std::string("GET ") + kPath, json_reply(200, list));
  test::start(context_, run(), ended_);
  test::settle(context_);
  EXPECT_THAT(reconciled_, ElementsAre("a", "c"));
}

TEST_F(RuntimeControllerTest, EndsWhenItsStoresAreNotFilledInTime) {
  spawn(context_, controller_.run_watches(stop_watching_.token()));
  test::start(context_, run(), ended_);
  test::settle(context_);
  pass(minutes(2) - seconds(1));
  EXPECT_FALSE(ended_);
  pass(seconds(1));
  ASSERT_TRUE(ended_);
  ASSERT_FALSE(outcome_);
  EXPECT_EQ(outcome_.error().code, Code::kTimeout);
  EXPECT_THAT(outcome_.error().message, ::testing::HasSubstr("within 120 s: Node"));
  EXPECT_THAT(reconciled_, IsEmpty());
}

TEST_F(RuntimeControllerTest, AReconcileThatHangsIsNotAlive) {
  serve({node("a", "1"), node("b", "2")});
  hangs_ = true;
  start();
  pass(minutes(30));
  EXPECT_TRUE(controller_.check());
  pass(seconds(1));
  const Status check = controller_.check();
  ASSERT_FALSE(check);
  EXPECT_EQ(check.error().message, "a has been reconciled for 1801 s");
  hangs_ = false;
  go_on_.notify_all();
  test::settle(context_);
  EXPECT_TRUE(controller_.check());
}

// Created, and deleted by somebody while the watch was away: the new list does not have it, nor did the store, so
// nothing changes. A simulated run found this.
TEST_F(RuntimeControllerTest, LooksAgainWhenItsWriteWasUndoneUnseen) {
  serve({node("a", "1")});
  write_once("150");
  start();
  EXPECT_THAT(reconciled_, ElementsAre("a"));
  const Json list = {{"metadata", {{"resourceVersion", "200"}}}, {"items", {node("a", "1")}}};
  transport_.reply(std::string("GET ") + kPath, json_reply(200, list));
  nodes_.relist("");
  pass(seconds(1));
  EXPECT_THAT(reconciled_, ElementsAre("a", "a"));
  pass(seconds(100));
  EXPECT_THAT(reconciled_, ElementsAre("a", "a")) << "once is enough";
}

TEST_F(RuntimeControllerTest, ComesBackWhenAsked) {
  serve({node("a", "1")});
  does_ = [](const auto&, auto&) { return Controller::Outcome{true, hours(1)}; };
  start();
  pass(hours(1) - seconds(1));
  EXPECT_EQ(reconciled_.size(), 1U);
  pass(seconds(1));
  EXPECT_EQ(reconciled_.size(), 2U);
}

TEST_F(RuntimeControllerTest, CountsWhatItDoes) {
  MetricsRegistry registry;
  test::FakeClock clock;
  controller_.measure(registry, clock);
  serve({node("a", "1"), node("b", "2")});
  does_ = [](const std::string& key, auto&) -> Controller::Outcome {
    if (key == "a") throw std::runtime_error("a fault");
    return {true, hours(1)};
  };
  start();
  event("MODIFIED", node("b", "101"));
  stream_->end();
  test::settle(context_);
  const std::string text = registry.text();
  for (const char* line :
       {R"(controller_runtime_reconcile_total{controller="test",result="error"} 1)",
        R"(controller_runtime_reconcile_total{controller="test",result="requeue_after"} 2)",
        R"(controller_runtime_reconcile_panics_total{controller="test"} 1)",
        R"(workqueue_adds_total{controller="test",name="test"} 3)",
        R"(workqueue_retries_total{controller="test",name="test"} 1)", R"(pd_operator_cache_objects{kind="Node"} 2)",
        R"(pd_operator_watch_restarts_total{kind="Node",reason="ended"} 1)"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace pd::runtime
