#include "plan/gate.h"

#include <algorithm>

#include "plan/equipment.h"
#include "plan/pod_template.h"

namespace pd::plan {
namespace {

constexpr std::int64_t kNonRootUser = 65532;
constexpr int kHighestPort = 65535;

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

// Requests equal to limits: a Guaranteed pod stays one. Starting a probe in the container counts too: with 10m it takes
// more than a second, and a large table another.
Json default_resources() {
  const Json amounts = {{"cpu", "50m"}, {"memory", "16Mi"}};
  return {{"requests", amounts}, {"limits", amounts}};
}

Json from_field(const char* variable, const char* path) {
  return {{"name", variable}, {"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}};
}

Json gate_container(const Settings& settings, const kube::PDDeployment& deployment, Role role, const Json& spec,
                    const std::string& name, Json args) {
  const kube::GateSpec& gate = deployment.gate;
  Json env = Json::array({from_field("POD_IP", "status.podIP"), from_field("HOST_IP", "status.hostIP"),
                          from_field("POD_UID", "metadata.uid")});
  if (adopts(deployment, role)) env.push_back(from_field(kPodNameVariable, "metadata.name"));
  Json container = {
      {"name", name},
      {"image", gate.image.empty() ? settings.gate_image : gate.image},
      {"command", Json::array({"pd-gate"})},
      {"args", std::move(args)},
      {"env", std::move(env)},
      {"resources", gate.resources.is_object() ? gate.resources : default_resources()},
      {"securityContext", security_context(spec)},
      {"volumeMounts",
       Json::array({{{"name", kVolumeName}, {"mountPath", deployment.ranktable.mount_path}, {"readOnly", true}}})}};
  const std::string& policy = gate.image_pull_policy.empty() ? settings.gate_image_pull_policy : gate.image_pull_policy;
  if (!policy.empty()) container["imagePullPolicy"] = policy;
  return container;
}

// What both commands are told: where the tables are, by which address they list this pod, their layout, and in adopt
// mode which table is its own.
Json with_subject(const kube::PDDeployment& deployment, Role role, const char* command) {
  const bool host = deployment.ranktable.server_address == "HostIP";
  Json args = Json::array({command, "--dir", deployment.ranktable.mount_path, "--address",
                           host ? "$(HOST_IP)" : "$(POD_IP)", "--profile", deployment.ranktable.profile});
  if (adopts(deployment, role)) args.insert(args.end(), {"--local", local_file(deployment, role)});
  return args;
}

// Pods in the host's network share its ports: each slot of the deployment gets its own, however many instances there
// are when its pod is made: the scheduler the first, prefill and decode pods the others in turn. (Of an adopted role
// all pods have one port, so that on one host one of them answers.)
int watch_port(const kube::PDDeployment& deployment, const Slot& slot, const Json& spec) {
  const auto& [instance, pod] = slot;
  if (spec.value("hostNetwork", Json()) != true || instance.role == Role::kScheduler) return deployment.gate.port;
  const int place = instance.index * pods_per_instance(deployment, instance.role) + pod;
  return deployment.gate.port + 2 * place + (instance.role == Role::kPrefill ? 1 : 2);
}

Json watch_container(const Settings& settings, const kube::PDDeployment& deployment, const Slot& slot,
                     const Json& spec) {
  const Role of = slot.instance.role;
  Json args = with_subject(deployment, of, "watch");
  args.insert(args.end(), {"--port", std::to_string(watch_port(deployment, slot, spec))});
  const kube::RoleSpec& role = spec_of(deployment, of);
  if (role.reload && role.on_peer_change == "Reload") {
    args.insert(args.end(),
                {"--reload-url", "http://127.0.0.1:" + std::to_string(role.reload->port) + role.reload->path});
  }
  Json container =
      gate_container(settings, deployment, of, spec, std::string(kube::kGateWatchContainer), std::move(args));
  container["restartPolicy"] = "Always";  // a native sidecar: starts before the others, ends after them
  // Never HTTP: the port is not declared, and a network policy may keep kubelet from it. It begins as not ready, and
  // what was ready once stays so: a probe that is late or fails then says more of the node than of the table.
  container["readinessProbe"] = {{"exec", {{"command", Json::array({"pd-gate", "ready"})}}},
                                 {"periodSeconds", 2},
                                 {"timeoutSeconds", 10},
                                 {"failureThreshold", 30}};
  return container;
}

}  // namespace

std::string port_problem(const kube::PDDeployment& deployment, const Slot& slot, const Json& spec) {
  if (!deployment.gate.enabled || !deployment.gate.sidecar) return "";
  const int port = watch_port(deployment, slot, spec);
  if (port <= kHighestPort) return "";
  return "on the host network the sidecars of its pods need ports up to " + std::to_string(port) + ", and " +
         std::to_string(kHighestPort) + " is the highest: lower gate.port by " + std::to_string(port - kHighestPort);
}

Json gate_containers(const Settings& settings, const kube::PDDeployment& deployment, const Slot& slot,
                     const Json& spec) {
  Json containers = Json::array();
  if (!deployment.gate.enabled) return containers;
  if (deployment.gate.sidecar) containers.push_back(watch_container(settings, deployment, slot, spec));
  const Role role = slot.instance.role;
  Json args = with_subject(deployment, role, "wait");
  args.insert(args.end(), {"--timeout", std::to_string(deployment.gate.timeout_seconds) + "s"});
  containers.push_back(
      gate_container(settings, deployment, role, spec, std::string(kGateWaitContainer), std::move(args)));
  return containers;
}

}  // namespace pd::plan
