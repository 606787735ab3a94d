#include "operator/stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "npu/inventory.h"
#include "tests/operator/cluster_script.h"

namespace pd::op {
namespace {

using test::ClusterScript;
using test::labelled;
using test::node_with;
using test::object;
using test::pod_on;
using test::run_until;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string inventory(const std::string& resource, const std::string& ip = "29.0.0.1") {
  npu::Inventory made;
  made.source = "hccn_tool";
  made.resource = resource;
  made.probed = "2026-11-24T06:34:56Z";
  npu::Device device;
  device.ip = ip;
  made.devices.push_back(device);
  return npu::format_inventory(made);
}

class StoresTest : public ::testing::Test {
 protected:
  void start() {
    script_.serve(transport_);
    stores_.on_change([this](const std::string& key, Stores::Change change) {
      concerned_.push_back(key);
      changes_[key] = change;
    });
    stores_.watch_with(controller_);
    runtime::spawn(context_, controller_.run_watches(stop_.token()));
    run_until(context_, [this] { return controller_.synced(); });
    concerned_.clear();
  }
  // Sends an event and waits until its kind has it.
  void event(const std::string& path, const std::string& type, const Json& made) {
    concerned_.clear();
    script_.event(path, type, made);
    test::settle(context_);
  }
  plan::Snapshot observe(const std::string& key) {
    std::optional<plan::Snapshot> snapshot = stores_.observe(key, {"gate:1", "Always"});
    if (!snapshot) throw std::runtime_error("nothing is known of " + key);
    return *snapshot;
  }
  void TearDown() override {
    stop_.stop();
    test::run_out(context_);
  }

  boost::asio::io_context context_;
  test::ScriptedTransport transport_;
  ClusterScript script_;
  kube::Client client_{transport_};
  runtime::Rng rng_{1};
  StopSource stop_;
  Stores stores_{client_, {}, rng_};
  std::vector<std::string> concerned_;
  std::map<std::string, Stores::Change> changes_;                // the last of each
  runtime::Controller controller_{context_, rng_, {}, nullptr};  // its watches alone
};

TEST_F(StoresTest, CollectsWhatConcernsOneDeployment) {
  script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
  script_.add(ClusterScript::kDeployments, object("other", "qwen", "2"));
  script_.add(ClusterScript::kPods, pod_on("a", "3", "qwen", "node-1"));
  script_.add(ClusterScript::kPods, pod_on("b", "4", "another", "node-2"));
  script_.add(ClusterScript::kNodes, node_with("node-1", "5", inventory("huawei.com/Ascend910")));
  script_.add(ClusterScript::kNodes, node_with("node-2", "6", inventory("huawei.com/npu")));
  script_.add(ClusterScript::kConfigMaps, labelled(object("llm", "qwen-ranktable", "7"), "qwen"));
  script_.add(ClusterScript::kServices, labelled(object("llm", "qwen-pods", "8"), "qwen"));
  script_.add(ClusterScript::kBudgets, labelled(object("llm", "qwen-decode", "9"), "qwen"));
  start();
  const plan::Snapshot snapshot = observe("llm/qwen");
  EXPECT_EQ(snapshot.deployment.meta.name, "qwen");
  EXPECT_EQ(snapshot.settings.gate_image, "gate:1");
  ASSERT_EQ(snapshot.pods.size(), 1U);
  EXPECT_EQ(snapshot.pods[0].meta.name, "a");
  ASSERT_EQ(snapshot.nodes.size(), 1U);
  EXPECT_EQ(snapshot.nodes.at("node-1")->resource, "huawei.com/Ascend910");
  EXPECT_THAT(snapshot.resources, ElementsAre("huawei.com/Ascend910", "huawei.com/npu"));
  ASSERT_TRUE(snapshot.config_map);
  ASSERT_EQ(snapshot.services.size(), 1U);
  ASSERT_EQ(snapshot.budgets.size(), 1U);
  EXPECT_TRUE(observe("other/qwen").pods.empty());
  EXPECT_FALSE(observe("other/qwen").config_map);
  EXPECT_FALSE(stores_.observe("llm/none", {}));
}

TEST_F(StoresTest, AsksForItsOwnObjectsAndAllNodes) {
  start();
  EXPECT_THAT(transport_.last("GET " + ClusterScript::kPods).query,
              ::testing::HasSubstr("labelSelector=pd-operator.io%2Fdeployment"));
  EXPECT_THAT(transport_.last("GET " + ClusterScript::kNodes).query, ::testing::Not(::testing::HasSubstr("Selector")));
}

TEST_F(StoresTest, APodConcernsItsDeployment) {
  start();
  event(ClusterScript::kPods, "ADDED", pod_on("a", "101", "qwen", ""));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
  EXPECT_EQ(stores_.reflector("Pod").version("llm"), "101");
  event(ClusterScript::kPods, "DELETED", pod_on("a", "102", "qwen", ""));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
}

TEST_F(StoresTest, APodThatChangesHandsConcernsBoth) {
  script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
  script_.add(ClusterScript::kDeployments, object("llm", "yi", "2"));
  start();
  event(ClusterScript::kPods, "ADDED", pod_on("a", "101", "qwen", "node-1"));
  event(ClusterScript::kPods, "MODIFIED", pod_on("a", "102", "yi", "node-1"));
  EXPECT_THAT(concerned_, UnorderedElementsAre("llm/qwen", "llm/yi"));
  EXPECT_TRUE(observe("llm/qwen").pods.empty());
  EXPECT_EQ(observe("llm/yi").pods.size(), 1U);
}

TEST_F(StoresTest, AConfigMapAndAServiceConcernTheirDeployment) {
  start();
  event(ClusterScript::kConfigMaps, "ADDED", labelled(object("llm", "qwen-ranktable", "101"), "qwen"));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
  event(ClusterScript::kServices, "ADDED", labelled(object("llm", "qwen-pods", "101"), "qwen"));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
  event(ClusterScript::kBudgets, "ADDED", labelled(object("llm", "qwen-decode", "101"), "qwen"));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
  event(ClusterScript::kDeployments, "ADDED", object("llm", "qwen", "101"));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
}

TEST_F(StoresTest, AnObjectThatIsLabelledAnewConcernsBothDeployments) {
  script_.add(ClusterScript::kConfigMaps, labelled(object("llm", "qwen-ranktable", "7"), "qwen"));
  start();
  event(ClusterScript::kConfigMaps, "MODIFIED", labelled(object("llm", "qwen-ranktable", "101"), "yi"));
  EXPECT_THAT(concerned_, UnorderedElementsAre("llm/qwen", "llm/yi"));
}

TEST_F(StoresTest, ANodeConcernsTheDeploymentsWithPodsOnIt) {
  script_.add(ClusterScript::kDeployments, object("llm", "far", "1"));
  script_.add(ClusterScript::kNodes, node_with("node-1", "2", inventory("huawei.com/npu")));
  script_.add(ClusterScript::kPods, pod_on("a", "3", "qwen", "node-1"));
  script_.add(ClusterScript::kPods, pod_on("b", "4", "qwen", "node-1"));
  script_.add(ClusterScript::kPods, pod_on("c", "5", "yi", "node-1"));
  script_.add(ClusterScript::kPods, pod_on("d", "6", "far", "node-2"));
  start();
  event(ClusterScript::kNodes, "MODIFIED", node_with("node-1", "101", inventory("huawei.com/npu", "29.0.0.2")));
  EXPECT_THAT(concerned_, UnorderedElementsAre("llm/qwen", "llm/yi"));
  event(ClusterScript::kNodes, "MODIFIED", node_with("node-1", "102", inventory("huawei.com/npu", "29.0.0.2")));
  EXPECT_THAT(concerned_, IsEmpty()) << "no annotation changed";
  event(ClusterScript::kPods, "DELETED", pod_on("a", "101", "qwen", "node-1"));
  event(ClusterScript::kNodes, "DELETED", node_with("node-1", "103", ""));
  EXPECT_THAT(concerned_, UnorderedElementsAre("llm/qwen", "llm/yi")) << "b is still there";
  event(ClusterScript::kPods, "DELETED", pod_on("b", "102", "qwen", "node-1"));
  event(ClusterScript::kNodes, "ADDED", node_with("node-1", "104", ""));
  EXPECT_THAT(concerned_, ElementsAre("llm/yi"));
}

Json reporting(Json node, std::vector<npu::PodDevices> pods) {
  node["metadata"]["annotations"]["pd-operator.io/npu-allocations"] =
      npu::format_allocations({npu::Ids::kReal, std::move(pods)});
  return node;
}

TEST_F(StoresTest, WhatANodeSaysOfAPodIsAtMostANeighboursAffairForOthers) {
  script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
  const Json node = node_with("node-1", "2", inventory("huawei.com/npu"));
  script_.add(ClusterScript::kNodes, reporting(node, {}));
  const Json ours = pod_on("a", "3", "qwen", "node-1");
  script_.add(ClusterScript::kPods, ours);
  script_.add(ClusterScript::kPods, pod_on("b", "4", "yi", "node-1"));
  start();
  observe("llm/qwen");  // from now on it is known what the node says
  Json reports = reporting(node, {{"llm", "a", ours["metadata"]["uid"], {0}}});
  reports["metadata"]["resourceVersion"] = "101";
  event(ClusterScript::kNodes, "MODIFIED", reports);
  EXPECT_EQ(changes_.at("llm/qwen"), Stores::Change::kPlacement);
  EXPECT_EQ(changes_.at("llm/yi"), Stores::Change::kNeighbour);
  Json moved = reporting(node_with("node-1", "102", inventory("huawei.com/npu", "29.0.0.2")), {});
  event(ClusterScript::kNodes, "MODIFIED", moved);
  EXPECT_EQ(changes_.at("llm/yi"), Stores::Change::kPlacement) << "the node's devices are other ones";
}

TEST_F(StoresTest, APodIsFoundOnTheNodeItIsBoundToLater) {
  script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
  script_.add(ClusterScript::kNodes, node_with("node-1", "2", inventory("huawei.com/npu")));
  script_.add(ClusterScript::kPods, pod_on("a", "3", "qwen", ""));
  start();
  EXPECT_TRUE(observe("llm/qwen").nodes.empty());
  event(ClusterScript::kPods, "MODIFIED", pod_on("a", "101", "qwen", "node-1"));
  EXPECT_EQ(observe("llm/qwen").nodes.size(), 1U);
  event(ClusterScript::kNodes, "MODIFIED", node_with("node-1", "102", ""));
  EXPECT_THAT(concerned_, ElementsAre("llm/qwen"));
}

TEST_F(StoresTest, ANodeIsReadAgainWhenItsAnnotationsChange) {
  script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
  script_.add(ClusterScript::kNodes, node_with("node-1", "2", "garbage"));
  script_.add(ClusterScript::kPods, pod_on("a", "3", "qwen", "node-1"));
  start();
  const auto before = observe("llm/qwen").nodes.at("node-1");
  ASSERT_TRUE(before);
  EXPECT_EQ(observe("llm/qwen").nodes.at("node-1"), before);
  event(ClusterScript::kNodes, "MODIFIED", node_with("node-1", "102", inventory("huawei.com/npu")));
  EXPECT_NE(observe("llm/qwen").nodes.at("node-1"), before);
}

TEST_F(StoresTest, AResourceThatAppearsConcernsAll) {
  script_.add(ClusterScript::kDeployments, object("llm", "qwen", "1"));
  script_.add(ClusterScript::kDeployments, object("llm", "yi", "2"));
  start();
  EXPECT_THAT(observe("llm/qwen").resources, IsEmpty());
  event(ClusterScript::kNodes, "ADDED", node_with("node-1", "101", "garbage"));
  EXPECT_THAT(concerned_, IsEmpty());
  event(ClusterScript::kNodes, "MODIFIED", node_with("node-1", "102", inventory("huawei.com/npu")));
  EXPECT_THAT(concerned_, UnorderedElementsAre("llm/qwen", "llm/yi"));
  EXPECT_THAT(observe("llm/qwen").resources, ElementsAre("huawei.com/npu"));
  concerned_.clear();
  event(ClusterScript::kNodes, "ADDED", node_with("node-2", "103", inventory("huawei.com/npu")));
  EXPECT_THAT(concerned_, IsEmpty()) << "of a thousand nodes, each would be a plan for all";
  event(ClusterScript::kNodes, "DELETED", node_with("node-1", "104", inventory("huawei.com/npu")));
  EXPECT_THAT(observe("llm/qwen").resources, ElementsAre("huawei.com/npu"));
  event(ClusterScript::kNodes, "DELETED", node_with("node-2", "105", inventory("huawei.com/npu")));
  EXPECT_THAT(observe("llm/qwen").resources, IsEmpty());
}

}  // namespace
}  // namespace pd::op
