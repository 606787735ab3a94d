// SafetyChecks of what is planned: against the snapshot that it is planned for.
#include <algorithm>

#include "kube/json_members.h"
#include "npu/inventory.h"
#include "ranktable/profile.h"
#include "tests/simulation/safety_checks.h"

namespace pd::test {
namespace {

const char* const kGenerationKey = "generation";
const char* const kGlobalKey = "global_ranktable.json";

bool is_live(const kube::Pod& pod) { return !pod.meta.deleted && pod.phase != "Failed" && pod.phase != "Succeeded"; }

bool is_owned_by(const kube::ObjectMeta& meta, const kube::PDDeployment& deployment) {
  return meta.controller() != nullptr && meta.controller()->uid == deployment.meta.uid;
}

// Of a pod of this deployment, by its labels and its name, which must agree.
std::optional<SlotName> slot_of_pod(const kube::Pod& pod, const kube::PDDeployment& deployment) {
  const std::optional<SlotName> slot = slot_of(deployment.meta.name, pod.meta.name);
  if (!slot || !is_owned_by(pod.meta, deployment)) return std::nullopt;
  const bool agrees = pod.meta.label("pd-operator.io/role") == slot->role &&
                      pod.meta.label("pd-operator.io/instance") == std::to_string(slot->instance) &&
                      pod.meta.label("pd-operator.io/pod-index") == std::to_string(slot->pod);
  return agrees ? slot : std::nullopt;
}

const kube::RoleSpec& role_of(const kube::PDDeployment& deployment, const std::string& role) {
  if (role == "scheduler") return deployment.scheduler;
  return role == "prefill" ? deployment.prefill : deployment.decode;
}

int wanted_of(const kube::PDDeployment& deployment, const std::string& role) {
  return role == "scheduler" ? 1 : role_of(deployment, role).instances;
}

bool wants(const kube::PDDeployment& deployment, const SlotName& slot) {
  const int pods = slot.role == "scheduler" ? 1 : role_of(deployment, slot.role).pods_per_instance;
  return slot.instance < wanted_of(deployment, slot.role) && slot.pod < pods;
}

bool is_of_another_group(const kube::Pod& pod, const kube::RoleSpec& role) {
  return pod.meta.label("pd-operator.io/pods-per-instance") != std::to_string(role.pods_per_instance);
}

// All of a role are replaced at once then, as two sizes never fit in one table: that of before is lost anyway.
bool has_another_size(const kube::Pod& pod, const kube::RoleSpec& role) {
  int npus = 0;
  for (const auto& [resource, count] : pod.npu_requests) npus += count;
  return npus != role.npus_per_pod || is_of_another_group(pod, role);
}

// All that a pod of the role is made from, and for which it is replaced when it changes.
std::string makings(const kube::PDDeployment& deployment, const std::string& role) {
  const kube::RoleSpec& spec = role_of(deployment, role);
  const bool positional = deployment.ranktable.profile != "AscendCloud";
  const Json all = {spec.pod_template,
                    role == "scheduler" ? 0 : spec.npus_per_pod,
                    role == "scheduler" ? 1 : spec.pods_per_instance,
                    deployment.ranktable.mount_path,
                    deployment.ranktable.profile,
                    deployment.gate.enabled,
                    deployment.gate.sidecar,
                    positional ? deployment.prefill.instances : 0,
                    positional ? deployment.decode.instances : 0};
  return dump_json(all);
}

std::map<std::string, std::string> content_of(const Json& object) {
  std::map<std::string, std::string> content;
  for (const auto& [key, value] : object.at("data").items()) {
    if (key != kGenerationKey) content[key] = value.get<std::string>();
  }
  return content;
}

std::map<std::string, std::string> content_of(const kube::ConfigMap& map) {
  std::map<std::string, std::string> content(map.data.begin(), map.data.end());
  content.erase(kGenerationKey);
  return content;
}

}  // namespace

void SafetyChecks::planned(const plan::Snapshot& snapshot, const plan::Plan& plan, const SeenVersion& seen_version) {
  for (const plan::Action& action : plan.actions) {
    if (const auto* map = std::get_if<plan::CreateConfigMap>(&action))
      plan_writes_table(snapshot, map->object, seen_version);
    if (const auto* map = std::get_if<plan::ReplaceConfigMap>(&action))
      plan_writes_table(snapshot, map->object, seen_version);
    if (const auto* pod = std::get_if<plan::CreatePod>(&action)) plan_creates(snapshot, pod->object);
    if (const auto* pod = std::get_if<plan::DeletePod>(&action)) plan_deletes(snapshot, *pod);
  }
}

void SafetyChecks::plan_writes_table(const plan::Snapshot& snapshot, const Json& object,
                                     const SeenVersion& seen_version) {
  const Content content = content_of(object);
  known_[snapshot.deployment.meta.uid].planned.insert(content);
  // What only mends the generation, labels or annotations says nothing new.
  if (snapshot.config_map && content_of(*snapshot.config_map) == content) return;
  plan_takes_back(snapshot, content);
  if (says_completed(content.at(kGlobalKey))) plan_is_true(snapshot, content, seen_version);
}

// S3, as of the snapshot.
void SafetyChecks::plan_is_true(const plan::Snapshot& snapshot, const Content& content,
                                const SeenVersion& seen_version) {
  for (const auto& [key, text] : content) {
    if (!key.starts_with("local_ranktable_") || !says_completed(text)) continue;
    const std::string instance =
        key == local_key_of("scheduler") ? "scheduler" : key.substr(16, key.size() - 16 - 5);  // "prefill-0"
    for (const ranktable::Server& server : listed_servers(text, snapshot.deployment.ranktable.profile)) {
      plan_lists_pod(snapshot, instance, server, seen_version);
    }
  }
}

void SafetyChecks::plan_lists_pod(const plan::Snapshot& snapshot, const std::string& instance,
                                  const ranktable::Server& server, const SeenVersion& seen_version) {
  const kube::Pod* occupant = nullptr;
  for (const kube::Pod& pod : snapshot.pods) {
    const std::optional<SlotName> slot = slot_of_pod(pod, snapshot.deployment);
    if (slot && slot->instance_name() == instance && is_live(pod) && pod.pod_ip == server.ip) occupant = &pod;
  }
  if (occupant == nullptr) return violated("S3: no live pod of " + instance + " has the listed address " + server.ip);
  if (instance == "scheduler") return;
  const std::string version = seen_version(occupant->node);
  if (version.empty()) return violated("S3: nothing is known of the node of " + occupant->meta.name);
  const auto revision = static_cast<std::uint64_t>(std::stoull(version));
  const ObjectPtr node = world_.etcd().find_at(kind_of("nodes"), occupant->node.str(), revision);
  if (!node && revision < world_.etcd().compacted()) return;  // forgotten: nobody can tell any more
  if (!node) return violated("S3: there was no node " + occupant->node);
  const Json& annotations = kube::object_member(node->meta(), "annotations");
  const auto inventory = npu::parse_inventory(kube::text_member(annotations, "pd-operator.io/npu-inventory"));
  const auto allocations = npu::parse_allocations(kube::text_member(annotations, "pd-operator.io/npu-allocations"));
  if (!inventory || !allocations) return violated("S9: unreadable annotations of " + occupant->node + " are used");
  std::vector<int> ids;
  for (const ranktable::Device& device : server.devices) {
    ids.push_back(device.id);
    const bool known = std::any_of(inventory->devices.begin(), inventory->devices.end(), [&](const npu::Device& each) {
      return each.id == device.id && each.ip == device.ip;
    });
    if (!known) return violated("S3: NPU " + std::to_string(device.id) + " has not the address " + device.ip);
  }
  for (const npu::PodDevices& pod : allocations->pods) {
    if (pod.uid == occupant->meta.uid && pod.devices == ids) return;
  }
  violated("S3: " + occupant->meta.name + " does not hold the listed NPUs by kubelet's word");
}

// S5: only where the user wants none of a role, or where somebody has edited the table.
void SafetyChecks::plan_takes_back(const plan::Snapshot& snapshot, const Content& content) {
  if (!snapshot.config_map || says_completed(content.at(kGlobalKey))) return;
  if (!is_owned_by(snapshot.config_map->meta, snapshot.deployment)) return;
  const kube::PDDeployment& deployment = snapshot.deployment;
  if (deployment.prefill.instances == 0 || deployment.decode.instances == 0) return;
  const Content before = content_of(*snapshot.config_map);
  const auto global = before.find(kGlobalKey);
  if (global == before.end() || !says_completed(global->second)) return;
  for (const auto& [generation, written] : known_[deployment.meta.uid].by_generation) {
    if (written == before) return violated("S5: a completed table is taken back");
  }
}

void SafetyChecks::plan_creates(const plan::Snapshot& snapshot, const Json& object) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const std::string name = kube::text_member(object.at("metadata"), "name");
  const std::optional<SlotName> made = slot_of(deployment.meta.name, name);
  if (!made) return violated("S6: a pod is made for no slot: " + name);
  known_[deployment.meta.uid].made_from[name].insert(makings(deployment, made->role));
  if (!wants(deployment, *made)) violated("S6: a pod is made that nobody wants: " + name);
  const bool gone = role_of(deployment, made->role).pod_replacement_policy == "Gone";
  for (const kube::Pod& pod : snapshot.pods) {
    const std::optional<SlotName> slot = slot_of_pod(pod, deployment);
    if (slot && slot->same_slot(*made) && (gone || is_live(pod))) violated("S6: a second pod for a slot: " + name);
  }
}

// S10 and S11.
void SafetyChecks::plan_deletes(const plan::Snapshot& snapshot, const plan::DeletePod& doomed) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const auto pod = std::find_if(snapshot.pods.begin(), snapshot.pods.end(),
                                [&](const kube::Pod& each) { return each.meta.uid == doomed.uid; });
  if (pod == snapshot.pods.end()) return violated("S8: a pod is deleted that is not the deployment's: " + doomed.name);
  const std::optional<SlotName> slot = slot_of_pod(*pod, deployment);
  if (!slot) return violated("S8: a pod of somebody else is deleted: " + doomed.name);
  known_[deployment.meta.uid].deletes[doomed.uid] =
      slot->instance >= wanted_of(deployment, slot->role) && !has_another_size(*pod, role_of(deployment, slot->role));
  if (!may_be_deleted(snapshot, *pod, *slot)) violated("S10: a pod is deleted for no reason: " + doomed.name);
}

bool SafetyChecks::may_be_deleted(const plan::Snapshot& snapshot, const kube::Pod& pod, const SlotName& slot) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const kube::RoleSpec& role = role_of(deployment, slot.role);
  if (!is_live(pod)) return true;
  // Restarted with its peers: an epoch was begun after it was made.
  const bool old_epoch = pod.meta.label("pd-operator.io/epoch") != std::to_string(deployment.status.ranktable.epoch);
  if (role.on_peer_change == "Restart" && old_epoch) return true;
  const bool together = role.pods_per_instance > 1 && role.restart_scope != "Pod";
  int mates = 0;
  for (const kube::Pod& other : snapshot.pods) {
    const std::optional<SlotName> theirs = slot_of_pod(other, deployment);
    if (!theirs || other.meta.uid == pod.meta.uid || !is_live(other)) continue;
    if (theirs->same_slot(slot)) return true;  // one of two
    if (theirs->instance_name() != slot.instance_name()) continue;
    if (theirs->incarnation == slot.incarnation) ++mates;
  }
  if (!wants(deployment, slot)) {
    if (!snapshot.config_map) return false;
    const auto local = snapshot.config_map->data.find(local_key_of(slot.instance_name()));
    const bool whole = slot.instance >= wanted_of(deployment, slot.role);
    if (whole && !has_another_size(pod, role) && local != snapshot.config_map->data.end() &&
        lists_address(local->second, pod.pod_ip))
      violated("S11: " + pod.meta.name + " is deleted while the table lists it");
    return true;
  }
  if (together && mates + 1 < role.pods_per_instance) return true;
  if (is_of_another_group(pod, role)) return true;
  const std::string now = makings(deployment, slot.role);
  const std::set<std::string>& from = known_[deployment.meta.uid].made_from[pod.meta.name];
  return std::any_of(from.begin(), from.end(), [&](const std::string& each) { return each != now; });
}

}  // namespace pd::test
