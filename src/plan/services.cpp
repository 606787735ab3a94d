#include "plan/services.h"

#include <algorithm>

#include "kube/resource.h"
#include "plan/config_map.h"
#include "plan/membership.h"
#include "plan/own_objects.h"

namespace pd::plan {
namespace {

Json service(const kube::PDDeployment& deployment, const std::string& name, Json spec) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", object_metadata(deployment, name)},
          {"spec", std::move(spec)}};
}

// Published before they are ready: a pod's peers resolve its name while all of them start.
Json pods_service(const kube::PDDeployment& deployment) {
  return service(deployment, pods_service_name(deployment),
                 {{"clusterIP", "None"},
                  {"publishNotReadyAddresses", true},
                  {"selector", {{kube::kDeploymentLabel, deployment.meta.name}}}});
}

// The ports of the scheduler's first container, as the user declared them there.
Json scheduler_ports(const Json& pod_template) {
  Json ports = Json::array();
  if (!pod_template.is_object()) return ports;
  const Json::json_pointer place("/spec/containers/0/ports");
  if (!pod_template.contains(place) || !pod_template.at(place).is_array()) return ports;
  for (const Json& declared : pod_template.at(place)) {
    if (!declared.is_object()) continue;
    const Json number = declared.value("containerPort", Json());
    if (!number.is_number_integer()) continue;
    Json port = {{"port", number}, {"targetPort", number}};
    const Json protocol = declared.value("protocol", Json());
    if (protocol.is_string()) port["protocol"] = protocol;
    const Json name = declared.value("name", Json());
    port["name"] = name.is_string() ? name : Json("port-" + std::to_string(number.get<std::int64_t>()));
    ports.push_back(std::move(port));
  }
  return ports;
}

Json scheduler_service(const kube::PDDeployment& deployment) {
  Json spec = {
      {"selector", {{kube::kDeploymentLabel, deployment.meta.name}, {kube::kRoleLabel, name_of(Role::kScheduler)}}}};
  const Json ports = scheduler_ports(deployment.scheduler.pod_template);
  if (ports.empty()) {
    spec["clusterIP"] = "None";  // only a headless Service may have no ports
  } else {
    spec["ports"] = ports;
  }
  return service(deployment, scheduler_service_name(deployment), std::move(spec));
}

void add_change(const kube::PDDeployment& deployment, const kube::Service* there, Json made,
                std::vector<Action>& changes) {
  if (there == nullptr) {
    changes.emplace_back(CreateObject{std::move(made)});
    return;
  }
  const kube::ObjectMeta& meta = there->meta;
  if (!is_kept(meta, deployment)) return;
  Json spec = std::move(made["spec"]);
  const kube::ServiceSpec wanted = kube::decode_service_spec(spec);
  if (wanted.headless != there->spec.headless) {
    // The next plan makes it anew.
    changes.emplace_back(DeleteObject{"Service", meta.name, meta.uid, meta.resource_version});
    return;
  }
  const bool published = !wanted.publish_not_ready || there->spec.publish_not_ready;
  if (published && wanted.ports == there->spec.ports && are_exactly(spec["selector"], there->spec.selector) &&
      has_our_labels(meta, deployment)) {
    return;
  }
  if (!spec.contains("ports")) spec["ports"] = nullptr;
  spec["selector"] = exactly(spec["selector"], there->spec.selector);
  changes.emplace_back(patch_of(meta, "Service", made, std::move(spec)));
}

}  // namespace

std::string pods_service_name(const kube::PDDeployment& deployment) { return deployment.meta.name + "-pods"; }

std::string scheduler_service_name(const kube::PDDeployment& deployment) { return deployment.meta.name + "-scheduler"; }

std::vector<Action> service_changes(const Snapshot& snapshot, bool scheduler_settled) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const auto find = [&](const std::string& name) -> const kube::Service* {
    const auto there = std::find_if(snapshot.services.begin(), snapshot.services.end(),
                                    [&](const kube::Service& one) { return one.meta.name == name; });
    return there == snapshot.services.end() ? nullptr : &*there;
  };
  std::vector<Action> changes;
  add_change(deployment, find(pods_service_name(deployment)), pods_service(deployment), changes);
  if (adopts(deployment, Role::kScheduler)) return changes;  // who makes its pod knows its ports
  const kube::Service* const entry = find(scheduler_service_name(deployment));
  if (entry == nullptr || scheduler_settled) add_change(deployment, entry, scheduler_service(deployment), changes);
  return changes;
}

}  // namespace pd::plan
