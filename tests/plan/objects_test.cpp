// Services and PodDisruptionBudgets follow the spec, and nothing but the spec.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/services.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const char* const kPorts = "/spec/scheduler/template/spec/containers/0/ports";
const char* const kBudget = "/spec/decode/podDisruptionBudget";

Json port(const char* name, int number) { return {{"name", name}, {"containerPort", number}}; }

FakeCluster a_settled_cluster(const DeploymentBuilder& deployment) {
  FakeCluster cluster(deployment);
  EXPECT_TRUE(cluster.settle());
  return cluster;
}

// Writes of objects until there is nothing left to do.
int writes(FakeCluster& cluster) {
  const int before = cluster.objects_.writes_;
  EXPECT_TRUE(cluster.settle());
  return cluster.objects_.writes_ - before;
}

TEST(Services, AreAHeadlessOneAndTheSchedulersEntry) {
  DeploymentBuilder deployment = a_deployment();
  deployment.set(kPorts, Json::array({port("http", 8080), {{"containerPort", 9000}}, "junk"}));
  const std::vector<Action> made = service_changes(FakeCluster(deployment).snapshot(), true);
  ASSERT_THAT(made, SizeIs(2));
  const Json& pods = std::get<CreateObject>(made[0]).object;
  EXPECT_EQ(pods["spec"]["clusterIP"], "None");
  EXPECT_EQ(pods["spec"]["publishNotReadyAddresses"], true);
  EXPECT_EQ(pods["spec"]["selector"], Json({{"pd-operator.io/deployment", "qwen"}}));
  const Json& entry = std::get<CreateObject>(made[1]).object;
  EXPECT_EQ(entry["metadata"]["name"], "qwen-scheduler");
  EXPECT_EQ(entry["spec"]["ports"], Json::array({{{"name", "http"}, {"port", 8080}, {"targetPort", 8080}},
                                                 {{"name", "port-9000"}, {"port", 9000}, {"targetPort", 9000}}}));
  FakeCluster without_ports = a_settled_cluster(a_deployment());
  EXPECT_EQ(without_ports.objects_.get({"Service", "qwen-scheduler"})["spec"]["clusterIP"], "None");
}

TEST(Services, OfStrangersAreNamedAndLeftAlone) {
  FakeCluster cluster(a_deployment());
  cluster.objects_.add_foreign({"Service", "qwen-pods"});
  const Json before = cluster.objects_.get({"Service", "qwen-pods"});
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.objects_.get({"Service", "qwen-pods"}), before);
  EXPECT_EQ(cluster.condition("Progressing").reason, "NameTaken");
  EXPECT_THAT(cluster.condition("Progressing").message, HasSubstr("Service qwen-pods belongs to somebody else"));
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(Services, FollowTheTemplatesPortsWithOneWrite) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kPorts, Json::array({port("http", 8080)})));
  cluster.edit_spec(kPorts, Json::array({port("http", 8081), port("admin", 9090)}));
  EXPECT_EQ(writes(cluster), 1);
  const Json spec = cluster.objects_.get({"Service", "qwen-scheduler"})["spec"];
  EXPECT_EQ(spec["ports"], Json::array({{{"name", "http"}, {"port", 8081}, {"targetPort", 8081}},
                                        {{"name", "admin"}, {"port", 9090}, {"targetPort", 9090}}}));
  EXPECT_EQ(spec["clusterIP"], "10.96.0.7");
}

// The pod that serves is kept, and so is the way to it.
TEST(Services, TheEntryStaysWhileThePodOfTheNewPortsIsNotMade) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kPorts, Json::array({port("http", 8080)})));
  const auto entry = [&] { return cluster.objects_.get({"Service", "qwen-scheduler"})["spec"]["ports"][0]["port"]; };
  cluster.edit_spec("/spec/paused", true);
  cluster.edit_spec(kPorts, Json::array({port("http", 9000)}));
  EXPECT_EQ(writes(cluster), 0);
  EXPECT_EQ(entry(), 8080);
  cluster.judge_pod_ = [](const Json&) { return DryRun{DryRun::Answer::kRefused, "not today."}; };
  cluster.edit_spec("/spec/paused", false);
  EXPECT_EQ(writes(cluster), 0);
  EXPECT_EQ(entry(), 8080);
  cluster.judge_pod_ = [](const Json&) { return DryRun{DryRun::Answer::kAccepted, ""}; };
  EXPECT_EQ(writes(cluster), 1);
  EXPECT_EQ(entry(), 9000);
}

TEST(Services, AreMadeAnewWhenTheyTurnHeadlessOrHaveBeen) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kPorts, Json::array({port("http", 8080)})));
  cluster.edit_spec(kPorts, Json::array());
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.objects_.get({"Service", "qwen-scheduler"})["spec"]["clusterIP"], "None");
  cluster.edit_spec(kPorts, Json::array({port("http", 8080)}));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.objects_.get({"Service", "qwen-scheduler"})["spec"]["clusterIP"], "10.96.0.7");
  EXPECT_THAT(cluster.objects_.get({"Service", "qwen-scheduler"})["spec"]["ports"], SizeIs(1));
}

TEST(Services, HandEditsOfWhatIsOursAreUndone) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kPorts, Json::array({port("http", 8080)})));
  const Json selector = cluster.objects_.get({"Service", "qwen-scheduler"})["spec"]["selector"];
  cluster.objects_.edit({"Service", "qwen-scheduler"},
                        {{"spec",
                          {{"selector", {{"pd-operator.io/role", "decode"}, {"extra", "x"}}},
                           {"ports", Json::array({{{"name", "other"}, {"port", 1}, {"targetPort", "y"}}})}}}});
  cluster.objects_.edit({"Service", "qwen-pods"},
                        {{"metadata", {{"labels", {{"app.kubernetes.io/managed-by", nullptr}}}}},
                         {"spec", {{"publishNotReadyAddresses", false}, {"ports", Json::array({{{"port", 1}}})}}}});
  EXPECT_EQ(writes(cluster), 2);
  const Json entry = cluster.objects_.get({"Service", "qwen-scheduler"})["spec"];
  EXPECT_EQ(entry["selector"], selector);
  EXPECT_EQ(entry["ports"][0]["port"], 8080);
  const Json pods = cluster.objects_.get({"Service", "qwen-pods"});
  EXPECT_EQ(pods["metadata"]["labels"]["app.kubernetes.io/managed-by"], "pd-operator");
  EXPECT_EQ(pods["spec"]["publishNotReadyAddresses"], true);
  EXPECT_FALSE(pods["spec"].contains("ports"));
}

TEST(Services, WhatIsNotOursIsNotTouched) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kPorts, Json::array({port("http", 8080)})));
  cluster.objects_.edit({"Service", "qwen-scheduler"},
                        {{"metadata", {{"labels", {{"team", "a"}}}, {"annotations", {{"lb", "internal"}}}}},
                         {"spec",
                          {{"type", "NodePort"},
                           {"sessionAffinity", "ClientIP"},
                           {"publishNotReadyAddresses", true},
                           {"ports", Json::array({{{"name", "http"},
                                                   {"port", 8080},
                                                   {"protocol", "TCP"},
                                                   {"targetPort", 8080},
                                                   {"appProtocol", "http"},
                                                   {"nodePort", 30080}}})}}}});
  EXPECT_EQ(writes(cluster), 0);
}

TEST(Services, OneThatIsGoingIsWaitedFor) {
  FakeCluster cluster = a_settled_cluster(a_deployment());
  cluster.objects_.edit({"Service", "qwen-pods"},
                        {{"metadata", {{"deletionTimestamp", "2026-11-24T12:00:00Z"}, {"labels", Json::object()}}}});
  EXPECT_EQ(writes(cluster), 0);
}

TEST(Budgets, FollowTheSpec) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kBudget, {{"minAvailable", 1}}));
  const Json made = cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"});
  EXPECT_EQ(made["apiVersion"], "policy/v1");
  EXPECT_EQ(made["metadata"]["ownerReferences"][0]["uid"], "uid-qwen");
  EXPECT_EQ(made["metadata"]["labels"],
            Json({{"app.kubernetes.io/managed-by", "pd-operator"}, {"pd-operator.io/deployment", "qwen"}}));
  EXPECT_EQ(made["spec"],
            Json({{"minAvailable", 1},
                  {"selector",
                   {{"matchLabels", {{"pd-operator.io/deployment", "qwen"}, {"pd-operator.io/role", "decode"}}}}}}));
  EXPECT_TRUE(cluster.objects_.get({"PodDisruptionBudget", "qwen-prefill"}).is_null());
  cluster.edit_spec(kBudget, {{"minAvailable", 0}});
  EXPECT_EQ(writes(cluster), 1);
  EXPECT_EQ(cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"})["spec"]["minAvailable"], 0);
  cluster.edit_spec(kBudget, nullptr);
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"}).is_null());
}

TEST(Budgets, HandEditsAreUndone) {
  FakeCluster cluster = a_settled_cluster(a_deployment().set(kBudget, {{"minAvailable", 1}}));
  const Json spec = cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"})["spec"];
  cluster.objects_.edit({"PodDisruptionBudget", "qwen-decode"},
                        {{"spec", {{"minAvailable", nullptr}, {"maxUnavailable", "50%"}}}});
  EXPECT_EQ(writes(cluster), 1);
  EXPECT_EQ(cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"})["spec"], spec);
  cluster.objects_.edit({"PodDisruptionBudget", "qwen-decode"},
                        {{"spec", {{"minAvailable", "100%"}, {"selector", {{"matchLabels", {{"extra", "x"}}}}}}}});
  EXPECT_EQ(writes(cluster), 1);
  EXPECT_EQ(cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"})["spec"], spec);
}

TEST(Budgets, OfStrangersAreNamedAndLeftAloneWhetherWantedOrNot) {
  FakeCluster cluster(a_deployment());
  cluster.objects_.add_foreign({"PodDisruptionBudget", "qwen-decode"});
  const Json before = cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"});
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Progressing").reason, "Settled");
  cluster.edit_spec(kBudget, {{"minAvailable", 1}});
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.objects_.get({"PodDisruptionBudget", "qwen-decode"}), before);
  EXPECT_EQ(cluster.condition("Progressing").reason, "NameTaken");
  EXPECT_THAT(cluster.condition("Progressing").message,
              HasSubstr("PodDisruptionBudget qwen-decode belongs to somebody else"));
}

}  // namespace
}  // namespace pd::plan
