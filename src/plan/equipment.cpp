#include "plan/equipment.h"

#include <optional>
#include <utility>
#include <vector>

#include "plan/config_map.h"
#include "plan/gate.h"
#include "plan/pod_template.h"

namespace pd::plan {
namespace {

// Optional: the tables need the pod's address first, so a key that is not there yet must never keep the pod from
// starting.
Json from_map(const kube::PDDeployment& deployment) {
  return {{"configMap", {{"name", config_map_name(deployment)}, {"optional", true}}}};
}

using Items = std::vector<std::pair<std::string, std::string>>;  // keys, and their files

Json from_map(const kube::PDDeployment& deployment, const Items& items) {
  Json source = from_map(deployment);
  for (const auto& [key, path] : items) source["configMap"]["items"].push_back({{"key", key}, {"path", path}});
  return source;
}

// One directory; kubelet swaps all its files at once.
Json table_volume(const kube::PDDeployment& deployment, const Slot& slot) {
  Json sources = Json::array();
  if (adopts(deployment, slot.instance.role)) {
    sources.push_back(from_map(deployment));
  } else {
    const std::string global(kGlobalKey);
    const std::string generation(kGenerationKey);
    sources.push_back(from_map(deployment, {{global, global}, {generation, generation}}));
    sources.push_back(from_map(deployment, {{local_key(slot.instance), local_file(deployment, slot.instance.role)},
                                            {env_key(slot.instance), "instance.env"}}));
  }
  const std::string annotation = "metadata.annotations['" + std::string(kube::kPodGenerationAnnotation) + "']";
  const Json expected = {{"path", "expected_generation"}, {"fieldRef", {{"fieldPath", annotation}}}};
  sources.push_back({{"downwardAPI", {{"items", Json::array({expected})}}}});
  return {{"name", kVolumeName}, {"projected", {{"defaultMode", 0644}, {"sources", std::move(sources)}}}};
}

void set_env(Json& container, const std::string& name, Json source) {
  Json& env = container["env"];
  if (!env.is_array()) env = Json::array();
  for (const Json& variable : env) {
    if (variable.value("name", Json()) == name) return;  // the template's own wins
  }
  source["name"] = name;
  env.push_back(std::move(source));
}

Json text(const std::string& value) { return {{"value", value}}; }

Json field(const char* path) { return {{"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}}; }

// The instance's group in the global table; nothing where it has none, or where the pods of one template have several.
std::optional<int> group_of(const kube::PDDeployment& deployment, const Slot& slot) {
  const Instance& instance = slot.instance;
  const bool with_scheduler = deployment.ranktable.profile == "OmniK8s";
  if (instance.role == Role::kScheduler) return with_scheduler ? std::optional(0) : std::nullopt;
  if (adopts(deployment, slot.instance.role)) return std::nullopt;
  const int before = instance.role == Role::kDecode ? wanted_instances(deployment, Role::kPrefill) : 0;
  return before + instance.index + (with_scheduler ? 1 : 0);
}

// What the consumers of positional layouts count by (omni-infer's ranktable parsers and its start.sh).
void set_positions(const kube::PDDeployment& deployment, const Slot& slot, Json& container) {
  const auto count = [&](Role role) { return text(std::to_string(wanted_instances(deployment, role))); };
  set_env(container, "PREFILL_POD_NUM", count(Role::kPrefill));
  set_env(container, "DECODE_POD_NUM", count(Role::kDecode));
  const std::optional<int> group = group_of(deployment, slot);
  if (group) set_env(container, "SERVER_GROUP_ID", text(std::to_string(*group)));
}

void equip_container(const kube::PDDeployment& deployment, const Slot& slot, Json& container) {
  const std::string& dir = deployment.ranktable.mount_path;
  const Role role = slot.instance.role;
  Json& mounts = container["volumeMounts"];
  if (!mounts.is_array()) mounts = Json::array();
  mounts.push_back({{"name", kVolumeName}, {"mountPath", dir}, {"readOnly", true}});
  // Before the variable that refers to it: Kubernetes expands in order.
  if (adopts(deployment, slot.instance.role)) set_env(container, kPodNameVariable, field("metadata.name"));
  set_env(container, "GLOBAL_RANK_TABLE_FILE_PATH", text(dir + "/" + std::string(kGlobalKey)));
  set_env(container, "RANK_TABLE_FILE_PATH", text(dir + "/" + local_file(deployment, role)));
  set_env(container, "ROLE", text(std::string(name_of(role))));
  if (!adopts(deployment, slot.instance.role)) set_env(container, "PD_INSTANCE", text(name_of(slot.instance)));
  set_env(container, "POD_IP", field("status.podIP"));
  if (is_positional(deployment)) set_positions(deployment, slot, container);
}

}  // namespace

std::string local_file(const kube::PDDeployment& deployment, Role role) {
  if (!adopts(deployment, role)) return "local_ranktable.json";
  return "local_ranktable_$(" + std::string(kPodNameVariable) + ").json";
}

void equip(const Settings& settings, const kube::PDDeployment& deployment, const Slot& slot, Json& spec) {
  for (Json& container : spec["containers"]) equip_container(deployment, slot, container);
  Json& inits = spec["initContainers"];
  if (!inits.is_array()) inits = Json::array();
  for (Json& container : inits) equip_container(deployment, slot, container);
  // The gate comes before the user's init containers: whatever runs in the pod can rely on a valid table. Of its two
  // the sidecar is first, so that it already answers while `wait` waits; it has no startup probe and holds nothing up.
  Json gates = gate_containers(settings, deployment, slot, spec);
  gates.insert(gates.end(), inits.begin(), inits.end());
  if (gates.empty()) {
    spec.erase("initContainers");
  } else {
    spec["initContainers"] = std::move(gates);
  }
  Json& volumes = spec["volumes"];
  if (!volumes.is_array()) volumes = Json::array();
  volumes.push_back(table_volume(deployment, slot));
}

}  // namespace pd::plan
