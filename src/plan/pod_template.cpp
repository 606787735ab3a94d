#include "plan/pod_template.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/digest.h"
#include "plan/gate.h"

namespace pd::plan {
namespace {

constexpr std::string_view kHashVersion = "1-";
constexpr std::size_t kHashDigits = 40;

TemplateCheck invalid_template(Role role, const std::string& what) {
  return {TemplateCheck::Verdict::kInvalid, "TemplateInvalid", std::string(name_of(role)) + ".template: " + what + ".",
          ""};
}

// Looks a member up; absent and null are the same to Kubernetes.
const Json* member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// Collects the first member that has not the type we rely on when we build the pod.
class Shape {
 public:
  void object(const Json& parent, const std::string& place, std::string_view key) {
    expect(parent, place, key, "an object", [](const Json& value) { return value.is_object(); });
  }
  void objects(const Json& parent, const std::string& place, std::string_view key) {
    expect(parent, place, key, "a list of objects", [](const Json& value) {
      return value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_object(); });
    });
  }
  void strings(const Json& parent, const std::string& place, std::string_view key) {
    expect(parent, place, key, "an object of strings", [](const Json& value) {
      return value.is_object() &&
             std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_string(); });
    });
  }
  const std::string& problem() const { return problem_; }
  bool ok() const { return problem_.empty(); }

 private:
  template <typename Predicate>
  void expect(const Json& parent, const std::string& place, std::string_view key, std::string_view what,
              Predicate predicate) {
    const Json* value = member(parent, key);
    if (value == nullptr || predicate(*value) || !problem_.empty()) return;
    problem_ = place + "/" + std::string(key) + " should be " + std::string(what);
  }

  std::string problem_;
};

void check_containers(const Json& spec, std::string_view key, Shape& shape) {
  shape.objects(spec, "/spec", key);
  const Json* containers = member(spec, key);
  if (!shape.ok() || containers == nullptr) return;
  for (std::size_t i = 0; i < containers->size(); ++i) {
    const std::string place = "/spec/" + std::string(key) + "/" + std::to_string(i);
    const Json& container = (*containers)[i];
    shape.objects(container, place, "env");
    shape.objects(container, place, "volumeMounts");
    shape.objects(container, place, "ports");
    shape.object(container, place, "securityContext");
    shape.object(container, place, "resources");
    const Json* resources = member(container, "resources");
    if (shape.ok() && resources != nullptr) shape.object(*resources, place + "/resources", "limits");
    if (shape.ok() && resources != nullptr) shape.object(*resources, place + "/resources", "requests");
  }
}

std::string shape_problem(const Json& pod_template) {
  if (!pod_template.is_object()) return "it should be a PodTemplateSpec";
  Shape shape;
  shape.object(pod_template, "", "metadata");
  shape.object(pod_template, "", "spec");
  if (!shape.ok()) return shape.problem();
  if (const Json* metadata = member(pod_template, "metadata")) {
    shape.strings(*metadata, "/metadata", "labels");
    shape.strings(*metadata, "/metadata", "annotations");
  }
  const Json* spec = member(pod_template, "spec");
  if (spec == nullptr) return "/spec is missing";
  shape.objects(*spec, "/spec", "volumes");
  shape.object(*spec, "/spec", "securityContext");
  check_containers(*spec, "containers", shape);
  check_containers(*spec, "initContainers", shape);
  const Json* containers = member(*spec, "containers");
  if (shape.ok() && (containers == nullptr || containers->empty())) return "/spec/containers should list a container";
  return shape.problem();
}

// What would clash with the volume that we add.
std::string volume_problem(const Json& spec, const std::string& mount_path) {
  if (const Json* volumes = member(spec, "volumes")) {
    for (const Json& volume : *volumes) {
      const Json* name = member(volume, "name");
      if (name != nullptr && *name == kVolumeName) {
        return "the volume name " + std::string(kVolumeName) + " is taken by the operator's own volume";
      }
    }
  }
  for (const char* key : {"containers", "initContainers"}) {
    const Json* containers = member(spec, key);
    if (containers == nullptr) continue;
    for (const Json& container : *containers) {
      const Json* mounts = member(container, "volumeMounts");
      if (mounts == nullptr) continue;
      for (const Json& mount : *mounts) {
        const Json* path = member(mount, "mountPath");
        if (path != nullptr && *path == mount_path) return "a container mounts something at " + mount_path + " already";
      }
    }
  }
  return "";
}

// The whole number in a quantity; extended resources have no other.
std::optional<int> whole(const Json& quantity) {
  if (quantity.is_number_unsigned() || quantity.is_number_integer()) {
    const std::int64_t value = quantity.get<std::int64_t>();
    return value >= 0 && value <= 1000000 ? std::optional<int>(static_cast<int>(value)) : std::nullopt;
  }
  if (!quantity.is_string()) return std::nullopt;
  const std::string text = quantity.get<std::string>();
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::string template_problem(const Json& pod_template, const std::string& mount_path) {
  std::string problem = shape_problem(pod_template);
  return problem.empty() ? volume_problem(pod_template.at("spec"), mount_path) : problem;
}

NpuLimit npu_limit(const Json& spec, const std::vector<std::string>& resource_names) {
  NpuLimit limit;
  for (const Json& container : spec.at("containers")) {
    const Json* resources = member(container, "resources");
    const Json* limits = resources == nullptr ? nullptr : member(*resources, "limits");
    if (limits == nullptr) continue;
    for (const std::string& resource : resource_names) {
      const Json* quantity = member(*limits, resource);
      if (quantity == nullptr) continue;
      const std::optional<int> count = whole(*quantity);
      if (!count) {
        limit.problem =
            "the limit of " + resource + " should be a whole number, not " + dump_json(*quantity).substr(0, 64);
      }
      limit.there = true;
      limit.count += count.value_or(0);
    }
  }
  return limit;
}

TemplateCheck check_template(const Snapshot& snapshot, Role role) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const kube::RoleSpec& spec = spec_of(deployment, role);
  const std::string name(name_of(role));
  if (spec.adopt) return {};  // none of ours
  // A role of no instances may still be written without a template worth checking.
  if (wanted_instances(deployment, role) == 0) return {};
  const std::string problem = template_problem(spec.pod_template, deployment.ranktable.mount_path);
  if (!problem.empty()) return invalid_template(role, problem);
  const Json& pod = spec.pod_template.at("spec");
  const Json* policy = member(pod, "restartPolicy");
  if (policy != nullptr && *policy != "Always") return invalid_template(role, "restartPolicy should be Always");
  if (deployment.gate.enabled && deployment.gate.image.empty() && snapshot.settings.gate_image.empty()) {
    return {TemplateCheck::Verdict::kInvalid, "NoGateImage",
            "The pods need an image with pd-gate: set gate.image, or start pd-operator with --gate-image.", ""};
  }
  const Slot last{{role, wanted_instances(deployment, role) - 1}, pods_per_instance(deployment, role) - 1};
  const std::string no_port = port_problem(deployment, last, pod);
  if (!no_port.empty()) return invalid_template(role, no_port);
  const int want = role == Role::kScheduler ? 0 : spec.npus_per_pod;
  const NpuLimit limit = npu_limit(pod, deployment.resource_names);
  if (!limit.problem.empty()) return invalid_template(role, limit.problem);
  if (limit.there && limit.count != want) {
    return invalid_template(role, "the NPU limit is " + std::to_string(limit.count) + " and npusPerPod is " +
                                      std::to_string(want) + ": make them equal or drop the limit");
  }
  if (limit.there || want == 0) return {};
  for (const std::string& resource : deployment.resource_names) {
    const auto& known = snapshot.resources;
    if (std::find(known.begin(), known.end(), resource) == known.end()) continue;
    return {TemplateCheck::Verdict::kValid, "", "", resource};
  }
  std::string names;
  for (const std::string& resource : deployment.resource_names) names += (names.empty() ? "" : ", ") + resource;
  return {TemplateCheck::Verdict::kUnknown, "ResourceUnknown",
          "No node's pd-agent reports one of the resources " + names + ", so the pods of " + name +
              " cannot ask for NPUs yet: is pd-agent running on the NPU nodes?",
          ""};
}

std::string template_hash(const kube::PDDeployment& deployment, Role role) {
  const kube::RoleSpec& spec = spec_of(deployment, role);
  Json hashed = {{"template", spec.pod_template},
                 {"npusPerPod", role == Role::kScheduler ? 0 : spec.npus_per_pod},
                 {"podsPerInstance", pods_per_instance(deployment, role)},
                 {"mountPath", deployment.ranktable.mount_path},
                 {"profile", deployment.ranktable.profile},
                 {"gate", {{"enabled", deployment.gate.enabled}, {"sidecar", deployment.gate.sidecar}}}};
  // Its gate is told when it is made; the default has no part in the hash, so that earlier pods keep theirs.
  if (deployment.ranktable.server_address == "HostIP") hashed["serverAddress"] = "HostIP";
  if (is_positional(deployment)) {
    hashed["instances"] = {{"prefill", wanted_instances(deployment, Role::kPrefill)},
                           {"decode", wanted_instances(deployment, Role::kDecode)}};
  }
  const std::string digest = sha256(dump_json(hashed));
  return std::string(kHashVersion) + digest.substr(digest.find(':') + 1, kHashDigits);
}

bool is_outdated(const kube::Pod& pod, const std::string& hash) {
  const std::string made_from = pod.meta.label(kube::kTemplateHashLabel);
  return made_from.starts_with(kHashVersion) && made_from != hash;
}

bool is_of_another_group(const kube::Pod& pod, const kube::PDDeployment& deployment, Role role) {
  const auto made_for = parse_number(pod.meta.label(kube::kPodsPerInstanceLabel));
  return made_for && *made_for != pods_per_instance(deployment, role) && is_ours(pod.meta, deployment);
}

bool is_outsized(const kube::Pod& pod, const kube::PDDeployment& deployment, Role role) {
  int npus = 0;
  for (const std::string& resource : deployment.resource_names) {
    const auto found = pod.npu_requests.find(resource);
    if (found != pod.npu_requests.end()) npus += found->second;
  }
  if (role == Role::kScheduler) return false;
  return npus != spec_of(deployment, role).npus_per_pod || is_of_another_group(pod, deployment, role);
}

}  // namespace pd::plan
