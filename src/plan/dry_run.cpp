#include "plan/dry_run.h"

#include <algorithm>

#include "base/digest.h"
#include "plan/pods.h"

namespace pd::plan {
namespace {

bool has_pod(const Snapshot& snapshot, Role role, const std::string& hash) {
  return std::any_of(snapshot.pods.begin(), snapshot.pods.end(), [&](const kube::Pod& pod) {
    return is_ours(pod.meta, snapshot.deployment) && pod.meta.label(std::string(kube::kRoleLabel)) == name_of(role) &&
           pod.meta.label(std::string(kube::kTemplateHashLabel)) == hash;
  });
}

// Of all that the pod is made from, as far as the API server may judge it; making the pod takes as long as the rest of
// a plan. Neither scaling nor an epoch makes it another one.
std::string key_of(const Snapshot& snapshot, Role role, const TemplateCheck& check, const std::string& hash) {
  const kube::PDDeployment& deployment = snapshot.deployment;
  const kube::GateSpec& gate = deployment.gate;
  const kube::RoleSpec& spec = spec_of(deployment, role);
  Json inputs =
      Json::array({hash, check.resource, deployment.meta.uid, deployment.ranktable.server_address, spec.on_peer_change,
                   snapshot.settings.gate_image, snapshot.settings.gate_image_pull_policy, gate.image,
                   gate.image_pull_policy, gate.resources, gate.port, gate.timeout_seconds});
  if (spec.reload) inputs.insert(inputs.end(), {spec.reload->port, spec.reload->path});
  return std::string(name_of(role)) + " " + sha256(dump_json(inputs));
}

bool is_refused(const Snapshot& snapshot, const std::string& key) {
  const auto known = snapshot.dry_runs.find(key);
  return known != snapshot.dry_runs.end() && known->second.answer == DryRun::Answer::kRefused;
}

}  // namespace

std::vector<DryRunTarget> dry_run_targets(const Snapshot& snapshot, const std::map<Role, TemplateCheck>& checks,
                                          const std::map<Role, std::string>& hashes) {
  std::vector<DryRunTarget> targets;
  for (const Role role : kRoles) {
    const TemplateCheck& check = checks.at(role);
    const bool has_pods = wanted_instances(snapshot.deployment, role) > 0;
    if (check.verdict != TemplateCheck::Verdict::kValid || !has_pods || adopts(snapshot.deployment, role)) {
      continue;
    }
    const std::string& hash = hashes.at(role);
    DryRunTarget target{
        std::string(name_of(role)), key_of(snapshot, role, check, hash), {}, has_pod(snapshot, role, hash)};
    if (!target.proven || is_refused(snapshot, target.key)) {
      target.pod = pod_object(snapshot, {{role, 0}, 0}, 0, check, hash);
      target.pod["metadata"]["labels"][std::string(kube::kEpochLabel)] = "0";
    }
    targets.push_back(std::move(target));
  }
  return targets;
}

void add_answers(const Snapshot& snapshot, const std::vector<DryRunTarget>& targets,
                 std::map<Role, TemplateCheck>& checks) {
  for (auto& [role, check] : checks) {
    check.dry_run = {DryRun::Answer::kAccepted, ""};  // where there is nothing to try
    for (const DryRunTarget& target : targets) {
      if (target.role != name_of(role)) continue;
      const auto known = snapshot.dry_runs.find(target.key);
      check.dry_run = known == snapshot.dry_runs.end() ? DryRun{} : known->second;
      if (target.proven && check.dry_run.answer != DryRun::Answer::kRefused) {
        check.dry_run = {DryRun::Answer::kAccepted, ""};
      }
    }
    if (check.dry_run.answer != DryRun::Answer::kRefused) continue;
    check.verdict = TemplateCheck::Verdict::kInvalid;
    check.reason = "PodRefused";
    check.message = "The API server refuses the pods of " + std::string(name_of(role)) + ": " + check.dry_run.message;
  }
}

}  // namespace pd::plan
