#include "plan/epoch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/plan.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class Epochs : public ::testing::Test {
 protected:
  explicit Epochs(const DeploymentBuilder& deployment = a_deployment()
                                                            .prefill(2)
                                                            .set("/spec/prefill/onPeerChange", "Restart")
                                                            .set("/spec/decode/onPeerChange", "Restart"))
      : cluster_(deployment) {
    EXPECT_TRUE(cluster_.settle());
    for (const auto& [name, pod] : cluster_.pods_) first_.insert(pod.meta.uid);
  }

  std::int64_t epoch() const { return cluster_.status().ranktable.epoch; }
  std::string of_table() const { return cluster_.config_map_->meta.annotation("pd-operator.io/epoch"); }
  bool is_new(const std::string& pod) { return !first_.contains(cluster_.pod(pod).meta.uid); }
  // How many pods a slot has had.
  int pods_of(const std::string& slot) const {
    int count = 0;
    for (const auto& [name, pod] : cluster_.created_) count += name.starts_with("qwen-" + slot + "-") ? 1 : 0;
    return count;
  }

  FakeCluster cluster_;
  std::set<std::string> first_;  // UIDs
};

TEST_F(Epochs, TheFirstTableIsOfTheFirstEpoch) {
  EXPECT_EQ(epoch(), 0);
  EXPECT_EQ(of_table(), "0");
  EXPECT_EQ(cluster_.pod("qwen-decode-0-0-1").meta.label("pd-operator.io/epoch"), "0");
}

TEST_F(Epochs, ALostPodRestartsEachPeerOnce) {
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  EXPECT_EQ(of_table(), "1");
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
  EXPECT_TRUE(is_new("qwen-prefill-0-0-1"));
  for (const char* slot : {"prefill-1-0", "decode-0-0"}) EXPECT_EQ(pods_of(slot), 2) << slot;
  EXPECT_EQ(pods_of("scheduler-0-0"), 1) << "it reloads";
  EXPECT_EQ(cluster_.generation(), "2") << "one table for the whole epoch";
}

TEST_F(Epochs, ALostSchedulerRestartsEachPeerOnce) {
  cluster_.vanish("qwen-scheduler-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  for (const char* slot : {"prefill-0-0", "prefill-1-0", "decode-0-0"}) EXPECT_EQ(pods_of(slot), 2) << slot;
}

TEST_F(Epochs, NothingIsDeletedBeforeTheStatusHasTheNextEpoch) {
  cluster_.vanish("qwen-prefill-0-0-1");
  const Plan made = cluster_.plan_now();
  ASSERT_TRUE(std::holds_alternative<WriteStatus>(made.actions.at(0)));
  EXPECT_EQ(made.haste, Haste::kNow);
  EXPECT_EQ(std::get<WriteStatus>(made.actions[0]).status.ranktable.epoch, 1);
  for (const Action& action : made.actions) {
    EXPECT_FALSE(std::holds_alternative<DeletePod>(action) || std::holds_alternative<CreatePod>(action));
  }
  EXPECT_THAT(std::get<EmitEvent>(made.actions.at(1)).note, HasSubstr("since prefill-0 is lost"));
}

TEST_F(Epochs, AFurtherLossBeforeTheTableRaisesNothing) {
  cluster_.vanish("qwen-prefill-0-0-1");
  cluster_.apply_plan(cluster_.plan_now());  // the epoch is recorded
  cluster_.vanish("qwen-decode-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  EXPECT_EQ(pods_of("prefill-1-0"), 2);
  EXPECT_TRUE(is_new("qwen-decode-0-0-1"));
  EXPECT_EQ(pods_of("decode-0-0"), 1);
}

TEST_F(Epochs, ALossAfterTheTableIsAnotherEpoch) {
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  cluster_.vanish("qwen-decode-0-0-2");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 2);
  EXPECT_EQ(pods_of("prefill-1-0"), 3);
}

TEST_F(Epochs, ScalingIsAChangeInBothDirections) {
  cluster_.edit_spec("/spec/prefill/instances", 3);
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  EXPECT_EQ(pods_of("decode-0-0"), 2);
  cluster_.edit_spec("/spec/prefill/instances", 2);
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 2);
  EXPECT_EQ(pods_of("decode-0-0"), 3);
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
}

TEST_F(Epochs, AnUpdateOfOneRoleIsOneEpoch) {
  cluster_.edit_spec("/spec/prefill/template/spec/containers/0/image", "vllm:2");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  for (const char* slot : {"prefill-0-0", "prefill-1-0", "decode-0-0"}) EXPECT_EQ(pods_of(slot), 2) << slot;
}

TEST_F(Epochs, WhatCannotBeReadForAWhileIsNoLoss) {
  for (auto& [name, node] : cluster_.nodes_) node.garbled = "{";
  for (int i = 0; i < 5; ++i) {
    cluster_.apply_plan(cluster_.plan_now());
    cluster_.advance(seconds(10));
  }
  EXPECT_EQ(epoch(), 0);
  for (const auto& [name, pod] : cluster_.pods_) EXPECT_FALSE(is_new(name)) << name;
}

// Its peers have been told of it by the table of this epoch, and have not been restarted since.
class AnInstanceLeftOut : public Epochs {
 protected:
  AnInstanceLeftOut()
      : Epochs(a_deployment()
                   .prefill(3)
                   .set("/spec/ranktable/requireLinkUp", true)
                   .set("/spec/decode/onPeerChange", "Restart")) {}

  void set_links(const std::string& pod, const std::string& state) {
    link(pod, state);
    ASSERT_TRUE(cluster_.settle());
  }

  void link(const std::string& pod, const std::string& state) {
    const kube::Pod& holder = cluster_.pod(pod);
    const std::vector<int> held = cluster_.nodes_.at(holder.node).held.at(holder.meta.uid);
    cluster_.edit_node(holder.node, [&](npu::Inventory& inventory) {
      for (npu::Device& device : inventory.devices) {
        if (std::find(held.begin(), held.end(), device.id) != held.end()) device.link = state;
      }
    });
  }

  void leave_out(const std::string& pod) {
    set_links(pod, "down");
    ASSERT_EQ(cluster_.condition("RanktableReady").reason, "Partial") << cluster_.condition("RanktableReady").message;
  }
};

TEST_F(AnInstanceLeftOut, ThatIsReadableAgainRestartsNobody) {
  leave_out("qwen-prefill-2-0-1");
  set_links("qwen-prefill-2-0-1", "up");
  EXPECT_EQ(cluster_.condition("RanktableReady").reason, "Published");
  EXPECT_EQ(epoch(), 0);
  for (const auto& [name, pod] : cluster_.pods_) EXPECT_FALSE(is_new(name)) << name;
}

TEST_F(AnInstanceLeftOut, ThatIsReadableAgainWhileTheTableIsKeptForAnotherRestartsNobody) {
  leave_out("qwen-prefill-2-0-1");
  link("qwen-prefill-1-0-1", "down");
  cluster_.apply_plan(cluster_.plan_now());
  link("qwen-prefill-2-0-1", "up");
  cluster_.apply_plan(cluster_.plan_now());
  ASSERT_EQ(cluster_.condition("RanktableReady").reason, "InstanceLost");
  set_links("qwen-prefill-1-0-1", "up");
  EXPECT_EQ(cluster_.condition("RanktableReady").reason, "Published");
  EXPECT_EQ(epoch(), 0);
  EXPECT_TRUE(cluster_.status().ranktable.missing.empty());
}

TEST_F(AnInstanceLeftOut, WhosePodHasASuccessorIsNew) {
  leave_out("qwen-prefill-2-0-1");
  cluster_.pod("qwen-prefill-2-0-1").meta.annotations.erase(std::string(kube::kPodGenerationAnnotation));
  set_links("qwen-prefill-2-0-1", "up");
  EXPECT_EQ(epoch(), 1);
}

// It has read the table that lacks it.
TEST_F(AnInstanceLeftOut, IsNewToAPeerThatHasStartedAnewInPlace) {
  leave_out("qwen-prefill-2-0-1");
  cluster_.pod("qwen-decode-0-0-1").restarts = 1;
  set_links("qwen-prefill-2-0-1", "up");
  EXPECT_EQ(epoch(), 1);
}

TEST_F(AnInstanceLeftOut, ThatRestartedPeersHaveNotHeardOfIsNew) {
  leave_out("qwen-prefill-2-0-1");
  cluster_.vanish("qwen-decode-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  ASSERT_EQ(cluster_.condition("RanktableReady").reason, "Partial") << cluster_.condition("RanktableReady").message;
  ASSERT_EQ(epoch(), 1);
  set_links("qwen-prefill-2-0-1", "up");
  EXPECT_EQ(epoch(), 2);
  EXPECT_EQ(cluster_.condition("RanktableReady").reason, "Published");
}

TEST_F(AnInstanceLeftOut, ThatComesWithOtherDevicesIsNew) {
  leave_out("qwen-prefill-2-0-1");
  const kube::Pod holder = cluster_.pod("qwen-prefill-2-0-1");
  const int id = cluster_.nodes_.at(holder.node).held.at(holder.meta.uid).front();
  cluster_.edit_node(holder.node, [&](npu::Inventory& inventory) { inventory.devices.at(id).ip = "29.99.0.1"; });
  set_links("qwen-prefill-2-0-1", "up");
  EXPECT_EQ(epoch(), 1);
}

TEST_F(Epochs, AConfigMapThatIsGoneRestartsNobody) {
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  cluster_.config_map_.reset();
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  EXPECT_EQ(of_table(), "1");
  EXPECT_EQ(pods_of("decode-0-0"), 2);
}

TEST_F(Epochs, AnEditedEpochIsMendedAndCountsForNothing) {
  for (const char* edited : {"77", "x", ""}) {
    cluster_.config_map_->meta.annotations["pd-operator.io/epoch"] = edited;
    ASSERT_TRUE(cluster_.settle());
    EXPECT_EQ(of_table(), "0") << edited;
  }
  cluster_.config_map_->meta.annotations["pd-operator.io/epoch"] = "77";
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  EXPECT_EQ(of_table(), "1");
  EXPECT_EQ(pods_of("decode-0-0"), 2);
}

// The operator may end between the mended ConfigMap and the deletions that are to follow.
TEST_F(Epochs, ATableThatIsOnlyKeptLeavesThoseToBeRestarted) {
  cluster_.vanish("qwen-prefill-0-0-1");
  cluster_.apply_plan(cluster_.plan_now());  // the epoch is recorded
  cluster_.config_map_->meta.labels["app.kubernetes.io/managed-by"] = "somebody";
  const Plan made = cluster_.plan_now();
  ASSERT_TRUE(std::holds_alternative<ReplaceConfigMap>(made.actions.at(0)));
  ASSERT_TRUE(cluster_.apply(made.actions[0]));
  EXPECT_EQ(of_table(), "0");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(of_table(), "1");
  for (const char* slot : {"prefill-1-0", "decode-0-0"}) EXPECT_EQ(pods_of(slot), 2) << slot;
}

TEST_F(Epochs, APausedDeploymentRestartsNobody) {
  cluster_.edit_spec("/spec/paused", true);
  cluster_.vanish("qwen-prefill-0-0-1");
  for (int i = 0; i < 5; ++i) {
    cluster_.apply_plan(cluster_.plan_now());
    cluster_.advance(seconds(10));
  }
  EXPECT_EQ(epoch(), 0);
  EXPECT_EQ(pods_of("decode-0-0"), 1);
}

// A table that cannot be written would list none of the successors. Two nodes have one address here, and so a number of
// a device occurs twice on what the table takes for one server (rule 6).
TEST(EpochsOfARejectedTable, RestartNobody) {
  FakeCluster cluster(a_deployment()
                          .set("/spec/ranktable/serverAddress", "HostIP")
                          .set("/spec/prefill/onPeerChange", "Restart")
                          .set("/spec/decode/onPeerChange", "Restart"),
                      2);
  cluster.nodes_.at("node-1").cordoned = true;
  ASSERT_TRUE(cluster.settle());
  cluster.nodes_.at("node-0").cordoned = true;
  cluster.nodes_.at("node-1").cordoned = false;
  cluster.nodes_.at("node-1").ip = cluster.nodes_.at("node-0").ip;
  cluster.edit_spec("/spec/prefill/instances", 2);
  ASSERT_TRUE(cluster.settle());
  EXPECT_EQ(cluster.condition("RanktableReady").reason, "Rejected") << cluster.condition("RanktableReady").message;
  EXPECT_EQ(cluster.status().ranktable.epoch, 0);
  for (const char* pod : {"qwen-prefill-0-0-1", "qwen-decode-0-0-1"}) EXPECT_TRUE(cluster.pods_.contains(pod)) << pod;
}

// Most instances find no room, and the table is kept for them.
FakeCluster scaled_out_to(int prefill) {
  FakeCluster cluster(a_deployment()
                          .prefill(1)
                          .set("/spec/prefill/npusPerPod", 8)
                          .set("/spec/decode/npusPerPod", 8)
                          .set("/spec/decode/onPeerChange", "Restart"),
                      4);
  EXPECT_TRUE(cluster.settle());
  cluster.edit_spec("/spec/prefill/instances", prefill);
  for (int round = 0; round < 4; ++round) {
    cluster.apply_plan(cluster.plan_now());
    cluster.live();
  }
  return cluster;
}

TEST(EpochsOfALargeTable, OneThatFitsRestartsAtOnce) { EXPECT_EQ(scaled_out_to(400).status().ranktable.epoch, 1); }

// That a table would not fit shows long before all are placed.
TEST(EpochsOfALargeTable, OneThatWouldNotFitRestartsNobody) {
  FakeCluster cluster = scaled_out_to(1300);
  ASSERT_EQ(cluster.condition("RanktableReady").reason, "InstanceLost") << cluster.condition("RanktableReady").message;
  EXPECT_EQ(cluster.status().ranktable.epoch, 0);
  EXPECT_TRUE(cluster.pods_.contains("qwen-decode-0-0-1"));
}

// All NPUs are held, so each successor waits for its predecessor's end.
class EpochsOfAFullNode : public ::testing::Test {
 protected:
  EpochsOfAFullNode()
      : cluster_(a_deployment()
                     .prefill(2)
                     .decode(2)
                     .set("/spec/prefill/onPeerChange", "Restart")
                     .set("/spec/decode/onPeerChange", "Restart"),
                 1) {}

  void lose_a_pod_where_each_ends_after(seconds first) {
    ASSERT_TRUE(cluster_.settle());
    cluster_.ends_after_ = [first](const std::string& pod) {
      return first + seconds(pod.find("decode-0") != std::string::npos ? 0
                             : pod.find("decode") != std::string::npos ? 3
                                                                       : 6);
    };
    cluster_.vanish("qwen-prefill-0-0-1");
    ASSERT_TRUE(cluster_.settle(2000));
  }

  void expect_each_was_restarted_once() {
    EXPECT_EQ(cluster_.status().ranktable.epoch, 1);
    EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
    EXPECT_EQ(cluster_.created_.size(), 8U) << "two names for each peer, one for the scheduler and for the lost pod";
  }

  FakeCluster cluster_;
};

TEST_F(EpochsOfAFullNode, PeersThatEndSlowlyAreRestartedOnce) {
  lose_a_pod_where_each_ends_after(seconds(31));
  expect_each_was_restarted_once();
}

TEST_F(EpochsOfAFullNode, PeersThatEndLaterThanTheyShouldAreRestartedOnce) {
  lose_a_pod_where_each_ends_after(seconds(90));
  expect_each_was_restarted_once();
}

TEST_F(EpochsOfAFullNode, TheTimeThatPodsHaveToEndIsTheirTemplates) {
  cluster_.edit_spec("/spec/prefill/template/spec/terminationGracePeriodSeconds", 100);
  cluster_.edit_spec("/spec/decode/template/spec/terminationGracePeriodSeconds", 100);
  lose_a_pod_where_each_ends_after(seconds(100));
  expect_each_was_restarted_once();
}

// Of each role one is there at once, so that a table could go on without the others.
TEST(EpochsOfLatePeers, ThoseThatEndWithinTheirTimeAreWaitedFor) {
  FakeCluster cluster(a_deployment()
                          .prefill(2)
                          .decode(2)
                          .set("/spec/prefill/template/spec/terminationGracePeriodSeconds", 60)
                          .set("/spec/decode/template/spec/terminationGracePeriodSeconds", 60)
                          .set("/spec/prefill/onPeerChange", "Restart")
                          .set("/spec/decode/onPeerChange", "Restart"),
                      1);
  ASSERT_TRUE(cluster.settle());
  cluster.ends_after_ = [](const std::string& pod) { return seconds(pod.find("-1-0-") != std::string::npos ? 45 : 0); };
  cluster.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster.settle(2000));
  EXPECT_EQ(cluster.status().ranktable.epoch, 1);
  EXPECT_EQ(cluster.condition("Ready").status, "True") << cluster.condition("Ready").message;
}

class PositionalEpochs : public Epochs {
 protected:
  PositionalEpochs()
      : Epochs(a_deployment()
                   .set("/spec/ranktable/profile", "PerInstance")
                   .prefill(2)
                   .set("/spec/prefill/onPeerChange", "Restart")
                   .set("/spec/decode/onPeerChange", "Restart")) {}
};

// The last table serves those that are left; a new one would have to list all.
TEST_F(PositionalEpochs, ALossWithoutRoomRestartsNobodyYet) {
  for (auto& [name, node] : cluster_.nodes_) node.cordoned = true;
  cluster_.vanish("qwen-decode-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  for (const char* slot : {"prefill-0-0", "prefill-1-0"}) EXPECT_EQ(pods_of(slot), 1) << slot;
  EXPECT_THAT(cluster_.condition("Progressing").message, HasSubstr("are replaced when decode-0 is placed"));
  for (auto& [name, node] : cluster_.nodes_) node.cordoned = false;
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 1);
  for (const char* slot : {"prefill-0-0", "prefill-1-0"}) EXPECT_EQ(pods_of(slot), 2) << slot;
  EXPECT_TRUE(is_new("qwen-decode-0-0-1"));
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
}

// PerInstance lists servers by address as text: 10.244.0.10 is before 10.244.0.8.
TEST(EpochsOfALayout, ItsOwnOrderOfServersIsNoMove) {
  FakeCluster cluster(a_deployment()
                          .set("/spec/ranktable/profile", "PerInstance")
                          .decode(6)
                          .set("/spec/prefill/podsPerInstance", 4)
                          .set("/spec/decode/onPeerChange", "Restart"));
  ASSERT_TRUE(cluster.settle());
  const auto& pods = cluster.pods_;
  ASSERT_GT(pods.at("qwen-prefill-0-1-1").pod_ip, pods.at("qwen-prefill-0-3-1").pod_ip) << "as text";
  EXPECT_EQ(cluster.status().ranktable.epoch, 0);
}

// One role restarts, the other reloads.
class OneRoleRestarts : public Epochs {
 protected:
  OneRoleRestarts() : Epochs(a_deployment().prefill(2).set("/spec/decode/onPeerChange", "Restart")) {}
};

TEST_F(OneRoleRestarts, TheOtherIsLeftAlone) {
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(pods_of("decode-0-0"), 2);
  EXPECT_EQ(pods_of("prefill-1-0"), 1);
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
}

// It serves until there can be another one.
TEST_F(OneRoleRestarts, ASuccessorThatWouldBeRefusedCostsNoPod) {
  const char* const image = "/spec/decode/template/spec/containers/0/image";
  cluster_.judge_pod_ = [](const Json& pod) {
    const bool bad = pod["spec"]["containers"][0]["image"] == "bad";
    return bad ? DryRun{DryRun::Answer::kRefused, "no such image is allowed."} : DryRun{DryRun::Answer::kAccepted, ""};
  };
  cluster_.edit_spec(image, "bad");
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(pods_of("decode-0-0"), 1);
  EXPECT_THAT(cluster_.condition("Progressing").message, HasSubstr("when the API server takes their template"));
  cluster_.edit_spec(image, "good");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(pods_of("decode-0-0"), 2);
  EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
}

class NobodyRestarts : public Epochs {
 protected:
  NobodyRestarts() : Epochs(a_deployment().prefill(2)) {}
};

TEST_F(NobodyRestarts, NoEpochIsCounted) {
  cluster_.vanish("qwen-prefill-0-0-1");
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(epoch(), 0);
  EXPECT_EQ(pods_of("decode-0-0"), 1);
}

}  // namespace
}  // namespace pd::plan
