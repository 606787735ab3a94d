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
    Json pod = pod_object(snapshot, {{role, 0}, 0}, 0, check, hashes.at(role));
    pod["metadata"]["labels"][std::string(kube::kEpochLabel)] = "0";
    std::string key = sha256(dump_json(pod));
    targets.push_back(
        {std::string(name_of(role)), std::move(key), std::move(pod), has_pod(snapshot, role, hashes.at(role))});
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
