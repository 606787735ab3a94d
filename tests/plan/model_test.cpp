// The planner in a closed loop with a fake cluster, under faults drawn from a seed: plans that are carried out in part,
// pods that are deleted, vanish or fail, annotations that are garbled, tables that are deleted or edited by hand, late
// creations of a former leader, Services and budgets that are edited or deleted, policies that refuse a template for a
// while, an operator that forgets what it was told, and a user who keeps changing the spec. In a part of the seeds one
// or more roles adopt the pods of a workload (tests/plan/fake_workload.h), which come and go as it likes. The
// invariants are checked around every action.
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
  // `objects`: also the faults that concern Services, budgets and dry runs.
  Model(unsigned seed, bool objects)
      : random_(seed), object_random_(seed), objects_(objects), cluster_(deployment(seed), 3), invariants_(cluster_) {
    if (chance(30)) cluster_.edit_spec("/spec/ranktable/publishPolicy", "Available");
    if (chance(20)) cluster_.edit_spec("/spec/prefill/podReplacementPolicy", "Gone");
    if (chance(30)) cluster_.add_foreign_pod("qwen-prefill-0-0-1", "prefill", 0);
    if (chance(30)) cluster_.add_foreign_pod("stranger", "decode", 7);
    if (objects_ && object_pick(10) == 0) cluster_.objects_.add_foreign({"PodDisruptionBudget", "qwen-decode"});
  }

  void run() {
    for (int round = 0; round < kRounds && invariants_.broken.empty(); ++round) {
      if (chance(45)) fault();
      if (objects_ && object_pick(3) == 0) fault_of_objects();
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
    if (!torn) cluster_.answer(made);
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
    const std::string before = dump();
    const std::size_t actions = act(false);
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
    for (const auto& [key, answer] : cluster_.dry_runs_) text += key + answer.message;
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

  int object_pick(int below) { return static_cast<int>(object_random_() % static_cast<unsigned>(below)); }

  void fault_of_objects() {
    const int kind = object_pick(6);
    history_ += "o" + std::to_string(kind) + " ";
    const std::string role = object_pick(2) == 0 ? "prefill" : "decode";
    Json ports = Json::array();
    for (int i = object_pick(3); i > 0; --i) ports.push_back({{"containerPort", 8000 + i}});
    switch (kind) {
      case 0:
        return cluster_.dry_runs_.clear();
      case 1:
        return cluster_.edit_spec("/spec/scheduler/template/spec/containers/0/ports", ports);
      case 2: {
        const int pods = object_pick(3);
        return cluster_.edit_spec("/spec/" + role + "/podDisruptionBudget",
                                  pods == 0 ? Json() : Json{{"minAvailable", pods}});
      }
      case 3:
        return edit_object();
      case 4: {
        const std::string refused = "vllm:" + std::to_string(object_pick(3));
        cluster_.judge_pod_ = [refused](const Json& pod) {
          const bool bad = pod["spec"]["containers"][0]["image"] == refused;
          return bad ? DryRun{DryRun::Answer::kRefused, "denied."} : DryRun{DryRun::Answer::kAccepted, ""};
        };
        return;
      }
      default:
        cluster_.judge_pod_ = [](const Json&) { return DryRun{DryRun::Answer::kUnclear, "exceeded quota."}; };
    }
  }

  void edit_object() {
    if (cluster_.objects_.all_.empty()) return;
    auto at = cluster_.objects_.all_.begin();
    std::advance(at, object_pick(static_cast<int>(cluster_.objects_.all_.size())));
    const auto [kind, name] = at->first;
    if (kind == "PodDisruptionBudget") {
      cluster_.objects_.edit({kind, name}, {{"spec", {{"minAvailable", nullptr}, {"maxUnavailable", 0}}}});
    } else if (object_pick(2) == 0) {
      cluster_.objects_.all_.erase(at);
    } else {
      cluster_.objects_.edit({kind, name}, {{"spec", {{"selector", {{"else", "x"}}}, {"ports", Json::array()}}}});
    }
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
    cluster_.judge_pod_ = FakeCluster(a_deployment()).judge_pod_;
  }

  std::mt19937 random_;
  std::mt19937 object_random_;
  bool objects_;
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

// Each is as the spec says; a budget of somebody else is not.
void has_its_objects(FakeCluster& cluster, const std::string& where) {
  const kube::PDDeployment now = cluster.snapshot().deployment;
  ASSERT_EQ(cluster.objects_.get({"Service", "qwen-pods"})["spec"]["clusterIP"], "None") << where;
  const Json::json_pointer declared("/spec/scheduler/template/spec/containers/0/ports");
  const Json ports = cluster.deployment_.value(declared, Json::array());
  const Json made = cluster.objects_.get({"Service", "qwen-scheduler"});
  ASSERT_EQ(made.is_null(), now.scheduler.adopt) << where;
  if (!made.is_null()) {
    const Json& entry = made["spec"];
    ASSERT_EQ(entry.value("ports", Json::array()).size(), ports.size()) << where;
    ASSERT_EQ(entry["clusterIP"] == "None", ports.empty()) << where;
    ASSERT_EQ(entry["selector"].size(), 2U) << where;
  }
  for (const auto* role : {"prefill", "decode"}) {
    const Json budget = cluster.objects_.get({"PodDisruptionBudget", "qwen-" + std::string(role)});
    const auto wanted = role == std::string("prefill") ? now.prefill.pdb_min_available : now.decode.pdb_min_available;
    if (!budget.is_null() && budget["metadata"]["uid"] == "uid-foreign") continue;
    const bool adopted = role == std::string("prefill") ? now.prefill.adopt : now.decode.adopt;
    ASSERT_EQ(budget.is_null(), !wanted || adopted) << where;
    if (!budget.is_null()) {
      ASSERT_EQ(budget["spec"]["minAvailable"], *wanted) << where;
    }
  }
}

void keeps_its_invariants_and_comes_to_rest(unsigned seed, bool objects) {
  Model model(seed, objects);
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
  has_its_objects(cluster, where);
  // Time alone moves nothing.
  cluster.advance(std::chrono::hours(1));
  ASSERT_TRUE(cluster.plan_now().actions.empty()) << "L2: an hour later, " << where;
}

TEST_P(ModelTest, KeepsItsInvariantsUnderFaultsAndComesToRest) {
  for (unsigned i = 1; i <= seeds_per_shard(); ++i) {
    keeps_its_invariants_and_comes_to_rest(GetParam() * seeds_per_shard() + i, true);
    if (HasFatalFailure()) return;
  }
}

// 614, 1544: the generation edited by hand before the status had it.
TEST(Model, KeepsItsInvariantsWhereItOnceDidNot) {
  for (const unsigned seed : {614U, 1544U}) keeps_its_invariants_and_comes_to_rest(seed, false);
}

}  // namespace
}  // namespace pd::plan
