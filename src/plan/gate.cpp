#include "plan/gate.h"

#include "plan/pod_template.h"

namespace pd::plan {
namespace {

constexpr std::int64_t kNonRootUser = 65532;

// The first of the main container's and the pod's securityContext that sets a field; a number, since that is all a user
// can be.
std::int64_t inherited(const Json& spec, const char* field) {
  for (const Json* holder : {&spec.at("containers").at(0), &spec}) {
    const Json context = holder->value("securityContext", Json());
    if (!context.is_object()) continue;
    const Json value = context.value(field, Json());
    if (value.is_number_integer()) return value.get<std::int64_t>();
  }
  return kNonRootUser;
}

// Passes the restricted Pod Security Standard unless the pod itself runs as root.
Json security_context(const Json& spec) {
  const std::int64_t user = inherited(spec, "runAsUser");
  return {{"runAsUser", user},
          {"runAsGroup", inherited(spec, "runAsGroup")},
          {"runAsNonRoot", user != 0},
          {"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", Json::array({"ALL"})}}},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

// Requests equal to limits: a Guaranteed pod stays one.
Json default_resources() {
  const Json amounts = {{"cpu", "10m"}, {"memory", "16Mi"}};
  return {{"requests", amounts}, {"limits", amounts}};
}

Json gate_container(const Settings& settings, const kube::PDDeployment& deployment, const Json& spec,
                    const std::string& name, Json args) {
  const kube::GateSpec& gate = deployment.gate;
  Json container = {
      {"name", name},
      {"image", gate.image.empty() ? settings.gate_image : gate.image},
      {"command", Json::array({"pd-gate"})},
      {"args", std::move(args)},
      {"env", Json::array({{{"name", "POD_IP"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "status.podIP"}}}}}},
                           {{"name", "HOST_IP"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "status.hostIP"}}}}}}})},
      {"resources", gate.resources.is_object() ? gate.resources : default_resources()},
      {"securityContext", security_context(spec)},
      {"volumeMounts",
       Json::array({{{"name", kVolumeName}, {"mountPath", deployment.ranktable.mount_path}, {"readOnly", true}}})}};
  const std::string& policy = gate.image_pull_policy.empty() ? settings.gate_image_pull_policy : gate.image_pull_policy;
  if (!policy.empty()) container["imagePullPolicy"] = policy;
  return container;
}

std::string address_variable(const kube::PDDeployment& deployment) {
  return deployment.ranktable.server_address == "HostIP" ? "$(HOST_IP)" : "$(POD_IP)";
}

}  // namespace

Json gate_containers(const Settings& settings, const kube::PDDeployment& deployment, const Slot& /*slot*/,
                     const Json& spec) {
  Json containers = Json::array();
  if (!deployment.gate.enabled) return containers;
  containers.push_back(
      gate_container(settings, deployment, spec, "pd-gate-wait",
                     Json::array({"wait", "--dir", deployment.ranktable.mount_path, "--address",
                                  address_variable(deployment), "--profile", deployment.ranktable.profile, "--timeout",
                                  std::to_string(deployment.gate.timeout_seconds) + "s"})));
  return containers;
}

}  // namespace pd::plan
