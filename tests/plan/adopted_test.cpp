#include "plan/adopted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/adopting.h"

namespace pd::plan {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Adopted, PodsOfAWorkloadAreListedTouchedAndNothingElse) {
  FakeCluster cluster = running(adopting(), {"engine-0", "engine-1"});
  EXPECT_EQ(places(cluster), "prefill-0-0 engine-0, prefill-1-0 engine-1");
  EXPECT_THAT(listed(cluster), ElementsAre(cluster.pod("engine-0").pod_ip, cluster.pod("engine-1").pod_ip));
  EXPECT_EQ(cluster.pod("engine-0").meta.annotation("pd-operator.io/ranktable-generation"), cluster.generation());
  EXPECT_EQ(cluster.created_.size(), 2U) << "scheduler and decode";
  EXPECT_EQ(cluster.status().prefill.summary, "2/2");
  EXPECT_EQ(cluster.status().prefill.updated, 2);
  EXPECT_EQ(cluster.condition("TemplatesValid").status, "True");
  EXPECT_THAT(cluster.status().incarnations, IsEmpty());
  EXPECT_THAT(events(cluster, "Adopted"), ElementsAre("engine-0: It is prefill-0 of PDDeployment qwen.",
                                                      "engine-1: It is prefill-1 of PDDeployment qwen."));
}

TEST(Adopted, PodsReadTheirTablesByTheirNames) {
  FakeCluster cluster = running(adopting(), {"engine-0", "engine-1"});
  const auto& data = cluster.config_map_->data;
  EXPECT_EQ(data.size(), 10U);  // global, host, three locals, four env files, generation
  EXPECT_THAT(data.at("local_ranktable_engine-1.json"), HasSubstr(cluster.pod("engine-1").pod_ip));
  EXPECT_THAT(data.at("instance_engine-1.env"),
              AllOf(StartsWith("PD_INSTANCE=prefill-1\nSERVER_ID="), HasSubstr("\nDEVICE_IDS=")));
  EXPECT_TRUE(data.contains("local_ranktable_decode-0.json"));
  EXPECT_FALSE(data.contains("local_ranktable_prefill-0.json"));
}

TEST(Adopted, NamesLikeThoseOfInstancesMeanNothing) {
  FakeCluster cluster = running(adopting(), {"prefill-1", "prefill-0"});
  EXPECT_EQ(places(cluster), "prefill-0-0 prefill-1, prefill-1-0 prefill-0");
  EXPECT_THAT(cluster.table("local_ranktable_prefill-1.json"), HasSubstr(cluster.pod("prefill-1").pod_ip));
}

TEST(Adopted, NewPodsAreOrderedByAgeThenUid) {
  FakeCluster cluster(adopting(3));
  cluster.add_workload_pod("b", "prefill").meta.uid = "uid-2";
  cluster.add_workload_pod("c", "prefill").meta.uid = "uid-1";
  cluster.apply_plan(cluster.plan_now());  // seen before the oldest
  cluster.add_workload_pod("a", "prefill").meta.created = cluster.now_ - seconds(9);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 a, prefill-1-0 c, prefill-2-0 b");
}

TEST(Adopted, KeepsItsPlaceWhileItLives) {
  FakeCluster cluster = running(adopting(3), {"a", "b", "c"});
  cluster.vanish("a");
  cluster.vanish("b");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial");
  EXPECT_EQ(places(cluster), "prefill-0-0 a, prefill-1-0 b, prefill-2-0 c") << "the places of the dead are kept";
  cluster.config_map_.reset();
  ASSERT_TRUE(cluster.settle());
  cluster.add_workload_pod("d", "prefill");
  cluster.advance(seconds(1));
  cluster.add_workload_pod("b", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 d, prefill-1-0 b, prefill-2-0 c") << "a known name comes back to its place";
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  EXPECT_THAT(listed(cluster), ElementsAre(cluster.pod("d").pod_ip, cluster.pod("b").pod_ip, cluster.pod("c").pod_ip));
}

TEST(Adopted, KeepsItsPlaceThoughTheFirstTableWasEditedRightAfterItWasWritten) {
  FakeCluster cluster(adopting(3));
  for (const char* name : {"a", "b", "c"}) {
    cluster.add_workload_pod(name, "prefill");
    cluster.advance(seconds(1));
  }
  for (int i = 0; i < 20 && listed(cluster).empty(); ++i) {
    cluster.live();
    cluster.try_templates();
    for (const Action& action : cluster.plan_now().actions) {
      if (!cluster.apply(action) || !listed(cluster).empty()) break;  // the operator dies before it touches a pod
    }
  }
  ASSERT_EQ(listed(cluster).size(), 3U);
  ASSERT_EQ(cluster.status().ranktable.published_at, std::nullopt);
  cluster.vanish("a");
  cluster.config_map_->data["generation"] = "7";
  cluster.add_workload_pod("d", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 d, prefill-1-0 b, prefill-2-0 c");
}

// They outlive a deployment; what they see of the next one is to be new to them.
TEST(Adopted, NumbersGoOnFromWhatPodsHaveSeenOfAnEarlierDeployment) {
  FakeCluster cluster(adopting(1));
  cluster.add_workload_pod("a", "prefill");
  cluster.pod("a").meta.annotations["pd-operator.io/ranktable-generation"] = "7";
  cluster.add_workload_pod("b", "prefill");
  cluster.pod("b").meta.annotations["pd-operator.io/ranktable-generation"] = "999999999999999999";
  ASSERT_TRUE(cluster.settle());
  EXPECT_GT(std::stoll(cluster.generation()), 7 + 64) << "and from what it may have written without a touch";
  EXPECT_LT(std::stoll(cluster.generation()), 90);
}

TEST(Adopted, HaveNeitherABudgetNorAnEntryOfOurs) {
  FakeCluster cluster(adopting(1).adopt("scheduler").set("/spec/prefill/podDisruptionBudget", {{"minAvailable", 1}}));
  cluster.objects_.add_foreign({"Service", "qwen-scheduler"});
  cluster.add_workload_pod("a", "prefill");
  cluster.add_workload_pod("s", "scheduler", 0);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_NE(cluster.condition("Progressing").reason, "NameTaken");
  EXPECT_TRUE(cluster.objects_.get({"PodDisruptionBudget", "qwen-prefill"}).is_null());
}

TEST(Adopted, PlacesAreStoredBeforeATableIsMadeOfThem) {
  FakeCluster cluster = running(adopting(), {"a", "b"});
  cluster.vanish("a");
  cluster.live();
  cluster.add_workload_pod("c", "prefill");
  cluster.live();  // bound and addressed before the operator looks
  const Plan made = cluster.plan_now();
  ASSERT_GE(made.actions.size(), 2U);
  const auto* status = std::get_if<WriteStatus>(&made.actions[0]);
  ASSERT_NE(status, nullptr);
  EXPECT_EQ(status->status.adopted, (std::vector<kube::AdoptedPod>{{"prefill-0-0", "c"}, {"prefill-1-0", "b"}}));
  EXPECT_TRUE(std::holds_alternative<ReplaceConfigMap>(made.actions[1]));
  cluster.apply_plan(made);
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(events(cluster, "Adopted"), testing::Contains("c: It is prefill-0 of PDDeployment qwen.").Times(1));
}

TEST(Adopted, ASurgePodIsListedBesideThoseItReplaces) {
  FakeCluster cluster = running(adopting(), {"a", "b"});
  cluster.add_workload_pod("c", "prefill", 2, {}, kReplicaSet);
  ASSERT_TRUE(cluster.settle());
  EXPECT_TRUE(is_ready(cluster.pod("c"))) << "it passed its gate";
  EXPECT_EQ(listed(cluster).size(), 3U);
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  cluster.delete_pod("a");
  cluster.apply_plan(cluster.plan_now());
  EXPECT_THAT(listed(cluster), ElementsAre(cluster.pod("b").pod_ip, cluster.pod("c").pod_ip)) << "nobody is missed";
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Published");
  cluster.add_workload_pod("d", "prefill", 2, {}, kReplicaSet);
  ASSERT_TRUE(cluster.settle());
  cluster.delete_pod("b");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 d, prefill-2-0 c");
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  EXPECT_EQ(cluster.status().prefill.summary, "2/2");
}

TEST(Adopted, ASurgePodWithoutNpusHoldsUpNobody) {
  FakeCluster cluster = running(adopting(), {"a", "b"});
  const std::string before = cluster.generation();
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
  cluster.add_workload_pod("c", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.generation(), before);
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(Adopted, OneBeyondTheCountThatWasListedIsWaitedFor) {
  FakeCluster cluster = running(adopting(), {"a", "b"});
  cluster.nodes_.at("node-0").cordoned = true;
  cluster.add_workload_pod("c", "prefill");
  ASSERT_TRUE(cluster.settle());
  cluster.nodes_.at("node-1").garbled = "{}";
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(listed(cluster).size(), 3U) << "for lostGraceSeconds";
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
}

TEST(Adopted, ALostPodIsWaitedForAndThenLeftOut) {
  FakeCluster cluster = running(adopting(), {"a", "b"});
  cluster.vanish("b");
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
  EXPECT_THAT(cluster.condition("RanktableReady").message, HasSubstr("prefill-1: no pod has come for it yet"));
  EXPECT_EQ(listed(cluster).size(), 2U);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial");
  EXPECT_FALSE(cluster.config_map_->data.contains("local_ranktable_b.json"));
  EXPECT_FALSE(cluster.config_map_->data.contains("instance_b.env"));
}

TEST(Adopted, TheFirstTableWaitsForNoneBeyondTheWanted) {
  FakeCluster cluster = running(adopting(2), {"a", "b"});
  for (auto& [name, node] : cluster.nodes_) node.cordoned = name != "node-2";
  cluster.add_workload_pod("c", "prefill");
  ASSERT_TRUE(cluster.settle());
  ASSERT_EQ(listed(cluster).size(), 3U);
  cluster.nodes_.at("node-2").garbled = "{";
  cluster.edit_spec("/spec/decode/instances", 0);
  ASSERT_TRUE(cluster.settle());
  for (auto& [name, node] : cluster.nodes_) node.cordoned = name == "node-2";
  cluster.edit_spec("/spec/decode/instances", 1);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial") << cluster.condition("RanktableReady").message;
  EXPECT_EQ(listed(cluster).size(), 2U);
}

TEST(Adopted, ScalingInFollowsThePods) {
  FakeCluster cluster = running(adopting(3), {"a", "b", "c"});
  cluster.edit_spec("/spec/prefill/instances", 2);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(listed(cluster).size(), 3U) << "they live";
  cluster.delete_pod("a");
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(listed(cluster).size(), 2U) << "at once";
  cluster.edit_spec("/spec/prefill/instances", 0);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "ScaledToZero");
  EXPECT_THAT(cluster.table("local_ranktable_c.json"), HasSubstr("initializing")) << "it still reads its own";
  EXPECT_EQ(cluster.pod("c").meta.annotation("pd-operator.io/ranktable-generation"), cluster.generation());
  EXPECT_FALSE(cluster.pod("c").meta.deleted);
}

TEST(Adopted, WhoMakesPodsOneAfterTheOtherIsNamed) {
  FakeCluster cluster(adopting());
  cluster.add_workload_pod("engine-0", "prefill");
  for (int i = 0; i < 5; ++i) {
    cluster.apply_plan(cluster.plan_now());
    cluster.live();
  }
  EXPECT_EQ(cluster.condition("DevicesDiscovered").status, "True") << "its second pod may be on its way";
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("DevicesDiscovered").reason, "PodsMissing");
  EXPECT_EQ(cluster.condition("DevicesDiscovered").message,
            "Pod engine-0 waits at its gate for a table, while prefill has 1 of 2 pods: StatefulSet engine needs "
            "podManagementPolicy: Parallel (create it anew with that, unless it has it), and 2 pods.");
  cluster.add_workload_pod("engine-1", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("DevicesDiscovered").status, "True");
}

TEST(Adopted, EachKindOfWorkloadHasItsAdvice) {
  const auto advice = [](const kube::TextMap& labels, const kube::OwnerReference& owner) {
    FakeCluster cluster(adopting());
    cluster.add_workload_pod("x", "prefill", 2, labels, owner);
    cluster.settle();
    return cluster.condition("DevicesDiscovered").message;
  };
  EXPECT_THAT(advice({{"leaderworkerset.sigs.k8s.io/name", "lws"}}, {"StatefulSet", "lws", "uid-lws"}),
              HasSubstr("LeaderWorkerSet lws needs startupPolicy: LeaderCreated, and 2 pods"));
  EXPECT_THAT(advice({}, kReplicaSet), HasSubstr("its Deployment needs 2 pods"));
  EXPECT_THAT(advice({}, {"Job", "j", "uid-j"}), HasSubstr("without waiting for Ready ones, and needs 2 pods"));
}

TEST(Adopted, AFixedNumberOfPlacesIsNotExceeded) {
  FakeCluster cluster = running(adopting().set("/spec/ranktable/profile", "PerInstance"), {"a", "b"});
  cluster.add_workload_pod("c", "prefill", 2, {}, kReplicaSet);
  ASSERT_TRUE(cluster.settle());
  EXPECT_FALSE(is_ready(cluster.pod("c")));
  EXPECT_EQ(cluster.condition("DevicesDiscovered").reason, "PodNotAdopted");
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message,
              AllOf(StartsWith("Pod c is not adopted, since other pods have all 2 places of prefill: set "
                               "maxSurge: 0 and maxUnavailable: 1 in its Deployment"),
                    HasSubstr("or raise prefill.instances.")));
  cluster.delete_pod("a");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 c, prefill-1-0 b");
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  cluster.edit_spec("/spec/prefill/instances", 0);
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message,
              HasSubstr("is not adopted, since prefill.instances is 0."));
}

TEST(Adopted, FixedPlacesOutliveAWithdrawnTable) {
  FakeCluster cluster = running(adopting().set("/spec/ranktable/profile", "PerInstance"), {"a", "b"});
  cluster.delete_pod("a");
  cluster.add_workload_pod("c", "prefill");
  ASSERT_TRUE(cluster.settle());
  cluster.edit_spec("/spec/decode/instances", 0);
  ASSERT_TRUE(cluster.settle());
  cluster.edit_spec("/spec/decode/instances", 1);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(places(cluster), "prefill-0-0 c, prefill-1-0 b") << "b is older, and c had the first place";
}

TEST(Adopted, ANameThatIsAKeyOfOthersIsRefused) {
  FakeCluster cluster(adopting(1));
  cluster.add_workload_pod("decode-0", "prefill");
  cluster.add_workload_pod("host", "prefill");
  cluster.add_workload_pod(std::string(240, 'x'), "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(cluster.condition("DevicesDiscovered").message,
              HasSubstr("Pod decode-0 is not adopted, since the ConfigMap has keys of that name for another"));
  EXPECT_EQ(places(cluster), "");
  cluster.add_workload_pod("engine-0", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True");
  EXPECT_EQ(places(cluster), "prefill-0-0 engine-0");
}

TEST(Adopted, OurOwnAndTheDeadDoNotCount) {
  FakeCluster cluster(adopting(1));
  cluster.add_workload_pod("ours", "prefill", 2, {}, {"PDDeployment", "qwen", "uid-qwen"});
  cluster.add_workload_pod("over", "prefill").phase = "Succeeded";
  cluster.add_workload_pod("going", "prefill").meta.deleted = cluster.now_ + std::chrono::hours(1);
  const Occupancy occupancy = find_occupants(cluster.snapshot());
  EXPECT_EQ(occupancy.occupant({{Role::kPrefill, 0}, 0}), nullptr);
  EXPECT_THAT(occupancy.not_adopted, IsEmpty());
}

TEST(Adopted, NothingMakesUsDeleteThem) {
  FakeCluster cluster = running(adopting().set("/spec/prefill/onPeerChange", "Restart"), {"a", "b"});
  cluster.pod("a").meta.labels["pd-operator.io/template-hash"] = "1-0123456789";
  cluster.pod("a").meta.labels["pd-operator.io/instance"] = "0";
  cluster.pod("a").meta.labels["pd-operator.io/pod-index"] = "0";
  cluster.delete_pod("qwen-decode-0-0-1");
  ASSERT_TRUE(cluster.settle());
  cluster.fail_pod("b");
  ASSERT_TRUE(cluster.settle());
  EXPECT_FALSE(cluster.pod("a").meta.deleted);
  EXPECT_TRUE(cluster.pods_.contains("b"));
  EXPECT_EQ(cluster.status().ranktable.epoch, 0);
  EXPECT_THAT(cluster.condition("Progressing").message,
              HasSubstr("Without effect, since adopted pods are never deleted: prefill.onPeerChange: Restart."));
}

TEST(Adopted, AnAdoptedPeerThatChangesRestartsThoseThatWeMake) {
  FakeCluster cluster = running(adopting().set("/spec/decode/onPeerChange", "Restart"), {"a", "b"});
  cluster.vanish("b");
  cluster.add_workload_pod("b", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.status().ranktable.epoch, 1);
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-2"));
  EXPECT_THAT(events(cluster, "InstanceRestarted"), ElementsAre("The peers are restarted, since prefill-1 is lost."));
}

TEST(Adopted, AllRolesCanBe) {
  FakeCluster cluster(a_deployment().adopt("scheduler").adopt("prefill").adopt("decode"));
  cluster.add_workload_pod("scheduler", "scheduler", 0, {}, kReplicaSet);
  cluster.add_workload_pod("p-0", "prefill");
  cluster.add_workload_pod("d-0", "decode");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
  EXPECT_EQ(cluster.condition("TemplatesValid").reason, "NoTemplates");
  EXPECT_THAT(cluster.created_, IsEmpty());
  const auto& data = cluster.config_map_->data;
  EXPECT_EQ(data.at("local_ranktable_scheduler.json"), data.at("local_ranktable_host.json"));
  EXPECT_THAT(data.at("instance_scheduler.env"), StartsWith("PD_INSTANCE=scheduler\n"));
  // Of schedulers there is one.
  cluster.add_workload_pod("second", "scheduler", 0, {}, kReplicaSet);
  ASSERT_TRUE(cluster.settle());
  EXPECT_THAT(listed(cluster, "0"), ElementsAre(cluster.pod("scheduler").pod_ip));
  EXPECT_THAT(
      cluster.condition("DevicesDiscovered").message,
      AllOf(HasSubstr("another pod has the only place of scheduler: set maxSurge: 0"), Not(HasSubstr("raise"))));
}

TEST(Adopted, ADeviceOfTwoIsTheOlderOnes) {
  FakeCluster cluster = running(adopting(), {"a", "b"});
  const std::string node = cluster.pod("a").node;
  cluster.edit_node("node-2", [&](npu::Inventory& inventory) {
    inventory.devices[0].ip = cluster.nodes_.at(node).inventory.devices[0].ip;
  });
  for (const char* full : {"node-0", "node-1"}) cluster.nodes_.at(full).cordoned = true;
  cluster.add_workload_pod("c", "prefill");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("DevicesDiscovered").reason, "DuplicateDevice");
  EXPECT_EQ(listed(cluster).size(), 2U);
  EXPECT_THAT(events(cluster, "DuplicateDevice"), ElementsAre(StartsWith("c: Pod c on node node-2 holds NPU 0")));
}

}  // namespace
}  // namespace pd::plan
