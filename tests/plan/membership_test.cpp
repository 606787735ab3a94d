#include "plan/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Slot kPrefill0{{Role::kPrefill, 0}, 0};
constexpr Slot kPrefill1{{Role::kPrefill, 1}, 0};

FakeCluster a_running_cluster() {
  FakeCluster cluster(a_deployment().prefill(2));
  cluster.settle();
  return cluster;
}

// A pod of ours for a slot, as a former leader might have created it.
void add_pod(FakeCluster& cluster, const std::string& like, const std::string& name) {
  kube::Pod pod = cluster.pod(like);
  pod.meta.name = name;
  pod.meta.uid = "uid-of-" + name;
  cluster.pods_[name] = pod;
}

TEST(Names, AreDeterministic) {
  EXPECT_EQ(name_of(kPrefill1), "prefill-1-0");
  EXPECT_EQ(name_of(Instance{Role::kScheduler, 0}), "scheduler");
  EXPECT_EQ(pod_name("qwen", kPrefill1, 3), "qwen-prefill-1-0-3");
  EXPECT_EQ(hostname_of("qwen", kPrefill1), "qwen-prefill-1-0");
}

TEST(Occupants, AreTheLivePodsOfEachSlot) {
  FakeCluster cluster = a_running_cluster();
  cluster.delete_pod("qwen-prefill-0-0-1");
  cluster.fail_pod("qwen-prefill-1-0-1");
  const Snapshot snapshot = cluster.snapshot();
  const Occupancy occupancy = find_occupants(snapshot);
  EXPECT_EQ(occupancy.occupant(kPrefill0), nullptr);
  EXPECT_EQ(occupancy.slots.at(kPrefill0).terminating.size(), 1U);
  EXPECT_EQ(occupancy.occupant(kPrefill1), nullptr);
  EXPECT_EQ(occupancy.slots.at(kPrefill1).dead.size(), 1U);
  EXPECT_NE(occupancy.occupant({{Role::kDecode, 0}, 0}), nullptr);
}

TEST(Occupants, OfTwoLivePodsTheHighestIncarnationStays) {
  FakeCluster cluster = a_running_cluster();
  add_pod(cluster, "qwen-prefill-0-0-1", "qwen-prefill-0-0-10");
  add_pod(cluster, "qwen-prefill-0-0-1", "qwen-prefill-0-0-9");
  const Snapshot snapshot = cluster.snapshot();
  const SlotPods pods = find_occupants(snapshot).slots.at(kPrefill0);
  EXPECT_EQ(pods.occupant->meta.name, "qwen-prefill-0-0-10");
  EXPECT_EQ(pods.surplus.size(), 2U);
}

TEST(Occupants, AreNeverPodsOfSomebodyElse) {
  FakeCluster cluster(a_deployment().prefill(1));
  cluster.add_foreign_pod("qwen-prefill-0-0-1", "prefill", 0);
  const Snapshot snapshot = cluster.snapshot();
  const Occupancy occupancy = find_occupants(snapshot);
  EXPECT_EQ(occupancy.occupant(kPrefill0), nullptr);
  EXPECT_THAT(occupancy.foreign_names, ElementsAre("qwen-prefill-0-0-1"));
}

TEST(Occupants, AreNeverPodsWhoseLabelsSomebodyRewrote) {
  FakeCluster cluster = a_running_cluster();
  for (const char* index : {"-1", "01", "99999999999999999999", "x", ""}) {
    cluster.pod("qwen-prefill-0-0-1").meta.labels["pd-operator.io/instance"] = index;
    const Snapshot snapshot = cluster.snapshot();
    EXPECT_EQ(find_occupants(snapshot).occupant(kPrefill0), nullptr) << index;
  }
  cluster.pod("qwen-prefill-0-0-1").meta.labels["pd-operator.io/instance"] = "1";
  const Snapshot snapshot = cluster.snapshot();
  EXPECT_THAT(find_occupants(snapshot).slots.at(kPrefill1).surplus, IsEmpty()) << "name and labels disagree";
}

TEST(Incarnation, IsOneAtFirstAndNeedsNoRecord) {
  const Succession next = next_incarnation(kPrefill0, {}, {});
  EXPECT_EQ(next.incarnation, 1);
  EXPECT_TRUE(next.recorded);
}

TEST(Incarnation, FollowsTheHighestNameThatIsThere) {
  SlotPods pods;
  pods.highest = 3;
  const Succession next = next_incarnation(kPrefill0, pods, {});
  EXPECT_EQ(next.incarnation, 4);
  EXPECT_FALSE(next.recorded);
}

TEST(Incarnation, IsTheRecordedOneUntilAPodHasIt) {
  kube::PDDeploymentStatus status;
  status.incarnations = {{"prefill-0-0", 4}};
  SlotPods pods;
  pods.highest = 3;
  EXPECT_EQ(next_incarnation(kPrefill0, pods, status).incarnation, 4);
  EXPECT_TRUE(next_incarnation(kPrefill0, pods, status).recorded);
  pods.highest = 4;
  EXPECT_EQ(next_incarnation(kPrefill0, pods, status).incarnation, 5);
  EXPECT_FALSE(next_incarnation(kPrefill0, pods, status).recorded);
}

TEST(Incarnation, PassesNamesThatStrangersHold) {
  FakeCluster cluster(a_deployment());
  Snapshot snapshot = cluster.snapshot();
  snapshot.taken_pod_names = {"qwen-prefill-0-0-1", "another-prefill-0-0-7", "qwen-prefill-0-0-x", "qwen-prefill-0-0-3",
                              "qwen-prefill-0-0-999999999999999"};
  SlotPods pods = find_occupants(snapshot).slots.at(kPrefill0);
  EXPECT_EQ(next_incarnation(kPrefill0, pods, {}).incarnation, 2) << "no stranger's number is counted on from";
  EXPECT_FALSE(next_incarnation(kPrefill0, pods, {}).recorded);
  pods.highest = 2;
  EXPECT_EQ(next_incarnation(kPrefill0, pods, {}).incarnation, 4);
}

TEST(ParseNumber, TakesWhatWeWriteAndNothingElse) {
  EXPECT_EQ(parse_number("0"), 0);
  EXPECT_EQ(parse_number("120"), 120);
  for (const char* text : {"", "-0", "-1", "+1", "01", "1 ", "1.0", "9999999999999999", "x"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace pd::plan
