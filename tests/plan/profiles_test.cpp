// The layouts whose groups are counted over both roles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan.h"
#include "ranktable/validate.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::minutes;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

DeploymentBuilder positional(const std::string& profile) {
  return a_deployment()
      .set("/spec/ranktable/profile", profile)
      .prefill(2)
      .set("/spec/prefill/podsPerInstance", 2)
      .set("/spec/ranktable/lostGraceSeconds", 30);
}

std::string env_of(const Json& pod, const std::string& name) {
  for (const Json& variable : pod.at("spec").at("containers").at(0).at("env")) {
    if (variable.at("name") == name) return variable.value("value", "");
  }
  return "none";
}

class Positional : public ::testing::TestWithParam<std::string> {
 protected:
  FakeCluster cluster_{positional(GetParam())};
};

TEST_P(Positional, IsServedWithSeveralPodsInAnInstance) {
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
  const auto& data = cluster_.config_map_->data;
  const std::string& global = data.at("global_ranktable.json");
  EXPECT_THAT(ranktable::validate_global(global, GetParam()), IsEmpty());
  for (const char* local : {"local_ranktable_prefill-0.json", "local_ranktable_prefill-1.json",
                            "local_ranktable_decode-0.json", "local_ranktable_host.json"}) {
    EXPECT_THAT(ranktable::validate_mirror(global, data.at(local), GetParam()), IsEmpty()) << local;
  }
  EXPECT_THAT(data.at("instance_prefill-0.env"), HasSubstr("SERVER_IP_LIST="));
  for (const auto& [name, pod] : cluster_.pods_) {
    EXPECT_FALSE(pod.meta.annotation("pd-operator.io/ranktable-generation").empty()) << name << " was not touched";
  }
}

TEST_P(Positional, ALostSchedulerIsWaitedFor) {
  ASSERT_TRUE(cluster_.settle());
  for (auto& [name, node] : cluster_.nodes_) node.cordoned = true;
  cluster_.vanish("qwen-scheduler-0-0-1");
  cluster_.apply_plan(cluster_.plan_now());
  EXPECT_EQ(cluster_.condition("RanktableReady").reason, "InstanceLost");
}

TEST_P(Positional, TellsEachPodItsPlace) {
  ASSERT_TRUE(cluster_.settle());
  const int first = GetParam() == "OmniK8s" ? 1 : 0;
  const Json& prefill = cluster_.created_.at("qwen-prefill-1-1-1");
  EXPECT_EQ(env_of(prefill, "PREFILL_POD_NUM"), "2");
  EXPECT_EQ(env_of(prefill, "DECODE_POD_NUM"), "1");
  EXPECT_EQ(env_of(prefill, "SERVER_GROUP_ID"), std::to_string(first + 1));
  EXPECT_EQ(env_of(cluster_.created_.at("qwen-decode-0-0-1"), "SERVER_GROUP_ID"), std::to_string(first + 2));
  const std::string scheduler = env_of(cluster_.created_.at("qwen-scheduler-0-0-1"), "SERVER_GROUP_ID");
  EXPECT_EQ(scheduler, GetParam() == "OmniK8s" ? "0" : "none");
}

TEST_P(Positional, NeverGoesOnWithoutAnInstance) {
  ASSERT_TRUE(cluster_.settle());
  const auto before = cluster_.config_map_->data;
  for (auto& [name, node] : cluster_.nodes_) node.cordoned = true;
  cluster_.vanish("qwen-prefill-1-0-1");
  for (int i = 0; i < 10; ++i) {
    cluster_.apply_plan(cluster_.plan_now());
    cluster_.advance(minutes(1));
  }
  EXPECT_EQ(cluster_.config_map_->data, before);
  EXPECT_EQ(cluster_.condition("RanktableReady").reason, "InstanceLost");
  EXPECT_THAT(cluster_.condition("RanktableReady").message, HasSubstr("lists every instance or none; prefill-1"));
}

TEST_P(Positional, TheFirstTableWaitsForAllWhateverThePolicySays) {
  FakeCluster cluster(positional(GetParam()).set("/spec/ranktable/publishPolicy", "Available").prefill(40), 2);
  cluster.settle();
  cluster.advance(minutes(5));
  cluster.settle();
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "WaitingForInstances");
}

// Its counts are what the other role's pods have been told.
TEST_P(Positional, ScalingOneRoleReplacesThePodsOfAll) {
  ASSERT_TRUE(cluster_.settle());
  const std::string decode = cluster_.pod("qwen-decode-0-0-1").meta.uid;
  cluster_.edit_spec("/spec/prefill/instances", 1);
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
  for (const auto& [name, pod] : cluster_.pods_) EXPECT_NE(pod.meta.uid, decode);
  EXPECT_EQ(env_of(cluster_.created_.at("qwen-decode-0-0-2"), "PREFILL_POD_NUM"), "1");
  EXPECT_THAT(ranktable::validate_global(cluster_.config_map_->data.at("global_ranktable.json"), GetParam()),
              IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Profiles, Positional, ::testing::Values("PerInstance", "OmniK8s"));

TEST(AscendCloudProfile, ScalingOneRoleLeavesTheOtherAlone) {
  FakeCluster cluster(a_deployment().prefill(2));
  ASSERT_TRUE(cluster.settle());
  const std::string decode = cluster.pod("qwen-decode-0-0-1").meta.uid;
  cluster.edit_spec("/spec/prefill/instances", 1);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.pod("qwen-decode-0-0-1").meta.uid, decode);
  EXPECT_EQ(env_of(cluster.created_.at("qwen-decode-0-0-1"), "PREFILL_POD_NUM"), "none");
}

}  // namespace
}  // namespace pd::plan
