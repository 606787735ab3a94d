#include "plan/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Slot kPrefill0{{Role::kPrefill, 0}, 0};
constexpr Slot kDecode0{{Role::kDecode, 0}, 0};
constexpr const char* kPrefillPod = "qwen-prefill-0-0-1";
constexpr const char* kDecodePod = "qwen-decode-0-0-1";

class Devices : public ::testing::Test {
 protected:
  Devices() : cluster_(a_deployment().set("/spec/ranktable/lostGraceSeconds", 3600), 1) { cluster_.settle(); }

  Placement placement(const Slot& slot) {
    snapshot_ = cluster_.snapshot();
    return place(snapshot_, find_occupants(snapshot_)).at(slot);
  }
  FakeNode& node() { return cluster_.nodes_.at("node-0"); }
  std::vector<int>& held(const char* pod) { return node().held.at(cluster_.pod(pod).meta.uid); }

  FakeCluster cluster_;
  Snapshot snapshot_;
};

TEST_F(Devices, AreThoseThatKubeletAllocatedWithTheAddressesOfTheNode) {
  held(kPrefillPod) = {5, 3};
  const Placement placed = placement(kPrefill0);
  ASSERT_TRUE(placed.server) << placed.reason;
  EXPECT_EQ(placed.server->ip, cluster_.pod(kPrefillPod).pod_ip);
  EXPECT_EQ(placed.server->id, placed.server->ip);
  EXPECT_EQ(placed.server->devices, (std::vector<ranktable::Device>{{3, "29.81.1.103"}, {5, "29.81.1.105"}}));
}

TEST_F(Devices, ServerAddressAndIdFollowTheSpec) {
  cluster_.edit_spec("/spec/ranktable/serverAddress", "HostIP");
  cluster_.edit_spec("/spec/ranktable/serverID", "PerInstance");
  EXPECT_EQ(placement(kPrefill0).server->ip, "10.0.0.1");
  EXPECT_EQ(placement(kPrefill0).server->id, "prefill-0");
  EXPECT_EQ(placement({{Role::kScheduler, 0}, 0}).server->id, "scheduler");
  cluster_.edit_spec("/spec/ranktable/serverAddress", "PodIP");
  cluster_.edit_spec("/spec/ranktable/serverID", "HostIP");
  EXPECT_EQ(placement(kPrefill0).server->id, "10.0.0.1");
}

TEST_F(Devices, AMissingPodReadsLikeOneThatIsNotBound) {
  cluster_.vanish(kPrefillPod);
  EXPECT_EQ(placement(kPrefill0).reason, "pod qwen-prefill-0-0-1 is not bound to a node yet");
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kUnbound);
}

TEST_F(Devices, AreWaitedForUntilTheAgentReportsThem) {
  node().held.erase(cluster_.pod(kPrefillPod).meta.uid);
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kWaiting);
  EXPECT_THAT(placement(kPrefill0).reason, AllOf(HasSubstr(kPrefillPod), HasSubstr("node-0"), HasSubstr("pd-agent")));
  EXPECT_TRUE(placement(kDecode0).server);
}

TEST_F(Devices, AreNotKnownWithoutAUsableAddressOfThePod) {
  for (const char* address : {"", "127.0.0.1", "0.0.0.0", "not an address"}) {
    cluster_.pod(kPrefillPod).pod_ip = address;
    EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kWaiting) << address;
  }
}

TEST_F(Devices, HostileAnnotationsNameTheNodeAndThePlace) {
  for (const char* text : {"{", "[]", "{\"v\":2}", "{\"v\":1,\"devices\":[{\"id\":99999999999}]}", "\xff\xfe"}) {
    node().garbled = text;
    const Placement placed = placement(kPrefill0);
    EXPECT_EQ(placed.problem, PlacementProblem::kBadAnnotation) << text;
    EXPECT_THAT(placed.reason, AllOf(HasSubstr("node-0"), HasSubstr("npu-inventory"))) << text;
  }
  snapshot_ = cluster_.snapshot();
  snapshot_.nodes["node-0"] = read_node("node-0", node().inventory_text, R"({"v":1,"ids":"real","pods":7})");
  EXPECT_THAT(place(snapshot_, find_occupants(snapshot_)).at(kPrefill0).reason,
              AllOf(HasSubstr("npu-allocations"), HasSubstr("/pods")));
}

TEST_F(Devices, ASilentNodeIsAQuestionForItsAgent) {
  node().garbled = "";
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kNodeSilent);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("see whether pd-agent runs there"));
}

constexpr const char* kMindCluster = "ascend.kubectl.kubernetes.io/ascend-910-configuration";
constexpr const char* kReal = "huawei.com/AscendReal";

std::string configuration(const std::vector<int>& ids) {
  Json devices = Json::array();
  for (const int id : ids) devices.push_back({{"device_id", std::to_string(id)}, {"device_ip", "1.2.3.4"}});
  return Json({{"pod_name", "p"}, {"devices", devices}}).dump();
}

// What device plugins write into pods.
class Claimed : public Devices {
 protected:
  kube::TextMap& annotations(const char* pod) { return cluster_.pod(pod).meta.annotations; }
  Placement placement_where_ids_are(const std::string& ids) {
    snapshot_ = cluster_.snapshot();
    NodeNpus told = *snapshot_.nodes.at("node-0");
    told.ids = *npu::parse_ids(ids);
    if (ids == "unknown") told.holders.clear();
    snapshot_.nodes["node-0"] = std::make_shared<NodeNpus>(std::move(told));
    return place(snapshot_, find_occupants(snapshot_)).at(kPrefill0);
  }
  static std::vector<int> ids_of(const Placement& placement) {
    std::vector<int> ids;
    if (placement.server) {
      for (const ranktable::Device& device : placement.server->devices) ids.push_back(device.id);
    }
    return ids;
  }
};

TEST_F(Claimed, WhatSaysTheSameAsKubeletIsNamed) {
  EXPECT_EQ(placement(kPrefill0).source, "pd-operator.io/npu-allocations");
  held(kPrefillPod) = {5, 3};
  annotations(kPrefillPod)[kReal] = "Ascend910-5,Ascend910-3";
  EXPECT_EQ(placement(kPrefill0).source, kReal);
  annotations(kPrefillPod)[kMindCluster] = configuration({5, 3});
  EXPECT_EQ(placement(kPrefill0).source, kMindCluster);
  EXPECT_EQ(ids_of(placement(kPrefill0)), (std::vector<int>{3, 5}));
  EXPECT_EQ(placement(kPrefill0).server->devices[0].ip, "29.81.1.103") << "the node's, not the pod's";
}

TEST_F(Claimed, NothingIsKnownOfAPodThatSaysOtherThanKubelet) {
  held(kPrefillPod) = {3, 5};
  annotations(kPrefillPod)[kReal] = "Ascend910-3,Ascend910-4";
  const Placement placed = placement(kPrefill0);
  EXPECT_EQ(placed.problem, PlacementProblem::kDisagreement);
  EXPECT_THAT(placed.reason, AllOf(HasSubstr("holds NPU 3, 5 by kubelet's word and NPU 3, 4 by its annotation"),
                                   HasSubstr(kReal), HasSubstr("find out who has written that")));
  annotations(kPrefillPod)["huawei.com/kltDev"] = "Ascend910-3,Ascend910-5";
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("--ids remapped"));
  EXPECT_TRUE(placement(kDecode0).server) << "and nobody else is disturbed";
}

// S3: a tenant names the devices of another pod.
TEST_F(Claimed, AForgedClaimNeverBlocksTheOwner) {
  annotations(kDecodePod)[kReal] = "Ascend910-" + std::to_string(held(kPrefillPod)[0]);
  EXPECT_TRUE(placement(kPrefill0).server);
  EXPECT_EQ(placement(kDecode0).problem, PlacementProblem::kDisagreement);
}

TEST_F(Claimed, WithoutKubeletsWordNothingIsTaken) {
  annotations(kPrefillPod)[kReal] = "Ascend910-3,Ascend910-5";
  node().held.erase(cluster_.pod(kPrefillPod).meta.uid);
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kWaiting);
}

TEST_F(Claimed, WhatCannotBeReadIsSaid) {
  for (const char* text : {"{", "[]", "{\"devices\":7}", "{\"devices\":[{\"device_id\":\"x\"}]}", "\xff"}) {
    annotations(kPrefillPod)[kMindCluster] = text;
    EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kBadClaim) << text;
    EXPECT_THAT(placement(kPrefill0).reason, AllOf(HasSubstr(kPrefillPod), HasSubstr(kMindCluster))) << text;
  }
}

TEST_F(Claimed, WhereIdsAreRemappedThePluginsChoiceCounts) {
  held(kPrefillPod) = {3, 5};
  EXPECT_EQ(placement_where_ids_are("remapped").problem, PlacementProblem::kWaiting);
  EXPECT_THAT(placement_where_ids_are("remapped").reason, HasSubstr("its device plugin to say in an annotation"));
  annotations(kPrefillPod)[kReal] = "Ascend910-6,Ascend910-7";
  EXPECT_EQ(ids_of(placement_where_ids_are("remapped")), (std::vector<int>{6, 7}));
}

TEST_F(Claimed, WhereIdsAreRemappedNoMoreThanKubeletCounted) {
  held(kPrefillPod) = {3, 5};
  annotations(kPrefillPod)[kReal] = "Ascend910-5,Ascend910-6,Ascend910-7";
  const Placement placed = placement_where_ids_are("remapped");
  EXPECT_EQ(placed.problem, PlacementProblem::kDisagreement);
  EXPECT_THAT(placed.reason, HasSubstr("has 2 NPUs by kubelet's count and 3 by its annotation"));
  node().held.erase(cluster_.pod(kPrefillPod).meta.uid);
  EXPECT_EQ(placement_where_ids_are("remapped").problem, PlacementProblem::kWaiting);
}

TEST_F(Claimed, WhereKubeletIsNotAskedThePodsWordIsAllThereIs) {
  EXPECT_EQ(placement_where_ids_are("unknown").problem, PlacementProblem::kWaiting);
  annotations(kPrefillPod)[kReal] = "Ascend910-6,Ascend910-7";
  EXPECT_EQ(ids_of(placement_where_ids_are("unknown")), (std::vector<int>{6, 7}));
  annotations(kPrefillPod)[kReal] = "Ascend910-6,Ascend910-8";
  EXPECT_EQ(placement_where_ids_are("unknown").problem, PlacementProblem::kDeviceUnknown);
}

TEST_F(Claimed, OfTwoThatClaimOneDeviceTheYoungerLoses) {
  annotations(kPrefillPod)[kReal] = "Ascend910-6,Ascend910-7";
  annotations(kDecodePod)[kReal] = "Ascend910-7,Ascend910-5";
  cluster_.pod(kPrefillPod).meta.created = cluster_.now_;
  EXPECT_EQ(placement_where_ids_are("unknown").problem, PlacementProblem::kDuplicateDevice);
  EXPECT_THAT(placement_where_ids_are("unknown").reason, HasSubstr(kDecodePod));
  cluster_.pod(kDecodePod).meta.created = cluster_.now_ + std::chrono::seconds(1);
  EXPECT_TRUE(placement_where_ids_are("unknown").server);
}

TEST_F(Devices, MustBeInTheInventoryOfThePodsOwnNode) {
  cluster_.edit_node("node-0", [](npu::Inventory& inventory) { inventory.devices.erase(inventory.devices.begin()); });
  held(kPrefillPod) = {7, 4};
  held(kDecodePod) = {1, 2};
  EXPECT_TRUE(placement(kPrefill0).server);
  held(kPrefillPod) = {7, 0};
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kDeviceUnknown);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("NPU 0, which is not in the node's inventory"));
}

TEST_F(Devices, MustHaveAnAddress) {
  held(kPrefillPod) = {6, 7};
  cluster_.edit_node("node-0", [](npu::Inventory& inventory) { inventory.devices[7].ip = ""; });
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kDeviceUnknown);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("hccn_tool -i 7 -ip -g"));
}

TEST_F(Devices, MustHaveANumberThatATableTakes) {
  cluster_.edit_node("node-0", [](npu::Inventory& inventory) { inventory.devices[7].id = 16; });
  held(kPrefillPod) = {6, 16};
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kDeviceUnknown);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("NPU 16, and a table takes numbers up to 15 only"));
}

TEST_F(Devices, OfTheRarerFamilyOfAddressesAreRefused) {
  const auto lose_ipv4 = [](std::size_t device) {
    return [device](npu::Inventory& inventory) {
      inventory.devices[device].ipv6 = "fd00::" + std::to_string(device + 1);
      inventory.devices[device].ip.clear();
    };
  };
  held(kPrefillPod) = {6, 7};
  held(kDecodePod) = {1, 2};
  cluster_.edit_node("node-0", lose_ipv4(7));
  const Slot decode_0{{Role::kDecode, 0}, 0};
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kDeviceUnknown);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("holds NPU 7 with the address fd00::8, and most NPUs"));
  EXPECT_TRUE(placement(decode_0).server);
  for (const std::size_t device : {1U, 2U}) cluster_.edit_node("node-0", lose_ipv4(device));
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("holds NPU 6 with the address 29.81.1.106, and most NPUs"));
  EXPECT_TRUE(placement(decode_0).server);
  cluster_.edit_node("node-0", lose_ipv4(6));
  EXPECT_TRUE(placement(kPrefill0).server);
}

TEST_F(Devices, OfTheFamilyThatServesAreNotRefusedForNewcomers) {
  held(kPrefillPod) = {6, 7};
  held(kDecodePod) = {1, 2};
  cluster_.edit_node("node-0", [](npu::Inventory& inventory) {
    for (const std::size_t device : {1U, 2U}) {
      inventory.devices[device].ipv6 = "fd00::" + std::to_string(device);
      inventory.devices[device].ip.clear();
    }
  });
  const Slot decode_0{{Role::kDecode, 0}, 0};
  cluster_.pod(kPrefillPod).meta.annotations.erase(std::string(kube::kPodGenerationAnnotation));
  cluster_.pod(kDecodePod).meta.annotations.erase(std::string(kube::kPodGenerationAnnotation));
  EXPECT_TRUE(placement(kPrefill0).server);
  cluster_.pod(kDecodePod).meta.annotations[std::string(kube::kPodGenerationAnnotation)] = "1";
  EXPECT_TRUE(placement(decode_0).server);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("and most NPUs of the table have IPv6 addresses"));
}

TEST_F(Devices, MustBeAsManyAsTheRoleWants) {
  held(kPrefillPod) = {7};
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kCount);
  EXPECT_THAT(placement(kPrefill0).reason, HasSubstr("has 1 NPUs, and the role wants 2"));
}

TEST_F(Devices, ALinkThatIsDownMattersOnlyWhenTheSpecSaysSo) {
  held(kPrefillPod) = {6, 7};
  cluster_.edit_node("node-0", [](npu::Inventory& inventory) { inventory.devices[7].link = "down"; });
  EXPECT_TRUE(placement(kPrefill0).server);
  EXPECT_THAT(placement(kPrefill0).warning, HasSubstr("holds NPU 7, whose link is down"));
  cluster_.edit_spec("/spec/ranktable/requireLinkUp", true);
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kLinkDown);
}

TEST_F(Devices, AReportThatListsOneDeviceTwiceIsNotBelieved) {
  held(kDecodePod) = held(kPrefillPod);
  EXPECT_EQ(placement(kPrefill0).problem, PlacementProblem::kBadAnnotation);
}

// Two nodes whose inventories name one address: at most one of the two is right.
class Clash : public ::testing::Test {
 protected:
  Clash() : cluster_(a_deployment().set("/spec/prefill/npusPerPod", 8), 2) {
    cluster_.settle();
    FakeNode& node = cluster_.nodes_.at(cluster_.pod(kDecodePod).node);
    const auto id = static_cast<std::size_t>(node.held.at(cluster_.pod(kDecodePod).meta.uid)[0]);
    address_ = cluster_.nodes_.at(cluster_.pod(kPrefillPod).node).inventory.devices[0].ip;
    cluster_.edit_node(cluster_.pod(kDecodePod).node,
                       [&](npu::Inventory& inventory) { inventory.devices[id].ip = address_; });
  }

  Placement placement(const Slot& slot) {
    snapshot_ = cluster_.snapshot();
    return place(snapshot_, find_occupants(snapshot_)).at(slot);
  }

  FakeCluster cluster_;
  Snapshot snapshot_;
  std::string address_;
};

TEST_F(Clash, TheYoungerPodLosesAndTheOtherIsNamed) {
  cluster_.pod(kDecodePod).meta.created = cluster_.now_;
  EXPECT_TRUE(placement(kPrefill0).server);
  EXPECT_EQ(placement(kDecode0).problem, PlacementProblem::kDuplicateDevice);
  EXPECT_THAT(placement(kDecode0).reason, AllOf(HasSubstr(kDecodePod), HasSubstr(address_), HasSubstr("NPU of llm/")));
}

TEST_F(Clash, OfTwoPodsOfOneAgeTheUidDecides) {
  cluster_.pod(kDecodePod).meta.created = cluster_.pod(kPrefillPod).meta.created;
  const bool prefill_first = cluster_.pod(kPrefillPod).meta.uid < cluster_.pod(kDecodePod).meta.uid;
  EXPECT_EQ(placement(kPrefill0).server.has_value(), prefill_first);
  EXPECT_EQ(placement(kDecode0).server.has_value(), !prefill_first);
}

// A pod on a node whose agent does not ask kubelet claims, as the older one, the address of a pod that kubelet vouches
// for.
TEST_F(Clash, AnAnnotationAloneLosesAgainstKubeletsWord) {
  kube::Pod& decode = cluster_.pod(kDecodePod);
  const std::string id = std::to_string(cluster_.nodes_.at(decode.node).held.at(decode.meta.uid)[0]);
  const std::string other = std::to_string(cluster_.nodes_.at(decode.node).held.at(decode.meta.uid)[1]);
  decode.meta.annotations["huawei.com/AscendReal"] = "Ascend910-" + id + ",Ascend910-" + other;
  cluster_.pod(kPrefillPod).meta.created = cluster_.now_;
  snapshot_ = cluster_.snapshot();
  snapshot_.nodes[decode.node] =
      read_node(decode.node, cluster_.nodes_.at(decode.node).inventory_text, R"({"v":1,"ids":"unknown","pods":[]})");
  const Placements placements = place(snapshot_, find_occupants(snapshot_));
  EXPECT_TRUE(placements.at(kPrefill0).server);
  EXPECT_EQ(placements.at(kDecode0).problem, PlacementProblem::kDuplicateDevice);
}

TEST_F(Clash, APodThatIsOverClaimsNothing) {
  cluster_.pod(kDecodePod).meta.created = cluster_.now_;
  cluster_.pod(kPrefillPod).phase = "Failed";
  EXPECT_TRUE(placement(kDecode0).server);
}

TEST_F(Clash, APodOfAnotherDeploymentCountsAndTheTwoAgreeOnTheLoser) {
  FakeNode& node = cluster_.nodes_.at(cluster_.pod(kPrefillPod).node);
  const std::vector<int> ids = node.held.at(cluster_.pod(kPrefillPod).meta.uid);
  node.held.erase(cluster_.pod(kPrefillPod).meta.uid);
  node.held["another"] = ids;
  EXPECT_EQ(placement(kDecode0).problem, PlacementProblem::kDuplicateDevice);
  node.held.erase("another");
  node.held["zzz"] = ids;
  EXPECT_TRUE(placement(kDecode0).server);
}

}  // namespace
}  // namespace pd::plan
