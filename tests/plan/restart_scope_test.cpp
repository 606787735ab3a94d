// Instances of several pods, restarted as a whole or pod by pod.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/devices.h"
#include "plan/plan.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {
namespace {

using std::chrono::minutes;

DeploymentBuilder two_pods() {
  return a_deployment()
      .set("/spec/ranktable/profile", "PerInstance")
      .prefill(2)
      .set("/spec/prefill/podsPerInstance", 2);
}

class RestartScope : public ::testing::Test {
 protected:
  explicit RestartScope(const DeploymentBuilder& deployment = two_pods()) : cluster_(deployment) {
    EXPECT_TRUE(cluster_.settle());
    for (const auto& [name, pod] : cluster_.pods_) first_.insert(pod.meta.uid);
  }

  // Of the slots' present pods: whether it is another one than at first.
  bool restarted(const std::string& slot) const {
    for (const auto& [name, pod] : cluster_.pods_) {
      if (name.starts_with("qwen-" + slot + "-") && !pod.meta.deleted) return !first_.contains(pod.meta.uid);
    }
    ADD_FAILURE() << slot << " has no pod";
    return false;
  }
  void expect_ready() {
    ASSERT_TRUE(cluster_.settle());
    EXPECT_EQ(cluster_.condition("Ready").status, "True") << cluster_.condition("Ready").message;
  }

  FakeCluster cluster_;
  std::set<std::string> first_;
};

TEST_F(RestartScope, ALostPodTakesItsInstanceWithIt) {
  cluster_.vanish("qwen-prefill-1-0-1");
  expect_ready();
  EXPECT_TRUE(restarted("prefill-1-0"));
  EXPECT_TRUE(restarted("prefill-1-1"));
  for (const char* slot : {"prefill-0-0", "prefill-0-1", "decode-0-0", "scheduler-0-0"}) {
    EXPECT_FALSE(restarted(slot)) << slot;
  }
  const std::size_t made = cluster_.created_.size();
  cluster_.advance(minutes(30));
  ASSERT_TRUE(cluster_.settle());
  EXPECT_EQ(cluster_.created_.size(), made) << "and that is the end of it";
}

// So that its creation changes no message.
TEST_F(RestartScope, WhoIsWaitedForIsNamedAsItWillBeMade) {
  for (auto& [name, node] : cluster_.nodes_) node.cordoned = true;
  cluster_.vanish("qwen-prefill-1-0-1");
  const Snapshot snapshot = cluster_.snapshot();
  const Occupancy occupancy = find_occupants(snapshot);
  const Slot slot{{Role::kPrefill, 1}, 0};
  EXPECT_EQ(place(snapshot, occupancy).at(slot).reason, "pod qwen-prefill-1-0-2 is not bound to a node yet");
  cluster_.apply_plan(cluster_.plan_now());
  EXPECT_TRUE(cluster_.created_.contains("qwen-prefill-1-0-2"));
}

TEST_F(RestartScope, SoDoesAFailedOne) {
  cluster_.pod("qwen-prefill-1-1-1").phase = "Failed";
  expect_ready();
  EXPECT_TRUE(restarted("prefill-1-0"));
  EXPECT_TRUE(restarted("prefill-1-1"));
  EXPECT_FALSE(restarted("prefill-0-0"));
}

TEST_F(RestartScope, PodsThatFailTogetherAreOneFailure) {
  cluster_.fail_pod("qwen-prefill-1-0-1");
  cluster_.fail_pod("qwen-prefill-1-1-1");
  cluster_.apply_plan(cluster_.plan_now());
  EXPECT_TRUE(cluster_.created_.contains("qwen-prefill-1-0-2"));
  EXPECT_TRUE(cluster_.created_.contains("qwen-prefill-1-1-2"));
  ASSERT_EQ(cluster_.status().restarts.size(), 1U);
  EXPECT_EQ(cluster_.status().restarts.front().count, 1);
}

TEST_F(RestartScope, SeveralLossesInARowEndWell) {
  for (int i = 0; i < 4; ++i) {
    for (const auto& [name, pod] : cluster_.pods_) {
      if (name.starts_with(i % 2 == 0 ? "qwen-prefill-1-0" : "qwen-prefill-1-1")) {
        cluster_.vanish(name);
        break;
      }
    }
    expect_ready();
  }
}

// Nobody has started: the one that is missing is made, and that is all.
TEST_F(RestartScope, AnInstanceThatHasNotStartedIsOnlyCompleted) {
  FakeCluster young(two_pods());
  for (int i = 0; i < 4; ++i) young.apply_plan(young.plan_now());
  ASSERT_TRUE(young.pods_.contains("qwen-prefill-1-1-1"));
  const std::string other = young.pod("qwen-prefill-1-0-1").meta.uid;
  young.vanish("qwen-prefill-1-1-1");
  ASSERT_TRUE(young.settle());
  EXPECT_EQ(young.pod("qwen-prefill-1-0-1").meta.uid, other);
}

class ScopePod : public RestartScope {
 protected:
  ScopePod() : RestartScope(two_pods().set("/spec/prefill/restart", {{"scope", "Pod"}})) {}
};

TEST_F(ScopePod, ALostPodIsReplacedAlone) {
  cluster_.vanish("qwen-prefill-1-0-1");
  expect_ready();
  EXPECT_TRUE(restarted("prefill-1-0"));
  EXPECT_FALSE(restarted("prefill-1-1"));
}

}  // namespace
}  // namespace pd::plan
