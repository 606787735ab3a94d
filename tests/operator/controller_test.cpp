#include "operator/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "npu/inventory.h"
#include "runtime/flow.h"
#include "tests/operator/cluster_script.h"
#include "tests/support/fake_clock.h"

namespace pd::op {
namespace {

using test::ClusterScript;
using test::json_reply;
using test::labelled;
using test::object;
using test::status_reply;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const char* const kPost = "POST /api/v1/namespaces/llm/pods";
const char* const kStatusRoute = "PATCH /apis/pd-operator.io/v1alpha1/namespaces/llm/pddeployments/qwen/status";
const char* const kGet = "GET /api/v1/namespaces/llm/pods/qwen-prefill-0-0-1";

const char* const kEvents = "POST /apis/events.k8s.io/v1/namespaces/llm/events";

kube::HttpResponse busy_for_an_hour() {
  kube::HttpResponse reply = status_reply(429, "TooManyRequests");
  reply.retry_after = std::chrono::hours(1);
  return reply;
}

// Throws at touches, when told to: no library is trusted not to.
class ThrowingTransport final : public kube::Transport {
 public:
  explicit ThrowingTransport(kube::Transport& inner) : inner_(inner) {}
  boost::asio::awaitable<Result<kube::HttpResponse>> send(kube::HttpRequest request, Duration timeout,
                                                          StopToken stop) override {
    if (armed && request.method == "PATCH") throw std::runtime_error("a fault");
    return inner_.send(std::move(request), timeout, std::move(stop));
  }
  boost::asio::awaitable<Result<kube::StreamResponse>> open(kube::HttpRequest request, Duration timeout,
                                                            StopToken stop) override {
    return inner_.open(std::move(request), timeout, std::move(stop));
  }
  bool armed = false;

 private:
  kube::Transport& inner_;
};

Json pod() {
  Json made = labelled(object("llm", "qwen-prefill-0-0-1", "150"), "qwen");
  made["kind"] = "Pod";
  return made;
}

Options two_workers() {
  Options options;
  options.workers = 2;
  return options;
}

class ControllerTest : public ::testing::Test {
 protected:
  ControllerTest() {
    script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
    script_.serve(transport_);
    runtime::spawn(context_, controller_.run_watches(stop_.token()));
    work_.start(controller_.run(stop_.token()), [](const Error& why) { ADD_FAILURE() << why.message; });
    runtime::spawn(context_, events_.run(stop_.token()));
  }
  // What the planner answers next; afterwards, nothing to do.
  void plan_next(plan::Plan planned) { plans_.push_back(std::move(planned)); }
  static plan::Plan creating() {
    plan::Plan planned;
    planned.actions.push_back(plan::CreatePod{pod()});
    return planned;
  }
  // A plan that writes a status, which is answered.
  plan::Plan telling(plan::Haste haste) {
    transport_.reply(kStatusRoute, json_reply(200, object("llm", "qwen", "120")));
    plan::Plan planned;
    planned.actions.emplace_back(plan::WriteStatus{});
    planned.haste = haste;
    return planned;
  }
  void advance(Duration by) {
    time_.advance_to(time_.now() + by);
    test::settle(context_);
  }
  void run_until_planned(std::size_t times) {
    test::settle(context_);
    while (seen_.size() < times && time_.next()) {
      time_.advance_to(*time_.next());
      test::settle(context_);
    }
    ASSERT_GE(seen_.size(), times);
  }
  void change_deployment(const std::string& version) { change_to(object("llm", "qwen", version)); }
  void change_to(const Json& deployment) {
    script_.event(ClusterScript::kDeployments, "MODIFIED", deployment);
    test::settle(context_);
  }
  void TearDown() override {
    if (left_) return;
    stop_.stop();
    test::run_out(context_);
  }

  runtime::MetricsRegistry registry_;
  boost::asio::io_context context_;
  runtime::VirtualTime& time_ = runtime::VirtualTime::install(context_);
  test::ScriptedTransport transport_;
  ThrowingTransport throwing_{transport_};
  ClusterScript script_;
  kube::Client client_{throwing_};
  runtime::Rng rng_{1};
  test::FakeClock clock_;
  StopSource stop_;
  Stores stores_{client_, {}, rng_};
  runtime::EventRecorder events_{client_, clock_, rng_, {"pd-operator.io/pd-operator", "host-1"}};
  Applier applier_{client_, events_};
  std::deque<plan::Plan> plans_;
  std::vector<plan::Snapshot> seen_;
  std::vector<std::string> asked_;
  bool left_ = false;
  Controller controller_{context_,
                         stores_,
                         applier_,
                         clock_,
                         rng_,
                         two_workers(),
                         {},
                         [this](plan::DeliveryTarget target) -> boost::asio::awaitable<Result<std::int64_t>> {
                           asked_.push_back(target.uid);
                           co_return target.generation;
                         },
                         [this](const plan::Snapshot& snapshot, WallTime) {
                           seen_.push_back(snapshot);
                           plan::Plan next;
                           if (!plans_.empty()) {
                             next = std::move(plans_.front());
                             plans_.pop_front();
                           }
                           return next;
                         }};
  runtime::Flow work_{context_};
};

TEST_F(ControllerTest, PlansOnceTheStoresAreFilled) {
  EXPECT_THAT(seen_, IsEmpty());
  run_until_planned(1);
  EXPECT_EQ(seen_.size(), 1U);
  EXPECT_EQ(seen_[0].deployment.meta.key(), "llm/qwen");
}

TEST_F(ControllerTest, PlansAgainWhenSomethingChanges) {
  run_until_planned(1);
  change_deployment("110");
  EXPECT_EQ(seen_.size(), 2U);
  EXPECT_EQ(seen_[1].deployment.meta.resource_version, "110");
}

TEST_F(ControllerTest, DoesNotPlanBeforeItHasSeenItsOwnWrites) {
  plan_next(creating());
  transport_.reply(kPost, json_reply(201, pod()));
  run_until_planned(1);
  ASSERT_EQ(transport_.count(kPost), 1);
  change_deployment("110");
  EXPECT_EQ(seen_.size(), 1U) << "the pod at version 150 has not been seen";
  script_.event(ClusterScript::kPods, "ADDED", pod());
  run_until_planned(2);
  EXPECT_EQ(seen_[1].pods.size(), 1U);
}

// The pod was deleted before the watch had it: only a bookmark tells that the store is that far.
TEST_F(ControllerTest, ABookmarkIsEnoughToHaveSeenThem) {
  plan_next(creating());
  transport_.reply(kPost, json_reply(201, pod()));
  run_until_planned(1);
  script_.event(ClusterScript::kPods, "BOOKMARK", {{"metadata", {{"resourceVersion", "151"}}}});
  test::settle(context_);
  change_deployment("110");
  EXPECT_EQ(seen_.size(), 2U);
}

TEST_F(ControllerTest, TriesAgainAfterAFailure) {
  plan_next(creating());
  transport_.reply(kPost, status_reply(503, "ServiceUnavailable"));
  run_until_planned(2);
}

TEST_F(ControllerTest, AsksWhoSeesTheTablesAlsoWhenAPodIsRefused) {
  plan::Plan planned = creating();
  planned.deliveries = {{"uid-1", "10.0.0.1", 8089, 7}};
  for (int i = 0; i < 20; ++i) plan_next(planned);
  for (int i = 0; i < 20; ++i) transport_.reply(kPost, status_reply(403, "Forbidden"));
  run_until_planned(1);
  time_.advance_to(time_.now() + std::chrono::milliseconds(200));
  test::settle(context_);
  EXPECT_THAT(asked_, ElementsAre("uid-1"));
}

// The table that the pod's next step makes possible would wait for it.
TEST_F(ControllerTest, WhatANodeSaysOfAnothersPodMayWait) {
  const auto reporting = [](const std::string& version, std::vector<npu::PodDevices> pods) {
    npu::Inventory inventory;
    inventory.source = "hccn_tool";
    inventory.resource = "huawei.com/npu";
    inventory.devices = {{.id = 0, .ip = "29.0.0.1"}};
    Json node = test::node_with("node-1", version, npu::format_inventory(inventory));
    node["metadata"]["annotations"]["pd-operator.io/npu-allocations"] =
        npu::format_allocations({npu::Ids::kReal, std::move(pods)});
    return node;
  };
  run_until_planned(1);
  script_.event(ClusterScript::kNodes, "ADDED", reporting("101", {}));
  script_.event(ClusterScript::kPods, "ADDED", test::pod_on("a", "101", "qwen", "node-1"));
  run_until_planned(2);
  time_.advance_to(time_.now() + std::chrono::seconds(10));
  test::settle(context_);
  const std::size_t planned = seen_.size();
  const Instant begun = time_.now();
  script_.event(ClusterScript::kNodes, "MODIFIED", reporting("102", {{"llm", "b", "uid-b", {0}}}));
  test::settle(context_);
  EXPECT_EQ(seen_.size(), planned);
  run_until_planned(planned + 1);
  EXPECT_EQ(time_.now() - begun, std::chrono::seconds(1));
  script_.event(ClusterScript::kNodes, "MODIFIED", reporting("103", {{"llm", "a", "uid-a", {0}}}));
  test::settle(context_);
  EXPECT_EQ(seen_.size(), planned + 2) << "its own pod";
}

TEST_F(ControllerTest, AStatusAloneIsPutOffOnceForASecond) {
  for (int i = 0; i < 3; ++i) plan_next(telling(plan::Haste::kNone));
  test::settle(context_);
  EXPECT_EQ(seen_.size(), 1U);
  advance(std::chrono::milliseconds(600));
  change_deployment("110");
  EXPECT_EQ(seen_.size(), 2U);
  advance(std::chrono::milliseconds(399));
  EXPECT_EQ(transport_.count(kStatusRoute), 0);
  advance(std::chrono::milliseconds(1));
  EXPECT_EQ(seen_.size(), 3U);
  EXPECT_EQ(transport_.count(kStatusRoute), 1);
}

TEST_F(ControllerTest, AStatusThatTurnsReadyIsPutOffForATenthOfIt) {
  plan_next(telling(plan::Haste::kNone));
  for (int i = 0; i < 2; ++i) plan_next(telling(plan::Haste::kSoon));
  test::settle(context_);
  advance(std::chrono::milliseconds(500));
  change_deployment("110");
  EXPECT_EQ(seen_.size(), 2U);
  advance(std::chrono::milliseconds(99));
  EXPECT_EQ(transport_.count(kStatusRoute), 0);
  advance(std::chrono::milliseconds(1));
  EXPECT_EQ(transport_.count(kStatusRoute), 1);
}

TEST_F(ControllerTest, AnUrgentStatusIsNotPutOff) {
  plan_next(telling(plan::Haste::kNow));
  test::settle(context_);
  EXPECT_EQ(transport_.count(kStatusRoute), 1);
}

TEST_F(ControllerTest, ComesBackWhenThePlanSaysSo) {
  plan::Plan later;
  later.requeue_after = std::chrono::milliseconds(1);
  plan_next(std::move(later));
  run_until_planned(2);
}

TEST_F(ControllerTest, LooksAgainWithinTenMinutesWhateverThePlanSays) {
  run_until_planned(1);
  const Instant first = time_.now();
  run_until_planned(2);
  EXPECT_GE(time_.now() - first, std::chrono::minutes(5));
  EXPECT_LE(time_.now() - first, std::chrono::minutes(10));
}

// What was written before something threw was written.
TEST_F(ControllerTest, RemembersItsWritesAlsoWhenApplyingThrows) {
  plan::Plan planned = creating();
  planned.actions.push_back(plan::TouchPod{"qwen-prefill-0-0-0", "u", "103", {{"k", "v"}}});
  plan_next(std::move(planned));
  transport_.reply(kPost, json_reply(201, pod()));
  throwing_.armed = true;
  run_until_planned(1);
  time_.advance_to(time_.now() + std::chrono::seconds(10));
  test::settle(context_);
  EXPECT_EQ(seen_.size(), 1U) << "the pod at version 150 has not been seen";
  script_.event(ClusterScript::kPods, "ADDED", pod());
  run_until_planned(2);
  EXPECT_EQ(seen_[1].pods.size(), 1U);
}

TEST_F(ControllerTest, TellsThePlannerOfANameThatIsTaken) {
  plan_next(creating());
  transport_.reply(kPost, status_reply(409, "AlreadyExists"));
  transport_.reply(kGet, json_reply(200, object("llm", "qwen-prefill-0-0-1", "50")));
  run_until_planned(2);
  EXPECT_THAT(seen_[1].taken_pod_names, ElementsAre("qwen-prefill-0-0-1"));
  EXPECT_THAT(seen_[1].pods, IsEmpty());
  clock_.advance(std::chrono::seconds(31));
  transport_.reply(kGet, json_reply(200, object("llm", "qwen-prefill-0-0-1", "60")));
  change_deployment("110");
  EXPECT_THAT(seen_.back().taken_pod_names, ElementsAre("qwen-prefill-0-0-1")) << "it is still there";
  clock_.advance(std::chrono::seconds(31));
  transport_.reply(kGet, status_reply(404, "NotFound"));
  change_deployment("120");
  EXPECT_THAT(seen_.back().taken_pod_names, IsEmpty()) << "it is free again";
}

// What is due (a grace that ends, a second touch) does not wait for the back-off of something else.
TEST_F(ControllerTest, AFailureDoesNotPutOffWhatIsDue) {
  plan::Plan planned = creating();
  planned.requeue_after = std::chrono::milliseconds(1);
  plan_next(std::move(planned));
  transport_.reply(kPost, busy_for_an_hour());
  run_until_planned(2);
  EXPECT_EQ(seen_.size(), 2U);
}

// Else a refused write would be tried again as fast as our own status comes back.
TEST_F(ControllerTest, WhileFailingOnlyAnotherChangeThanTheStatusIsAReasonToTryEarlier) {
  plan_next(creating());
  transport_.reply(kPost, busy_for_an_hour());
  run_until_planned(1);
  change_deployment("110");
  EXPECT_EQ(seen_.size(), 1U);
  Json edited = object("llm", "qwen", "120");
  edited["metadata"]["generation"] = 2;
  script_.event(ClusterScript::kDeployments, "MODIFIED", edited);
  test::settle(context_);
  EXPECT_EQ(seen_.size(), 2U);
}

TEST_F(ControllerTest, TellsOfARefusalOnce) {
  for (int i = 0; i < 2; ++i) {
    plan_next(creating());
    transport_.reply(kPost, status_reply(403, "Forbidden", "exceeded quota"));
  }
  transport_.reply(kEvents, json_reply(201, object("llm", "event", "70")));
  run_until_planned(3);
  EXPECT_EQ(transport_.count(kEvents), 1);
  const std::vector<std::string> sent = transport_.routes();
  const auto about_events = [](const std::string& route) { return route.find("/events") != std::string::npos; };
  EXPECT_EQ(std::count_if(sent.begin(), sent.end(), about_events), 1) << "nor is it counted a second time";
}

// Somebody made it immutable.
TEST_F(ControllerTest, TellsOnceOfATableThatIsRefused) {
  for (int i = 0; i < 2; ++i) {
    plan::Plan planned;
    planned.actions.push_back(
        plan::ReplaceConfigMap{{{"kind", "ConfigMap"}, {"metadata", {{"name", "qwen-ranktable"}}}}});
    plan_next(std::move(planned));
    transport_.reply("PUT /api/v1/namespaces/llm/configmaps/qwen-ranktable",
                     status_reply(422, "Invalid", "field is immutable"));
  }
  transport_.reply(kEvents, json_reply(201, object("llm", "event", "70")));
  run_until_planned(3);
  ASSERT_EQ(transport_.count(kEvents), 1);
  const Json told = transport_.last(kEvents).body();
  EXPECT_EQ(told["reason"], "FailedWrite");
  EXPECT_THAT(told["note"].get<std::string>(), ::testing::HasSubstr("field is immutable"));
}

TEST_F(ControllerTest, TellsOfAnObjectOnce) {
  plan::Plan planned;
  Json service = object("llm", "qwen-pods", "");
  service["kind"] = "Service";
  planned.actions.push_back(plan::CreateObject{service});
  plan_next(std::move(planned));
  transport_.reply("POST /api/v1/namespaces/llm/services", status_reply(409, "AlreadyExists"));
  const Json foreign = object("llm", "qwen-pods", "50");
  transport_.reply("GET /api/v1/namespaces/llm/services/qwen-pods", json_reply(200, foreign));
  run_until_planned(2);
  EXPECT_EQ(seen_.back().services.size(), 1U);
  script_.event(ClusterScript::kServices, "ADDED", labelled(object("llm", "qwen-pods", "160"), "qwen"));
  test::settle(context_);
  EXPECT_EQ(seen_.back().services.size(), 1U);
  EXPECT_EQ(seen_.back().services[0].meta.resource_version, "160");
}

TEST_F(ControllerTest, TellsThePlannerWhatCameOfADryRun) {
  plan::Plan planned;
  planned.dry_runs.push_back({"prefill", "key", pod()});
  plan_next(planned);
  plan_next(planned);
  transport_.reply(kPost, status_reply(422, "Invalid", "Required value"));
  run_until_planned(2);
  EXPECT_THAT(seen_[0].dry_runs, IsEmpty());
  EXPECT_EQ(seen_[1].dry_runs.at("key"), (plan::DryRun{plan::DryRun::Answer::kRefused, "Required value."}));
  EXPECT_EQ(transport_.last(kPost).query, "dryRun=All");
}

TEST_F(ControllerTest, MeasuresItsTables) {
  controller_.measure(registry_);
  plan::Plan planned;
  planned.rejected = {{"uid-1", "DuplicateDevice"}};
  plan_next(planned);
  run_until_planned(1);
  planned.actions.push_back(plan::CreateConfigMap{{{"kind", "ConfigMap"}, {"metadata", {{"name", "qwen-ranktable"}}}}});
  plan_next(planned);
  transport_.reply("POST /api/v1/namespaces/llm/configmaps", json_reply(201, object("llm", "qwen-ranktable", "90")));
  script_.event(ClusterScript::kPods, "ADDED", pod());
  run_until_planned(2);
  Json published = object("llm", "qwen", "160");
  published["status"]["ranktable"] = {{"generation", 7}, {"publishedAt", format_rfc3339(clock_.wall_now())}};
  change_to(published);
  clock_.advance(std::chrono::seconds(5));
  const std::string text = registry_.text();
  for (const char* line :
       {"pd_operator_publishes_total{result=\"success\"} 1\n", "pd_operator_publish_latency_seconds_count 1\n",
        "pd_operator_rejected_devices_total{reason=\"DuplicateDevice\"} 1\n",
        "pd_operator_rejected_devices_total{reason=\"LinkDown\"} 0\n",
        "pd_operator_ranktable_generation{name=\"qwen\",namespace=\"llm\"} 7\n",
        "pd_operator_ranktable_age_seconds{name=\"qwen\",namespace=\"llm\"} 5\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("pd_operator_suppressed_writes_total 0\n")));
  script_.event(ClusterScript::kDeployments, "DELETED", object("llm", "qwen", "170"));
  test::settle(context_);
  EXPECT_THAT(registry_.text(), ::testing::Not(::testing::HasSubstr("name=\"qwen\"")));
}

TEST_F(ControllerTest, MayBeLeftInTheMiddle) {
  plan_next(creating());
  run_until_planned(1);
  left_ = true;  // with a write, six watches and a waiting worker
}

TEST_F(ControllerTest, ForgetsADeploymentThatIsGone) {
  run_until_planned(1);
  script_.event(ClusterScript::kDeployments, "DELETED", object("llm", "qwen", "110"));
  test::settle(context_);
  EXPECT_EQ(seen_.size(), 1U);
}

}  // namespace
}  // namespace pd::op
