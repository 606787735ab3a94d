// The planner in a closed loop with a fake cluster, under faults drawn from a seed: plans that are carried out in part,
// pods that are deleted, vanish or fail, annotations that are garbled, tables that are deleted or edited by hand, late
// creations of a former leader, and a user who keeps changing the spec. In a part of the seeds one or more roles adopt
// the pods of a workload (tests/plan/fake_workload.h), which come and go as it likes. The invariants are checked around
// every action.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "plan/plan.h"
#include "tests/plan/fake_cluster.h"
#include "tests/plan/fake_workload.h"
#include "tests/plan/invariants.h"

namespace pd::plan {
namespace {

constexpr unsigned kShards = 4;  // tests that can run side by side
constexpr unsigned kSeedsPerShard = 50;
constexpr int kRounds = 20;

class Model {
 public:
  explicit Model(unsigned seed) : random_(seed), cluster_(deployment(seed), 3), invariants_(cluster_) {
    if (chance(30)) cluster_.edit_spec("/spec/ranktable/publishPolicy", "Available");
    if (chance(20)) cluster_.edit_spec("/spec/prefill/podReplacementPolicy", "Gone");
    if (chance(30)) cluster_.add_foreign_pod("qwen-prefill-0-0-1", "prefill", 0);
    if (chance(30)) cluster_.add_foreign_pod("stranger", "decode", 7);
  }

  void run() {
    for (int round = 0; round < kRounds && invariants_.broken.empty(); ++round) {
      if (chance(45)) fault();
      invariants_.after();
      act(chance(35));
      if (chance(80)) live(false);
      cluster_.advance(std::chrono::seconds(chance(10) ? 45 : pick(3)));
      invariants_.after();
    }
    heal();
    for (int round = 0; round < 400 && !quiet_ && invariants_.broken.empty(); ++round) act_until_quiet();
  }

  const std::vector<std::string>& broken() const { return invariants_.broken; }
  bool quiet() const { return quiet_; }
  FakeCluster& cluster() { return cluster_; }
  std::string history() const { return history_; }

 private:
  // Before the cluster is made of it.
  DeploymentBuilder deployment(unsigned seed) {
    DeploymentBuilder made = a_deployment().prefill(2).decode(2).set("/spec/ranktable/lostGraceSeconds", 5);
    std::mt19937 choice(seed);
    for (const char* role : {"scheduler", "prefill", "decode"}) {
      if (seed % 3 != 0 || choice() % 2 == 0) continue;
      made.adopt(role);
      workloads_.emplace_back(role, choice() % 2 == 0);
    }
    return made;
  }

  // The rest of the cluster; the controllers of workloads see what their users want a little later.
  void live(bool all) {
    cluster_.live();
    for (FakeWorkload& workload : workloads_) {
      if (all || chance(70)) workload.work(cluster_);
    }
  }

  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  // Carries out a plan, or only its beginning: a crash, a conflict, a lost lease.
  std::size_t act(bool torn) {
    const Snapshot planned = cluster_.snapshot();
    const Plan made = plan(planned, cluster_.now_);
    const std::size_t limit =
        torn ? static_cast<std::size_t>(pick(static_cast<int>(made.actions.size()) + 1)) : SIZE_MAX;
    std::size_t done = 0;
    for (const Action& action : made.actions) {
      if (done == limit) break;
      invariants_.before(action, planned);
      if (const auto* pod = std::get_if<CreatePod>(&action)) sent_.push_back(*pod);
      if (!cluster_.apply(action)) break;
      if (std::holds_alternative<ReplaceConfigMap>(action) || std::holds_alternative<CreateConfigMap>(action)) {
        invariants_.edited_by_hand = false;
      }
      invariants_.after();
      ++done;
    }
    due_ = made.requeue_after;
    return made.actions.size();
  }

  void act_until_quiet() {
    const std::size_t actions = act(false);
    const std::string before = dump();
    live(true);
    if (actions > 0 || dump() != before || cluster_.any_terminating()) return;
    if (due_) {
      cluster_.advance(*due_);
    } else {
      quiet_ = true;
    }
  }

  // What the planner can see of the cluster, as text.
  std::string dump() const {
    std::string text;
    for (const auto& [name, pod] : cluster_.pods_) {
      text += name + pod.meta.resource_version + (pod.meta.deleted ? "-" : "+");
    }
    return text;
  }

  kube::Pod* any_pod() {
    if (cluster_.pods_.empty()) return nullptr;
    auto at = cluster_.pods_.begin();
    std::advance(at, pick(static_cast<int>(cluster_.pods_.size())));
    return &at->second;
  }

  FakeNode& any_node() { return cluster_.nodes_.at("node-" + std::to_string(pick(3))); }

  void fault() {
    const int kind = pick(workloads_.empty() ? 13 : 15);
    history_ += std::to_string(kind) + " ";
    switch (kind) {
      case 0:
      case 1:
      case 2:
        return fault_of_pod(kind);
      case 3:
        any_node().garbled = "{\"v\":1,\"devices\":[{\"id\":\xff";
        return;
      case 4:
        for (auto& [name, node] : cluster_.nodes_) node.garbled.reset();
        return;
      case 5:
        if (chance(50)) cluster_.config_map_.reset();
        return;
      case 6:
        return edit_map();
      case 7:
      case 8: {
        const std::string role = chance(50) ? "prefill" : "decode";
        return cluster_.edit_spec("/spec/" + role + "/instances", chance(15) ? 0 : 1 + pick(3));
      }
      case 9:
        if (!cluster_.snapshot().deployment.decode.pod_template.is_object()) return;
        return cluster_.edit_spec("/spec/decode/template/spec/containers/0/image", "vllm:" + std::to_string(pick(3)));
      case 10:
        return late_create();
      case 11:
        return cluster_.edit_spec("/spec/paused", chance(40));
      case 12:
        return cluster_.edit_spec("/spec/prefill/npusPerPod", 1 + pick(3));
      case 13:
        return workloads_.front().roll_out();
      case 14:
        // Somebody else's pod with a label that tells ours which template it is of.
        if (kube::Pod* pod = any_pod(); pod != nullptr && !cluster_.created_.contains(pod->meta.name)) {
          pod->meta.labels["pd-operator.io/template-hash"] = "1-0";
          cluster_.bump(pod->meta);
        }
        return;
      default:
        return;
    }
  }

  void fault_of_pod(int kind) {
    kube::Pod* pod = any_pod();
    if (pod == nullptr || pod->meta.deleted) return;
    if (kind == 0) cluster_.delete_pod(pod->meta.name);
    if (kind == 1) cluster_.vanish(pod->meta.name);
    if (kind == 2 && pod->phase != "Failed") cluster_.fail_pod(pod->meta.name);
  }

  void edit_map() {
    if (!cluster_.config_map_) return;
    kube::ConfigMap& map = *cluster_.config_map_;
    invariants_.edited_by_hand = true;
    switch (pick(4)) {
      case 0:
        map.data["global_ranktable.json"] = "{\"status\":\"completed\"}";
        break;
      case 1:
        map.data.erase(map.data.begin());
        break;
      case 2:
        map.meta.annotations["pd-operator.io/generation"] = chance(50) ? "1" : "999999999";
        break;
      default:
        map.meta.annotations.erase("pd-operator.io/digest");
        map.meta.labels.clear();
        break;
    }
    cluster_.bump(map.meta);
  }

  // A POST of a former leader that arrives late; the API server refuses it only when the name is taken.
  void late_create() {
    if (sent_.empty()) return;
    const std::size_t before = cluster_.pods_.size();
    cluster_.apply(sent_[static_cast<std::size_t>(pick(static_cast<int>(sent_.size())))]);
    if (cluster_.pods_.size() > before) history_ += "(late) ";
  }

  void heal() {
    for (auto& [name, node] : cluster_.nodes_) node.garbled.reset();
    cluster_.edit_spec("/spec/paused", false);
  }

  std::mt19937 random_;
  std::vector<FakeWorkload> workloads_;
  FakeCluster cluster_;
  Invariants invariants_;
  std::vector<CreatePod> sent_;  // all POSTs of pods so far
  std::optional<Duration> due_;
  std::string history_;
  bool quiet_ = false;
};

bool is_zero(FakeCluster& cluster) {
  const Snapshot now = cluster.snapshot();
  return now.deployment.prefill.instances == 0 || now.deployment.decode.instances == 0;
}

std::size_t wanted_pods(FakeCluster& cluster) {
  const kube::PDDeployment now = cluster.snapshot().deployment;
  int wanted = 0;
  for (const Role role : kRoles) wanted += adopts(now, role) ? 0 : wanted_instances(now, role);
  return static_cast<std::size_t>(wanted);
}

// PD_MODEL_SEEDS: how many in all, where more than the usual ones are wanted.
unsigned seeds_per_shard() {
  const char* wanted = std::getenv("PD_MODEL_SEEDS");
  return wanted == nullptr ? kSeedsPerShard : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10)) / kShards;
}

class ModelTest : public ::testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range(0U, kShards));

void keeps_its_invariants_and_comes_to_rest(unsigned seed) {
  Model model(seed);
  model.run();
  FakeCluster& cluster = model.cluster();
  const std::string where = "seed " + std::to_string(seed) + ", faults " + model.history();
  ASSERT_THAT(model.broken(), ::testing::IsEmpty()) << where;
  ASSERT_TRUE(model.quiet()) << "L2: no rest, " << where;
  if (is_zero(cluster)) {
    ASSERT_EQ(cluster.condition("RanktableReady").reason, "ScaledToZero") << where;
  } else {
    ASSERT_EQ(cluster.condition("Ready").status, "True")
        << "L1: " << cluster.condition("Ready").message << ", " << where;
  }
  ASSERT_EQ(cluster.own_pods(), wanted_pods(cluster)) << where;
  // Time alone moves nothing.
  cluster.advance(std::chrono::hours(1));
  ASSERT_TRUE(cluster.plan_now().actions.empty()) << "L2: an hour later, " << where;
}

TEST_P(ModelTest, KeepsItsInvariantsUnderFaultsAndComesToRest) {
  for (unsigned i = 1; i <= seeds_per_shard(); ++i) {
    keeps_its_invariants_and_comes_to_rest(GetParam() * seeds_per_shard() + i);
    if (HasFatalFailure()) return;
  }
}

// 614, 1544: the generation edited by hand before the status had it.
TEST(Model, KeepsItsInvariantsWhereItOnceDidNot) {
  for (const unsigned seed : {614U, 1544U}) keeps_its_invariants_and_comes_to_rest(seed);
}

}  // namespace
}  // namespace pd::plan
