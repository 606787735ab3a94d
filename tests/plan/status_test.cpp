#include "plan/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/touch.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FakeCluster a_running_cluster() {
  FakeCluster cluster(a_deployment().prefill(2));
  cluster.settle();
  return cluster;
}

std::vector<TouchPod> touches(const Plan& made) {
  std::vector<TouchPod> found;
  for (const Action& action : made.actions) {
    if (const auto* touch = std::get_if<TouchPod>(&action)) found.push_back(*touch);
  }
  return found;
}

TEST(Status, HasAllConditionsInAFixedOrder) {
  const FakeCluster cluster = a_running_cluster();
  std::vector<std::string> types;
  for (const kube::Condition& condition : cluster.status().conditions) {
    types.push_back(condition.type);
    EXPECT_FALSE(condition.reason.empty()) << condition.type;
    EXPECT_TRUE(condition.message.ends_with(".")) << condition.type << ": " << condition.message;
    EXPECT_EQ(condition.observed_generation, 1) << condition.type;
  }
  EXPECT_THAT(types, ElementsAre("Ready", "Available", "Progressing", "TemplatesValid", "DevicesDiscovered",
                                 "RanktableReady", "RanktableDelivered"));
  EXPECT_EQ(cluster.condition("Available").status, "True");
  EXPECT_EQ(cluster.condition("DevicesDiscovered").status, "True");
  EXPECT_EQ(cluster.condition("RanktableDelivered").reason, "Delivering");
}

TEST(Status, CountsTheRoles) {
  FakeCluster cluster = a_running_cluster();
  EXPECT_EQ(cluster.status().prefill, (kube::RoleStatus{2, 2, 2, "2/2"}));
  EXPECT_EQ(cluster.status().scheduler, (kube::RoleStatus{1, 1, 1, "1/1"}));
  cluster.pod("qwen-prefill-0-0-1").ready = false;
  cluster.vanish("qwen-prefill-1-0-1");
  cluster.edit_spec("/spec/paused", true);
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.status().prefill, (kube::RoleStatus{1, 0, 1, "0/2"}));
}

TEST(Status, CountsWhatIsBeingMade) {
  FakeCluster cluster = a_running_cluster();
  cluster.vanish("qwen-prefill-1-0-1");
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.status().prefill, (kube::RoleStatus{2, 1, 2, "1/2"}));
  for (const Action& action : cluster.plan_now().actions) EXPECT_FALSE(std::holds_alternative<WriteStatus>(action));
}

TEST(Status, NamesWhoToldOfTheDevices) {
  FakeCluster cluster = a_running_cluster();
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message,
              HasSubstr("by the annotation pd-operator.io/npu-allocations."));
  kube::Pod& pod = cluster.pod("qwen-prefill-0-0-1");
  std::string real;
  for (const int id : cluster.nodes_.at(pod.node).held.at(pod.meta.uid)) {
    real.append(real.empty() ? "" : ",").append("Ascend910-").append(std::to_string(id));
  }
  pod.meta.annotations["huawei.com/AscendReal"] = real;
  cluster.apply_plan(cluster.plan_now());
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message,
              HasSubstr("by the annotation huawei.com/AscendReal, pd-operator.io/npu-allocations."));
}

// Without requireLinkUp a link that is down is published all the same, and said.
TEST(Status, WarnsOfALinkThatIsDown) {
  FakeCluster cluster = a_running_cluster();
  const std::string node = cluster.pod("qwen-prefill-0-0-1").node;
  const int id = cluster.nodes_.at(node).held.at(cluster.pod("qwen-prefill-0-0-1").meta.uid)[0];
  cluster.edit_node(node,
                    [&](npu::Inventory& inventory) { inventory.devices[static_cast<std::size_t>(id)].link = "down"; });
  cluster.events_.clear();
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("DevicesDiscovered").status, "True");
  EXPECT_EQ(cluster.condition("DevicesDiscovered").reason, "LinkDown");
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message, HasSubstr("whose link is down. The NPUs of all"));
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  ASSERT_EQ(cluster.events_.size(), 1U);
  EXPECT_EQ(cluster.events_[0].reason, "LinkDown");
  EXPECT_EQ(cluster.events_[0].pod->name, "qwen-prefill-0-0-1");
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.events_.size(), 1U) << "it is said once";
}

TEST(Status, TransitionTimesMoveOnlyWhenAStatusFlips) {
  FakeCluster cluster = a_running_cluster();
  const std::optional<WallTime> ready = cluster.condition("Ready").since;
  const std::optional<WallTime> valid = cluster.condition("TemplatesValid").since;
  cluster.advance(seconds(100));
  cluster.pod("qwen-prefill-0-0-1").ready = false;
  const Plan made = cluster.plan_now();
  EXPECT_EQ(made.haste, Haste::kSoon) << "people wait for Ready";
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.plan_now().haste, Haste::kNone);
  EXPECT_EQ(cluster.condition("Ready").status, "False");
  EXPECT_EQ(cluster.condition("Ready").since, cluster.now_);
  EXPECT_NE(cluster.condition("Ready").since, ready);
  EXPECT_EQ(cluster.condition("TemplatesValid").since, valid);
}

TEST(Status, IsWrittenOnlyWhenItSaysSomethingElse) {
  FakeCluster cluster = a_running_cluster();
  kube::PDDeploymentStatus reordered = cluster.status();
  std::reverse(reordered.conditions.begin(), reordered.conditions.end());
  reordered.conditions.push_back({"SomebodyElses", "True", "X", "y", cluster.now_, 1});
  cluster.deployment_["status"] = kube::encode_status(reordered);
  EXPECT_THAT(cluster.plan_now().actions, IsEmpty());
  EXPECT_TRUE(same_status(reordered, cluster.status()));
}

// L3: one reschedule costs one table and at most five status writes.
TEST(Status, OneRescheduleCostsFewWrites) {
  FakeCluster cluster = a_running_cluster();
  const int statuses = cluster.status_writes_;
  const int tables = cluster.table_writes_;
  cluster.delete_pod("qwen-prefill-1-0-1");
  ASSERT_TRUE(cluster.settle());
  EXPECT_LE(cluster.status_writes_ - statuses, 5);
  EXPECT_EQ(cluster.table_writes_ - tables, 1);
}

TEST(Status, NamesTheFirstPodWithoutDevicesAndWhy) {
  FakeCluster cluster = a_running_cluster();
  cluster.nodes_.at("node-0").garbled = "{\"v\":1,\"source\":7}";
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("DevicesDiscovered").status, "False");
  EXPECT_EQ(cluster.condition("DevicesDiscovered").reason, "NodeAnnotationInvalid");
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message, HasSubstr("Pod qwen-prefill-0-0-1 has no known NPUs"));
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message, HasSubstr("/source"));
}

TEST(Status, EventsComeWithTheTransitionOnly) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/ranktable/requireLinkUp", true);
  cluster.edit_node("node-0", [](npu::Inventory& inventory) {
    for (npu::Device& device : inventory.devices) device.link = "down";
  });
  cluster.events_.clear();
  for (int i = 0; i < 3; ++i) {
    cluster.apply_plan(cluster.plan_now());
    cluster.advance(seconds(1));
  }
  ASSERT_EQ(cluster.events_.size(), 1U);
  EXPECT_EQ(cluster.events_[0].reason, "LinkDown");
  EXPECT_EQ(cluster.events_[0].pod->name, "qwen-prefill-0-0-1");
}

TEST(Touch, APodIsCreatedWithoutItAndTouchedOnceTheTableListsIt) {
  FakeCluster cluster(a_deployment());
  for (int i = 0; i < 3 && cluster.pods_.empty(); ++i) cluster.apply_plan(cluster.plan_now());
  for (const auto& [name, pod] : cluster.created_) EXPECT_FALSE(pod["metadata"].contains("annotations")) << name;
  EXPECT_THAT(touches(cluster.plan_now()), IsEmpty());
  cluster.live();
  const Plan made = cluster.plan_now();
  ASSERT_EQ(touches(made).size(), 3U);
  EXPECT_EQ(touches(made)[0].annotations.at("pd-operator.io/ranktable-generation"), "1");
}

TEST(Touch, IsRepeatedAfterFiveSecondsOnceAndThenNoMore) {
  FakeCluster cluster(a_deployment());
  for (int i = 0; i < 6; ++i) {
    cluster.apply_plan(cluster.plan_now());
    cluster.live();
  }
  ASSERT_EQ(cluster.generation(), "1");
  EXPECT_THAT(touches(cluster.plan_now()), IsEmpty());
  EXPECT_EQ(cluster.plan_now().requeue_after, Duration(seconds(5)));
  cluster.advance(seconds(5));
  const Plan made = cluster.plan_now();
  ASSERT_EQ(touches(made).size(), 3U);
  EXPECT_EQ(touches(made)[0].annotations, (std::map<std::string, std::string>{{"pd-operator.io/retouched", "1"}}));
  cluster.apply_plan(made);
  EXPECT_THAT(cluster.plan_now().actions, IsEmpty());
  EXPECT_FALSE(cluster.plan_now().requeue_after);
}

TEST(Touch, IsNotRepeatedWhenKubeletHasLongRefreshedByItself) {
  FakeCluster cluster = a_running_cluster();
  cluster.pod("qwen-prefill-0-0-1").meta.annotations.erase("pd-operator.io/retouched");
  cluster.advance(seconds(120));
  EXPECT_THAT(cluster.plan_now().actions, IsEmpty());
}

TEST(Touch, HappensAfterACrashBetweenWriteAndTouch) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/prefill/instances", 1);
  const Plan made = cluster.plan_now();
  ASSERT_TRUE(std::holds_alternative<ReplaceConfigMap>(made.actions[0]));
  cluster.apply_plan(made, 1);
  const std::vector<TouchPod> found = touches(cluster.plan_now());
  ASSERT_EQ(found.size(), 3U);
  for (const TouchPod& touch : found) {
    EXPECT_EQ(touch.annotations.at("pd-operator.io/ranktable-generation"), "2");
    EXPECT_NE(touch.name, "qwen-prefill-1-0-1") << "the table does not list it any more";
  }
}

TEST(Touch, SparesAPodThatTheSamePlanDeletes) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/prefill/template/spec/containers/0/image", "vllm:2");
  cluster.try_templates();
  cluster.pod("qwen-prefill-1-0-1").meta.annotations["pd-operator.io/ranktable-generation"] = "0";
  const Plan made = cluster.plan_now();
  bool deletes = false;
  for (const Action& action : made.actions) {
    const auto* pod = std::get_if<DeletePod>(&action);
    deletes = deletes || (pod != nullptr && pod->name == "qwen-prefill-1-0-1");
  }
  EXPECT_TRUE(deletes);
  EXPECT_THAT(touches(made), IsEmpty());
}

}  // namespace
}  // namespace pd::plan
