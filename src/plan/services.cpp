#include "plan/services.h"

#include <algorithm>

#include "plan/config_map.h"

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

}  // namespace

std::string pods_service_name(const kube::PDDeployment& deployment) { return deployment.meta.name + "-pods"; }

std::string scheduler_service_name(const kube::PDDeployment& deployment) { return deployment.meta.name + "-scheduler"; }

std::vector<Json> missing_services(const Snapshot& snapshot) {
  const auto there = [&](const std::string& name) {
    return std::any_of(snapshot.services.begin(), snapshot.services.end(),
                       [&](const kube::Service& one) { return one.meta.name == name; });
  };
  const kube::PDDeployment& deployment = snapshot.deployment;
  std::vector<Json> missing;
  if (!there(pods_service_name(deployment))) missing.push_back(pods_service(deployment));
  if (!there(scheduler_service_name(deployment))) missing.push_back(scheduler_service(deployment));
  return missing;
}

std::vector<std::string> foreign_services(const Snapshot& snapshot) {
  std::vector<std::string> names;
  for (const kube::Service& one : snapshot.services) {
    if (!is_ours(one.meta, snapshot.deployment)) names.push_back(one.meta.name);
  }
  return names;
}

}  // namespace pd::plan
