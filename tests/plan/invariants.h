// What must hold after every single action, judged from the fake cluster's own truth and not by the planner's
// functions. Thread: for tests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/pod_template.h"
#include "ranktable/validate.h"
#include "tests/plan/fake_cluster.h"

namespace pd::plan {

class Invariants {
 public:
  explicit Invariants(FakeCluster& cluster) : cluster_(cluster) {}

  // Before an action is carried out, with the snapshot that it was planned for.
  void before(const Action& action, const Snapshot& planned) {
    if (const auto* pod = std::get_if<CreatePod>(&action)) check_create(pod->object, planned);
    if (const auto* pod = std::get_if<DeletePod>(&action)) check_delete(pod->uid, planned);
    if (const auto* pod = std::get_if<TouchPod>(&action)) check_touch(*pod, planned);
    if (const auto* one = std::get_if<PatchObject>(&action)) check_own_object(one->kind, one->name);
    if (const auto* one = std::get_if<DeleteObject>(&action)) check_own_object(one->kind, one->name);
    if (const auto* map = std::get_if<CreateConfigMap>(&action)) check_write(map->object, planned);
    if (const auto* map = std::get_if<ReplaceConfigMap>(&action)) check_write(map->object, planned);
  }

  // After it, and after every event: what the cluster holds.
  void after() {
    if (!cluster_.config_map_ || edited_by_hand || cluster_.config_map_->meta.resource_version == judged_) return;
    judged_ = cluster_.config_map_->meta.resource_version;
    const auto& data = cluster_.config_map_->data;
    const std::string& global = data.at("global_ranktable.json");
    if (!says_completed(global)) return places_.clear();
    expect(ranktable::validate_global(global, "AscendCloud").empty(), "S1: a completed table breaks a rule");
    for (const auto& [key, text] : data) {
      if (!key.str().starts_with("local_ranktable_") || !says_completed(text)) continue;
      expect(ranktable::validate_mirror(global, text, "AscendCloud").empty(), "S2: " + key + " does not mirror");
    }
    expect(data.at("generation") == cluster_.config_map_->meta.annotation("pd-operator.io/generation"),
           "S2: generation");
    check_places();
  }

  bool edited_by_hand = false;  // what the ConfigMap holds is not ours at present
  std::vector<std::string> broken;

 private:
  void expect(bool holds, const std::string& what) {
    if (!holds) broken.push_back(what);
  }

  const kube::Pod* by_uid(const std::string& uid) const {
    for (const auto& [name, pod] : cluster_.pods_) {
      if (pod.meta.uid == uid) return &pod;
    }
    return nullptr;
  }

  bool is_own(const kube::ObjectMeta& meta) const {
    return meta.controller() != nullptr && meta.controller()->uid == "uid-qwen";
  }

  void check_own(const std::string& uid, const std::string& what) {
    const kube::Pod* pod = by_uid(uid);
    if (pod != nullptr) expect(is_own(pod->meta), what);
  }

  void check_own_object(const std::string& kind, const std::string& name) {
    const Json object = cluster_.objects_.get({kind, name});
    const bool own = !object.is_null() && object["metadata"].contains("ownerReferences");
    expect(own, "S8: writes " + kind + " " + name + ", which is not its own");
  }

  static bool is_adopting(const kube::PDDeployment& deployment, const std::string& role) {
    return (role == "prefill" && deployment.prefill.adopt) || (role == "decode" && deployment.decode.adopt) ||
           (role == "scheduler" && deployment.scheduler.adopt);
  }

  void check_touch(const TouchPod& touch, const Snapshot& planned) {
    const kube::Pod* pod = by_uid(touch.uid);
    if (pod == nullptr) return;
    const bool adopted = is_adopting(planned.deployment, pod->meta.label("pd-operator.io/role"));
    expect(adopted || is_own(pod->meta), "S8: touches a pod of somebody else");
    for (const auto& [key, value] : touch.annotations) {
      expect(key == "pd-operator.io/ranktable-generation" || key == "pd-operator.io/retouched", "S8: writes " + key);
    }
  }

  // An adopted pod keeps its place while it lives: PD_INSTANCE in the file that has its name.
  void check_places() {
    std::map<std::string, std::string> now;
    for (const auto& [name, pod] : cluster_.pods_) {
      const auto env = cluster_.config_map_->data.find("instance_" + name + ".env");
      if (env == cluster_.config_map_->data.end() || !is_live(pod)) continue;
      const std::string place = env->second.substr(0, env->second.find('\n'));
      if (!place.starts_with("PD_INSTANCE=")) continue;
      const auto before = places_.find(pod.meta.uid);
      expect(before == places_.end() || before->second == place, "adopted: " + name + " was moved to " + place);
      now[pod.meta.uid] = place;
    }
    places_ = std::move(now);
  }

  static bool is_live(const kube::Pod& pod) { return !pod.meta.deleted && pod.phase != "Failed"; }

  static bool same_slot(const kube::ObjectMeta& a, const kube::ObjectMeta& b) {
    for (const char* label : {"pd-operator.io/role", "pd-operator.io/instance", "pd-operator.io/pod-index"}) {
      if (a.label(label) != b.label(label)) return false;
    }
    return true;
  }

  void check_create(const Json& object, const Snapshot& planned) {
    kube::ObjectMeta made;
    for (const auto& [key, value] : object["metadata"]["labels"].items()) made.labels[key] = value.get<std::string>();
    const std::string slot = made.label("pd-operator.io/role") + "-" + made.label("pd-operator.io/instance") + "-" +
                             made.label("pd-operator.io/pod-index");
    for (const kube::Pod& pod : planned.pods) {
      if (is_own(pod.meta) && same_slot(pod.meta, made)) expect(!is_live(pod), "S6: a second pod for " + slot);
    }
    std::int64_t recorded = 1;
    for (const kube::Incarnation& entry : cluster_.status().incarnations) {
      if (entry.slot == slot) recorded = entry.last;
    }
    expect(std::stoll(made.label("pd-operator.io/incarnation")) <= recorded, "S6: incarnation not recorded: " + slot);
    expect(cluster_.config_map_.has_value(), "a pod is created before the ConfigMap");
  }

  void check_delete(const std::string& uid, const Snapshot& planned) {
    check_own(uid, "S8: deletes a pod of somebody else");
    const kube::Pod* pod = by_uid(uid);
    if (pod == nullptr) return;
    const std::string role = pod->meta.label("pd-operator.io/role");
    const int index = std::stoi(pod->meta.label("pd-operator.io/instance"));
    const auto& deployment = planned.deployment;
    const int wanted = role == "scheduler" ? 1
                       : role == "prefill" ? deployment.prefill.instances
                                           : deployment.decode.instances;
    const kube::RoleSpec& spec = role == "prefill" ? deployment.prefill : deployment.decode;
    int npus = 0;
    for (const auto& [resource, count] : pod->npu_requests) npus += count;
    if (index >= wanted && npus == spec.npus_per_pod) {
      const auto key =
          cluster_.config_map_->data.find("local_ranktable_" + role + "-" + std::to_string(index) + ".json");
      const bool listed = key != cluster_.config_map_->data.end() && says_completed(key->second) &&
                          key->second.find('"' + pod->pod_ip + '"') != std::string::npos;
      expect(!listed || !is_live(*pod), "S11: " + pod->meta.name + " is deleted while a table lists it");
      return;
    }
    bool surplus = false;
    for (const kube::Pod& other : planned.pods) {
      surplus = surplus ||
                (other.meta.uid != uid && is_own(other.meta) && same_slot(other.meta, pod->meta) && is_live(other));
    }
    const Role which = role == "scheduler" ? Role::kScheduler : role == "prefill" ? Role::kPrefill : Role::kDecode;
    const bool outdated = pod->meta.label("pd-operator.io/template-hash") != template_hash(deployment, which);
    expect(surplus || outdated || !is_live(*pod), "S10: " + pod->meta.name + " is deleted for no reason");
  }

  // S3, S4 and S5 are about the moment of the write.
  void check_write(const Json& object, const Snapshot& planned) {
    const std::int64_t generation = std::stoll(object["data"]["generation"].get<std::string>());
    expect(generation > highest_,
           "S4: generation " + std::to_string(generation) + " after " + std::to_string(highest_));
    expect(generation <= cluster_.status().ranktable.generation_ceiling, "S4: beyond the stored ceiling");
    highest_ = std::max(highest_, generation);
    const bool completed = says_completed(object["data"]["global_ranktable.json"].get<std::string>());
    const bool zero = planned.deployment.prefill.instances == 0 || planned.deployment.decode.instances == 0;
    if (!completed && !zero && cluster_.config_map_ && !edited_by_hand) {
      const std::string& now = cluster_.config_map_->data.at("global_ranktable.json");
      expect(!says_completed(now), "S5: a completed table is taken back");
    }
    Json content = object["data"];
    content.erase("generation");
    // Labels or annotations that somebody broke are mended without judging anew what the table says.
    if (completed && content != last_) check_true(object["data"], planned);
    last_ = std::move(content);
  }

  void check_true(const Json& data, const Snapshot& planned) {
    for (const auto& [key, text] : data.items()) {
      if (!key.starts_with("local_ranktable_") || text == data["local_ranktable_host.json"]) continue;
      const Json local = Json::parse(text.get<std::string>());
      if (local["status"] != "completed") continue;
      const std::string instance = key.substr(16, key.size() - 16 - 5);  // prefill-0
      check_server(instance, local["server_list"][0], planned);
    }
  }

  void check_server(const std::string& instance, const Json& server, const Snapshot& planned) {
    const kube::Pod* occupant = nullptr;
    for (const kube::Pod& pod : planned.pods) {
      const std::string role = pod.meta.label("pd-operator.io/role");
      const bool adopted = is_adopting(planned.deployment, role);
      const std::string name = adopted ? pod.meta.name : role + "-" + pod.meta.label("pd-operator.io/instance");
      if (name == instance && adopted != is_own(pod.meta) && is_live(pod) &&
          server["server_ip"].get<std::string>() == pod.pod_ip)
        occupant = &pod;
    }
    if (occupant == nullptr) return expect(false, "S3: no live pod of " + instance + " has the listed address");
    const FakeNode& node = cluster_.nodes_.at(occupant->node);
    const auto held = node.held.find(occupant->meta.uid);
    for (const Json& device : server["device"]) {
      const int id = std::stoi(device["device_id"].get<std::string>());
      const bool holds = held != node.held.end() && std::count(held->second.begin(), held->second.end(), id) == 1;
      expect(holds, "S3: " + instance + " does not hold NPU " + std::to_string(id));
      expect(node.inventory.devices.at(static_cast<std::size_t>(id)).ip == device["device_ip"].get<std::string>(),
             "S3: wrong device address");
    }
  }

  FakeCluster& cluster_;
  std::string judged_;  // the version of the ConfigMap that was judged last
  std::int64_t highest_ = -1;
  Json last_;                                  // what was written last, apart from its generation
  std::map<std::string, std::string> places_;  // of adopted pods in the last table, by UID
};

}  // namespace pd::plan
