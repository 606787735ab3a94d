#include "plan/pods.h"

#include "plan/config_map.h"
#include "plan/equipment.h"
#include "plan/services.h"

namespace pd::plan {
namespace {

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
  merged[std::string(kube::kPodsPerInstanceLabel)] = std::to_string(pods_per_instance(deployment, role));
  merged[std::string(kube::kEpochLabel)] = std::to_string(deployment.status.ranktable.epoch);
  if (annotations.is_object()) {
    for (const auto& [key, value] : annotations.items()) {
      if (!is_of_a_living_pod(key)) metadata["annotations"][key] = value;
    }
  }
  return metadata;
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
  equip(snapshot.settings, deployment, slot, spec);
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", pod_metadata(deployment, slot, incarnation, hash)},
          {"spec", std::move(spec)}};
}

bool is_of_a_living_pod(const std::string& annotation) {
  return annotation.starts_with("pd-operator.io/") || annotation.starts_with("huawei.com/") ||
         annotation.starts_with("ascend.kubectl.kubernetes.io/") ||
         annotation.starts_with("cce.kubectl.kubernetes.io/ascend-") || annotation == "predicate-time";
}

}  // namespace pd::plan
