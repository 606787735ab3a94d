// A cluster that carries out the planner's actions and lives a little: it binds pods, gives them addresses and NPUs,
// makes them Ready when their gate would let them pass, and lets terminating pods go. Objects go through the real
// encoders and decoders. Thread: for tests.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kube/resource.h"
#include "npu/inventory.h"
#include "plan/node_npus.h"
#include "plan/plan.h"
#include "tests/plan/builders.h"
#include "tests/plan/fake_objects.h"

namespace pd::plan {

inline constexpr int kDevicesPerNode = 8;

// The test of a table's status that needs no parser; the planner's tables are compact.
inline bool says_completed(const std::string& table) {
  return table.find("\"status\":\"completed\"") != std::string::npos;
}

struct FakeNode {
  std::string ip;
  npu::Inventory inventory;
  std::string inventory_text;                    // as formatted once; empty: changed since
  std::map<std::string, std::vector<int>> held;  // devices by pod UID
  std::optional<std::string> garbled;            // what both annotations say instead

  std::string allocations_text() const {
    npu::Allocations allocations;
    for (const auto& [uid, ids] : held) allocations.pods.push_back({"llm", "pod-" + uid, uid, ids});
    return npu::format_allocations(allocations);
  }
  bool cordoned = false;
};

class FakeCluster {
 public:
  explicit FakeCluster(const DeploymentBuilder& deployment, int nodes = 3) : deployment_(deployment.object()) {
    for (int n = 0; n < nodes; ++n) {
      FakeNode& node = nodes_["node-" + std::to_string(n)];
      node.ip = "10.0." + std::to_string(n / 200) + "." + std::to_string(n % 200 + 1);
      node.inventory = {"hccn_tool", "huawei.com/Ascend910", "2026-11-24T06:34:56Z", {}};
      for (int id = 0; id < kDevicesPerNode; ++id) {
        npu::Device device;
        device.id = id;
        device.ip =
            "29." + std::to_string(81 + n / 200) + "." + std::to_string(n % 200 + 1) + "." + std::to_string(100 + id);
        device.link = "up";
        node.inventory.devices.push_back(device);
      }
      node.inventory_text = npu::format_inventory(node.inventory);
    }
  }

  Snapshot snapshot() const {
    Snapshot made;
    made.settings.gate_image = "pd-gate:1";
    made.deployment = decoded();
    made.resources = resources_;
    for (const auto& [name, pod] : pods_) {
      made.pods.push_back(pod);
      const auto node = nodes_.find(pod.node);
      if (node != nodes_.end() && !made.nodes.contains(pod.node)) made.nodes[pod.node] = read(pod.node, node->second);
    }
    made.config_map = config_map_;
    made.services = objects_.read<kube::Service>();
    made.budgets = objects_.read<kube::PodDisruptionBudget>();
    made.dry_runs = dry_runs_;
    return made;
  }

  Plan plan_now() const { return plan(snapshot(), now_); }

  // False when the API server would have refused: the plan ends there.
  bool apply(const Action& action) {
    return std::visit([this](const auto& one) { return carry_out(one); }, action);
  }

  // Tries the pods that a plan wants tried, as the operator does.
  void answer(const Plan& made) {
    for (const DryRunTarget& target : made.dry_runs) {
      DryRun& known = dry_runs_[target.key];
      tried_[target.role] = target.key;
      if (known.answer == DryRun::Answer::kAccepted) continue;
      if (target.pod.is_null()) continue;
      DryRun says = judge_pod_(target.pod);
      if (says != known) ++version_;
      known = std::move(says);
    }
  }

  void try_templates() { answer(plan_now()); }

  // Applies the first `limit` actions of a plan.
  std::size_t apply_plan(const Plan& made, std::size_t limit = SIZE_MAX) {
    answer(made);
    std::size_t done = 0;
    for (const Action& action : made.actions) {
      if (done == limit || !apply(action)) break;
      ++done;
    }
    return done;
  }

  // What the rest of the cluster does in the meantime.
  void live() {
    remove_terminated();
    for (auto& [name, pod] : pods_) {
      if (pod.meta.deleted || pod.phase == "Failed") continue;
      if (pod.node.empty()) bind(pod);
      if (pod.node.empty()) continue;
      if (pod.pod_ip.empty()) {
        pod.pod_ip = "10.244." + std::to_string(next_address_ / 200) + "." + std::to_string(next_address_ % 200 + 1);
        ++next_address_;
        pod.host_ip = nodes_.at(pod.node).ip;
        bump(pod.meta);
      }
      if (!pod.ready && passes_gate(pod)) {
        pod.phase = "Running";
        pod.ready = true;
        bump(pod.meta);
      }
    }
  }

  // Until there is nothing left to do and nothing left to wait for. False when it does not end.
  bool settle(int rounds = 200) {
    for (int round = 0; round < rounds; ++round) {
      const std::int64_t before = version_;
      const Plan made = plan_now();
      apply_plan(made);
      live();
      if (!made.actions.empty() || version_ != before) continue;
      if (!made.requeue_after) return true;
      advance(*made.requeue_after);
    }
    return false;
  }

  void advance(Duration time) { now_ += std::chrono::duration_cast<std::chrono::seconds>(time); }

  bool any_terminating() const {
    return std::any_of(pods_.begin(), pods_.end(), [](const auto& one) { return one.second.meta.deleted.has_value(); });
  }

  std::size_t own_pods() const {
    return static_cast<std::size_t>(std::count_if(pods_.begin(), pods_.end(), [&](const auto& one) {
      const kube::OwnerReference* owner = one.second.meta.controller();
      return owner != nullptr && owner->uid == decoded().meta.uid;
    }));
  }

  // Access for tests.
  const kube::Condition& condition(const std::string& type) const {
    for (const kube::Condition& one : decoded().status.conditions) {
      if (one.type == type) return one;
    }
    static const kube::Condition none;
    return none;
  }
  const kube::PDDeploymentStatus& status() const { return decoded().status; }
  std::string table(const std::string& key) const { return config_map_ ? config_map_->data.at(key) : ""; }
  std::string generation() const { return config_map_ ? config_map_->data.at("generation") : ""; }
  kube::Pod& pod(const std::string& name) { return pods_.at(name); }
  void edit_spec(const std::string& pointer, Json value) {
    Json& place = deployment_[Json::json_pointer(pointer)];
    if (place == value) return;
    place = std::move(value);
    deployment_["metadata"]["generation"] = deployment_["metadata"]["generation"].get<int>() + 1;
    touch_deployment();
  }
  // Changes a node's inventory as its agent would report it.
  template <typename Change>
  void edit_node(const std::string& name, Change change) {
    FakeNode& node = nodes_.at(name);
    change(node.inventory);
    node.inventory_text = npu::format_inventory(node.inventory);
    ++version_;
  }
  void delete_pod(const std::string& name) {
    pods_.at(name).meta.deleted = now_;
    bump(pods_.at(name).meta);
  }
  void vanish(const std::string& name) {
    release(pods_.at(name));
    pods_.erase(name);
    ++version_;
  }
  // A pod that a workload of somebody else makes for a role that adopts; by default a StatefulSet's.
  kube::Pod& add_workload_pod(const std::string& name, const std::string& role, int npus = 2,
                              const kube::TextMap& labels = {},
                              const kube::OwnerReference& owner = {"StatefulSet", "engine", "uid-engine"}) {
    kube::Pod pod;
    pod.meta.ns = "llm";
    pod.meta.name = name;
    pod.meta.uid = "uid-workload-" + std::to_string(++next_uid_);
    pod.meta.created = now_;
    pod.meta.labels = labels;
    pod.meta.labels["pd-operator.io/deployment"] = "qwen";
    pod.meta.labels["pd-operator.io/role"] = role;
    pod.meta.owner = owner;
    pod.phase = "Pending";
    pod.gate_port = 8089;
    if (npus > 0) pod.npu_requests["huawei.com/Ascend910"] = npus;
    bump(pod.meta);
    return pods_[name] = std::move(pod);
  }
  // A pod of somebody else that carries our labels.
  void add_foreign_pod(const std::string& name, const std::string& role, int instance) {
    kube::Pod pod;
    pod.meta.ns = "llm";
    pod.meta.name = name;
    pod.meta.uid = "uid-foreign-" + name;
    pod.meta.created = now_;
    pod.meta.labels = {{"pd-operator.io/deployment", "qwen"},
                       {"pd-operator.io/role", role},
                       {"pd-operator.io/instance", std::to_string(instance)},
                       {"pd-operator.io/pod-index", "0"}};
    pod.meta.owner = {"ReplicaSet", "other", "uid-other"};
    pod.phase = "Running";
    bump(pod.meta);
    pods_[name] = std::move(pod);
  }
  void fail_pod(const std::string& name) {
    kube::Pod& failed = pods_.at(name);
    failed.phase = "Failed";
    failed.reason = "Evicted";
    failed.ready = false;
    release(failed);
    bump(failed.meta);
  }
  template <typename Meta>
  void bump(Meta& meta) {
    meta.resource_version = std::to_string(++version_);
  }

  std::map<std::string, kube::Pod> pods_;
  std::map<std::string, Json> created_;  // the objects of all pods ever created, by name
  std::map<std::string, FakeNode> nodes_;
  std::optional<kube::ConfigMap> config_map_;
  FakeObjects objects_;
  std::map<std::string, DryRun> dry_runs_;  // what the operator remembers
  std::function<DryRun(const Json&)> judge_pod_ = [](const Json&) { return DryRun{DryRun::Answer::kAccepted, ""}; };
  std::function<std::chrono::seconds(const std::string&)> ends_after_ = [](const std::string&) {
    return std::chrono::seconds(2);
  };
  std::vector<std::string> resources_ = {"huawei.com/Ascend910"};
  std::vector<EmitEvent> events_;
  Json deployment_;
  WallTime now_ = *parse_rfc3339("2026-11-24T12:00:00Z");
  int table_writes_ = 0;
  int status_writes_ = 0;

 private:
  static std::shared_ptr<const NodeNpus> read(const std::string& name, const FakeNode& node) {
    if (node.garbled) return read_node(name, *node.garbled, *node.garbled);
    return read_node(name, node.inventory_text, node.allocations_text());
  }

  void touch_deployment() {
    deployment_["metadata"]["resourceVersion"] = std::to_string(++version_);
    decoded_.reset();
  }

  const kube::PDDeployment& decoded() const {
    if (!decoded_) decoded_ = *kube::decode_pddeployment(deployment_);
    return *decoded_;
  }

  // As the API server keeps it and the operator reads it back.
  template <typename T>
  T stored(Json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    return *kube::Resource<T>::decode(object);
  }

  bool carry_out(const CreateConfigMap& action) {
    if (config_map_) return false;
    return store_map(action.object);
  }
  bool carry_out(const ReplaceConfigMap& action) {
    if (!config_map_) return false;
    if (action.object["metadata"].value("resourceVersion", "") != config_map_->meta.resource_version) return false;
    return store_map(action.object);
  }
  bool store_map(const Json& object) {
    config_map_ = stored<kube::ConfigMap>(object);
    config_map_->meta.uid = "uid-map";
    ++table_writes_;
    return true;
  }
  bool carry_out(const CreateObject& action) { return objects_.create(action); }
  bool carry_out(const PatchObject& action) { return objects_.patch(action); }
  bool carry_out(const DeleteObject& action) { return objects_.remove(action); }
  bool carry_out(const CreatePod& action) {
    if (DryRun says = judge_pod_(action.object); says.answer == DryRun::Answer::kRefused) {
      const auto tried = tried_.find(action.object["metadata"]["labels"]["pd-operator.io/role"].get<std::string>());
      if (tried != tried_.end()) dry_runs_[tried->second] = std::move(says);
      ++version_;
      return false;
    }
    kube::Pod pod = stored<kube::Pod>(action.object);
    if (pods_.contains(pod.meta.name)) return false;
    pod.meta.uid = "uid-" + std::to_string(++next_uid_);
    pod.meta.created = now_;
    pod.phase = "Pending";
    created_[pod.meta.name] = action.object;
    pods_[pod.meta.name] = std::move(pod);
    return true;
  }
  bool carry_out(const TouchPod& action) {
    kube::Pod* pod = find(action.name, action.uid, action.resource_version);
    if (pod == nullptr) return false;
    for (const auto& [key, value] : action.annotations) pod->meta.annotations[key] = value;
    bump(pod->meta);
    return true;
  }
  bool carry_out(const DeletePod& action) {
    kube::Pod* pod = find(action.name, action.uid, action.resource_version);
    if (pod == nullptr) return false;
    delete_pod(action.name);
    return true;
  }
  bool carry_out(const WriteStatus& action) {
    deployment_["status"] = kube::encode_status(action.status);
    touch_deployment();
    ++status_writes_;
    return true;
  }
  bool carry_out(const EmitEvent& action) {
    events_.push_back(action);
    return true;
  }

  kube::Pod* find(const std::string& name, const std::string& uid, const std::string& version) {
    const auto found = pods_.find(name);
    if (found == pods_.end() || found->second.meta.uid != uid) return nullptr;
    return found->second.meta.resource_version == version ? &found->second : nullptr;
  }

  void bind(kube::Pod& pod) {
    int want = 0;
    for (const auto& [resource, count] : pod.npu_requests) want += count;
    for (auto& [name, node] : nodes_) {
      if (node.cordoned) continue;
      std::set<int> used;
      for (const auto& [uid, ids] : node.held) used.insert(ids.begin(), ids.end());
      if (kDevicesPerNode - static_cast<int>(used.size()) < want) continue;
      std::vector<int> taken;
      for (int id = 0; id < kDevicesPerNode && static_cast<int>(taken.size()) < want; ++id) {
        if (!used.contains(id)) taken.push_back(id);
      }
      if (want > 0) node.held[pod.meta.uid] = taken;
      pod.node = name;
      bump(pod.meta);
      return;
    }
  }

  void release(const kube::Pod& pod) {
    const auto node = nodes_.find(pod.node);
    if (node != nodes_.end()) node->second.held.erase(pod.meta.uid);
  }

  void remove_terminated() {
    std::vector<std::string> gone;
    for (const auto& [name, pod] : pods_) {
      if (pod.meta.deleted && now_ >= *pod.meta.deleted + ends_after_(name)) gone.push_back(name);
      if (pod.meta.deleted) ++version_;
    }
    for (const std::string& name : gone) vanish(name);
    if (!gone.empty()) return;
    // Nobody waits for a terminating pod in a test that does not move time.
    if (any_terminating()) advance(std::chrono::seconds(1));
  }

  // What pd-gate checks: a completed table of at least the expected generation, which lists the pod's own address.
  bool passes_gate(const kube::Pod& pod) const {
    const std::string expected = pod.meta.annotation("pd-operator.io/ranktable-generation");
    if (expected.empty() || !config_map_ || !config_map_->data.contains("generation")) return false;
    const std::string role = pod.meta.label("pd-operator.io/role");
    std::string reader = role == "scheduler" ? "host" : role + "-" + pod.meta.label("pd-operator.io/instance");
    if (!created_.contains(pod.meta.name)) reader = pod.meta.name;  // as pdctl inject writes it
    const auto local = config_map_->data.find("local_ranktable_" + reader + ".json");
    if (local == config_map_->data.end()) return false;
    return says_completed(local->second) && local->second.find("\"" + pod.pod_ip + "\"") != std::string::npos;
  }

  std::map<std::string, std::string> tried_;  // role -> key of what was tried last
  mutable std::optional<kube::PDDeployment> decoded_;
  std::int64_t version_ = 10;
  int next_uid_ = 0;
  int next_address_ = 0;
};

}  // namespace pd::plan
