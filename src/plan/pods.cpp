#include "plan/pods.h"

#include "plan/config_map.h"
#include "plan/gate.h"
#include "plan/services.h"

namespace pd::plan {
namespace {

// Annotations that device plugins and scheduler plugins write on a pod. In a template they would claim devices for a
// pod that has not been placed. Those under our own prefix must not be there at creation either: the touch sets them.
bool is_stripped(const std::string& annotation) {
  return annotation.starts_with("pd-operator.io/") || annotation.starts_with("huawei.com/") ||
         annotation.starts_with("ascend.kubectl.kubernetes.io/") ||
         annotation.starts_with("cce.kubectl.kubernetes.io/ascend-") || annotation == "predicate-time";
}

Json pod_metadata(const kube::PDDeployment& deployment, const Slot& slot, std::int64_t incarnation,
                  const std::string& hash) {
  const Role role = slot.instance.role;
  Json metadata = object_metadata(deployment, pod_name(deployment.meta.name, slot, incarnation));
  const Json theirs = spec_of(deployment, role).pod_template.value("metadata", Json());
  const Json labels = theirs.is_object() ? theirs.value("labels", Json()) : Json();
  const Json annotations = theirs.is_object() ? theirs.value("annotations", Json()) : Json();
  Json& merged = metadata["labels"];
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) {
      if (!merged.contains(key) && !key.starts_with("pd-operator.io/")) merged[key] = value;
    }
  }
  merged[std::string(kube::kRoleLabel)] = name_of(role);
  merged[std::string(kube::kInstanceLabel)] = std::to_string(slot.instance.index);
  merged[std::string(kube::kPodIndexLabel)] = std::to_string(slot.pod);
  merged[std::string(kube::kIncarnationLabel)] = std::to_string(incarnation);
  merged[std::string(kube::kTemplateHashLabel)] = hash;
  merged[std::string(kube::kEpochLabel)] = std::to_string(deployment.status.ranktable.epoch);
  if (annotations.is_object()) {
    for (const auto& [key, value] : annotations.items()) {
      if (!is_stripped(key)) metadata["annotations"][key] = value;
    }
  }
  return metadata;
}

// One directory; kubelet swaps all its files at once. Both ConfigMap sources are optional: the tables need the pod's
// address first, so a key that is not there yet must never keep the pod from starting.
Json table_volume(const kube::PDDeployment& deployment, const Slot& slot) {
  const auto from_map = [&](Json items) {
    return Json{
        {"configMap", {{"name", config_map_name(deployment)}, {"optional", true}, {"items", std::move(items)}}}};
  };
  const auto item = [](const std::string& key, const std::string& path) { return Json{{"key", key}, {"path", path}}; };
  const std::string generation = "metadata.annotations['" + std::string(kube::kPodGenerationAnnotation) + "']";
  const Json expected = {{"path", "expected_generation"}, {"fieldRef", {{"fieldPath", generation}}}};
  return {{"name", kVolumeName},
          {"projected",
           {{"defaultMode", 0644},
            {"sources", Json::array({from_map(Json::array({item(std::string(kGlobalKey), "global_ranktable.json"),
                                                           item(std::string(kGenerationKey), "generation")})),
                                     from_map(Json::array({item(local_key(slot.instance), "local_ranktable.json"),
                                                           item(env_key(slot.instance), "instance.env")})),
                                     Json{{"downwardAPI", {{"items", Json::array({expected})}}}}})}}}};
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

// The instance's group in the global table; nothing where it has none.
std::optional<int> group_of(const kube::PDDeployment& deployment, const Instance& instance) {
  const bool with_scheduler = deployment.ranktable.profile == "OmniK8s";
  if (instance.role == Role::kScheduler) return with_scheduler ? std::optional(0) : std::nullopt;
  const int before = instance.role == Role::kDecode ? wanted_instances(deployment, Role::kPrefill) : 0;
  return before + instance.index + (with_scheduler ? 1 : 0);
}

// What the consumers of positional layouts count by (omni-infer's ranktable parsers and its start.sh).
void set_positions(const kube::PDDeployment& deployment, const Slot& slot, Json& container) {
  const auto count = [&](Role role) { return Json{{"value", std::to_string(wanted_instances(deployment, role))}}; };
  set_env(container, "PREFILL_POD_NUM", count(Role::kPrefill));
  set_env(container, "DECODE_POD_NUM", count(Role::kDecode));
  const std::optional<int> group = group_of(deployment, slot.instance);
  if (group) set_env(container, "SERVER_GROUP_ID", {{"value", std::to_string(*group)}});
}

void equip_container(const kube::PDDeployment& deployment, const Slot& slot, Json& container) {
  const std::string& dir = deployment.ranktable.mount_path;
  Json& mounts = container["volumeMounts"];
  if (!mounts.is_array()) mounts = Json::array();
  mounts.push_back({{"name", kVolumeName}, {"mountPath", dir}, {"readOnly", true}});
  set_env(container, "GLOBAL_RANK_TABLE_FILE_PATH", {{"value", dir + "/global_ranktable.json"}});
  set_env(container, "RANK_TABLE_FILE_PATH", {{"value", dir + "/local_ranktable.json"}});
  set_env(container, "ROLE", {{"value", name_of(slot.instance.role)}});
  set_env(container, "PD_INSTANCE", {{"value", name_of(slot.instance)}});
  set_env(container, "POD_IP", {{"valueFrom", {{"fieldRef", {{"fieldPath", "status.podIP"}}}}}});
  if (is_positional(deployment)) set_positions(deployment, slot, container);
}

// Extended resources have requests equal to limits; the API server fills in the requests.
void set_npu_limit(Json& container, const std::string& resource, int count) {
  Json& resources = container["resources"];
  if (!resources.is_object()) resources = Json::object();
  for (const char* key : {"limits", "requests"}) {
    Json& amounts = resources[key];
    if (!amounts.is_object()) amounts = Json::object();
    amounts[resource] = std::to_string(count);
  }
}

}  // namespace

Json pod_object(const Snapshot& snapshot, const Slot& slot, std::int64_t incarnation, const TemplateCheck& check,
                const std::string& hash) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const kube::RoleSpec& role = spec_of(deployment, slot.instance.role);
  Json spec = role.pod_template.at("spec");
  spec["hostname"] = hostname_of(deployment.meta.name, slot);
  spec["subdomain"] = pods_service_name(deployment);
  spec["restartPolicy"] = "Always";
  if (!check.resource.empty()) set_npu_limit(spec["containers"][0], check.resource, role.npus_per_pod);
  for (Json& container : spec["containers"]) equip_container(deployment, slot, container);
  Json& inits = spec["initContainers"];
  if (!inits.is_array()) inits = Json::array();
  for (Json& container : inits) equip_container(deployment, slot, container);
  // The gate comes before the user's init containers: whatever runs in the pod can rely on a valid table. Of its two
  // the sidecar is first, so that it already answers while `wait` waits; it has no startup probe and holds nothing up.
  Json gates = gate_containers(snapshot.settings, deployment, slot, spec);
  gates.insert(gates.end(), inits.begin(), inits.end());
  if (gates.empty()) {
    spec.erase("initContainers");
  } else {
    spec["initContainers"] = std::move(gates);
  }
  Json& volumes = spec["volumes"];
  if (!volumes.is_array()) volumes = Json::array();
  volumes.push_back(table_volume(deployment, slot));
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", pod_metadata(deployment, slot, incarnation, hash)},
          {"spec", std::move(spec)}};
}

}  // namespace pd::plan
