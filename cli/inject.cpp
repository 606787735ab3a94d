#include "cli/inject.h"

#include <algorithm>
#include <sstream>

#include "cli/manifests.h"
#include "cli/pdd_manifest.h"
#include "cli/workloads.h"
#include "cli/yaml.h"
#include "kube/resource.h"
#include "plan/equipment.h"
#include "plan/gate.h"
#include "plan/pod_template.h"
#include "plan/pods.h"

namespace pd::cli {
namespace {

using plan::Role;

Role role_named(const std::string& name) {
  for (const Role role : plan::kRoles) {
    if (plan::name_of(role) == name) return role;
  }
  return Role::kPrefill;  // not reached: the names are checked where they are declared
}

kube::RoleSpec& spec_of(kube::PDDeployment& deployment, Role role) {
  if (role == Role::kScheduler) return deployment.scheduler;
  return role == Role::kPrefill ? deployment.prefill : deployment.decode;
}

// What is injected for: one role of one deployment.
struct Target {
  kube::PDDeployment deployment;
  Role role = Role::kPrefill;
  bool with_manifest = false;  // else nobody has told how many instances and NPUs there are
};

Result<Target> from_manifest(const InjectRequest& request, std::istream& in) {
  const Result<std::vector<Json>> objects = read_manifests(request.pdd, in);
  if (!objects) return objects.error();
  Result<kube::PDDeployment> deployment = only_pddeployment(*objects);
  if (!deployment) return deployment.error().with_context(request.pdd);
  const std::string& name = deployment->meta.name;
  if (!request.deployment.empty() && request.deployment != name) {
    return invalid("--deployment is " + request.deployment + ", and " + request.pdd + " has " + name);
  }
  if (!spec_of(*deployment, role_named(request.role)).adopt) {
    return invalid(request.pdd + ": /spec/" + request.role +
                   " has a template, so the operator makes its pods; give it adopt: {} instead");
  }
  return Target{std::move(*deployment), Role::kPrefill, true};
}

Result<Target> target_of(const InjectRequest& request, std::istream& in) {
  Result<Target> target = Target();
  if (!request.pdd.empty()) target = from_manifest(request, in);
  if (!target) return target;
  kube::PDDeployment& deployment = target->deployment;
  if (request.pdd.empty()) deployment.meta.name = request.deployment;
  target->role = role_named(request.role);
  spec_of(deployment, target->role).adopt = true;
  deployment.ranktable.profile = request.profile.value_or(deployment.ranktable.profile);
  deployment.ranktable.mount_path = request.mount_path.value_or(deployment.ranktable.mount_path);
  deployment.gate.image = request.gate_image.value_or(deployment.gate.image);
  deployment.gate.image_pull_policy = request.gate_image_pull_policy.value_or(deployment.gate.image_pull_policy);
  deployment.gate.port = request.gate_port.value_or(deployment.gate.port);
  if (request.no_gate) deployment.gate.enabled = false;
  if (plan::is_positional(deployment) && !target->with_manifest) {
    return invalid("give --pdd: containers of the profile " + deployment.ranktable.profile +
                   " are told how many instances each role has");
  }
  if (deployment.gate.enabled && deployment.gate.image.empty()) {
    return invalid("give --gate-image: the image with pd-gate, which is the operator's own");
  }
  return target;
}

bool is_gate(const Json& container) {
  const Json name = container.is_object() ? container.value("name", Json()) : Json();
  return name == plan::kGateWaitContainer || name == kube::kGateWatchContainer;
}

bool is_ours(const Json& volume_or_mount) {
  return volume_or_mount.is_object() && volume_or_mount.value("name", Json()) == plan::kVolumeName;
}

template <typename Predicate>
void erase_from(Json& object, const char* list, Predicate predicate) {
  const auto found = object.find(list);
  if (found == object.end() || !found->is_array()) return;
  found->erase(std::remove_if(found->begin(), found->end(), predicate), found->end());
}

void take_out_annotations(Json& pod) {
  const Json::json_pointer place("/metadata/annotations");
  if (!pod.contains(place) || !pod[place].is_object()) return;
  Json& annotations = pod[place];
  for (auto one = annotations.begin(); one != annotations.end();) {
    one = plan::is_of_a_living_pod(one.key()) ? annotations.erase(one) : std::next(one);
  }
  if (annotations.empty()) pod["metadata"].erase("annotations");
}

// What was injected before is made anew. Not the environment: there it could be the user's own.
void take_out(Json& spec) {
  if (!spec.is_object()) return;
  erase_from(spec, "volumes", is_ours);
  erase_from(spec, "initContainers", is_gate);
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list) || !spec[list].is_array()) continue;
    for (Json& container : spec[list]) {
      if (container.is_object()) erase_from(container, "volumeMounts", is_ours);
    }
  }
}

std::string npu_problem(const Target& target, const Json& spec) {
  const plan::NpuLimit limit = plan::npu_limit(spec, target.deployment.resource_names);
  if (!limit.problem.empty() || !target.with_manifest || target.role == Role::kScheduler) return limit.problem;
  const int want = plan::spec_of(target.deployment, target.role).npus_per_pod;
  if (limit.count == want) return "";
  return "its containers ask for " + std::to_string(limit.count) + " NPUs and npusPerPod is " + std::to_string(want) +
         ": make them equal";
}

const Json* variable(const Json& container, const Json& name) {
  for (const Json& one : container.at("env")) {
    if (one.value("name", Json()) == name) return &one;
  }
  return nullptr;
}

// Without what Kubernetes fills in.
Json meaning_of(Json variable) {
  const Json::json_pointer field("/valueFrom/fieldRef");
  if (variable.contains(field) && variable[field].is_object()) variable[field].erase("apiVersion");
  return variable;
}

class Injection {
 public:
  explicit Injection(const Target& target) : target_(target) {
    Json blank = {{"containers", Json::array({Json::object()})}};
    plan::equip({}, target.deployment, slot(), blank);
    variables_ = blank["containers"][0]["env"];
  }

  // `pod`: a template, or a Pod.
  Status equip(Json& pod) {
    if (pod.is_object() && pod.contains("spec")) take_out(pod["spec"]);
    std::string problem = plan::template_problem(pod, target_.deployment.ranktable.mount_path);
    if (problem.empty()) problem = npu_problem(target_, pod["spec"]);
    if (problem.empty()) problem = plan::port_problem(target_.deployment, slot(), pod["spec"]);
    if (!problem.empty()) return invalid(problem);
    Json& labels = pod["metadata"]["labels"];
    if (!labels.is_object()) labels = Json::object();
    labels[std::string(kube::kDeploymentLabel)] = target_.deployment.meta.name;
    labels[std::string(kube::kRoleLabel)] = plan::name_of(target_.role);
    take_out_annotations(pod);
    plan::equip({}, target_.deployment, slot(), pod["spec"]);
    note_own_variables(pod["spec"]);
    return Ok{};
  }

  // Variables of ours that the manifest sets otherwise: they stay as they are, and whoever injects should know.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  plan::Slot slot() const { return {{target_.role, 0}, 0}; }

  void note_own_variables(const Json& spec) {
    for (const char* list : {"containers", "initContainers"}) {
      if (!spec.contains(list)) continue;
      for (const Json& container : spec.at(list)) {
        if (is_gate(container)) continue;
        for (const Json& ours : variables_) {
          const Json* theirs = variable(container, ours["name"]);
          if (meaning_of(*theirs) != ours) {
            notes_.push_back("container " + shown(container.value("name", Json())) + " sets " +
                             ours["name"].get<std::string>() +
                             " itself, and keeps that; take it out of the manifest to have it set");
          }
        }
      }
    }
  }

  const Target& target_;
  Json variables_;
  std::vector<std::string> notes_;
};

// Into each of its templates that is asked for; how many those are.
Result<int> inject_into(Json& workload, const InjectRequest& request, const Target& target, Injection& injection) {
  const std::string ns = kube::decode_identity(workload).ns;
  int done = 0;
  for (const PodTemplate& found : pod_templates(workload)) {
    if (!request.part.empty() && found.part != request.part) continue;
    const std::string& other = target.deployment.meta.ns;
    if (!ns.empty() && !other.empty() && ns != other) {
      return invalid(name_of(workload) + " is in another namespace than PDDeployment " + target.deployment.meta.key() +
                     ": pods are found in its own only");
    }
    const Status equipped = injection.equip(workload[Json::json_pointer(found.place)]);
    if (!equipped) return equipped.error().with_context(name_of(workload) + ": " + found.place);
    ++done;
  }
  const bool places_are_fixed = target.role == plan::Role::kScheduler || plan::is_positional(target.deployment);
  if (done > 0) let_pods_wait_together(workload, places_are_fixed);
  return done;
}

Answer as_manifests(const std::vector<Json>& objects) {
  Answer answer;
  OrderedJson items = OrderedJson::array();
  for (const Json& object : objects) {
    if (!items.empty()) answer.lines.emplace_back("---");
    items.emplace_back(object);
    std::istringstream text(format_yaml(items.back()));
    for (std::string line; std::getline(text, line);) answer.lines.push_back(line);
  }
  if (items.size() == 1) {
    answer.value = items[0];
  } else {
    answer.value = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
  }
  return answer;
}

}  // namespace

Answer inject(const InjectRequest& request, std::istream& in) {
  if (request.file == "-" && request.pdd == "-") return usage_error("-f and --pdd can't both be standard input");
  if (request.pdd.empty() && request.deployment.empty()) {
    return usage_error("give --deployment with the PDDeployment's name, or --pdd with its manifest");
  }
  const Result<Target> target = target_of(request, in);
  if (!target) return refusal(target.error().message);
  Result<std::vector<Json>> objects = read_manifests(request.file, in);
  if (!objects) return refusal(objects.error().message);
  Injection injection(*target);
  int done = 0;
  for (Json& object : *objects) {
    const Result<int> templates = inject_into(object, request, *target, injection);
    if (!templates) return refusal(templates.error().message);
    done += *templates;
  }
  if (done == 0) {
    return refusal("there is nothing to inject into in " + request.file +
                   (request.part.empty() ? "" : " with a part named " + request.part) + ": it takes " + kWorkloadKinds);
  }
  Answer answer = as_manifests(*objects);
  answer.complaints = injection.notes();
  return answer;
}

}  // namespace pd::cli
