#include "plan/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

FakeCluster a_running_cluster(int prefill = 3) {
  FakeCluster cluster(a_deployment().prefill(prefill));
  cluster.settle();
  return cluster;
}

std::vector<std::string> deleted(const Plan& made) {
  std::vector<std::string> names;
  for (const Action& action : made.actions) {
    if (const auto* pod = std::get_if<DeletePod>(&action)) names.push_back(pod->name);
  }
  return names;
}

std::vector<std::string> created(const Plan& made) {
  std::vector<std::string> names;
  for (const Action& action : made.actions) {
    if (const auto* pod = std::get_if<CreatePod>(&action)) names.push_back(pod->object["metadata"]["name"]);
  }
  return names;
}

constexpr const char* kImage = "/spec/prefill/template/spec/containers/0/image";

TEST(Rollout, ADeletedPodIsReplacedAtOnceUnderTheNextNumber) {
  FakeCluster cluster = a_running_cluster();
  cluster.delete_pod("qwen-prefill-1-0-1");
  const Plan made = cluster.plan_now();
  EXPECT_THAT(created(made), ElementsAre("qwen-prefill-1-0-2"));
  // The record comes first: whatever fails, no pod has an unrecorded number.
  std::size_t status = SIZE_MAX;
  for (std::size_t i = 0; i < made.actions.size(); ++i) {
    if (std::holds_alternative<WriteStatus>(made.actions[i])) status = i;
    if (std::holds_alternative<CreatePod>(made.actions[i])) {
      EXPECT_LT(status, i);
    }
  }
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.status().incarnations, (std::vector<kube::Incarnation>{{"prefill-1-0", 2}}));
}

TEST(Rollout, ManyPodsAreMadeSomeAtATime) {
  FakeCluster cluster(a_deployment().prefill(20).decode(20));
  cluster.apply_plan(cluster.plan_now());  // the ConfigMap
  const Plan first = cluster.plan_now();
  const auto creates = [](const Plan& made) {
    return std::count_if(made.actions.begin(), made.actions.end(),
                         [](const Action& action) { return std::holds_alternative<CreatePod>(action); });
  };
  EXPECT_EQ(creates(first), 1 + 16 + 16) << "a role whose pods are refused must not hold up another";
  EXPECT_FALSE(first.requeue_after) << "where all are refused, the next attempt waits for the back-off";
  cluster.apply_plan(first);
  EXPECT_EQ(creates(cluster.plan_now()), 4 + 4);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.created_.size(), 41U);
}

TEST(Rollout, UnderGoneTheSuccessorWaitsForTheOldPodToGo) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/prefill/podReplacementPolicy", "Gone");
  cluster.delete_pod("qwen-prefill-1-0-1");
  EXPECT_THAT(created(cluster.plan_now()), IsEmpty());
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("Progressing").reason, "WaitingForRemoval");
  cluster.vanish("qwen-prefill-1-0-1");
  EXPECT_THAT(created(cluster.plan_now()), ElementsAre("qwen-prefill-1-0-1"));
}

TEST(Rollout, AFailedPodIsReplacedAndThenRemoved) {
  FakeCluster cluster = a_running_cluster();
  cluster.fail_pod("qwen-prefill-1-0-1");
  const Plan made = cluster.plan_now();
  EXPECT_THAT(created(made), ElementsAre("qwen-prefill-1-0-2"));
  EXPECT_THAT(deleted(made), IsEmpty());
  cluster.apply_plan(made);
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-1-0-1"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_FALSE(cluster.pods_.contains("qwen-prefill-1-0-1"));
}

// Of an operator whose clock had jumped. A simulated run found this.
TEST(Rollout, ARetryIsNeverFartherAwayThanItsDelay) {
  FakeCluster cluster = a_running_cluster();
  cluster.now_ += hours(27);
  cluster.fail_pod("qwen-prefill-1-0-1");
  cluster.apply_plan(cluster.plan_now());
  cluster.now_ -= hours(27);
  cluster.fail_pod("qwen-prefill-1-0-2");
  for (int i = 0; i < 3; ++i) cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("Progressing").reason, "BackOff");
  EXPECT_EQ(cluster.plan_now().requeue_after, Duration(seconds(10)));
  cluster.advance(seconds(10));
  cluster.apply_plan(cluster.plan_now());
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-3"));
}

TEST(Rollout, RepeatedFailuresAreRetriedWithGrowingDelaysAndForgottenWhenItHolds) {
  FakeCluster cluster = a_running_cluster();
  cluster.fail_pod("qwen-prefill-1-0-1");
  cluster.apply_plan(cluster.plan_now());
  ASSERT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-2")) << "the first failure costs no delay";
  cluster.fail_pod("qwen-prefill-1-0-2");
  for (int i = 0; i < 3; ++i) cluster.apply_plan(cluster.plan_now());
  EXPECT_FALSE(cluster.pods_.contains("qwen-prefill-1-0-3"));
  EXPECT_EQ(cluster.condition("Progressing").reason, "BackOff");
  EXPECT_EQ(cluster.plan_now().requeue_after, Duration(seconds(10)));
  cluster.advance(seconds(10));
  cluster.apply_plan(cluster.plan_now());
  ASSERT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-3"));
  ASSERT_EQ(cluster.status().restarts.size(), 1U);
  EXPECT_EQ(cluster.status().restarts[0].count, 2);
  EXPECT_EQ(cluster.status().restarts[0].next_attempt, cluster.now_ + seconds(20));
  const WallTime before = cluster.now_;
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(cluster.status().restarts, IsEmpty());
  EXPECT_GE(cluster.now_ - before, minutes(10));
}

TEST(Rollout, UnderGoneAFailedPodIsRemovedWithTheSameDelays) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/prefill/podReplacementPolicy", "Gone");
  cluster.fail_pod("qwen-prefill-1-0-1");
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-1-0-1"));
  cluster.apply_plan(cluster.plan_now());
  cluster.vanish("qwen-prefill-1-0-1");
  cluster.apply_plan(cluster.plan_now());
  cluster.fail_pod("qwen-prefill-1-0-1");
  EXPECT_THAT(deleted(cluster.plan_now()), IsEmpty());
  EXPECT_EQ(cluster.plan_now().requeue_after, Duration(seconds(10)));
}

TEST(Rollout, ATemplateUpdateKeepsToMaxUnavailable) {
  FakeCluster cluster = a_running_cluster(3);
  cluster.edit_spec(kImage, "vllm:2");
  cluster.try_templates();
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-2-0-1"));
  cluster.apply_plan(cluster.plan_now());
  EXPECT_THAT(deleted(cluster.plan_now()), IsEmpty());
  EXPECT_EQ(cluster.condition("Progressing").reason, "RollingUpdate");
  ASSERT_TRUE(cluster.settle());
  for (const auto& [name, pod] : cluster.created_) {
    if (!cluster.pods_.contains(name) || name.find("prefill") == std::string::npos) continue;
    EXPECT_EQ(pod["spec"]["containers"][0]["image"], "vllm:2") << name;
  }
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-1")) << "S10: nobody else is replaced";
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(Rollout, AnUpdatedPodCountsOnlyWhenTheTableListsIt) {
  FakeCluster cluster = a_running_cluster(3);
  cluster.edit_spec(kImage, "vllm:2");
  cluster.try_templates();
  cluster.apply_plan(cluster.plan_now());
  cluster.apply_plan(cluster.plan_now());
  cluster.pod("qwen-prefill-2-0-2").ready = true;  // without a gate it is Ready before it is placed
  EXPECT_THAT(deleted(cluster.plan_now()), IsEmpty());
}

TEST(Rollout, MaxUnavailableMayBeAShare) {
  FakeCluster cluster = a_running_cluster(3);
  cluster.edit_spec("/spec/prefill/rollingUpdate/maxUnavailable", "67%");
  cluster.edit_spec(kImage, "vllm:2");
  cluster.try_templates();
  EXPECT_EQ(deleted(cluster.plan_now()).size(), 2U);
  cluster.edit_spec("/spec/prefill/rollingUpdate/maxUnavailable", "1%");
  EXPECT_EQ(deleted(cluster.plan_now()).size(), 1U);
}

TEST(Rollout, PodsThatDoNotServeAreUpdatedAtOnce) {
  FakeCluster cluster = a_running_cluster(3);
  cluster.pod("qwen-prefill-0-0-1").ready = false;
  cluster.edit_spec(kImage, "vllm:2");
  cluster.try_templates();
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-0-0-1")) << "it is the one unavailable already";
}

TEST(Rollout, AnotherSizeReplacesTheWholeRoleAtOnce) {
  FakeCluster cluster = a_running_cluster(3);
  const std::string before = cluster.table("global_ranktable.json");
  cluster.edit_spec("/spec/prefill/npusPerPod", 4);
  cluster.try_templates();
  EXPECT_EQ(deleted(cluster.plan_now()).size(), 3U);
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.table("global_ranktable.json"), before);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  EXPECT_EQ(cluster.status().ranktable.npus, 14);
}

TEST(Rollout, AtScaleInTheTableGoesFirst) {
  FakeCluster cluster = a_running_cluster(3);
  cluster.edit_spec("/spec/prefill/instances", 1);
  const Plan first = cluster.plan_now();
  EXPECT_THAT(deleted(first), IsEmpty());
  cluster.apply_plan(first);
  EXPECT_FALSE(cluster.config_map_->data.contains("local_ranktable_prefill-2.json"));
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-1-0-1", "qwen-prefill-2-0-1"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(Rollout, AtScaleInPodsStayWhileNoTableWithoutThemCanBePublished) {
  FakeCluster cluster = a_running_cluster(2);
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.vanish("qwen-prefill-0-0-1");
  cluster.edit_spec("/spec/prefill/instances", 1);
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-1"));
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "RoleLost");
}

// Else it would hold NPUs that those need for which the table waits.
TEST(Rollout, AtScaleInAPodThatNoTableListsGoesAtOnce) {
  FakeCluster cluster = a_running_cluster(2);
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.delete_pod("qwen-prefill-0-0-1");
  cluster.delete_pod("qwen-prefill-1-0-1");
  ASSERT_TRUE(cluster.settle());
  ASSERT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-2"));
  cluster.edit_spec("/spec/prefill/instances", 1);
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-1-0-2"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "RoleLost") << "the last good table stays";
}

TEST(Rollout, APodTooManyOfAnInstanceThatNoTableListsGoesAtOnce) {
  FakeCluster cluster = a_running_cluster(1);
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.edit_spec("/spec/prefill/podsPerInstance", 2);
  ASSERT_TRUE(cluster.settle());
  ASSERT_TRUE(cluster.pods_.contains("qwen-prefill-0-1-2"));
  cluster.edit_spec("/spec/prefill/podsPerInstance", 1);
  cluster.try_templates();
  EXPECT_THAT(deleted(cluster.plan_now()), Contains("qwen-prefill-0-1-2"));
}

// Half of an instance is none.
TEST(Rollout, FewerPodsPerInstanceReplaceAllAtOnce) {
  FakeCluster cluster(
      a_deployment().prefill(2).set("/spec/ranktable/profile", "PerInstance").set("/spec/prefill/podsPerInstance", 2),
      4);
  ASSERT_TRUE(cluster.settle());
  const kube::ConfigMap before = *cluster.config_map_;
  cluster.edit_spec("/spec/prefill/podsPerInstance", 1);
  cluster.try_templates();
  const Plan made = cluster.plan_now();
  EXPECT_THAT(deleted(made), UnorderedElementsAre("qwen-prefill-0-0-1", "qwen-prefill-0-1-1", "qwen-prefill-1-0-1",
                                                  "qwen-prefill-1-1-1"));
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.config_map_->data, before.data) << "the last table stays until there is one of the new size";
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_EQ(cluster.pods_.size(), 4U);
}

TEST(Rollout, APodThatSaysItIsOfALargerInstanceIsReplaced) {
  FakeCluster cluster = a_running_cluster();
  cluster.pod("qwen-prefill-0-0-1").meta.labels["pd-operator.io/pods-per-instance"] = "9";
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_EQ(cluster.pod("qwen-prefill-0-0-2").meta.label("pd-operator.io/pods-per-instance"), "1");
}

TEST(Rollout, AtScaleInAPodThatIsListedByItsHostsAddressStays) {
  FakeCluster cluster(a_deployment().prefill(2).set("/spec/ranktable/serverAddress", "HostIP"));
  ASSERT_TRUE(cluster.settle());
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.vanish("qwen-prefill-0-0-1");
  cluster.edit_spec("/spec/prefill/instances", 1);
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-1"));
}

// Two of 4 NPUs become one of 8 where there are 8.
TEST(Rollout, FewerAndLargerInstancesFitWhereTheManySmallOnesWere) {
  FakeCluster cluster(a_deployment().prefill(2).set("/spec/prefill/npusPerPod", 4), 2);
  cluster.nodes_.at("node-0").cordoned = true;
  cluster.edit_spec("/spec/decode/npusPerPod", 4);
  cluster.edit_spec("/spec/decode/instances", 0);
  ASSERT_TRUE(cluster.settle());
  cluster.nodes_.at("node-0").cordoned = false;
  cluster.nodes_.at("node-1").cordoned = true;
  cluster.edit_spec("/spec/decode/instances", 1);
  ASSERT_TRUE(cluster.settle());
  cluster.nodes_.at("node-0").cordoned = true;
  cluster.nodes_.at("node-1").cordoned = false;
  cluster.edit_spec("/spec/prefill/npusPerPod", 8);
  cluster.edit_spec("/spec/prefill/instances", 1);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_EQ(cluster.status().ranktable.npus, 12);
}

TEST(Rollout, AnUpdateBeginsWithWhomTheTableLeavesOut) {
  FakeCluster cluster(
      a_deployment().prefill(2).set("/spec/ranktable/requireLinkUp", true).set("/spec/ranktable/lostGraceSeconds", 30));
  ASSERT_TRUE(cluster.settle());
  const kube::Pod& cut_off = cluster.pod("qwen-prefill-1-0-1");
  const int device = cluster.nodes_.at(cut_off.node).held.at(cut_off.meta.uid).front();
  cluster.edit_node(cut_off.node, [device](npu::Inventory& inventory) {
    inventory.devices[static_cast<std::size_t>(device)].link = "down";
  });
  ASSERT_TRUE(cluster.settle());
  ASSERT_EQ(cluster.condition("RanktableReady").reason, "Partial");
  cluster.edit_spec(kImage, "vllm:2");
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-1-0-2"));
}

// Each role's template names the counts, so a scale-out replaces all; but no table could list their successors yet.
TEST(Rollout, APositionalScaleOutWithoutRoomCostsNoServingPod) {
  FakeCluster cluster(a_deployment().set("/spec/ranktable/profile", "PerInstance").prefill(2));
  ASSERT_TRUE(cluster.settle());
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.edit_spec("/spec/decode/instances", 2);
  ASSERT_TRUE(cluster.settle());
  for (const char* pod : {"qwen-scheduler-0-0-1", "qwen-prefill-0-0-1", "qwen-prefill-1-0-1", "qwen-decode-0-0-1"})
    EXPECT_TRUE(cluster.pods_.contains(pod)) << pod;
  EXPECT_THAT(cluster.condition("Progressing").message, HasSubstr("when a table can list their successors"));
  for (auto& [name, node] : cluster.nodes_) node.cordoned = false;
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-0-0-2"));
}

// It may be what makes room.
TEST(Rollout, AnotherTemplateIsNotHeldUpByAnInstanceWithoutRoom) {
  for (const char* on_peer_change : {"Reload", "Restart"}) {
    FakeCluster cluster(a_deployment()
                            .set("/spec/ranktable/profile", "PerInstance")
                            .prefill(2)
                            .decode(2)
                            .set("/spec/prefill/onPeerChange", on_peer_change));
    ASSERT_TRUE(cluster.settle());
    for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
    cluster.vanish("qwen-decode-1-0-1");
    ASSERT_TRUE(cluster.settle());
    ASSERT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
    EXPECT_EQ(cluster.condition("Available").status, "True") << "those that are left serve with the last table";
    cluster.edit_spec(kImage, "vllm:2");
    ASSERT_TRUE(cluster.settle());
    EXPECT_TRUE(cluster.created_.contains("qwen-prefill-1-0-2")) << on_peer_change;
    EXPECT_FALSE(cluster.created_.contains("qwen-prefill-0-0-2")) << on_peer_change;
  }
}

// Both NPUs of a role are refused, so neither is in the way of the other.
TEST(Rollout, AnUpdateMovesAllInstancesOfARoleWhoseNpusAreRefused) {
  FakeCluster cluster(a_deployment().decode(2).set("/spec/ranktable/requireLinkUp", true));
  ASSERT_TRUE(cluster.settle());
  for (const char* name : {"qwen-decode-0-0-1", "qwen-decode-1-0-1"}) {
    const kube::Pod& cut_off = cluster.pod(name);
    const int device = cluster.nodes_.at(cut_off.node).held.at(cut_off.meta.uid).front();
    cluster.edit_node(cut_off.node, [device](npu::Inventory& inventory) {
      inventory.devices[static_cast<std::size_t>(device)].link = "down";
    });
  }
  ASSERT_TRUE(cluster.settle());
  ASSERT_EQ(cluster.condition("RanktableReady").reason, "RoleLost");
  cluster.nodes_.at(cluster.pod("qwen-decode-0-0-1").node).cordoned = true;
  cluster.edit_spec("/spec/decode/template/spec/containers/0/image", "vllm:2");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
}

// It is alive and Ready, and no table can list it: it must not be in its own way.
TEST(Rollout, AnUpdateMovesAnInstanceWhoseNpusAreRefused) {
  for (const auto& [profile, instances] : {std::pair("AscendCloud", 1), std::pair("PerInstance", 2)}) {
    FakeCluster cluster(a_deployment()
                            .set("/spec/ranktable/profile", profile)
                            .decode(instances)
                            .set("/spec/ranktable/requireLinkUp", true));
    ASSERT_TRUE(cluster.settle());
    const kube::Pod& cut_off = cluster.pod("qwen-decode-0-0-1");
    const int device = cluster.nodes_.at(cut_off.node).held.at(cut_off.meta.uid).front();
    cluster.edit_node(cut_off.node, [device](npu::Inventory& inventory) {
      inventory.devices[static_cast<std::size_t>(device)].link = "down";
    });
    ASSERT_TRUE(cluster.settle());
    cluster.nodes_.at(cut_off.node).cordoned = true;
    cluster.edit_spec("/spec/decode/template/spec/containers/0/image", "vllm:2");
    ASSERT_TRUE(cluster.settle());
    EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-2")) << profile;
    EXPECT_EQ(cluster.condition("Ready").status, "True") << profile << ": " << cluster.condition("Ready").message;
  }
}

TEST(Rollout, PodsHaveTheServerAddressThatTheTableLists) {
  FakeCluster cluster = a_running_cluster(1);
  cluster.edit_spec("/spec/ranktable/serverAddress", "HostIP");
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-0-0-2")) << "its gate looks for another address";
}

TEST(Rollout, ScalingOutTouchesNobodyElsesPods) {
  FakeCluster cluster = a_running_cluster(1);
  const std::string uid = cluster.pod("qwen-prefill-0-0-1").meta.uid;
  cluster.edit_spec("/spec/prefill/instances", 3);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.pod("qwen-prefill-0-0-1").meta.uid, uid);
  EXPECT_EQ(cluster.status().prefill.summary, "3/3");
  EXPECT_EQ(cluster.generation(), "2") << "one table for all that came";
}

// Their peers see a table without them: that they are unavailable is no reason to wait.
TEST(Rollout, InstancesThatTheTableLeavesOutAreUpdatedAtOnce) {
  FakeCluster cluster(a_deployment().prefill(3).set("/spec/ranktable/requireLinkUp", true));
  ASSERT_TRUE(cluster.settle());
  for (const char* name : {"qwen-prefill-1-0-1", "qwen-prefill-2-0-1"}) {
    const kube::Pod& pod = cluster.pod(name);
    const int held = cluster.nodes_.at(pod.node).held.at(pod.meta.uid).front();
    cluster.edit_node(pod.node, [&](npu::Inventory& inventory) { inventory.devices.at(held).link = "down"; });
  }
  ASSERT_TRUE(cluster.settle());
  ASSERT_EQ(cluster.condition("RanktableReady").reason, "Partial") << cluster.condition("RanktableReady").message;
  cluster.edit_spec(kImage, "vllm:2");
  cluster.try_templates();
  EXPECT_THAT(deleted(cluster.plan_now()), UnorderedElementsAre("qwen-prefill-1-0-1", "qwen-prefill-2-0-1"));
}

TEST(Rollout, PausedChangesNoPodsButTablesGoOn) {
  FakeCluster cluster = a_running_cluster(3);
  cluster.edit_spec("/spec/paused", true);
  cluster.edit_spec(kImage, "vllm:2");
  cluster.vanish("qwen-prefill-2-0-1");
  ASSERT_TRUE(cluster.settle());
  EXPECT_FALSE(cluster.pods_.contains("qwen-prefill-2-0-1"));
  EXPECT_EQ(cluster.condition("Progressing").reason, "Paused");
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial");
}

TEST(Rollout, AnInvalidTemplateOfOneRoleHoldsUpThatRoleOnly) {
  FakeCluster cluster = a_running_cluster(2);
  cluster.edit_spec("/spec/prefill/template/spec/restartPolicy", "Never");
  cluster.vanish("qwen-prefill-1-0-1");
  cluster.vanish("qwen-decode-0-0-1");
  const Plan made = cluster.plan_now();
  EXPECT_THAT(created(made), ElementsAre("qwen-decode-0-0-1"));
  EXPECT_THAT(deleted(made), IsEmpty());
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "False");
  const auto said = std::count_if(cluster.events_.begin(), cluster.events_.end(),
                                  [](const EmitEvent& event) { return event.reason == "TemplateInvalid"; });
  EXPECT_EQ(said, 1);
}

TEST(Rollout, ASurplusPodIsDeleted) {
  FakeCluster cluster = a_running_cluster(1);
  cluster.delete_pod("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster.settle());
  kube::Pod late = cluster.pod("qwen-prefill-0-0-2");
  late.meta.name = "qwen-prefill-0-0-1";
  late.meta.uid = "uid-late";
  cluster.pods_[late.meta.name] = late;
  EXPECT_THAT(deleted(cluster.plan_now()), ElementsAre("qwen-prefill-0-0-1"));
}

TEST(Rollout, ANameThatAStrangerHoldsIsPassedOverAndSaid) {
  FakeCluster cluster(a_deployment());
  cluster.add_foreign_pod("qwen-prefill-0-0-1", "prefill", 0);
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(cluster.pods_.contains("qwen-prefill-0-0-2"));
  EXPECT_EQ(cluster.condition("Progressing").reason, "NameTaken");
  EXPECT_THAT(cluster.condition("Progressing").message, HasSubstr("Pod qwen-prefill-0-0-1 belongs to somebody else"));
}

}  // namespace
}  // namespace pd::plan
