#include "plan/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ranktable/validate.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kGlobal = "global_ranktable.json";

FakeCluster a_running_cluster() {
  FakeCluster cluster(a_deployment().prefill(2));
  cluster.settle();
  return cluster;
}

// Carries out plans, but nothing of the cluster's own life: what was lost stays lost.
void reconcile(FakeCluster& cluster) {
  for (int i = 0; i < 10; ++i) {
    const Plan made = cluster.plan_now();
    if (made.actions.empty()) return;
    cluster.apply_plan(made);
  }
  ADD_FAILURE() << "the plans do not end";
}

void cordon(FakeCluster& cluster) {
  for (auto& [name, node] : cluster.nodes_) node.cordoned = true;
}

TEST(Table, HoldsEverythingOfOneCut) {
  FakeCluster cluster = a_running_cluster();
  const auto& data = cluster.config_map_->data;
  EXPECT_EQ(data.size(), 10U);  // global, host, three locals, four env files, generation
  EXPECT_EQ(cluster.generation(), "1");
  EXPECT_EQ(cluster.config_map_->meta.annotation("pd-operator.io/generation"), "1");
  EXPECT_EQ(cluster.config_map_->meta.annotation("pd-operator.io/epoch"), "0");
  EXPECT_EQ(cluster.config_map_->meta.annotation("pd-operator.io/digest"), cluster.status().ranktable.digest);
  EXPECT_THAT(cluster.status().ranktable.digest, HasSubstr("sha256:"));
  EXPECT_TRUE(ranktable::validate_global(data.at(kGlobal), "AscendCloud").empty());
  EXPECT_THAT(data.at("instance_prefill-0.env"),
              AllOf(HasSubstr("SERVER_IP=10.244.0."), HasSubstr("\nDEVICE_IDS="), HasSubstr("\nDEVICE_IPS=29.81.1.")));
  EXPECT_THAT(data.at("instance_scheduler.env"), Not(HasSubstr("DEVICE")));
}

TEST(Table, TheFirstOneWaitsForEveryInstanceAndSaysForWhich) {
  FakeCluster cluster(a_deployment().prefill(2).set("/spec/decode/npusPerPod", 4), 1);
  cluster.edit_spec("/spec/prefill/npusPerPod", 3);  // three and three and four: one does not fit
  cluster.settle();
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "WaitingForInstances");
  EXPECT_THAT(cluster.condition("RanktableReady").message,
              HasSubstr("waits for prefill-1: pod qwen-prefill-1-0-1 is not bound to a node yet"));
  EXPECT_EQ(cluster.generation(), "0");
  EXPECT_TRUE(cluster.status().ranktable.missing.empty());
}

// Not at once: a successor waits for the NPUs of its predecessor for a moment.
TEST(Table, SaysWhyAPodHasNoNodeForLong) {
  FakeCluster cluster(a_deployment().prefill(2).set("/spec/prefill/npusPerPod", 8), 2);
  cluster.settle();
  kube::Pod& pod = cluster.pod("qwen-prefill-1-0-1");
  ASSERT_EQ(pod.node, "");
  pod.unscheduled = "0/2 nodes are available: 2 Insufficient huawei.com/Ascend910";
  pod.meta.created = cluster.now_;
  cluster.advance(seconds(4));
  const Plan early = cluster.plan_now();
  EXPECT_TRUE(early.actions.empty());
  EXPECT_EQ(early.requeue_after, seconds(6));
  cluster.advance(seconds(6));
  cluster.apply_plan(cluster.plan_now());
  const std::string why =
      "prefill-1: pod qwen-prefill-1-0-1 is not bound to a node yet: 0/2 nodes are available: 2 Insufficient "
      "huawei.com/Ascend910.";
  EXPECT_THAT(cluster.condition("RanktableReady").message, HasSubstr(why));
  EXPECT_THAT(cluster.condition("Ready").message, HasSubstr(why));
}

TEST(Table, UnderAvailableTheFirstOneWaitsForTheGraceOnly) {
  FakeCluster cluster(a_deployment().prefill(2).set("/spec/ranktable/publishPolicy", "Available"), 2);
  cluster.edit_spec("/spec/prefill/npusPerPod", 8);  // the second prefill pod fits nowhere
  cluster.edit_spec("/spec/decode/npusPerPod", 8);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial");
  EXPECT_THAT(cluster.table("local_ranktable_prefill-1.json"), HasSubstr("initializing"));
  ASSERT_EQ(cluster.status().ranktable.missing.size(), 1U);
  EXPECT_EQ(cluster.status().ranktable.missing[0].instance, "prefill-1");
}

TEST(Table, KeepsTheLastOneForTheGraceAndThenGoesOnWithoutTheLost) {
  FakeCluster cluster = a_running_cluster();
  const std::string before = cluster.table(kGlobal);
  cordon(cluster);
  cluster.vanish("qwen-prefill-1-0-1");
  reconcile(cluster);
  EXPECT_EQ(cluster.table(kGlobal), before);
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
  EXPECT_EQ(cluster.plan_now().requeue_after, Duration(seconds(30)));

  cluster.advance(seconds(29));
  reconcile(cluster);
  EXPECT_EQ(cluster.table(kGlobal), before);
  cluster.advance(seconds(1));
  reconcile(cluster);
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial");
  EXPECT_EQ(cluster.condition("RanktableReady").status, "True");
  EXPECT_EQ(cluster.generation(), "2");
  EXPECT_EQ(cluster.status().ranktable.npus, 4);
  EXPECT_EQ(cluster.pod("qwen-prefill-0-0-1").meta.annotation("pd-operator.io/ranktable-generation"), "2");
  EXPECT_EQ(cluster.events_.back().reason, "InstanceLeftOut");
}

TEST(Table, EachLostInstanceHasItsOwnGrace) {
  FakeCluster cluster(a_deployment().prefill(3));
  cluster.settle();
  cordon(cluster);
  cluster.vanish("qwen-prefill-2-0-1");
  reconcile(cluster);
  cluster.advance(seconds(20));
  cluster.vanish("qwen-prefill-1-0-1");
  reconcile(cluster);
  cluster.advance(seconds(10));
  reconcile(cluster);
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
  EXPECT_EQ(cluster.plan_now().requeue_after, Duration(seconds(20)));
  cluster.advance(seconds(20));
  reconcile(cluster);
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial");
}

TEST(Table, IsKeptForEverWhereARoleWouldHaveNone) {
  FakeCluster cluster = a_running_cluster();
  const std::string before = cluster.table(kGlobal);
  cordon(cluster);
  cluster.vanish("qwen-decode-0-0-1");
  reconcile(cluster);
  cluster.advance(seconds(3600));
  reconcile(cluster);
  EXPECT_EQ(cluster.table(kGlobal), before);
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "RoleLost");
  EXPECT_THAT(cluster.condition("RanktableReady").message, HasSubstr("no decode instance is placed"));
}

TEST(Table, IsNotWrittenForAReplacementAtTheSameAddressWithTheSameDevices) {
  FakeCluster cluster = a_running_cluster();
  const kube::Pod old = cluster.pod("qwen-prefill-1-0-1");
  const std::vector<int> held = cluster.nodes_.at(old.node).held.at(old.meta.uid);
  const int writes = cluster.table_writes_;
  cordon(cluster);
  cluster.vanish(old.meta.name);
  reconcile(cluster);
  kube::Pod& successor = cluster.pod("qwen-prefill-1-0-1");
  ASSERT_NE(successor.meta.uid, old.meta.uid);
  successor.node = old.node;
  successor.pod_ip = old.pod_ip;
  successor.host_ip = old.host_ip;
  cluster.nodes_.at(old.node).held[successor.meta.uid] = held;
  reconcile(cluster);
  EXPECT_EQ(cluster.table_writes_, writes);
  EXPECT_EQ(successor.meta.annotation("pd-operator.io/ranktable-generation"), "1");
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Published");
}

TEST(Table, ADeletedOneComesBackAtOnceUnderANumberThatWasNeverUsed) {
  FakeCluster cluster = a_running_cluster();
  const std::string before = cluster.table(kGlobal);
  const std::int64_t ceiling = cluster.status().ranktable.generation_ceiling;
  EXPECT_GE(ceiling, 1 + kReserveAhead);
  for (int i = 0; i < 2; ++i) {
    cluster.config_map_.reset();
    cluster.apply_plan(cluster.plan_now());
    ASSERT_TRUE(cluster.config_map_);
    EXPECT_EQ(cluster.table(kGlobal), before);
    EXPECT_GT(std::stoll(cluster.generation()), ceiling);
    EXPECT_LE(std::stoll(cluster.generation()), cluster.status().ranktable.generation_ceiling);
  }
  EXPECT_EQ(cluster.generation(), std::to_string(ceiling + 1 + kReserveAhead + 1));
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("Ready").status, "True");
}

TEST(Table, TheReservationIsStoredBeforeTheWrite) {
  FakeCluster cluster = a_running_cluster();
  cluster.config_map_.reset();
  const Plan made = cluster.plan_now();
  ASSERT_EQ(made.actions.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<WriteStatus>(made.actions[0]));
  EXPECT_TRUE(std::holds_alternative<CreateConfigMap>(made.actions[1]));
  cluster.apply_plan(made, 1);  // a crash in between costs numbers, and nothing else
  const Plan again = cluster.plan_now();
  EXPECT_GT(std::get<WriteStatus>(again.actions[0]).status.ranktable.generation_ceiling,
            std::get<WriteStatus>(made.actions[0]).status.ranktable.generation_ceiling);
}

TEST(Table, ADeletedOneOfAnIncompleteMembershipComesBackAsInitializingAndThenPartial) {
  FakeCluster cluster = a_running_cluster();
  cordon(cluster);
  cluster.vanish("qwen-prefill-1-0-1");
  cluster.config_map_.reset();
  reconcile(cluster);
  EXPECT_THAT(cluster.table(kGlobal), HasSubstr("initializing"));
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
  cluster.advance(seconds(30));
  reconcile(cluster);
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Partial") << "it is not a first table again";
}

TEST(Table, HandEditsAreUndoneUnderANewGeneration) {
  const FakeCluster untouched = a_running_cluster();
  const auto edits = std::vector<std::function<void(kube::ConfigMap&)>>{
      [](kube::ConfigMap& map) { map.data[kGlobal] = "hello"; },
      [](kube::ConfigMap& map) { map.data["more"] = "keys"; },
      [](kube::ConfigMap& map) { map.data.clear(); },
      [](kube::ConfigMap& map) { map.data["generation"] = "7"; },
      [](kube::ConfigMap& map) { map.meta.annotations["pd-operator.io/generation"] = "7000000000"; },
      [](kube::ConfigMap& map) { map.meta.annotations["pd-operator.io/generation"] = "0"; },
      [](kube::ConfigMap& map) { map.meta.annotations["pd-operator.io/generation"] = "\xff-1"; },
      [](kube::ConfigMap& map) { map.meta.annotations["pd-operator.io/digest"] = ""; },
      [](kube::ConfigMap& map) { map.meta.labels.clear(); },
  };
  for (std::size_t i = 0; i < edits.size(); ++i) {
    FakeCluster cluster = untouched;
    edits[i](*cluster.config_map_);
    ASSERT_TRUE(cluster.settle()) << i;
    EXPECT_EQ(cluster.table(kGlobal), untouched.table(kGlobal)) << i;
    EXPECT_GT(std::stoll(cluster.generation()), 1) << i;
    EXPECT_LT(std::stoll(cluster.generation()), 1000) << i;
    EXPECT_EQ(cluster.config_map_->data.size(), untouched.config_map_->data.size()) << i;
    EXPECT_EQ(cluster.condition("Ready").status, "True") << i;
  }
}

TEST(Table, AForgedOneWithADigestOfItsOwnIsNotKept) {
  FakeCluster cluster = a_running_cluster();
  cordon(cluster);
  cluster.vanish("qwen-prefill-1-0-1");
  kube::ConfigMap& map = *cluster.config_map_;
  map.data[kGlobal].replace(map.data[kGlobal].find("29.81.1."), 8, "29.81.9.");
  map.meta.annotations["pd-operator.io/digest"] = digest_of(content_of(map));
  reconcile(cluster);
  EXPECT_THAT(cluster.table(kGlobal), Not(HasSubstr("29.81.9.")));
}

TEST(Table, OneThatWasWrittenJustBeforeACrashIsKnownAgain) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/prefill/instances", 1);
  Plan made = cluster.plan_now();
  ASSERT_TRUE(std::holds_alternative<ReplaceConfigMap>(made.actions[0]));
  cluster.apply_plan(made, 1);
  made = cluster.plan_now();
  for (const Action& action : made.actions) EXPECT_FALSE(std::holds_alternative<ReplaceConfigMap>(action));
  cluster.apply_plan(made);
  EXPECT_EQ(cluster.status().ranktable.generation, 2);
  const auto published = std::count_if(cluster.events_.begin(), cluster.events_.end(),
                                       [](const EmitEvent& event) { return event.reason == "RanktablePublished"; });
  EXPECT_EQ(published, 2) << "the event comes with the status, so a crash does not lose it";
}

TEST(Table, OneThatWasWrittenJustBeforeACrashIsKeptAlsoWhereItsNumberIsEdited) {
  const auto edits = std::vector<std::function<void(kube::ConfigMap&)>>{
      [](kube::ConfigMap& map) { map.data["generation"] = "0"; },
      [](kube::ConfigMap& map) { map.meta.annotations["pd-operator.io/generation"] = "1"; },
  };
  for (const auto& edit : edits) {
    FakeCluster cluster = a_running_cluster();
    cluster.edit_spec("/spec/prefill/instances", 1);
    cluster.apply_plan(cluster.plan_now(), 1);
    const std::string written = cluster.table(kGlobal);
    cordon(cluster);
    cluster.vanish("qwen-decode-0-0-1");
    edit(*cluster.config_map_);
    reconcile(cluster);
    EXPECT_EQ(cluster.table(kGlobal), written);
    EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
    EXPECT_GT(std::stoll(cluster.generation()), 2);
  }
}

TEST(Table, AStrangersConfigMapIsNeverWrittenAndNoPodIsMade) {
  FakeCluster cluster(a_deployment());
  kube::ConfigMap foreign;
  foreign.meta.name = "qwen-ranktable";
  foreign.meta.resource_version = "5";
  foreign.data = {{"theirs", "1"}};
  cluster.config_map_ = foreign;
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.config_map_->data, foreign.data);
  EXPECT_TRUE(cluster.pods_.empty());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "NameTaken");
  EXPECT_THAT(cluster.condition("Ready").message, HasSubstr("ConfigMap qwen-ranktable belongs to somebody else"));
}

TEST(Table, OneThatBreaksARuleIsNotPublished) {
  FakeCluster cluster(a_deployment().set("/spec/ranktable/serverAddress", "HostIP"));
  ASSERT_TRUE(cluster.settle());
  const kube::Pod& pod = cluster.pod("qwen-prefill-0-0-1");
  cluster.nodes_.at(pod.node).held.at(pod.meta.uid) = {0, 1};
  ASSERT_TRUE(cluster.settle());
  const std::string before = cluster.table(kGlobal);
  cluster.fail_pod("qwen-decode-0-0-1");
  // Two nodes of one address: a device's number occurs twice on what the table takes for one server (rule 6).
  for (auto& [name, node] : cluster.nodes_) {
    node.ip = pod.host_ip;
    node.cordoned = name == pod.node;
  }
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Rejected") << cluster.condition("RanktableReady").message;
  EXPECT_THAT(cluster.condition("RanktableReady").message, HasSubstr("rule 6"));
  EXPECT_EQ(cluster.table(kGlobal), before);
  const auto events = std::count_if(cluster.events_.begin(), cluster.events_.end(),
                                    [](const EmitEvent& event) { return event.reason == "RanktableRejected"; });
  EXPECT_EQ(events, 1);
}

TEST(Table, AProfileThatIsNotServedIsSaidAndChangesNothing) {
  FakeCluster cluster = a_running_cluster();
  const std::string before = cluster.table(kGlobal);
  cluster.edit_spec("/spec/ranktable/profile", "MindIE");
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "ProfileUnsupported");
  EXPECT_THAT(cluster.condition("RanktableReady").message, HasSubstr("Profile MindIE is not served live"));
  EXPECT_EQ(cluster.table(kGlobal), before);
  EXPECT_EQ(cluster.pods_.size(), 4U) << "no rollout, although the profile is part of the template hash";
}

// The agent puts it right within a minute, and the pods serve meanwhile.
TEST(Table, ANodesAnnotationThatSomebodyDamagedTakesNobodyOutOfTheTableAtOnce) {
  FakeCluster cluster = a_running_cluster();
  const auto before = cluster.config_map_->data;
  for (auto& [name, node] : cluster.nodes_) node.garbled = "{";
  cluster.apply_plan(cluster.plan_now());
  cluster.advance(seconds(85));
  cluster.apply_plan(cluster.plan_now());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost");
  EXPECT_EQ(cluster.config_map_->data, before);
  cluster.advance(seconds(10));
  cluster.apply_plan(cluster.plan_now());
  EXPECT_NE(cluster.condition("RanktableReady").reason, "InstanceLost") << "longer than lostGraceSeconds, not for ever";
}

TEST(Table, ARoleScaledToZeroTakesTheTableBackAndThenItsPodsGo) {
  FakeCluster cluster = a_running_cluster();
  cluster.edit_spec("/spec/decode/instances", 0);
  const Plan made = cluster.plan_now();
  ASSERT_TRUE(std::holds_alternative<ReplaceConfigMap>(made.actions[0]));
  for (const Action& action : made.actions) EXPECT_FALSE(std::holds_alternative<DeletePod>(action));
  cluster.apply_plan(made);
  EXPECT_THAT(cluster.table(kGlobal), HasSubstr("initializing"));
  EXPECT_EQ(cluster.generation(), "2");
  EXPECT_EQ(cluster.pod("qwen-prefill-0-0-1").meta.annotation("pd-operator.io/ranktable-generation"), "2");
  ASSERT_TRUE(cluster.settle());
  EXPECT_FALSE(cluster.pods_.contains("qwen-decode-0-0-1"));
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "ScaledToZero");
  EXPECT_FALSE(cluster.status().ranktable.published_at) << "the next table is a first one";
}

// A server with eight NPUs whose addresses are unique among `number`s.
ranktable::Server a_server(int number) {
  const std::string address = "10.1." + std::to_string(number / 200) + "." + std::to_string(number % 200 + 1);
  ranktable::Server server{address, address, {}};
  for (int i = 0; i < 8; ++i) {
    const int device = 8 * number + i;
    server.devices.push_back({i, "29.1." + std::to_string(device / 200) + "." + std::to_string(device % 200 + 1)});
  }
  return server;
}

TEST(Table, OneThatDoesNotFitIsNotPublished) {
  FakeCluster cluster(
      a_deployment().prefill(1300).set("/spec/prefill/npusPerPod", 8).set("/spec/decode/npusPerPod", 8));
  const Snapshot snapshot = cluster.snapshot();
  Placements placements;
  for (const Instance& instance : wanted(snapshot.deployment)) {
    const int number = 2 * instance.index + (instance.role == Role::kDecode ? 1 : 0);
    ranktable::Server server = a_server(number);
    if (instance.role == Role::kScheduler) server.devices.clear();
    placements[{instance, 0}] = {server, PlacementProblem::kNone, "", nullptr};
  }
  const TableDecision decision = decide_table(snapshot, placements, read_stored(snapshot), cluster.now_);
  EXPECT_EQ(decision.verdict, TableVerdict::kTooLarge) << decision.message;
  EXPECT_FALSE(decision.completed);
}

}  // namespace
}  // namespace pd::plan
