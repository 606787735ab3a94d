// Instances of several adopted pods, told by a label.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/adopting.h"

namespace pd::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

kube::TextMap group(const std::string& value, const std::string& index) { return {{"group", value}, {"at", index}}; }

DeploymentBuilder grouped() {
  return a_deployment()
      .prefill(2)
      .set("/spec/ranktable/profile", "PerInstance")
      .set("/spec/prefill/podsPerInstance", 2)
      .adopt("prefill", {{"instanceLabel", "group"}, {"podIndexLabel", "at"}});
}

TEST(Adopted, PodsAreGroupedByALabelInTheOrderOfItsNumbers) {
  FakeCluster cluster(grouped());
  cluster.add_workload_pod("w-10-1", "prefill", 2, group("10", "1"));
  cluster.add_workload_pod("w-10-0", "prefill", 2, group("10", "0"));
  cluster.add_workload_pod("w-9-1", "prefill", 2, group("9", "1"));
  cluster.add_workload_pod("w-9-0", "prefill", 2, group("9", "0"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 w-9-0, prefill-0-1 w-9-1, prefill-1-0 w-10-0, prefill-1-1 w-10-1");
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  const auto& data = cluster.config_map_->data;
  EXPECT_EQ(data.at("local_ranktable_w-9-0.json"), data.at("local_ranktable_w-9-1.json"));
  EXPECT_THAT(data.at("instance_w-9-1.env"), StartsWith("PD_INSTANCE=prefill-0\n"));
  // The first group is made anew; meanwhile the other one is not moved to its place.
  cluster.vanish("w-9-0");
  cluster.vanish("w-9-1");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
  cluster.add_workload_pod("w-9-0", "prefill", 2, group("9", "0"));
  cluster.add_workload_pod("w-9-1", "prefill", 2, group("9", "1"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 w-9-0, prefill-0-1 w-9-1, prefill-1-0 w-10-0, prefill-1-1 w-10-1");
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
}

TEST(Adopted, APodThatChangesItsGroupMovesNobodyElse) {
  FakeCluster cluster(grouped().prefill(1));
  for (const char* name : {"b-0", "b-1"}) cluster.add_workload_pod(name, "prefill", 2, group("b", name + 2));
  ASSERT_TRUE(cluster.settle());
  cluster.edit_spec("/spec/prefill/instances", 2);
  for (const char* name : {"a-0", "a-1"}) cluster.add_workload_pod(name, "prefill", 2, group("a", name + 2));
  ASSERT_TRUE(cluster.settle());
  const std::string before = places(cluster);
  ASSERT_EQ(before, "prefill-0-0 b-0, prefill-0-1 b-1, prefill-1-0 a-0, prefill-1-1 a-1");
  cluster.pod("b-1").meta.labels["group"] = "a";
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), before) << "its own is kept for its successor";
}

TEST(Adopted, APodOfAGroupWithoutAUsableIndexIsNamed) {
  FakeCluster cluster(grouped().prefill(1));
  cluster.add_workload_pod("w-0", "prefill", 2, group("a", "0"));
  cluster.add_workload_pod("w-1", "prefill", 2, group("a", "2"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message, HasSubstr("prefill has 1 of 2 pods"));
  cluster.add_workload_pod("w-x", "prefill", 2, group("a", "1"));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message,
              HasSubstr("Pod w-1 is not adopted, since its label at is \"2\" and should be a number below 2"));
  cluster.add_workload_pod("w-y", "prefill", 2, {});
  cluster.vanish("w-1");
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message, HasSubstr("w-y is not adopted, since it has "
                                                                        "no label group"));
}

TEST(Adopted, WithoutAnIndexLabelPodsOfAGroupKeepTheirPlacesToo) {
  FakeCluster cluster(grouped().prefill(1).adopt("prefill", {{"instanceLabel", "group"}}));
  for (const char* name : {"a", "b"}) {
    cluster.add_workload_pod(name, "prefill", 2, group("g", ""));
    cluster.advance(seconds(1));
  }
  ASSERT_TRUE(cluster.settle());
  cluster.vanish("a");
  cluster.add_workload_pod("c", "prefill", 2, group("g", ""));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 c, prefill-0-1 b");
}

}  // namespace
}  // namespace pd::plan
