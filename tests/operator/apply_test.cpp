#include "operator/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/spawn.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_to_end.h"
#include "tests/support/scripted_transport.h"

namespace pd::op {
namespace {

using test::json_reply;
using test::status_reply;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Json stored(const std::string& name, const std::string& version, const std::string& owner = "deployment-uid",
            const std::string& label = "qwen") {
  Json object = {{"metadata", {{"name", name}, {"namespace", "llm"}, {"resourceVersion", version}, {"uid", "u"}}}};
  object["metadata"]["labels"]["pd-operator.io/deployment"] = label;
  object["metadata"]["ownerReferences"] = Json::array({{{"uid", owner}, {"controller", true}}});
  return object;
}

Json named(const std::string& name, const std::string& kind) {
  return {{"kind", kind}, {"metadata", {{"name", name}}}};
}

const char* const kPods = "POST /api/v1/namespaces/llm/pods";
const char* const kStatus = "PATCH /apis/pd-operator.io/v1alpha1/namespaces/llm/pddeployments/qwen/status";
const char* const kEvents = "POST /apis/events.k8s.io/v1/namespaces/llm/events";

class ApplierTest : public ::testing::Test {
 protected:
  ApplierTest() {
    deployment_.ns = "llm";
    deployment_.name = "qwen";
    deployment_.uid = "deployment-uid";
    deployment_.resource_version = "77";
    runtime::spawn(context_, events_.run(stop_.token()));
  }
  Status apply(std::vector<plan::Action> actions) {
    plan::Plan plan;
    plan.actions = std::move(actions);
    const Status done = test::run_to_end(context_, applier_.apply(deployment_, plan, written_, stop_.token()));
    test::settle(context_);  // events are written by a flow of their own
    return done;
  }
  // Of what was written last, by kind.
  std::map<std::string, std::string> versions() const {
    std::map<std::string, std::string> found;
    for (const auto& [kind, meta] : written_.newest) found[kind] = meta.resource_version;
    return found;
  }
  Json last_body() const { return transport_.requests().back().body(); }

  boost::asio::io_context context_;
  test::ScriptedTransport transport_;
  kube::Client client_{transport_};
  test::FakeClock clock_;
  runtime::Rng rng_{1};
  runtime::EventRecorder events_{client_, clock_, rng_, {"pd-operator.io/pd-operator", "host-1"}};
  Applier applier_{client_, events_};
  kube::ObjectMeta deployment_;
  Written written_;
  StopSource stop_;
};

TEST_F(ApplierTest, ExecutesInOrder) {
  transport_.reply("POST /api/v1/namespaces/llm/configmaps", json_reply(201, stored("qwen-ranktable", "101")));
  transport_.reply("POST /api/v1/namespaces/llm/services", json_reply(201, stored("qwen-pods", "102")));
  transport_.reply(kPods, json_reply(201, stored("a", "103")));
  transport_.reply("PUT /api/v1/namespaces/llm/configmaps/qwen-ranktable",
                   json_reply(200, stored("qwen-ranktable", "104")));
  transport_.reply("PATCH /api/v1/namespaces/llm/pods/a", json_reply(200, stored("a", "105")));
  transport_.reply("DELETE /api/v1/namespaces/llm/pods/b", json_reply(200, stored("b", "99")));
  const Status done = apply({plan::CreateConfigMap{named("qwen-ranktable", "ConfigMap")},
                             plan::CreateObject{named("qwen-pods", "Service")}, plan::CreatePod{named("a", "Pod")},
                             plan::ReplaceConfigMap{named("qwen-ranktable", "ConfigMap")},
                             plan::TouchPod{"a", "u", "103", {}}, plan::DeletePod{"b", "u", "90"}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(transport_.routes(),
              ElementsAre("POST /api/v1/namespaces/llm/configmaps", "POST /api/v1/namespaces/llm/services", kPods,
                          "PUT /api/v1/namespaces/llm/configmaps/qwen-ranktable", "PATCH /api/v1/namespaces/llm/pods/a",
                          "DELETE /api/v1/namespaces/llm/pods/b"));
  EXPECT_THAT(versions(), ElementsAre(Pair("ConfigMap", "104"), Pair("Pod", "105"), Pair("Service", "102")));
  EXPECT_TRUE(written_.foreign_objects.empty());
}

TEST_F(ApplierTest, StopsWhenTheTableCannotBeWritten) {
  transport_.reply("POST /api/v1/namespaces/llm/configmaps", status_reply(403, "Forbidden", "exceeded quota"));
  const Status done = apply({plan::CreateConfigMap{named("a", "ConfigMap")}, plan::CreatePod{named("b", "Pod")}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kForbidden);
  EXPECT_EQ(transport_.requests().size(), 1U);
  EXPECT_THAT(written_.refused, HasSubstr("exceeded quota"));
}

TEST_F(ApplierTest, APodThatIsRefusedKeepsNoOtherFromBeingMade) {
  transport_.reply(kPods, status_reply(403, "Forbidden", "exceeded quota"));
  transport_.reply(kPods, json_reply(201, stored("b", "103")));
  const Status done =
      apply({plan::CreatePod{named("a", "Pod")}, plan::CreatePod{named("b", "Pod")}, plan::EmitEvent{}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kForbidden);
  EXPECT_EQ(transport_.requests().size(), 2U) << "no event tells of what did not all happen";
  EXPECT_THAT(versions(), ElementsAre(Pair("Pod", "103")));
  EXPECT_THAT(written_.refused, HasSubstr("exceeded quota"));
}

TEST_F(ApplierTest, DoesNotWaitForEachPodWhileNothingIsAnswered) {
  transport_.reply(kPods, Error{Code::kTimeout, "no answer in time"});
  const Status done = apply({plan::CreatePod{named("a", "Pod")}, plan::CreatePod{named("b", "Pod")}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTimeout);
  EXPECT_EQ(transport_.requests().size(), 1U);
}

TEST_F(ApplierTest, AnOverloadedServerIsAskedForNothingMore) {
  kube::HttpResponse busy = status_reply(429, "TooManyRequests");
  busy.retry_after = std::chrono::seconds(5);
  transport_.reply("DELETE /api/v1/namespaces/llm/pods/a", status_reply(409, "Conflict"));
  transport_.reply(kPods, busy);
  const Status done =
      apply({plan::DeletePod{"a", "u", "90"}, plan::CreatePod{named("b", "Pod")}, plan::CreatePod{named("c", "Pod")}});
  EXPECT_EQ(transport_.requests().size(), 2U);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().retry_after, std::chrono::seconds(5)) << "though another error came first";
}

TEST_F(ApplierTest, WritesNothingMoreOnceItIsStopped) {
  stop_.stop();
  const Status done = apply({plan::CreatePod{named("a", "Pod")}, plan::CreatePod{named("b", "Pod")}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kCancelled);
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(ApplierTest, RemembersTheNewestVersion) {
  transport_.reply(kPods, json_reply(201, stored("a", "100")));
  transport_.reply(kPods, json_reply(201, stored("b", "99")));
  ASSERT_TRUE(apply({plan::CreatePod{named("a", "Pod")}, plan::CreatePod{named("b", "Pod")}}));
  EXPECT_THAT(versions(), ElementsAre(Pair("Pod", "100")));
}

// A create whose answer was lost, or which the library sent twice.
TEST_F(ApplierTest, AnObjectOfOursThatExistsIsAsGoodAsMade) {
  transport_.reply(kPods, status_reply(409, "AlreadyExists"));
  transport_.reply("GET /api/v1/namespaces/llm/pods/a", json_reply(200, stored("a", "98")));
  const Status done = apply({plan::CreatePod{named("a", "Pod")}});
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(versions(), ElementsAre(Pair("Pod", "98")));
}

TEST_F(ApplierTest, AnObjectOfSomebodyElseIsLeftAloneAndTold) {
  transport_.reply(kPods, status_reply(409, "AlreadyExists"));
  transport_.reply("GET /api/v1/namespaces/llm/pods/a", json_reply(200, stored("a", "98", "another-uid")));
  const Status done = apply({plan::CreatePod{named("a", "Pod")}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kAlreadyExists);
  EXPECT_EQ(transport_.requests().size(), 2U);
  EXPECT_TRUE(written_.newest.empty());
  ASSERT_TRUE(written_.foreign_objects.contains({"Pod", "a"}));
  EXPECT_EQ(written_.foreign_objects.at({"Pod", "a"}).controller()->uid, "another-uid");
}

// Ours by its owner, but somebody took its label: it is in no store, and would be created again and again.
TEST_F(ApplierTest, AnObjectThatIsNotWatchedIsToldToo) {
  transport_.reply(kPods, status_reply(409, "AlreadyExists"));
  transport_.reply("GET /api/v1/namespaces/llm/pods/a", json_reply(200, stored("a", "98", "deployment-uid", "")));
  EXPECT_FALSE(apply({plan::CreatePod{named("a", "Pod")}}));
  EXPECT_TRUE(written_.foreign_objects.contains({"Pod", "a"}));
}

TEST_F(ApplierTest, ANameThatWasFreedMeanwhileIsPlannedAgain) {
  transport_.reply(kPods, status_reply(409, "AlreadyExists"));
  transport_.reply("GET /api/v1/namespaces/llm/pods/a", status_reply(404, "NotFound"));
  EXPECT_FALSE(apply({plan::CreatePod{named("a", "Pod")}}));
  EXPECT_TRUE(written_.foreign_objects.empty());
}

TEST_F(ApplierTest, TouchesOnlyThePodItSaw) {
  transport_.reply("PATCH /api/v1/namespaces/llm/pods/a", json_reply(200, stored("a", "105")));
  ASSERT_TRUE(apply({plan::TouchPod{"a", "pod-uid", "103", {{"pd-operator.io/ranktable-generation", "7"}}}}));
  EXPECT_EQ(transport_.requests().back().request.content_type, "application/merge-patch+json");
  EXPECT_EQ(last_body(), Json::parse(R"({"metadata":{"uid":"pod-uid","resourceVersion":"103",
                                         "annotations":{"pd-operator.io/ranktable-generation":"7"}}})"));
}

std::string touch_route(int pod) { return "PATCH /api/v1/namespaces/llm/pods/pod-" + std::to_string(pod); }

std::vector<plan::Action> touches(int count) {
  std::vector<plan::Action> actions;
  for (int pod = 0; pod < count; ++pod) {
    actions.emplace_back(plan::TouchPod{"pod-" + std::to_string(pod), "u", "103", {{"k", "v"}}});
  }
  return actions;
}

// Those that have no answer written down stay in flight until they are stopped.
TEST_F(ApplierTest, TouchesSeveralPodsAtATime) {
  std::vector<plan::Action> actions = touches(40);
  actions.emplace_back(plan::DeletePod{"b", "u", "90"});
  plan::Plan plan;
  plan.actions = std::move(actions);
  std::optional<Status> done;
  test::start(context_, applier_.apply(deployment_, plan, written_, stop_.token()), done);
  test::settle(context_);
  EXPECT_EQ(transport_.requests().size(), 16U) << "the others wait, and the delete for all touches";
  EXPECT_FALSE(done);
  stop_.stop();
  test::settle(context_);
  ASSERT_TRUE(done) << "nothing is in flight any more";
  EXPECT_EQ(done->error().code, Code::kCancelled);
  EXPECT_EQ(transport_.requests().size(), 16U);
}

TEST_F(ApplierTest, AllTouchesAreDoneBeforeWhatFollowsThem) {
  std::vector<plan::Action> actions = touches(40);
  for (int pod = 0; pod < 40; ++pod) transport_.reply(touch_route(pod), json_reply(200, stored("pod", "105")));
  actions.emplace_back(plan::DeletePod{"b", "u", "90"});
  transport_.reply("DELETE /api/v1/namespaces/llm/pods/b", json_reply(200, stored("b", "99")));
  EXPECT_TRUE(apply(std::move(actions)));
  EXPECT_EQ(transport_.requests().size(), 41U);
  EXPECT_EQ(transport_.requests().back().route, "DELETE /api/v1/namespaces/llm/pods/b");
  EXPECT_THAT(versions(), ElementsAre(Pair("Pod", "105")));
}

TEST_F(ApplierTest, APodThatCannotBeTouchedKeepsNoOtherFromIt) {
  for (int pod = 0; pod < 40; ++pod) {
    const bool refused = pod == 3 || pod == 20;
    transport_.reply(touch_route(pod), refused ? status_reply(409, "Conflict", std::to_string(pod) + " has changed")
                                               : json_reply(200, stored("pod", "105")));
  }
  const Status done = apply(touches(40));
  EXPECT_EQ(transport_.requests().size(), 40U);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("3 has changed")) << "the first one";
}

// A pod changes while it starts, so its touch is often refused. The status is written once with that news.
TEST_F(ApplierTest, ATouchThatIsRefusedKeepsNoNewsOfTheStatusBack) {
  const plan::EmitEvent untold{false, "R", "A", "It is touched.", {}};
  const plan::EmitEvent told{false, "R", "A", "It is published.", {}};
  std::vector<plan::Action> actions = touches(1);
  actions.insert(actions.end(), {untold, plan::WriteStatus{}, told});
  transport_.reply(touch_route(0), status_reply(409, "Conflict", "it has changed"));
  transport_.reply(kStatus, json_reply(200, stored("qwen", "106")));
  transport_.reply(kEvents, json_reply(201, stored("x", "1")));
  EXPECT_FALSE(apply(actions));
  EXPECT_EQ(transport_.count(kEvents), 1);
  EXPECT_EQ(last_body()["note"], "It is published.");
}

TEST_F(ApplierTest, TouchesNoMorePodsWhileNothingIsAnswered) {
  for (int pod = 0; pod < 16; ++pod) transport_.reply(touch_route(pod), Error{Code::kTimeout, "no answer in time"});
  const Status done = apply(touches(40));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTimeout);
  EXPECT_LE(transport_.requests().size(), 16U);
}

TEST_F(ApplierTest, DeletesOnlyThePodItSaw) {
  transport_.reply("DELETE /api/v1/namespaces/llm/pods/a", status_reply(409, "Conflict"));
  const Status done = apply({plan::DeletePod{"a", "pod-uid", "103"}});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kConflict);
  EXPECT_EQ(last_body()["preconditions"], (Json{{"uid", "pod-uid"}, {"resourceVersion", "103"}}));
}

// A role of a hundred pods is replaced at once when its size changes: one after another, they would take minutes where
// the API server is slow.
TEST_F(ApplierTest, DeletesSeveralPodsAtATime) {
  plan::Plan plan;
  for (int pod = 0; pod < 40; ++pod) plan.actions.emplace_back(plan::DeletePod{"pod-" + std::to_string(pod), "u", "9"});
  std::optional<Status> done;
  test::start(context_, applier_.apply(deployment_, plan, written_, stop_.token()), done);
  test::settle(context_);
  EXPECT_EQ(transport_.requests().size(), 16U);
  stop_.stop();
  test::settle(context_);
  EXPECT_TRUE(done);
}

TEST_F(ApplierTest, APodThatIsGoneIsAsGoodAsDeleted) {
  transport_.reply("DELETE /api/v1/namespaces/llm/pods/a", status_reply(404, "NotFound"));
  const Status done = apply({plan::DeletePod{"a", "pod-uid", "103"}});
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_TRUE(written_.newest.empty());
}

TEST_F(ApplierTest, PatchesAndDeletesOnlyTheObjectItSaw) {
  const std::string service = "/api/v1/namespaces/llm/services/qwen-pods";
  const std::string budget = "/apis/policy/v1/namespaces/llm/poddisruptionbudgets/qwen-decode";
  transport_.reply("PATCH " + service, json_reply(200, stored("qwen-pods", "105")));
  transport_.reply("DELETE " + budget, status_reply(200, ""));
  ASSERT_TRUE(apply({plan::PatchObject{"Service", "qwen-pods", "s-uid", "103", {{"spec", {{"ports", nullptr}}}}}}));
  EXPECT_EQ(transport_.requests().back().request.content_type, "application/merge-patch+json");
  EXPECT_EQ(last_body(), Json::parse(R"({"metadata":{"uid":"s-uid","resourceVersion":"103"},"spec":{"ports":null}})"));
  ASSERT_TRUE(apply({plan::DeleteObject{"PodDisruptionBudget", "qwen-decode", "b-uid", "7"}}));
  EXPECT_EQ(last_body()["preconditions"], (Json{{"uid", "b-uid"}, {"resourceVersion", "7"}}));
  EXPECT_THAT(versions(), ElementsAre(Pair("Service", "105")));
}

TEST_F(ApplierTest, AnObjectThatIsRefusedHoldsUpNothing) {
  transport_.reply("PATCH /api/v1/namespaces/llm/services/a", status_reply(422, "Invalid", "a duplicate port"));
  transport_.reply("POST /apis/policy/v1/namespaces/llm/poddisruptionbudgets", json_reply(201, stored("b", "9")));
  EXPECT_FALSE(
      apply({plan::PatchObject{"Service", "a", "u", "1", {}}, plan::CreateObject{named("b", "PodDisruptionBudget")}}));
  EXPECT_THAT(written_.refused, HasSubstr("a duplicate port"));
  EXPECT_THAT(versions(), ElementsAre(Pair("PodDisruptionBudget", "9")));
}

TEST_F(ApplierTest, ARefusedTableOrStatusIsTold) {
  transport_.reply("PUT /api/v1/namespaces/llm/configmaps/t", status_reply(422, "Invalid", "field is immutable"));
  EXPECT_FALSE(apply({plan::ReplaceConfigMap{named("t", "ConfigMap")}}));
  EXPECT_THAT(std::exchange(written_.refused, {}), AllOf(HasSubstr("ConfigMap t: "), HasSubstr("field is immutable")));
  transport_.reply(kStatus, status_reply(403, "Forbidden", "denied by a policy"));
  EXPECT_FALSE(apply({plan::WriteStatus{}}));
  EXPECT_THAT(written_.refused, AllOf(HasSubstr("PDDeployment qwen: "), HasSubstr("denied by a policy")));
  EXPECT_FALSE(written_.refused_new);
}

TEST_F(ApplierTest, TellsWhatCameOfAPodOfARoleAndOfTheTable) {
  Json pod = named("a", "Pod");
  pod["metadata"]["labels"]["pd-operator.io/role"] = "prefill";
  transport_.reply(kPods, status_reply(422, "Invalid", "Required value"));
  transport_.reply("PUT /api/v1/namespaces/llm/configmaps/t", status_reply(409, "Conflict"));
  EXPECT_FALSE(apply({plan::CreatePod{pod}, plan::ReplaceConfigMap{named("t", "ConfigMap")}}));
  EXPECT_EQ(written_.roles.at("prefill"), (plan::DryRun{plan::DryRun::Answer::kRefused, "Required value."}));
  ASSERT_TRUE(written_.table);
  EXPECT_EQ(written_.table->error().code, Code::kConflict);
}

TEST_F(ApplierTest, ADryRunStoresNothing) {
  transport_.reply(kPods, json_reply(201, {{"metadata", {{"name", "a"}, {"uid", "u"}}}}));
  EXPECT_TRUE(test::run_to_end(context_, applier_.try_pod("llm", named("a", "Pod"), {})));
  EXPECT_EQ(transport_.requests().back().query, "dryRun=All");
}

TEST_F(ApplierTest, WritesTheStatusOfWhatItPlannedFor) {
  const std::string path = "/apis/pd-operator.io/v1alpha1/namespaces/llm/pddeployments/qwen/status";
  transport_.reply("PATCH " + path, json_reply(200, stored("qwen", "78")));
  kube::PDDeploymentStatus status;
  status.observed_generation = 3;
  ASSERT_TRUE(apply({plan::WriteStatus{status}}));
  EXPECT_EQ(transport_.requests().back().query, "fieldManager=pd-operator-status&force=true");
  const Json body = last_body();
  EXPECT_EQ(body["apiVersion"], "pd-operator.io/v1alpha1");
  EXPECT_EQ(body["kind"], "PDDeployment");
  EXPECT_EQ(body["metadata"], Json::parse(R"({"name":"qwen","namespace":"llm","uid":"deployment-uid",
                                              "resourceVersion":"77"})"));
  EXPECT_EQ(body["status"], kube::encode_status(status));
  EXPECT_THAT(versions(), ElementsAre(Pair("PDDeployment", "78")));
}

TEST_F(ApplierTest, TellsOfADeployment) {
  transport_.reply(kEvents, json_reply(201, stored("x", "1")));
  ASSERT_TRUE(apply({plan::EmitEvent{false, "RanktablePublished", "Publish", "Generation 7 is out.", {}}}));
  const Json body = last_body();
  EXPECT_EQ(body["type"], "Normal");
  EXPECT_EQ(body["reason"], "RanktablePublished");
  EXPECT_EQ(body["regarding"]["kind"], "PDDeployment");
  EXPECT_EQ(body["regarding"]["uid"], "deployment-uid");
  EXPECT_EQ(body["reportingInstance"], "host-1");
  EXPECT_THAT(body["eventTime"].get<std::string>(), ::testing::MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.000000Z"));
  EXPECT_TRUE(written_.newest.empty());
}

TEST_F(ApplierTest, TellsOfAPod) {
  transport_.reply(kEvents, json_reply(201, stored("x", "1")));
  kube::ObjectMeta pod;
  pod.ns = "llm";
  pod.name = "a";
  pod.uid = "pod-uid";
  ASSERT_TRUE(apply({plan::EmitEvent{true, "LinkDown", "Check", std::string(5000, 'x'), pod}}));
  const Json body = last_body();
  EXPECT_EQ(body["type"], "Warning");
  EXPECT_EQ(body["regarding"], Json::parse(R"({"apiVersion":"v1","kind":"Pod","namespace":"llm","name":"a",
                                               "uid":"pod-uid"})"));
  EXPECT_EQ(body["note"].get<std::string>().size(), 1024U);
}

TEST_F(ApplierTest, AnEventThatFailsEndsNoPlan) {
  transport_.reply(kEvents, status_reply(403, "Forbidden"));
  transport_.reply(kPods, json_reply(201, stored("a", "103")));
  const plan::EmitEvent event{false, "R", "A", "n", {}};
  const Status done = apply({event, plan::CreatePod{named("a", "Pod")}});
  EXPECT_TRUE(done) << done.error().message;
  EXPECT_EQ(transport_.count(kPods), 1);
  EXPECT_EQ(transport_.count(kEvents), 1);
}

// An API server that does not answer to events holds nothing up.
TEST_F(ApplierTest, NoPlanWaitsForItsEvents) {
  transport_.reply(kPods, json_reply(201, stored("a", "103")));
  const plan::EmitEvent event{false, "R", "A", "n", {}};
  EXPECT_TRUE(apply({event, plan::CreatePod{named("a", "Pod")}}));
  EXPECT_EQ(transport_.count(kPods), 1);
  EXPECT_EQ(transport_.count(kEvents), 1) << "no answer is written down for it";
}

// The io_context goes while a write is under way: what the coroutines hold is let go once.
TEST_F(ApplierTest, MayBeLeftInTheMiddle) {
  plan::Plan create;
  create.actions = {plan::CreatePod{named("a", "Pod")}};
  plan::Plan touch;
  touch.actions = {plan::TouchPod{"a", "u", "103", {{"k", "v"}}}};
  plan::Plan remove;
  remove.actions = {plan::DeletePod{"a", "u", "103"}};
  plan::Plan status;
  status.actions = {plan::WriteStatus{}};
  plan::Plan event;
  event.actions = {plan::EmitEvent{false, "R", "A", "n", {}}};
  std::vector<std::optional<Status>> ended(5);
  std::size_t next = 0;
  for (const plan::Plan* plan : {&create, &touch, &remove, &status, &event}) {
    test::start(context_, applier_.apply(deployment_, *plan, written_, stop_.token()), ended[next++]);
  }
  context_.poll();
  EXPECT_EQ(transport_.requests().size(), 5U);
}

}  // namespace
}  // namespace pd::op
